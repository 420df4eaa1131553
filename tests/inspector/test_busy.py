"""The auditor beside a shop at work: everything happens at once, and nothing is found; what is then
spoiled by hand is found in the next round. A sale that waits for the auditor would be seen, too."""
import collections
import pathlib
import random
import sys
import threading
import time
import uuid

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import inspector  # noqa: E402
from inspector import harness, inspect  # noqa: E402

BUYERS, USERS = 12, 600
SPOILING = "SET session_replication_role = replica; "  # Else the books' triggers refuse it.


class Sale:
    """Buyers who hold, pay, are refused, pay twice, cancel, let it run out; they count answers."""

    def __init__(self, node, database):
        self.node = node
        self.hall = harness.add_event(database, "Hall", seats=600)
        self.club, self.types = harness.add_standing(
            database, "Club", [("Floor", 30000, 4000), ("Balcony", 50000, 4000)])
        self.seats = harness.seats_of(database, self.hall)
        self.did, self.guard, self.stop = collections.Counter(), threading.Lock(), threading.Event()
        self.threads = [threading.Thread(target=self._buy, args=(n,)) for n in range(BUYERS)]

    def __enter__(self):
        for t in self.threads:
            t.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for t in self.threads:
            t.join(60)

    def _note(self, what):
        with self.guard:
            self.did[what] += 1

    def _buy(self, number):
        dice = random.Random(number)
        while not self.stop.is_set():
            user = harness.user_uuid(dice.randrange(USERS))
            client = self.node.client(token=harness.access_token(user), timeout=15)
            try:
                self._visit(client, dice)
            except OSError:
                time.sleep(0.1)  # The node is away.
            except Exception:  # Half an answer, of a node that was killed.
                time.sleep(0.1)
            client.close()

    def _visit(self, client, dice):
        if dice.random() < 0.6:
            held = client.post("/api/seats/reserve", {
                "eventId": self.hall, "seatIds": dice.sample(self.seats, dice.choice((1, 2, 3)))})
        else:
            held = client.post("/api/reservations", {"eventId": self.club, "items": [
                {"ticketTypeId": x, "quantity": dice.choice((1, 2))}
                for x in dice.sample(self.types, dice.choice((1, 2)))]})
        self._note(f"held {held.status}")
        if held.status not in (200, 201):
            return
        said = held.json
        made = said.get("reservationId") or said["reservation"]["id"]
        wish = dice.random()
        if wish < 0.2:
            self._note(f"cancel {client.post(f'/api/reservations/{made}/cancel').status}")
        elif wish < 0.85:
            self._pay(client, dice, made)

    def _pay(self, client, dice, made):
        order = client.post("/api/payments/prepare", {"reservationId": made})
        if order.status != 200:
            return
        kind = dice.choice(("", "", "", "fail-", "lost-", "lost-slow-300-", "slow-200-",
                            "refuse-refund-1-", "lost-refund-1-"))
        paid = client.post("/api/payments/confirm", {
            "paymentKey": kind + str(uuid.uuid4()), "orderId": order.json["orderId"],
            "amount": order.json["amount"]})
        self._note(f"paid {paid.status}")
        if dice.random() < 0.5:
            self._note(f"cancel {client.post(f'/api/reservations/{made}/cancel').status}")


def waiting_for_the_auditor(database):
    """Statements that wait for a lock that the auditor has."""
    return database.rows(
        "SELECT a.query FROM pg_stat_activity a, unnest(pg_blocking_pids(a.pid)) AS b "
        "JOIN pg_stat_activity c ON c.pid = b WHERE c.usename = 'tiketi_audit'")


@pytest.fixture(scope="module")
def shop():
    database = inspector.new_database("busy")
    node = harness.Node(database, {"RESERVATION_TTL_SECONDS": "2",
                                   "MAX_ACTIVE_HOLDS_PER_USER_EVENT": "0"})
    node.command("migrate")
    harness.add_users(database, 0, USERS)
    node.start()
    yield node, database
    node.close()


def test_nothing_is_found_in_a_busy_shop_that_is_killed_and_comes_back(shop):
    node, database = shop
    watch = inspector.Follower(database)
    try:
        with Sale(node, database) as sale:
            deadline = time.monotonic() + 60
            while len(watch.rounds) < 8:
                assert time.monotonic() < deadline
                assert waiting_for_the_auditor(database) == []
            for _ in range(2):
                node.kill()
                seen = len(watch.rounds)
                watch.wait_for(lambda x, n=seen: len(x) >= n + 1)
                node.start()
                seen = len(watch.rounds)
                watch.wait_for(lambda x, n=seen: len(x) >= n + 5)
        rounds = watch.wait_for(lambda x: len(x) >= 22)
        assert [x for x in rounds if not x["held"]] == []
        assert watch.stop() == 0
    finally:
        watch.close()
    # It has seen what it is for.
    for what in ("held 200", "held 409", "paid 200", "cancel 200"):
        assert sale.did[what] > 10, sale.did
    happened = dict(database.rows("SELECT status || ' ' || payment_status, count(*) FROM "
                                  "reservations GROUP BY 1"))
    assert {"expired pending", "cancelled pending", "confirmed completed",
            "cancelled refunded"} <= set(happened), happened
    assert database.number("SELECT count(*) FROM refunds WHERE tries > 1") > 0
    assert database.number("SELECT count(*) FROM payment_attempts WHERE status = 'declined'") > 0


def test_what_is_spoiled_in_a_busy_shop_is_found(shop):
    node, database = shop
    watch = inspector.Follower(database)
    try:
        with Sale(node, database):
            watch.wait_for(lambda x: x)
            made = database.value(
                SPOILING + "UPDATE books SET amount = amount + 1 "
                "WHERE id = (SELECT min(id) FROM books) RETURNING attempt_id")
            rounds = watch.wait_for(lambda x: not x[-1]["held"])
        found = {x["rule"]: x["rows"] for x in rounds[-1]["findings"]}
        assert [x["row"] for x in found["books_balance"]] == [made]
        assert watch.stop() == 1
    finally:
        watch.close()
    database.rows(SPOILING + "UPDATE books SET amount = amount - 1 "
                  "WHERE id = (SELECT min(id) FROM books)")


def test_what_nobody_pays_for_comes_to_its_end(shop):
    _, database = shop
    deadline = time.monotonic() + 60
    # Neither pins nor refunds: a provider that does not answer is asked again at its own times.
    while database.number("SELECT count(*) FROM reservations WHERE status = 'pending' "
                          "AND pin_id IS NULL") > 0:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    done = inspect("audit", database=database)
    assert done.returncode == 0, done.stdout
    assert harness.judge(database) == {}
