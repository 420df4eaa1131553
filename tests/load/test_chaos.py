"""The chaos calls of 1.5 and 3.5 while PostgreSQL is gone: listed statuses, JSON, in time."""
import json
import uuid

import pytest

import scenario
import tiketi_harness as harness

USERS, ROUNDS = 40, 3
GRACEFUL = {200, 201, 401, 403, 404, 429, 500, 502, 503, 504}


class World:
    def __init__(self):
        self.cluster = harness.Cluster()
        self.cluster.start()
        self.database = harness.create_database(str(self.cluster.folder), "chaos")
        self.node = harness.Node(self.database, {"RATE_LIMIT_QUEUE_RPM": "0"})
        self.node.command("migrate")
        self.node.command("seed")
        self.node.start()

    def close(self):
        try:
            self.node.close()
        finally:
            self.cluster.close()


@pytest.fixture(scope="module")
def world():
    made = World()
    yield made
    made.close()


def calls(visitor):
    """All of them without login, with the bodies the scenarios send."""
    visitor.call("events", "GET", "/events")
    visitor.call("unknown event", "GET", f"/events/{uuid.uuid4()}")
    visitor.call("artists", "GET", "/artists")
    visitor.call("me", "GET", "/auth/me")
    visitor.call("reservations", "GET", "/reservations")
    visitor.call("reserve", "POST", "/seats/reserve", {
        "eventId": str(uuid.uuid4()), "seatIds": ["A1", "A2"]})
    visitor.call("queue status", "GET", "/queue/status")
    visitor.call("queue position", "GET", f"/queue/position?eventId={uuid.uuid4()}")
    visitor.call("queue join", "POST", "/queue/join", {"eventId": str(uuid.uuid4())})


def score_of(world):
    score = scenario.Score()

    def user(_):
        visitor = scenario.Visitor(world.node.port, score)
        for _ in range(ROUNDS):
            calls(visitor)
        visitor.close()

    scenario.crowd(USERS, user)
    return score


def assert_graceful(score):
    for (name, status), count in score.statuses.items():
        assert status in GRACEFUL, (name, status, count)
    for name, body in score.refusals:
        refusal = json.loads(body)
        assert refusal["error"] and refusal["error"] == refusal["message"], (name, body)
    limited = sum(n for (_, status), n in score.statuses.items() if status == 429)
    assert limited < 100 and limited < 0.05 * score.total()
    assert score.percentile(95) < 5 and score.percentile(99) < 8
    for name in ("me", "reserve", "reservations"):
        statuses = {s for (n, s) in score.statuses if n == name}
        assert statuses <= {401, 403, 404, 429}, (name, statuses)


def test_with_the_database(world):
    score = score_of(world)
    assert_graceful(score)
    assert score.statuses["events", 200] == USERS * ROUNDS
    assert score.statuses["unknown event", 404] == USERS * ROUNDS


def test_without_the_database(world):
    world.cluster.kill()
    score = score_of(world)
    assert_graceful(score)
    raw = sum(n for (_, status), n in score.statuses.items() if status == 500)
    assert raw == 0, score.refusals
    assert score.statuses["unknown event", 503] > 0, "what is not in memory cannot be known"
    user = world.node.client(token=harness.access_token(str(uuid.uuid4())))
    answer = user.post("/api/seats/reserve", {"eventId": str(uuid.uuid4()),
                                              "seatIds": [str(uuid.uuid4())]})
    assert answer.status == 503 and int(answer.headers["retry-after"]) > 0


def test_when_it_is_back(world):
    world.cluster.start()
    world.node.wait_ready()
    score = score_of(world)
    assert_graceful(score)
    assert score.statuses["unknown event", 404] > 0
