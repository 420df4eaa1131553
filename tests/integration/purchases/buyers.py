"""People who buy at a provider's page, and write down what they asked and what they were told.

What has no definite outcome is asked again, under the same key, order or reservation and at any
node, until it has one; but some leave their browser and never hear.
"""
import random
import threading
import time
import uuid

from stage import BUYER, USERS, harness

BUYERS, PATIENCE_S, AGAIN_S = 6, 4.0, 120
NOT_YET = ("UNAVAILABLE", "BUSY", "TIMEOUT", "MOVED", "PAYMENT_PROVIDER_UNAVAILABLE",
           "OUTCOME_UNKNOWN", "PAYMENT_PENDING", "PAYMENT_IN_PROGRESS")


class Undecided(Exception):
    """Nobody said, for longer than anybody should wait."""


class Buyers:
    def __init__(self, stage, events, seed, think_s):
        self.stage, self.think_s, self.seed = stage, think_s, seed
        self.seats = [(event, x) for event in events for x in harness.seats_of(stage.db, event)]
        self.guard, self.stop = threading.Lock(), threading.Event()
        self.told, self.wrong, self.bought, self.begun = [], [], 0, 0
        self.threads = [threading.Thread(target=self._run, args=(i,), daemon=True)
                        for i in range(BUYERS)]

    def __enter__(self):
        for t in self.threads:
            t.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for t in self.threads:
            t.join(AGAIN_S + 30)
        if any(t.is_alive() for t in self.threads):
            self.wrong.append("somebody never got an answer")

    def _run(self, i):
        dice = random.Random(f"{self.seed}/{i}")
        while not self.stop.is_set():
            user = harness.user_uuid(dice.randrange(USERS))
            try:
                self._purchase(dice, user)
            except Undecided as e:
                self.wrong.append(str(e))
            except Exception as e:  # An answer that is not as /openapi.json says, for instance.
                self.wrong.append(f"{type(e).__name__}: {str(e)[:600]}")
                return
            time.sleep(dice.uniform(*self.think_s))

    # -- requests --------------------------------------------------------------------------------

    def _send(self, node, user, path, body):
        """(status, decoded body); (0, {}) when nobody answered."""
        client = harness.Client(node.port, token=harness.access_token(user), timeout=PATIENCE_S)
        try:
            answer = client.post(path, body)
            return answer.status, answer.json
        except AssertionError:
            raise
        except Exception:  # Refused, cut off in the middle, or silent.
            return 0, {}
        finally:
            client.close()

    def _once(self, dice, op, user, path, body, **about):
        """One request; what was told of it is on record in any case."""
        node = dice.choice(list(self.stage.nodes))
        at = time.time()
        status, said = self._send(node, user, path, body)
        code = "OK" if status in (200, 201) else said.get("code", "") or "NONE"
        line = {"op": op, "user": user, "at": at, "until": time.time(), "status": status,
                "code": code, **about}
        with self.guard:
            self.told.append(line)
        return status, code, said

    def _ask(self, dice, op, user, path, body, leaves=False, **about):
        """Until somebody knows: (code, body, whether it was asked more than once). None of one who
        leaves without having heard."""
        deadline, asked = time.monotonic() + AGAIN_S, 0
        while True:
            status, code, said = self._once(dice, op, user, path, body, **about)
            asked += 1
            if 0 < status < 500 and code not in NOT_YET:
                return code, said, asked > 1
            if leaves:
                return None
            if time.monotonic() > deadline:
                raise Undecided(f"{op} never had an outcome: {about}, at last {status} {code}")
            time.sleep(dice.uniform(0.02, 0.3))

    def _at_page(self, dice, order, amount, key, declined):
        """The provider's page, loaded again until it is there."""
        deadline = time.monotonic() + AGAIN_S
        while self.stage.provider.say("authenticate", orderId=order, amount=amount, paymentKey=key,
                                      declined=declined) is None:
            if time.monotonic() > deadline:
                raise Undecided(f"the provider never showed its page for {order}")
            time.sleep(dice.uniform(0.02, 0.2))

    # -- people ----------------------------------------------------------------------------------

    def _hear(self, what):
        self.stage.heard[what].set()

    def _purchase(self, dice, user):
        event, seat = dice.choice(self.seats)
        self._hear(BUYER[0])
        key = str(uuid.UUID(int=dice.getrandbits(128), version=4))
        code, said, _ = self._ask(dice, "reserve", user, "/api/seats/reserve", {
            "eventId": event, "seatIds": [seat], "idempotencyKey": key}, key=key)
        if code != "OK":
            return
        held, draw = said["reservation"]["id"], dice.random()
        if draw < 0.03:  # Leaves.
            return
        if draw < 0.06:
            self._ask(dice, "release", user, f"/api/reservations/{held}/cancel", None,
                      reservation=held)
            return
        for _ in range(2):  # A declined card, and another one.
            paid = self._pay(dice, user, held)
            if paid != "PAYMENT_DECLINED":
                break
        if paid in ("OK", "ALREADY_PAID") and dice.random() < 0.4:
            self._hear(BUYER[3])
            self._ask(dice, "cancel", user, f"/api/reservations/{held}/cancel", None,
                      reservation=held)

    def _pay(self, dice, user, held):
        """What came of it at last."""
        code, said, _ = self._ask(dice, "prepare", user, "/api/v1/payments/prepare",
                                  {"reservationId": held}, reservation=held)
        if code != "OK":
            return code
        order, amount = said["orderId"], said["amount"]
        key = "key-" + str(uuid.UUID(int=dice.getrandbits(128), version=4))
        self._at_page(dice, order, amount, key, declined=dice.random() < 0.1)
        if dice.random() < 0.03:  # Closes the page.
            return "LEFT"
        with self.guard:
            self.begun += 1
        self._hear(BUYER[1])
        heard = self._ask(dice, "confirm", user, "/api/v1/payments/confirm", {
            "paymentKey": key, "orderId": order, "amount": amount}, leaves=dice.random() < 0.05,
            reservation=held, order=order, key=key)
        if heard is None:
            return "LEFT"
        if heard[0] in ("OK", "ALREADY_PAID"):
            self._hear(BUYER[2])
            with self.guard:
                self.bought += 1
        return heard[0]
