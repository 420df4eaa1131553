"""What the suites of the waiting room share: a node with small rooms and the gate on, people, and
an organiser. A suite with a `room` of its own takes the rest from here."""
import pytest

import tiketi_harness as harness
from conftest import people_of, start_node


@pytest.fixture(scope="module")
def room():
    running = start_node(ENTRY_GATE="on", QUEUE_THRESHOLD="2", QUEUE_ADMISSION_INTERVAL_MS="200",
                         RATE_LIMIT_QUEUE_RPM="0")
    yield running
    running.close()


@pytest.fixture
def people(room):
    with people_of(room) as make:
        yield make


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


def leave(user, event):
    answer = user.http.post(f"/api/v1/queue/leave/{event}")
    assert answer.status == 200 and answer.json == {"message": "Left queue"}, answer
    return answer
