"""People who reserve seats at any of some nodes and remember exactly what they were told; and what
must be true of it afterwards."""
import random
import threading
import time
import uuid

import tiketi_harness as harness

BUYERS = 16
USERS = 4000


class SeatBuyers:
    """Buyers that reserve and cancel, and remember exactly what they were told."""

    def __init__(self, nodes, event, seats, seed):
        self.nodes, self.event, self.seats = nodes, event, seats
        self.held, self.cancelled, self.open = {}, set(), []
        self.doubtful_cancels = set()
        self.by_status = {}
        self.guard, self.stop = threading.Lock(), threading.Event()
        self.threads = [threading.Thread(target=self._buy, args=(seed * 100 + i,), daemon=True)
                        for i in range(BUYERS)]

    def __enter__(self):
        for t in self.threads:
            t.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for t in self.threads:
            t.join(60)
        assert not any(t.is_alive() for t in self.threads), "a buyer never got an answer"

    def _count(self, status):
        self.by_status[status] = self.by_status.get(status, 0) + 1

    def _buy(self, number):
        dice = random.Random(number)
        while not self.stop.is_set():
            user = harness.user_uuid(dice.randrange(USERS))
            wish = {"eventId": self.event,
                    "seatIds": dice.sample(self.seats, dice.choice((1, 2, 3))),
                    "idempotencyKey": str(uuid.uuid4())}
            client = dice.choice(self.nodes).client(token=harness.access_token(user), timeout=10)
            try:
                answer = client.post("/api/seats/reserve", wish)
            except OSError:
                answer = None
            except Exception:  # A broken connection in the middle of an answer.
                answer = None
            self._note(user, wish, answer)
            if answer is not None and answer.status == 200 and dice.random() < 0.6:
                self._cancel(client, answer.json["reservationId"])
            client.close()
            if answer is None:
                time.sleep(0.1)

    def _note(self, user, wish, answer):
        with self.guard:
            self._count(answer.status if answer else "broken")
            if answer is not None and answer.status == 200:
                made = answer.json["reservation"]
                self.held[made["id"]] = (user, sorted(s["id"] for s in made["seats"]))
            elif answer is None or answer.status >= 500:
                self.open.append((user, wish))

    def _cancel(self, client, reservation):
        try:
            status = client.post(f"/api/reservations/{reservation}/cancel").status
        except Exception:
            status = None
        with self.guard:
            if status == 200:
                self.cancelled.add(reservation)
            else:
                self.doubtful_cancels.add(reservation)


def settle(load):
    """Asks again, with the same key and anywhere, for everything whose outcome is open: one answer
    each."""
    deadline = time.monotonic() + 30
    for user, wish in load.open:
        client = random.choice(load.nodes).client(token=harness.access_token(user))
        while True:
            answer = client.post("/api/seats/reserve", wish)
            if answer.status < 500:
                break
            assert time.monotonic() < deadline, answer
            time.sleep(0.2)
        assert answer.status in (200, 409, 403), answer
        if answer.status == 200:
            made = answer.json["reservation"]
            load.held[made["id"]] = (user, sorted(s["id"] for s in made["seats"]))


def check(db, load):
    """All that was told is on record, once, and adds up."""
    rows = db.rows(
        f"SELECT r.id, r.user_id, r.status, string_agg(i.seat_id::text, ',' ORDER BY i.seat_id) "
        f"FROM reservations r JOIN reservation_items i ON i.reservation_id = r.id "
        f"WHERE r.event_id = '{load.event}' GROUP BY 1, 2, 3")
    stored = {r[0]: r[1:] for r in rows}
    for made, (user, seats) in load.held.items():
        assert made in stored, f"acknowledged and gone: {made}"
        assert stored[made][0] == user and stored[made][2].split(",") == seats
        if made in load.cancelled:
            assert stored[made][1] == "cancelled"
        elif made not in load.doubtful_cancels:
            assert stored[made][1] == "pending"
    keys = db.rows("SELECT idempotency_key FROM reservations WHERE "
                         f"event_id = '{load.event}' GROUP BY user_id, "
                         "idempotency_key HAVING count(*) > 1")
    assert keys == []
    assert harness.judge(db) == {}
    assert len(load.held) > 20, f"hardly any load: {load.by_status}"
