"""Whatever was answered with 2xx survives kill -9 of any process, and all adds up after it."""
import os
import pathlib
import random
import signal
import sys
import threading
import time
import uuid

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "load"))
import tiketi_harness as harness  # noqa: E402
from seat_buyers import USERS, SeatBuyers, check, settle  # noqa: E402


class World:
    def __init__(self):
        self.cluster = harness.Cluster()
        self.cluster.start()
        host = str(self.cluster.folder)
        self.db = harness.create_database(host, "crash")
        self.node = harness.Node(self.db, {"MAX_ACTIVE_HOLDS_PER_USER_EVENT": "0"})
        self.node.command("migrate")
        harness.add_users(self.db, 0, USERS)

    def close(self):
        try:
            self.node.close()
        finally:
            self.cluster.close()


@pytest.fixture(scope="module")
def world():
    made = World()
    made.node.start()
    yield made
    made.close()


def new_load(world, seed):
    event = harness.add_event(world.db, f"Crash {seed}", seats=3000)
    return SeatBuyers([world.node], event, harness.seats_of(world.db, event), seed)


def wait_for_decisions(world, patience=30):
    """Until reservations and reads go again, by themselves; returns the seconds it took."""
    event = harness.add_event(world.db, "Probe", seats=20)
    seat = harness.seats_of(world.db, event)[0]
    client = world.node.client(token=harness.access_token(harness.user_uuid(1)))
    begin = time.monotonic()
    while time.monotonic() - begin < patience:
        answer = client.post("/api/seats/reserve", {"eventId": event, "seatIds": [seat]})
        if answer.status == 200 and client.get("/api/events").status == 200:
            return time.monotonic() - begin
        time.sleep(0.1)
    raise AssertionError(f"no decisions after {patience} s: {answer}\n{world.node.log()}")


def test_kill_of_the_node(world):
    load = new_load(world, 1)
    with load:
        for _ in range(3):
            time.sleep(1.5)
            world.node.kill()
            time.sleep(0.2)
            world.node.start()
        time.sleep(1)
    settle(load)
    check(world.db, load)


def pay(world, user, event, seat, key):
    """Holds a seat and begins to pay for it; returns the order and the thread that waits."""
    client = world.node.client(token=harness.access_token(user), timeout=15)
    held = client.post("/api/seats/reserve", {"eventId": event, "seatIds": [seat]})
    assert held.status == 200, held
    order = client.post("/api/payments/prepare",
                        {"reservationId": held.json["reservationId"]}).json

    def confirm():
        try:
            client.post("/api/payments/confirm", {
                "paymentKey": key, "orderId": order["orderId"], "amount": order["amount"]})
        except Exception:  # The node dies under it.
            pass
    waiting = threading.Thread(target=confirm, daemon=True)
    waiting.start()
    return order["orderId"], waiting


def test_kill_between_attempt_and_outcome(world):
    """The attempt is on record before the provider hears of it: the next node asks it again."""
    event = harness.add_event(world.db, "Paid", seats=40)
    seats = harness.seats_of(world.db, event)
    paid = [pay(world, harness.user_uuid(n), event, seats[n], f"slow-4000-{uuid.uuid4()}")
            for n in range(8)]
    deadline = time.monotonic() + 10
    while world.db.number("SELECT count(*) FROM payment_attempts WHERE status = 'live'") < 8:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    world.node.kill()
    assert world.db.number("SELECT count(*) FROM payment_attempts WHERE status = 'live'") == 8
    world.node.start()
    for order, waiting in paid:
        waiting.join(20)
        client = world.node.client(token=harness.access_token(world.db.value(
            f"SELECT user_id FROM payments WHERE order_id = '{order}'")))
        deadline = time.monotonic() + 30
        while (status := client.get(f"/api/payments/order/{order}").json["payment"]["status"]) \
                == "pending":
            assert time.monotonic() < deadline, world.node.log()
            time.sleep(0.1)
        assert status == "confirmed"
    assert harness.judge(world.db) == {}


def test_kill_of_backends(world):
    load = new_load(world, 2)
    dice = random.Random(7)
    with load:
        for _ in range(3):
            time.sleep(1.5)
            try:
                victims = world.cluster.backends()
                os.kill(dice.choice(victims), signal.SIGKILL)
            except (RuntimeError, IndexError, ProcessLookupError):
                pass  # Still recovering from the last one.
        time.sleep(2)
    wait_for_decisions(world)
    settle(load)
    check(world.db, load)
    assert world.node.process.poll() is None, "the node itself lives on"


def test_kill_of_postgres(world):
    load = new_load(world, 3)
    reader = world.node.client(timeout=5)
    assert reader.get(f"/api/seats/events/{load.event}").status == 200
    assert reader.get("/api/events").status == 200
    with load:
        time.sleep(1.5)
        world.cluster.kill()
        time.sleep(2)
        client = world.node.client(token=harness.access_token(harness.user_uuid(2)), timeout=10)
        begin = time.monotonic()
        answer = client.post("/api/seats/reserve",
                             {"eventId": load.event, "seatIds": load.seats[:1]})
        assert answer.status in (503, 409), answer
        if answer.status == 503:
            assert int(answer.headers["retry-after"]) >= 1
            assert answer.json["error"] == answer.json["message"]
        assert time.monotonic() - begin < 5
        assert reader.get(f"/api/seats/events/{load.event}").status == 200, "the map is in memory"
        assert reader.get("/api/events").status in (200, 503)
        begin = time.monotonic()
        while reader.get("/health").status != 503:
            assert time.monotonic() - begin < 5, "/health does not notice"
            time.sleep(0.1)
        assert reader.get("/actuator/health/liveness").status == 200
        world.cluster.start()
        took = wait_for_decisions(world)
        assert took < 15, took
        time.sleep(1)
    settle(load)
    check(world.db, load)
    assert world.node.process.poll() is None
    assert world.node.client().get("/health").status == 200


def test_sigterm_ends_cleanly_without_postgres(world):
    world.cluster.kill()
    try:
        time.sleep(1)
        begin = time.monotonic()
        world.node.stop()
        assert time.monotonic() - begin < 15
    finally:
        world.cluster.start()
        world.node.start()
    wait_for_decisions(world)


def test_sigterm_ends_cleanly_under_load(world):
    load = new_load(world, 4)
    with load:
        time.sleep(1)
        assert world.node.stop() == 0, world.node.log()
        world.node.start()
        time.sleep(1)
    settle(load)
    check(world.db, load)
