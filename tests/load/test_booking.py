"""The booking scenario of 3.4 at 50 users on the load profile, within the contract's thresholds."""
import random

import pytest

import scenario
import tiketi_harness as harness

USERS, ROUNDS = 50, 3
PASSWORD = "Load1234!"


@pytest.fixture(scope="module")
def node():
    cluster = harness.Cluster()
    cluster.start()
    try:
        database = harness.create_database(str(cluster.folder), "load")
        # As the profile is: what the harness sets for other tests is taken back.
        running = harness.Node(database, {"TIKETI_PROFILE": "load"})
        for name in list(running.env):
            if name.startswith("RATE_LIMIT_") or name in ("ENTRY_GATE", "COOKIE_SECURE",
                                                          "PASSWORD_HASH_COST"):
                del running.env[name]
        running.command("migrate")
        running.command("seed")
        running.start()
        yield running
        assert harness.judge(database) == {}
        running.close()
    finally:
        cluster.close()


def served(port):
    """Which calls there are: the scenario's other ones belong to later releases."""
    paths = harness.contract_of(port).document["paths"]
    return lambda method, path: method in paths.get(path, {})


def with_seats(visitor):
    """The events of page 1 that have a seat map."""
    events = visitor.call("events", "GET", "/events").json["events"]
    assert events and all(e["status"] == "on_sale" for e in events)
    return [e["id"] for e in events if e["seat_layout_id"]]


def book(visitor, has, mail, event):
    assert visitor.call("login", "POST", "/auth/login", {
        "email": mail, "password": PASSWORD}).status == 200
    assert visitor.call("detail", "GET", f"/events/{event}").json["event"]["id"] == event
    if has("post", "/api/queue/check/{eventId}"):
        visitor.call("queue", "POST", f"/queue/check/{event}", b"")
        for _ in range(3):
            visitor.call("queue", "GET", f"/queue/status/{event}")
    seats = visitor.call("seats", "GET", f"/seats/events/{event}").json["seats"]
    free = next(s["id"] for s in seats if s["status"] == "available")
    made = visitor.call("reserve", "POST", "/seats/reserve", {"eventId": event, "seatIds": [free]})
    if made.status == 200 and has("post", "/api/payments/prepare"):
        reservation = made.json.get("reservationId") or made.json.get("id")
        visitor.call("payment", "POST", "/payments/prepare", {
            "reservationId": reservation, "paymentMethod": "card",
            "paymentType": "reservation"})


def test_fifty_users_book_within_the_thresholds(node):
    score = scenario.Score()
    harness.contract_of(node.port)
    has = served(node.port)
    setup = scenario.Visitor(node.port, score)
    for n in range(USERS):
        answer = setup.call("register", "POST", "/auth/register", {
            "email": f"load-{n}@tests.example", "password": PASSWORD, "name": f"Load {n}"})
        assert answer.status in (200, 201), answer
    events = with_seats(setup)

    def user(number):
        dice = random.Random(number)
        for _ in range(ROUNDS):
            visitor = scenario.Visitor(node.port, score)
            book(visitor, has, f"load-{number}@tests.example", dice.choice(events))
            visitor.close()

    scenario.crowd(USERS, user)
    assert score.statuses["reserve", 200] > USERS, score.refusals
    assert score.failed() < 0.01, score.refusals
    assert score.percentile(95) < 3 and score.percentile(99) < 5
    assert score.percentile(95, "reserve") < 5
    if score.times["payment"]:
        assert score.percentile(95, "payment") < 5
