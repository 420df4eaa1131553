"""People who buy while everything breaks, and write down what they asked and what they were told.

Two kinds. *Probers*: for every block one at each node, who holds a seat that nobody else wants and
gives it back, all the time, so that it is known when somebody could buy in the block and when not.
*Buyers*, who want the same seats of all blocks, several at once, pay for some, and give some back
after that. Nobody waits longer than a second; what has no definite outcome is asked again, with the
same key and anywhere, until it has one.
"""
import datetime
import json
import random
import threading
import time
import uuid

import tiketi_harness as harness
from seat_buyers import USERS

BLOCKS, BLOCK_SEATS, PROBED_SEATS = 12, 40, 24
DOORS = 3  # Nodes that always run.
BUYERS = 6
PATIENCE_S = 1.0
# Refused before anything was done, by a dependency or a node that is away: also an answer.
NOT_NOW = ("UNAVAILABLE", "BUSY", "TIMEOUT", "MOVED", "PAYMENT_PROVIDER_UNAVAILABLE")
SEAT_CODES = ("SEAT_HELD", "SEAT_SOLD", "SEAT_CONTESTED", "ALREADY_CANCELLED",
              "RESERVATION_EXPIRED", "PAYMENT_IN_PROGRESS", "RESERVATION_NOT_FOUND",
              "ALREADY_PAID", "RESERVATION_NOT_PENDING", "HOLD_EXPIRED", "PAYMENT_TOO_LATE")


def now_ms():
    return int(time.time() * 1000)


def instant_of(text):
    return int(datetime.datetime.fromisoformat(text).timestamp() * 1000)


class Doors:
    """Which nodes say that they are ready, asked ten times a second; nobody goes elsewhere."""

    def __init__(self, nodes):
        self.nodes, self.ready = nodes, {x.port: True for x in nodes}
        self.stop = threading.Event()
        self.threads = [threading.Thread(target=self._look, args=(x,), daemon=True) for x in nodes]
        for t in self.threads:
            t.start()

    def _look(self, node):
        while not self.stop.wait(0.1):
            client = harness.Client(node.port, timeout=0.5, checked=False)
            try:
                self.ready[node.port] = client.get("/actuator/health/readiness").status == 200
            except Exception:  # Refused, silent, or ended in the middle of it.
                self.ready[node.port] = False
            finally:
                client.close()

    def others_than(self, node):
        """Ready nodes, without that one if there is another."""
        ready = [x for x in self.nodes if self.ready[x.port]] or list(self.nodes)
        return [x for x in ready if x is not node] or ready

    def close(self):
        self.stop.set()
        for t in self.threads:
            t.join(5)


class Told:
    """One request and what came of it."""

    def __init__(self, kind, line, status=None, body=None):
        self.kind, self.line, self.status, self.body = kind, line, status, body

    @property
    def code(self):
        return self.line["code"]

    @property
    def open(self):
        """Nobody knows."""
        return self.code in ("OUTCOME_UNKNOWN", "PAYMENT_PENDING")

    @property
    def refused_for_now(self):
        return self.code in NOT_NOW


