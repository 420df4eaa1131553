"""What the log says (G30), and what it must never say (I21)."""
import re
import uuid

import tiketi_harness as harness
from conftest import User, assert_error, start_node

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


def test_every_line_is_an_object_with_the_documented_fields(node, user):
    mine = str(uuid.uuid4())
    user.http.get("/api/auth/me", headers={"X-Request-Id": mine, "traceparent": PARENT})
    (line,) = node.log_until(lambda x: x.get("request_id") == mine)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["ts"])
    assert uuid.UUID(line["node"]) == uuid.UUID(node.env["TIKETI_NODE_ID"])
    assert line["level"] == "info" and line["component"] == "http" and line["event"] == "answered"
    assert line["trace_id"] == TRACE
    assert re.fullmatch(r"[0-9a-f]{16}", line["span_id"]) and line["span_id"] not in PARENT
    assert line["user_id"] == user.id and line["route"] == "/api/auth/me"
    assert line["method"] == "GET" and line["status"] == 200 and line["duration_ms"] >= 0


def test_a_request_without_trace_begins_one(node, http):
    mine = str(uuid.uuid4())
    for parent in ("", "00-" + "0" * 32 + "-00f067aa0ba902b7-01", PARENT.upper(), PARENT + "-x",
                   "ff" + PARENT[2:], "x" * 400):
        http.get("/api/time", headers={"X-Request-Id": mine, "traceparent": parent})
    lines = node.log_until(lambda x: x.get("request_id") == mine)
    assert {x["trace_id"] for x in lines} == {mine.replace("-", "")}
    later = "01" + PARENT[2:] + "-what-later-versions-add"
    http.get("/api/time", headers={"X-Request-Id": "later-1", "traceparent": later})
    assert node.log_until(lambda x: x.get("request_id") == "later-1")[0]["trace_id"] == TRACE


def test_paths_that_no_route_knows_are_not_repeated(node, http):
    mine = str(uuid.uuid4())
    http.get("/api/secret-in-a-path?token=secret-in-a-query", headers={"X-Request-Id": mine})
    (line,) = node.log_until(lambda x: x.get("request_id") == mine)
    assert line["route"] == "UNKNOWN" and "secret" not in str(line)


def test_a_refused_origin_is_logged_with_its_route(node, user):
    mine = str(uuid.uuid4())
    answer = user.http.post("/api/v1/seats/reserve", {}, headers={
        "Origin": "http://evil.example", "X-Request-Id": mine})
    assert_error(answer, 403)
    lines = node.log_until(lambda x: x.get("request_id") == mine and x["event"] == "answered")
    assert {x["route"] for x in lines} == {"/api/seats/reserve"}


def test_security_events(node, make_user, hall):
    """The documented ones (docs/operations.md) that section 1 and 2.1 can raise."""
    user = make_user()
    seen = {}
    for name, call in (
            ("login_failed", lambda h: node.client().post(
                "/api/auth/login", {"email": user.mail, "password": "wrong-one-1"}, headers=h)),
            ("origin_denied", lambda h: user.http.post(
                "/api/auth/logout", headers={"Origin": "http://evil.example", **h})),
            ("token_denied", lambda h: node.client().get(
                "/api/auth/me", headers={"Authorization": "Bearer a.b.c", **h}))):
        mine = str(uuid.uuid4())
        assert call({"X-Request-Id": mine}).status in (401, 403)
        found = node.log_until(lambda x: x.get("request_id") == mine
                         and x["component"] == "security")
        seen[name] = found[0] if found else None
        assert found and found[0]["event"] == name and found[0]["client"] == "127.0.0.1", name
    assert "user_id" not in seen["login_failed"]


def test_strangers_without_token_are_no_event(node, http):
    mine = str(uuid.uuid4())
    assert_error(http.get("/api/auth/me", headers={"X-Request-Id": mine}), 401)
    found = node.log_until(lambda x: x.get("request_id") == mine)
    assert [x["component"] for x in found] == ["http"]


def test_no_mail_token_or_name_in_the_log_of_a_run():
    node = start_node(LOG_LEVEL="trace")
    try:
        buyer = User(node)
        event = harness.add_event(node.database, "Log", seats=20)
        seats = harness.seats_of(node.database, event)
        made = buyer.reserve(event, seats[:2], key="key-of-the-buyer").json
        buyer.reserve(event, ["x"])
        buyer.cancel(made["reservationId"])
        other = node.client()
        other.post("/api/auth/login", {"email": buyer.mail, "password": "wrong-word-1"})
        again = other.post("/api/auth/login", {"email": buyer.mail, "password": buyer.password})
        other.post("/api/auth/login", b'{"email": "' + buyer.mail.encode() + b'", "password": ',
                   headers={"Content-Type": "application/json"})
        cookies = "; ".join(x.split(";")[0] for x in again.cookies)
        other.get("/api/reservations/my?token=" + again.json["token"], headers={"Cookie": cookies})
        other.post("/api/auth/register", {"email": buyer.mail, "password": buyer.password,
                                          "name": "홍길동", "phone": "010-1234-5678"})
        buyer.http.post("/api/auth/logout")
        node.stop()
        text = (node.folder / "node.log").read_text()
        assert '"event":"answered"' in text and '"event":"node_stopped"' in text
        for line in text.splitlines():
            assert line.startswith('{"ts":"') and line.endswith("}"), line
        for secret in (buyer.mail, buyer.password, "@", "홍길동", "1234-5678", "eyJ", "wrong-word",
                       buyer.token, again.json["refreshToken"], "key-of-the-buyer",
                       harness.JWT_SECRET, harness.ADMIN[1]):
            assert secret not in text, secret
    finally:
        node.close()


def test_only_a_share_is_told_but_faults_always():
    node = start_node(LOG_REQUESTS_PERCENT="0")
    try:
        http = node.client()
        assert http.get("/api/events").status == 200
        node.stop()
        assert [x for x in node.log_lines() if x["event"] == "answered"
                and x["status"] < 500] == []
    finally:
        node.close()


def test_a_reader_that_stops_reading_stops_nobody():
    """The pipe of the log is full: requests go on, the oldest lines are lost and counted."""
    node = start_node()
    try:
        node.stop()
        node.start(piped=True)
        http = node.client(checked=False)
        for _ in range(20_000):
            assert http.get("/api/time").status == 200
        page = http.get("/actuator/prometheus").body.decode()
        dropped = re.search(r"^log_lines_dropped_total (\d+)", page, re.M)
        assert dropped and int(dropped.group(1)) > 0
    finally:
        node.kill()
        node.close()
