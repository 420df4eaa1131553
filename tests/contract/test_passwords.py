"""S12: who guesses at passwords is slowed down, and locks nobody out."""
import json
import uuid

import pytest

from conftest import assert_error, start_node

PASSWORD = "Test1234!"


@pytest.fixture(scope="module")
def guarded():
    """Every test is a client of its own: its address comes from a trusted proxy's header."""
    node = start_node(LOGIN_FAILURES_MAX="3", LOGIN_FAILURES_WINDOW_SECONDS="600",
                      TRUSTED_PROXIES="127.0.0.1", LOG_REQUESTS_PERCENT="0")
    yield node
    node.close()


@pytest.fixture
def account(guarded):
    mail = f"user-{uuid.uuid4().hex[:12]}@tests.example"
    answer = guarded.client().post("/api/auth/register", {"email": mail, "password": PASSWORD,
                                                          "name": "x"})
    assert answer.status == 201, answer
    return mail


def login(node, mail, password, address):
    return node.client().post("/api/auth/login", {"email": mail, "password": password},
                              headers={"X-Forwarded-For": address})


def guesses(node, mail, address, count=5):
    return [login(node, mail, f"wrong-{i}", address).status for i in range(count)]


def test_guesses_at_one_account_end_in_429(guarded, account):
    assert guesses(guarded, account, "192.0.2.1") == [401] * 3 + [429] * 2
    over = login(guarded, account.upper(), PASSWORD, "192.0.2.1")
    body = assert_error(over, 429, "Rate limit exceeded", "RATE_LIMITED")
    wait = int(over.headers["retry-after"])
    assert 500 < wait <= 600 and body["retryAfter"] == wait
    assert over.headers["ratelimit-reset"] == over.headers["retry-after"]
    assert over.headers["ratelimit-limit"] == "3" and over.headers["ratelimit-remaining"] == "0"
    assert not over.cookies


def test_who_is_not_known_is_counted_alike(guarded):
    nobody = f"nobody-{uuid.uuid4().hex[:12]}@tests.example"
    assert guesses(guarded, nobody, "192.0.2.2") == [401] * 3 + [429] * 2


def test_the_owner_is_not_locked_out(guarded, account):
    assert guesses(guarded, account, "192.0.2.3", 9)[-1] == 429
    for place in range(20, 60):
        guesses(guarded, account, f"192.0.2.{place}", 2)
    assert login(guarded, account, PASSWORD, "198.51.100.1").status == 200
    other = f"{uuid.uuid4().hex}@tests.example"
    assert login(guarded, other, PASSWORD, "192.0.2.3").status == 401


def test_a_right_password_forgives(guarded, account):
    for _ in range(3):
        assert guesses(guarded, account, "192.0.2.4", 2) == [401] * 2
        assert login(guarded, account, PASSWORD, "192.0.2.4").status == 200


def test_requests_without_a_password_to_look_at_do_not_count(guarded, account):
    http = guarded.client()
    for body in ({"email": account}, {"email": account, "password": ""}, {"password": "x"}):
        for _ in range(4):
            answer = http.post("/api/auth/login", body, headers={"X-Forwarded-For": "192.0.2.5"})
            assert_error(answer, 400)
    assert login(guarded, account, PASSWORD, "192.0.2.5").status == 200


@pytest.mark.parametrize("verb,path,form", [
    ("PUT", "/api/users/me/password", {"currentPassword": "wrong", "newPassword": "Other1234!"}),
    ("DELETE", "/api/users/me", {"password": "wrong"})])
def test_a_stolen_token_does_not_help_to_guess(guarded, account, verb, path, form):
    token = login(guarded, account, PASSWORD, "192.0.2.6").json["token"]
    http = guarded.client(token=token)
    there = {"X-Forwarded-For": "192.0.2.7"}
    got = [http.request(verb, path, body=form, headers=there) for _ in range(5)]
    assert [x.status for x in got] == [400] * 3 + [429] * 2, got
    assert json.loads(got[-1].body)["code"] == "RATE_LIMITED"
    assert login(guarded, account, PASSWORD, "192.0.2.6").status == 200
