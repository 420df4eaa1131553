"""Section 1.9: who may ask how often."""
import json
import re
import uuid

import pytest

import tiketi_harness as harness
from conftest import assert_error, start_node

ORIGIN = "http://localhost:3000"


@pytest.fixture(scope="module")
def limited():
    """Every test is a client of its own: its address comes from a trusted proxy's header."""
    node = start_node(RATE_LIMIT_GENERAL_RPM="5", RATE_LIMIT_AUTH_RPM="3",
                      RATE_LIMIT_QUEUE_RPM="4", RATE_LIMIT_BOOKING_RPM="2",
                      TRUSTED_PROXIES="127.0.0.1, 10.0.0.0/8", LOG_REQUESTS_PERCENT="0")
    yield node
    node.close()


def statuses(client, count, path, method="GET", body=None, **headers):
    return [client.request(method, path, body=body, headers=headers).status for _ in range(count)]


def test_over_the_limit_is_429_and_says_when_to_come_back(limited):
    me = {"X-Forwarded-For": "192.0.2.1"}
    http = limited.client()
    assert statuses(http, 7, "/api/events", **me) == [200] * 5 + [429] * 2
    over = http.get("/api/nowhere", headers={"Origin": ORIGIN, **me})
    assert over.status == 429, "what no route knows counts, too"
    assert json.loads(over.body) == {"error": "Rate limit exceeded", "code": "RATE_LIMITED",
                                     "message": "Rate limit exceeded", "retryAfter": 60}
    assert over.headers["access-control-allow-origin"] == ORIGIN
    assert over.headers["ratelimit-limit"] == "5" and over.headers["ratelimit-remaining"] == "0"
    assert 0 < int(over.headers["retry-after"]) <= 60
    assert over.headers["ratelimit-reset"] == over.headers["retry-after"]


def test_the_exempt_are_spared(limited):
    me = {"X-Forwarded-For": "192.0.2.2"}
    http = limited.client()
    assert statuses(http, 6, "/api/events", **me)[-1] == 429
    assert statuses(http, 9, "/api/auth/me", **me) == [401] * 9
    for path in ("/health", "/actuator/health", "/actuator/prometheus", "/actuator/info",
                 "/api/notices"):
        assert statuses(http, 9, path, **me) == [200] * 9, path
    preflight = {"Origin": ORIGIN, "Access-Control-Request-Method": "GET", **me}
    assert statuses(http, 9, "/api/events", "OPTIONS", **preflight) == [204] * 9


def test_both_spellings_share_a_bucket_and_categories_do_not(limited):
    me = {"X-Forwarded-For": "192.0.2.3"}
    http = limited.client()
    login = {"email": "no@tests.example", "password": "whatever1"}
    assert statuses(http, 2, "/api/v1/auth/login", "POST", login, **me) == [401] * 2
    assert statuses(http, 2, "/api/auth/login", "POST", login, **me) == [401, 429]
    assert statuses(http, 3, "/api/v1/seats/reserve", "POST", {}, **me) == [401, 401, 429]
    assert statuses(http, 1, "/api/reservations/x/cancel", "POST", **me) == [429]
    assert statuses(http, 1, "/api/reservations", **me) == [429]
    assert 429 not in statuses(http, 4, "/api/queue/status", **me)
    assert statuses(http, 1, f"/api/v1/queue/check/{uuid.uuid4()}", "POST", **me) == [429]
    assert statuses(http, 5, "/api/time", **me) == [200] * 5


def test_a_refresh_without_token_is_free_and_one_with_a_token_is_not(limited):
    """D39: every anonymous page load asks for one."""
    me = {"X-Forwarded-For": "192.0.2.4"}
    http = limited.client()
    for body in (None, b"", {}, {"refreshToken": None}, {"refreshToken": ""}):
        assert 429 not in statuses(http, 5, "/api/v1/auth/refresh", "POST", body, **me), body
    assert 429 not in statuses(http, 3, "/api/auth/refresh", "POST", {"refreshToken": "x"}, **me)
    sneaky = {"Content-Type": "application/json", **me}
    assert statuses(http, 1, "/api/auth/refresh", "POST", b'{"refresh\\u0054oken":"x"}',
                    **sneaky) == [429]
    assert statuses(http, 1, "/api/auth/refresh", "POST", Cookie="refresh_token=x", **me) == [429]


def test_users_count_by_themselves_wherever_they_are(limited):
    http = limited.client(token=harness.access_token(str(uuid.uuid4())))
    for i in range(5):
        from_there = {"X-Forwarded-For": f"192.0.2.{10 + i}"}
        assert http.get("/api/events", headers=from_there).status == 200
    assert http.get("/api/events", headers={"X-Forwarded-For": "192.0.2.19"}).status == 429
    other = limited.client(token=harness.access_token(str(uuid.uuid4())))
    assert other.get("/api/events", headers={"X-Forwarded-For": "192.0.2.19"}).status == 200


def test_the_address_is_the_right_most_hop_that_is_no_proxy(limited):
    """What a client writes itself stands further left, or in an earlier line."""
    http = limited.client()
    for i in range(5):
        forged = {"X-Forwarded-For": f"203.0.113.{i}, 192.0.2.30, 10.1.2.3"}
        assert http.get("/api/time", headers=forged).status == 200
    assert statuses(http, 1, "/api/time", **{"X-Forwarded-For": "192.0.2.30"}) == [429]
    two_lines = [("X-Forwarded-For", "203.0.113.99"), ("X-Forwarded-For", "192.0.2.30")]
    http.connection.putrequest("GET", "/api/time")
    for name, value in two_lines:
        http.connection.putheader(name, value)
    http.connection.endheaders()
    assert harness.Answer(http.connection.getresponse()).status == 429


def test_without_a_trusted_proxy_the_header_means_nothing():
    node = start_node(RATE_LIMIT_GENERAL_RPM="5", RATE_LIMIT_BOOKING_RPM="0")
    try:
        http = node.client()
        got = [http.get("/api/events", headers={"X-Forwarded-For": f"192.0.2.{i}"}).status
               for i in range(6)]
        assert got == [200] * 5 + [429]
        assert statuses(http, 50, "/api/seats/reserve", "POST", {}) == [401] * 50, "0 is off"
    finally:
        node.close()


def test_refusals_are_counted_and_told_to_the_security_log(limited):
    me = {"X-Forwarded-For": "192.0.2.40"}
    assert statuses(limited.client(), 6, "/api/time", **me)[-1] == 429
    page = limited.client().get("/actuator/prometheus").body.decode()
    assert re.search(r'security_events_total\{event="rate_limited"\} [1-9]', page)
    lines = limited.log_until(lambda x: x.get("client") == "192.0.2.40")
    assert [x["event"] for x in lines] == ["rate_limited"], lines
