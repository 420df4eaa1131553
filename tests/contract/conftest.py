"""One node for the whole run, on the PostgreSQL that tests/support/with-postgres provides."""
import contextlib
import itertools
import os
import pathlib
import sys
import time
import uuid

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "load"))
import tiketi_harness as harness  # noqa: E402

_databases = itertools.count(1)


def new_database():
    """An empty database of the cluster in TIKETI_TEST_PG."""
    conninfo = os.environ.get("TIKETI_TEST_PG")
    if not conninfo:
        pytest.exit("run this with tests/support/with-postgres", 69)
    host = dict(x.split("=") for x in conninfo.split())["host"]
    return harness.create_database(host, f"contract_{next(_databases)}")


def start_node(**env):
    node = harness.Node(new_database(), env)
    try:
        node.command("migrate")
        node.command("seed")
        node.start()
    except BaseException:
        node.close()
        raise
    return node


@pytest.fixture(scope="session")
def node():
    """The node all tests share: seeded, no rate limits, holds live 300 s."""
    running = start_node()
    yield running
    running.close()


@pytest.fixture(scope="session")
def db(node):
    return node.database


@pytest.fixture
def http(node):
    client = node.client()
    yield client
    client.close()


class User:
    """A registered user with its own connection and token."""

    def __init__(self, node):
        self.mail = f"user-{uuid.uuid4().hex[:12]}@tests.example"
        self.password = "Test1234!"
        self.http = node.client()
        answer = self.http.post("/api/v1/auth/register", {
            "email": self.mail, "password": self.password, "name": "홍길동", "phone": ""})
        assert answer.status == 201, answer
        self.first_answer = answer
        self.id = answer.json["user"]["id"]
        self.token = answer.json["token"]
        self.http.token = self.token

    def reserve(self, event, seats, key=None, **extra):
        body = {"eventId": event, "seatIds": seats, **extra}
        if key is not None:
            body["idempotencyKey"] = key
        return self.http.post("/api/v1/seats/reserve", body)

    def order(self, event, lines, key=None, **extra):
        """Standing tickets; `lines` are (ticket type, quantity)."""
        body = {"eventId": event, **extra,
                "items": [{"ticketTypeId": t, "quantity": n} for t, n in lines]}
        if key is not None:
            body["idempotencyKey"] = key
        return self.http.post("/api/v1/reservations", body)

    def cancel(self, reservation):
        return self.http.post(f"/api/v1/reservations/{reservation}/cancel")


@pytest.fixture
def make_user(node):
    made = []

    def make():
        made.append(User(node))
        return made[-1]
    yield make
    for user in made:
        user.http.close()


@pytest.fixture
def user(make_user):
    return make_user()


@pytest.fixture
def hall(db):
    """A fresh event on sale; seats in order."""
    event = harness.add_event(db, "Hall", seats=60)
    return event, harness.seats_of(db, event)


def cookies_of(answer):
    """Those that an answer sets: name -> (value, attributes)."""
    out = {}
    for line in answer.cookies:
        first, *rest = line.split("; ")
        key, _, text = first.partition("=")
        out[key] = (text, rest)
    return out


@contextlib.contextmanager
def people_of(node):
    """Makes so many users of the node, each with a connection, and closes those at the end."""
    made = []

    def make(count):
        made.extend(User(node) for _ in range(count))
        return made[len(made) - count:]
    yield make
    for user in made:
        user.http.close()


def until(true, patience=10.0):
    """Waits for what happens by itself in a moment."""
    end = time.monotonic() + patience
    while not true():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.05)


def assert_error(answer, status, text=None, code=None):
    """The envelope of every error: `error` and `message` alike, and a code."""
    assert answer.status == status, answer
    body = answer.json
    assert body["error"] == body["message"], answer
    assert body["code"] and body["code"] == body["code"].upper(), answer
    if text is not None:
        assert body["message"] == text
    if code is not None:
        assert body["code"] == code
    return body