class Crowd:
    """Everybody who comes to one event. `fault()` says what goes wrong just now."""

    def __init__(self, world, doors, event, number, fault):
        self.doors, self.event, self.fault = doors, event, fault
        rows = world.db.rows(f"SELECT id, block_no, row_number FROM seats WHERE event_id = "
                             f"'{event}' ORDER BY block_no, row_number, seat_number")
        self.places = {}  # Seat id: [block, number in it].
        self.blocks = [[] for _ in range(BLOCKS)]
        for seat, block, _ in rows:
            self.blocks[int(block)].append(seat)
            self.places[seat] = [int(block), len(self.blocks[int(block)])]
        self.wanted = [x for block in self.blocks for x in block[PROBED_SEATS:]]
        self.guard, self.stop = threading.Lock(), threading.Event()
        self.lines, self.by_code, self.wrong = [], {}, []
        self.served = [[] for _ in range(BLOCKS)]  # When, by the monotonic clock.
        self.open, self.fates, self.asked_again = [], {}, {}
        self.threads = [threading.Thread(target=self._run, args=(self._probe, number, i),
                                         daemon=True) for i in range(BLOCKS * DOORS)]
        self.threads += [threading.Thread(target=self._run, args=(self._buy, number, i),
                                          daemon=True) for i in range(BUYERS)]
        self.threads.append(threading.Thread(target=self._run, args=(self._settle, number, 0),
                                             daemon=True))

    def __enter__(self):
        for t in self.threads:
            t.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for t in self.threads:
            t.join(30)
        if any(t.is_alive() for t in self.threads):
            self.wrong.append("somebody never got an answer")

    def _run(self, what, number, i):
        try:
            what(random.Random(f"{number}/{what.__name__}/{i}"), i)
        except Exception as e:  # An answer that is not as /openapi.json says, for instance.
            self.wrong.append(f"{what.__name__}: {type(e).__name__}: {str(e)[:600]}")

    # -- requests --------------------------------------------------------------------------------

    def _send(self, node, user, path, body):
        """(status, decoded body); (None, why) when it broke or nobody answered in time, and
        ("refused", None) when nobody listens, so that nothing was taken."""
        client = harness.Client(node.port, token=harness.access_token(user), timeout=PATIENCE_S)
        try:
            answer = client.post(path, body)
            return answer.status, answer.json
        except ConnectionRefusedError:
            return "refused", None
        except AssertionError:
            raise
        except Exception as e:
            return None, type(e).__name__
        finally:
            client.close()

    def _ask(self, kind, node, user, path, body, line):
        """One request at that node, or where there is one; on record in any case."""
        for turn in [node, *self.doors.others_than(node)]:
            asked = now_ms()
            status, said = self._send(turn, user, path, body)
            if status != "refused":
                break
        else:
            status, said = 503, {"code": "UNAVAILABLE"}  # Nobody was there to take it.
        line = {**line, "asked": asked, "answered": now_ms() + 1}
        if status == 200:
            line["code"] = "OK"
        elif status is None or (status >= 500 and said.get("code") not in NOT_NOW):
            line["code"] = "PAYMENT_PENDING" if status == 504 else "OUTCOME_UNKNOWN"
        else:
            code = said.get("code", "REFUSED")
            line["code"] = code if code in SEAT_CODES + NOT_NOW else "REFUSED"
        return Told(kind, line, status, said)

    def _note(self, told, first=None):
        """`first`: what it asks about again."""
        with self.guard:
            self.lines.append(told.line)
            shown = told.code if told.status is not None else f"none ({told.body})"
            name = f"{told.kind} {shown}" + (f" {told.status}" if told.status == 500 else "")
            self.by_code[name] = self.by_code.get(name, 0) + 1
            if told.open and first is None:
                told.fault, told.since = self.fault(), time.monotonic()
                self.open.append(told)
        return told

    def reserve(self, node, user, seats, key=None, first=None):
        key = key or str(uuid.uuid4())
        line = {"op": "reserve", "user": user, "key": key,
                "seats": [self.places[x] for x in seats]}
        told = self._ask("reserve", node, user, "/api/seats/reserve", {
            "eventId": self.event, "seatIds": seats, "idempotencyKey": key}, line)
        told.again = lambda at: self.reserve(at, user, seats, key, told)
        told.user = user
        if told.code == "OK":
            made = told.body["reservation"]
            told.line.update({
                "reservation": made["id"], "pending": made["status"] == "pending",
                "expires": instant_of(made["expiresAt"]), "replayed": first is not None,
                "made": sorted(self.places[x["id"]] for x in made["seats"])})
        elif told.code in ("SEAT_HELD", "SEAT_SOLD") and len(seats) == 1:
            told.line["refused"] = told.line["seats"]
        return self._note(told, first)

    def change(self, kind, node, user, reservation, first=None):
        """Cancels or pays."""
        path, body = f"/api/reservations/{reservation}/cancel", None
        if kind == "pay":
            path, body = "/api/v1/payments/process", {"paymentMethod": "naver_pay",
                                                      "reservationId": reservation}
        told = self._ask(kind, node, user, path, body, {"op": kind, "reservation": reservation})
        told.again = lambda at: self.change(kind, at, user, reservation, told)
        return self._note(told, first)

    # -- people ----------------------------------------------------------------------------------

    def _probe(self, dice, i):
        block, door = i // DOORS, i % DOORS
        own, turn = self.blocks[block][door:PROBED_SEATS:DOORS], 0
        node = self.doors.nodes[door]
        while not self.stop.is_set():
            user = harness.user_uuid(dice.randrange(USERS))
            turn += 1
            told = self.reserve(node, user, [own[turn % len(own)]])
            if told.code == "OK":
                self.served[block].append(time.monotonic())
                self.change("cancel", node, user, told.line["reservation"])
            self.stop.wait(dice.uniform(0.15, 0.35))

    def _buy(self, dice, _):
        while not self.stop.wait(dice.uniform(0.02, 0.06)):
            user = harness.user_uuid(dice.randrange(USERS))
            node = dice.choice(self.doors.others_than(None))
            told = self.reserve(node, user, dice.sample(self.wanted, dice.choice((1, 1, 2, 3))))
            if told.code != "OK":
                continue
            mine, draw = told.line["reservation"], dice.random()
            if draw < 0.15:
                paid = self.change("pay", node, user, mine)
                if paid.code == "OK" and dice.random() < 0.7:
                    self.change("cancel", node, user, mine)
            elif draw < 0.8:
                self.change("cancel", node, user, mine)

    # -- what nobody knows -----------------------------------------------------------------------

    def _settle(self, dice, _):
        while not self.stop.wait(0.1):
            self._ask_again(dice, older_than=1.5)

    def _ask_again(self, dice, older_than):
        with self.guard:
            due = [x for x in self.open if time.monotonic() - x.since >= older_than]
        for told in due:
            if self.stop.is_set() and older_than > 0:
                return
            node = dice.choice(self.doors.others_than(None))
            asked = now_ms()
            again = told.again(node)
            if again.open or again.refused_for_now or again.code == "PAYMENT_IN_PROGRESS":
                continue
            with self.guard:
                self.open.remove(told)
                self.asked_again[id(told)] = (told, again, asked)
            if again.kind == "reserve" and again.code == "OK" and again.line["pending"]:
                self.change("cancel", node, told.user, again.line["reservation"])

    def settle(self, patience=60):
        """After everybody has left: until nothing is open."""
        dice, deadline = random.Random(1), time.monotonic() + patience
        while self.open:
            if time.monotonic() > deadline:
                self.wrong.append(f"{len(self.open)} requests never had an outcome, one of them "
                                  f"{self.open[0].line}")
                return
            self._ask_again(dice, older_than=0)
            time.sleep(0.1)

    # -- afterwards ------------------------------------------------------------------------------

    def rows_of(self, world):
        """Lines for the judge, and when each reservation was made, by user and key."""
        lines, made = [], {}
        for one, user, status, key, at, seats in world.db.rows(
                "SELECT r.id, r.user_id, r.status, coalesce(r.idempotency_key, ''), "
                "floor(extract(epoch FROM r.created_at) * 1000)::bigint, "
                "string_agg(i.seat_id::text, ',') FROM reservations r JOIN reservation_items i ON "
                f"i.reservation_id = r.id WHERE r.event_id = '{self.event}' GROUP BY r.id"):
            lines.append({"op": "row", "reservation": one, "user": user, "status": status,
                          "seats": sorted(self.places[x] for x in seats.split(","))})
            made[user, key] = int(at)
        return lines, made

    def count_fates(self, made):
        """What became of each request whose outcome was unknown."""
        for told, again, asked in self.asked_again.values():
            if told.kind == "reserve":
                at = made.get((told.line["user"], told.line["key"]))
                if again.code == "OK":
                    fate = "had been done" if at is not None and at < asked else "done when asked"
                else:
                    fate = "refused" if at is None else "refused, and yet on record"
            elif again.code in ("ALREADY_CANCELLED", "ALREADY_PAID") or (
                    again.code == "OK" and "already" in again.body.get("message", "")):
                fate = "had been done"
            else:
                fate = "done when asked" if again.code == "OK" else f"too late ({again.code})"
            name = (told.kind, fate)
            self.fates[name] = self.fates.get(name, 0) + 1

    def write(self, path, rows):
        with open(path, "w", encoding="utf-8") as out:
            for line in self.lines + rows:
                out.write(json.dumps(line) + "\n")

    def gap(self, since, until):
        """The longest time without service that overlaps it, of the block where it was longest."""
        worst = 0.0
        for times in self.served:
            known = sorted(times)
            before = [t for t in known if t <= since][-1:] or [since]
            inside = [t for t in known if since < t < until]
            after = [t for t in known if t >= until][:1] or [until]
            points = before + inside + after
            worst = max([worst] + [b - a for a, b in zip(points, points[1:])])
        return worst

    def all_served_since(self, when):
        return all(any(t > when for t in times[-9:]) for times in self.served)
