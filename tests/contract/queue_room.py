"""What the suites of the waiting room share: a node with small rooms and the gate on, people, and
an organiser."""
import pytest

import tiketi_harness as harness
from conftest import User, start_node


@pytest.fixture(scope="module")
def room():
    running = start_node(ENTRY_GATE="on", QUEUE_THRESHOLD="2", QUEUE_ADMISSION_INTERVAL_MS="200",
                         RATE_LIMIT_QUEUE_RPM="0")
    yield running
    running.close()


@pytest.fixture
def people(room):
    made = []

    def make(count):
        fresh = [User(room) for _ in range(count)]
        made.extend(fresh)
        return fresh
    yield make
    for user in made:
        user.http.close()


@pytest.fixture
def admin(room):
    client = room.client()
    answer = client.post("/api/auth/login",
                         {"email": harness.ADMIN[0], "password": harness.ADMIN[1]})
    client.token = answer.json["token"]
    yield client
    client.close()


@pytest.fixture
def event(room):
    return harness.add_event(room.database, "Opening night", seats=40)


def check(user, event, **named):
    return user.http.post(f"/api/v1/queue/check/{event}", **named)


def status(user, event, **named):
    return user.http.get(f"/api/v1/queue/status/{event}", **named)
