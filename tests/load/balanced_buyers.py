"""Buyers behind a balancer: it sends nobody to a node that says it is not ready, and repeats what
no node has taken. Nothing else may go wrong for them."""
import random
import threading
import time
import uuid

import tiketi_harness as harness
from seat_buyers import USERS, SeatBuyers

LOOK_EVERY_S = 0.1


class Balancer:
    """Asks every node all the time whether it is ready."""

    def __init__(self, nodes):
        self.nodes = nodes
        self.ready = list(nodes)
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._look, daemon=True)
        self.thread.start()

    def _look(self):
        while not self.stop.wait(LOOK_EVERY_S):
            self.ready = [x for x in self.nodes if self._is_ready(x)]

    @staticmethod
    def _is_ready(node):
        client = harness.Client(node.port, timeout=2, checked=False)
        try:
            return client.get("/actuator/health/readiness").status == 200
        except OSError:
            return False
        except Exception:  # It ended in the middle of its answer.
            return False
        finally:
            client.close()

    def send(self, dice, token, path, body=None):
        """An answer; None when a connection broke under way. A node that does not listen has taken
        nothing, so the next one is asked."""
        nodes = list(self.ready)
        dice.shuffle(nodes)
        for node in nodes + list(self.nodes):
            client = node.client(token=token, timeout=15)
            try:
                return client.post(path, body)
            except ConnectionRefusedError:
                continue
            except Exception:
                return None
            finally:
                client.close()
        return None

    def close(self):
        self.stop.set()
        self.thread.join(5)


class BalancedBuyers(SeatBuyers):
    """Remember what failed, and how long each answer took."""

    def __init__(self, nodes, event, seats, seed):
        super().__init__(nodes, event, seats, seed)
        self.balancer = Balancer(nodes)
        self.failed = []
        self.took = []  # (when it was asked, seconds)

    def __exit__(self, *args):
        try:
            super().__exit__(*args)
        finally:
            self.balancer.close()

    def _ask(self, dice, token, path, body=None):
        asked = time.monotonic()
        answer = self.balancer.send(dice, token, path, body)
        took = time.monotonic() - asked
        with self.guard:
            self.took.append((asked, took))
            if answer is None:
                self.failed.append((asked, path, "broken"))
            elif answer.status >= 500:
                self.failed.append((asked, path, answer.status, answer.json, round(took, 3)))
        return answer

    def _buy(self, number):
        dice = random.Random(number)
        while not self.stop.is_set():
            user = harness.user_uuid(dice.randrange(USERS))
            token = harness.access_token(user)
            wish = {"eventId": self.event,
                    "seatIds": dice.sample(self.seats, dice.choice((1, 2, 3))),
                    "idempotencyKey": str(uuid.uuid4())}
            answer = self._ask(dice, token, "/api/seats/reserve", wish)
            self._note(user, wish, answer)
            if answer is None or answer.status != 200 or dice.random() > 0.6:
                continue
            made = answer.json["reservationId"]
            gone = self._ask(dice, token, f"/api/reservations/{made}/cancel")
            with self.guard:
                if gone is not None and gone.status == 200:
                    self.cancelled.add(made)
                else:
                    self.doubtful_cancels.add(made)

    def slowest(self, since, until, share=0.99):
        """Of that share of the answers asked for then."""
        with self.guard:
            times = sorted(took for asked, took in self.took if since <= asked < until)
        return times[min(len(times) - 1, int(len(times) * share))] if times else 0.0
