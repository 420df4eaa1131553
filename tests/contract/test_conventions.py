"""Section 1 of the contract: what holds for every path."""
import gzip
import json
import re
import socket
import uuid

import pytest

import tiketi_harness as harness
from conftest import assert_error

ORIGIN = "http://localhost:3000"
TS = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(Z|\+00:00)$")


def assert_cors(answer):
    assert answer.headers.get("access-control-allow-origin") == ORIGIN, answer.headers
    assert answer.headers.get("access-control-allow-credentials") == "true"
    assert "origin" in answer.headers.get("vary", "").lower()


@pytest.mark.parametrize("path", ["/events", "/auth/me", "/seats/layouts", "/time", "/nowhere",
                                  "/reservations/my"])
def test_both_spellings_answer_alike(http, path):
    a, b = http.get("/api" + path), http.get("/api/v1" + path)
    assert a.status == b.status
    assert set(a.json) == set(b.json)


@pytest.mark.parametrize("form", [{"Content-Type": "application/json"}, {},
                                  {"Content-Type": "text/plain;charset=UTF-8"}])
@pytest.mark.parametrize("body", [b"", None])
def test_posts_without_body_take_all_forms(http, form, body):
    answer = http.post("/api/v1/auth/logout", body, headers=form)
    assert answer.status == 200, answer
    assert answer.json["message"] == "Logged out successfully"


def test_cancel_takes_an_empty_body_of_a_beacon(user, hall):
    event, seats = hall
    made = user.reserve(event, seats[:1]).json
    answer = user.http.post(f"/api/reservations/{made['reservationId']}/cancel", b"",
                            headers={"Content-Type": "text/plain;charset=UTF-8"})
    assert answer.status == 200, answer


@pytest.mark.parametrize("method,path,body,status", [
    ("GET", "/api/time", None, 200), ("GET", "/api/auth/me", None, 401),
    ("GET", "/api/nowhere", None, 404), ("DELETE", "/api/events", None, 405),
    ("POST", "/api/auth/login", b"{", 400), ("POST", "/api/auth/login", b"x" * (1 << 21), 413),
    ("GET", "/health", None, 200), ("GET", "/openapi.json", None, 200)])
def test_every_answer_carries_cors(http, method, path, body, status):
    headers = {"Origin": ORIGIN}
    if body:
        headers["Content-Type"] = "application/json"
    answer = http.request(method, path, body=body, headers=headers)
    assert answer.status == status, answer
    assert_cors(answer)
    assert answer.headers.get("x-content-type-options") == "nosniff"
    if status >= 400:
        assert_error(answer, status)


def test_oversized_header_is_a_json_error_with_cors(http):
    answer = http.get("/api/time", headers={"Origin": ORIGIN, "X-Long": "x" * 100_000})
    assert answer.status in (400, 413, 431), answer
    assert_error(answer, answer.status)


def test_preflight(http):
    answer = http.request("OPTIONS", "/api/v1/seats/reserve", headers={
        "Origin": ORIGIN, "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,x-queue-entry-token"})
    assert answer.status in (200, 204)
    assert_cors(answer)
    assert answer.headers["access-control-max-age"] == "3600"
    for method in ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        assert method in answer.headers["access-control-allow-methods"]
    for name in ("authorization", "content-type", "x-queue-entry-token"):
        assert name in answer.headers["access-control-allow-headers"].lower()


def test_foreign_origin_reads_without_cors_and_writes_not_at_all(http):
    foreign = {"Origin": "http://evil.example"}
    read = http.get("/api/time", headers=foreign)
    assert read.status == 200 and "access-control-allow-origin" not in read.headers
    assert_error(http.post("/api/auth/logout", b"", headers=foreign), 403)


@pytest.mark.parametrize("method", ["GET", "BREW"])
def test_an_unknown_path_is_404_whatever_the_method(http, method):
    assert_error(http.request(method, "/api/nowhere"), 404, code="NOT_FOUND")
    assert http.request("BREW", "/api/events").status == 405


def test_own_origin_may_write(node, http):
    own = {"Origin": f"http://127.0.0.1:{node.port}", "Host": f"127.0.0.1:{node.port}"}
    assert http.post("/api/auth/logout", b"", headers=own).status == 200


@pytest.mark.parametrize("method,path,allowed", [
    ("DELETE", "/api/events", {"GET"}), ("GET", "/api/auth/login", {"POST"}),
    ("PUT", "/api/seats/reserve", {"POST"}), ("POST", "/api/time", {"GET"})])
def test_wrong_method_names_the_right_ones(user, method, path, allowed):
    answer = user.http.request(method, path)
    assert_error(answer, 405)
    assert allowed <= {x.strip() for x in answer.headers["allow"].split(",")}


def test_chaos_calls_are_graceful(http):
    """The exact calls of 1.5, without login: 400, 405 and 409 would not count as graceful."""
    assert http.get("/api/v1/reservations").status in (401, 403, 404)
    reserve = http.post("/api/v1/seats/reserve",
                        {"eventId": "x", "seatIds": ["A1", "A2"]})
    assert reserve.status in (401, 403), reserve
    event = uuid.uuid4()
    for answer in (http.get("/api/v1/queue/status"),
                   http.get(f"/api/v1/queue/position?eventId={event}"),
                   http.post("/api/v1/queue/join", {"eventId": str(event)})):
        assert answer.status in (401, 404) and answer.json, answer
    assert_error(http.get("/api/v1/auth/me"), 401, "Authentication required")


def test_identity_comes_before_the_body(http):
    answer = http.post("/api/seats/reserve", b"{{{", headers={"Content-Type": "application/json"})
    assert_error(answer, 401)


@pytest.mark.parametrize("body", [b"{", b"[1]", b'"x"', b'{"a":}', b"\xff\xfe", b"{}x"])
def test_malformed_json_is_400(user, body):
    answer = user.http.post("/api/seats/reserve", body,
                            headers={"Content-Type": "application/json"})
    assert_error(answer, 400)


@pytest.mark.parametrize("path", ["/api/events/not-a-uuid", "/api/seats/events/123",
                                  "/api/events/" + "f" * 36])
def test_malformed_uuid_in_a_path_is_400(http, path):
    assert_error(http.get(path), 400)


def test_malformed_uuid_in_a_body_is_400(user, hall):
    event, _ = hall
    assert_error(user.reserve("nope", [str(uuid.uuid4())]), 400)
    assert_error(user.reserve(event, ["nope"]), 400)


def test_wrong_media_type_is_415(user):
    answer = user.http.post("/api/seats/reserve", b"a=b",
                            headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert_error(answer, 415)


def test_body_over_a_megabyte_is_413(user):
    answer = user.http.post("/api/seats/reserve", b"{" + b" " * (1 << 20) + b"}",
                            headers={"Content-Type": "application/json"})
    assert_error(answer, 413)


def test_request_ids(http):
    a, b = http.get("/api/time"), http.get("/api/time")
    assert a.headers["x-request-id"] and a.headers["x-request-id"] != b.headers["x-request-id"]
    mine = str(uuid.uuid4())
    assert http.get("/api/time", headers={"X-Request-Id": mine}).headers["x-request-id"] == mine
    assert http.get("/api/nowhere").headers["x-request-id"]


def test_gzip_only_when_accepted(http, db):
    event = db.value("SELECT id FROM events WHERE title LIKE '스포츠%'")
    plain = http.get(f"/api/seats/events/{event}")
    packed = http.get(f"/api/seats/events/{event}", headers={"Accept-Encoding": "gzip, br"})
    refused = http.get(f"/api/seats/events/{event}", headers={"Accept-Encoding": "gzip;q=0"})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert "accept-encoding" in packed.headers["vary"].lower()
    assert "content-encoding" not in refused.headers
    assert len(packed.body) < len(plain.body) / 4
    assert json.loads(gzip.decompress(packed.body))["event"] == plain.json["event"]


def test_personal_answers_are_not_stored(user):
    assert "no-store" in user.http.get("/api/auth/me").headers["cache-control"]
    assert "no-store" in user.http.get("/api/reservations/my").headers["cache-control"]


def test_json_content_type(http):
    for path in ("/api/time", "/api/events", "/api/nowhere"):
        assert http.get(path).headers["content-type"].startswith("application/json")


def test_openapi_lists_what_is_served(http):
    api = http.get("/openapi.json").json
    assert api["openapi"].startswith("3.1")
    paths = {re.sub(r"\{\w+\}", "{}", p.replace("/api/v1/", "/api/")): set(x)
             for p, x in api["paths"].items()}
    for method, path in (
            ("post", "/api/auth/register"), ("post", "/api/auth/login"), ("get", "/api/auth/me"),
            ("post", "/api/auth/logout"), ("get", "/api/events"), ("get", "/api/events/{}"),
            ("get", "/api/seats/layouts"), ("get", "/api/seats/events/{}"),
            ("post", "/api/seats/reserve"), ("get", "/api/seats/reservation/{}"),
            ("get", "/api/reservations/my"), ("get", "/api/reservations/{}"),
            ("post", "/api/reservations/{}/cancel"), ("get", "/api/time"), ("get", "/health")):
        assert method in paths.get(path, set()), (method, path)
    for path, methods in api["paths"].items():
        for name, operation in methods.items():
            if name in ("get", "post", "put", "delete", "patch"):
                assert operation["responses"], (path, name)


def test_time(http):
    answer = http.get("/api/time").json
    assert re.match(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$", answer["time"])


def test_health_and_actuator(http):
    health = http.get("/health")
    assert health.status == 200 and health.json["status"] == "ok"
    assert health.json["service"] and all(v == "ok" for v in health.json["dependencies"].values())
    for path in ("", "/liveness", "/readiness"):
        answer = http.get("/actuator/health" + path)
        assert answer.status == 200 and answer.json["status"] == "UP"
    assert http.get("/actuator/info").status == 200


# -- what has no endpoint of its own ---------------------------------------------------------------


def test_unknown_and_null_fields_are_ignored(user, hall):
    event, seats = hall
    answer = user.http.post("/api/v1/seats/reserve", {
        "eventId": event, "seatIds": seats[:1], "idempotencyKey": None, "paymentMethod": "card",
        "status": "confirmed", "price": 1, "userId": str(uuid.uuid4())})
    assert answer.status == 200, answer
    assert answer.json["reservation"]["status"] == "pending"


def test_a_bad_token_is_nobody_on_public_paths(http):
    for headers in ({"Authorization": "Bearer x.y.z"}, {"Cookie": "access_token=x.y.z"},
                    {"Authorization": "Basic x"}, {"Authorization": ""}):
        assert http.get("/api/events", headers=headers).status == 200
        assert_error(http.get("/api/auth/me", headers=headers), 401, "Authentication required")


def test_preflight_of_anything_is_answered(node):
    """Not authenticated, not limited, not gated, whatever the path."""
    http = node.client()
    headers = {"Origin": ORIGIN, "Access-Control-Request-Method": "PUT"}
    for path in ("/api/nowhere", "/api/admin/events", "/api/v1/reservations/my", "/health"):
        answer = http.request("OPTIONS", path, headers=headers)
        assert answer.status == 204 and not answer.body, answer
        assert_cors(answer)


def test_preflight_of_the_waiting_room(http):
    answer = http.request("OPTIONS", "/vwr-api/vwr/assign/x", headers={
        "Origin": ORIGIN, "Access-Control-Request-Method": "POST"})
    assert answer.status == 204
    assert_cors(answer)
    assert answer.headers["access-control-allow-methods"] == "GET, POST, OPTIONS"
    assert answer.headers["access-control-allow-headers"] == "Content-Type"


def test_the_clock_is_readable_without_credentials(http):
    answer = http.get("/api/time", headers={"Origin": ORIGIN})
    assert_cors(answer)
    assert answer.json["time"].endswith("Z")


def test_a_head_without_access_is_told_nothing_by_405(http):
    """1.5: what needs a login answers 401 before it names its methods."""
    assert_error(http.request("DELETE", "/api/reservations/my"), 401)
    assert_error(http.request("PATCH", "/api/seats/reserve"), 401)


@pytest.mark.parametrize("path", ["/api/events?q=%ff", "/api/events?q=" + "x" * 101])
def test_search_words_that_are_no_text_are_400(http, path):
    assert_error(http.get(path), 400)


@pytest.mark.parametrize("key", ["x" * 65, "\xff\xfe", "가" * 65])
def test_idempotency_keys_of_the_header_are_checked(user, hall, key):
    event, seats = hall
    raw_key = key.encode("latin-1", "replace") if key[0] in "x\xff" else key.encode()
    answer = user.http.post("/api/seats/reserve", {"eventId": event, "seatIds": seats[:1]},
                            headers={"Idempotency-Key": raw_key})
    assert_error(answer, 400)


def test_a_key_of_64_characters_is_taken(user, hall):
    event, seats = hall
    for name, value in (("ascii", b"k" * 64), ("korean", ("가" * 64).encode())):
        answer = user.http.post("/api/seats/reserve", {"eventId": event, "seatIds": seats[:1]},
                                headers={"Idempotency-Key": value})
        assert answer.status == 200, (name, answer)


def test_every_answer_says_how_browsers_must_take_it(http, user):
    for client, path in ((http, "/api/events"), (http, "/api/nowhere"), (user.http, "/api/auth/me"),
                         (http, "/health"), (http, "/openapi.json"), (http, "/docs")):
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff", path
        assert headers["x-frame-options"] == "DENY", path
        assert "strict-transport-security" not in headers, "plain http, as COOKIE_SECURE says"


def test_pages_may_run_only_what_is_served_here(http):
    page = http.get("/docs")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    policy = page.headers["content-security-policy"]
    for part in ("default-src 'self'", "script-src 'self'", "object-src 'none'",
                 "base-uri 'none'", "frame-ancestors 'none'"):
        assert part in policy
    assert "unsafe-inline" not in policy
    assert page.headers["referrer-policy"] == "same-origin"
    assert "payment=(self)" in page.headers["permissions-policy"]
    text = page.body.decode()
    assert not re.search(r"<script>|<style|style=|\son\w+=|https?://", text), "nothing inline"
    for name, kind in re.findall(r'(?:src|href)="(/docs/[\w.]+\.(\w+))"', text):
        part = http.get(name)
        assert part.status == 200 and part.body
        assert part.headers["content-type"].startswith(
            {"js": "text/javascript", "css": "text/css"}[kind])


# -- the description -------------------------------------------------------------------------------


class Forged:
    """An answer that no server gave."""

    def __init__(self, status, body, **headers):
        self.status, self.body = status, json.dumps(body).encode()
        self.headers = {"x-request-id": "1", "x-content-type-options": "nosniff", "vary": "Origin",
                        "x-frame-options": "DENY", "content-type": "application/json", **headers}


def test_answers_that_are_not_described_are_found(node, http):
    """The check all tests pass through fails for routes, statuses, types and shapes."""
    contract = harness.contract_of(node.port)
    good = {"time": "2026-02-15T10:00:00.123Z"}
    contract.check("GET", "/api/v1/time?x=1", Forged(200, good))
    refusal = {"error": "x", "message": "x", "code": "X"}
    limited = {"error": "x", "message": "x", "code": "RATE_LIMITED"}
    contract.check("GET", "/api/time", Forged(429, limited))
    contract.check("GET", "/api/nowhere", Forged(404, refusal))
    for method, path, answer in (
            ("GET", "/api/nowhere", Forged(200, good)), ("POST", "/api/time", Forged(200, good)),
            ("GET", "/api/time", Forged(201, good)), ("GET", "/api/time", Forged(418, good)),
            ("GET", "/api/time", Forged(200, {"time": "yesterday"})),
            ("GET", "/api/time", Forged(200, {})),
            ("GET", "/api/time", Forged(429, {"error": "x"})),
            ("GET", "/api/time", Forged(429, refusal)),  # A code that is not listed.
            ("GET", "/api/time", Forged(429, {**limited, "message": "y"})),
            ("GET", "/api/nowhere", Forged(404, {**refusal, "message": "y"})),
            ("GET", "/api/nowhere", Forged(404, {})),
            ("GET", "/api/time", Forged(200, good, **{"content-type": "text/html"}))):
        with pytest.raises(AssertionError):
            contract.check(method, path, answer)


def test_every_operation_says_who_may_call_and_what_may_go_wrong(http):
    document = http.get("/openapi.json").json
    names = []
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            where = f"{method} {path}"
            names.append(operation["operationId"])
            assert operation["summary"] and operation["tags"], where
            assert operation["x-access"] in ("public", "user", "admin"), where
            statuses = set(operation["responses"])
            assert {"400", "500", "503"} <= statuses, where
            if operation["x-access"] != "public":
                assert "401" in statuses and operation["security"], where
            if operation["x-access"] == "admin":
                assert "403" in statuses, where
            wanted = {p for p in re.findall(r"\{(\w+)\}", path)}
            given = {p["name"] for p in operation.get("parameters", []) if p["in"] == "path"}
            assert wanted == given, where
    assert len(names) == len(set(names))


# -- operations ------------------------------------------------------------------------------------


def test_metrics(user, hall, http):
    event, seats = hall
    for n, key in enumerate(("key", "fail")):  # A payment, and one that is declined.
        held = user.reserve(event, seats[n + 1:n + 2]).json["reservationId"]
        order = user.http.post("/api/payments/prepare", {"reservationId": held}).json
        user.http.post("/api/payments/confirm", {
            "paymentKey": f"{key}-{uuid.uuid4()}", "orderId": order["orderId"],
            "amount": order["amount"]})
    http.get(f"/api/events/{event}")
    user.reserve(event, seats[:1])
    assert user.http.get("/api/reservations/my").status == 200
    text = http.get("/actuator/prometheus").body.decode()
    for name in ("http_server_requests_seconds_count", "http_server_requests_seconds_bucket",
                 "process_cpu_usage", "process_uptime_seconds",
                 "business_reservation_created_total",
                 "business_reservation_confirmed_total",
                 "business_reservation_cancelled_total", "business_reservation_expired_total",
                 "business_reservation_create_duration_seconds", "seat_conflicts_total",
                 "outbox_pending", "outbox_oldest_seconds", "stream_clients",
                 "log_lines_dropped_total", "security_events_total"):
        assert name in text, name
    for line in (r'cache_requests_total\{cache="(catalogue|seats)",result="miss"\} [1-9]',
                 r'db_statement_seconds_count\{name="\w+"\} [1-9]',
                 r'db_pool_in_use\{pool="store"\} \d', r'db_pool_size\{pool="reads"\} 2',
                 r'event_reads_total [1-9]', r'reservation_searches_total [1-9]',
                 r'rate_limiter_degraded 0',
                 r'payment_processed_total\{method="toss",provider="mock",type="reservation"\} '
                 r'[1-9]',
                 r'payment_failed_total\{error_code="PAYMENT_DECLINED",provider="mock"\} [1-9]'):
        assert re.search(line, text), line
    for line in (r'ledger_batch_ops_count\{lane="sales[01]"\} [1-9]',
                 r'ledger_batch_seconds_bucket\{lane="accounts",le="0.005"\} \d',
                 r'ledger_verdicts_total\{lane="sales[01]",outcome="ok"\} [1-9]',
                 r'ledger_lane_aborts_total\{lane="queue"\} 0',
                 r'ledger_lane_depth\{lane="sales0"\} 0', r'ledger_lane_down\{lane="sales1"\} 0',
                 r'shard_epoch\{shard="127"\} [1-9]', r'shard_entities_awake\{shard="\d+"\} [1-9]',
                 r'shard_messages_total\{shard="\d+"\} [1-9]'):
        assert re.search(line, text), line
    assert len(re.findall(r"^shard_epoch", text, re.M)) == 128
    assert "cluster_link" not in text, "a node that is alone has no links"
    families = re.findall(r"^# TYPE (\S+)", text, re.M)
    assert len(families) == len(set(families)), "a family is told once"
    assert re.search(r'http_server_requests_seconds_count\{[^}]*uri="/api/seats/reserve"', text)
    assert str(uuid.UUID(event)) not in text, "an id in a label makes a series per id"


# -- what Pistache would mishandle -----------------------------------------------------------------


def exchanged(node, data, patience=3.0):
    """Sends bytes and reads until the server closes or says nothing for a while: what it said, and
    whether it closed."""
    with socket.create_connection(("127.0.0.1", node.port), timeout=patience) as s:
        s.sendall(data)
        out = b""
        try:
            while chunk := s.recv(65536):
                out += chunk
        except socket.timeout:
            return out, False
        except ConnectionResetError:
            pass
    return out, True


def raw(node, data, patience=3.0):
    return exchanged(node, data, patience)[0]


def statuses(data):
    return [int(x) for x in re.findall(rb"HTTP/1\.[01] (\d{3})", data)]


def test_pipelined_requests_each_get_their_answer_or_a_closed_connection(node):
    first = b"GET /api/time HTTP/1.1\r\nHost: x\r\nX-Request-Id: pipelined-0001\r\n\r\n"
    second = b"GET /api/auth/me HTTP/1.1\r\nHost: x\r\nX-Request-Id: pipelined-0002\r\n\r\n"
    got = raw(node, first + second, 2)
    assert statuses(got) == [200, 401], got
    assert got.index(b"pipelined-0001") < got.index(b"pipelined-0002")


@pytest.mark.parametrize("request_bytes", [
    b"GET / HTTP/1.1\r\n\r\n\x00\x01", b"NONSENSE\r\n\r\n", b"GET /api/time\r\n\r\n",
    b"GET /api/time HTTP/9.9\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03",
    b"POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    b"POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
    b"POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n"
    b"\r\nabcdef",
    b"POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"GET /api/time HTTP/1.1\r\nHost: x\r\nBad Header: 1\r\n\r\n"])
def test_malformed_requests_end_in_a_4xx_or_a_closed_connection(node, request_bytes):
    got, closed = exchanged(node, request_bytes, 2)
    assert closed or statuses(got), "neither an answer nor an end"
    assert all(400 <= s < 500 or s in (501, 505) for s in statuses(got)), got
    assert statuses(got) or not got, got
    assert node.client().get("/api/time").status == 200


def test_chunked_body_is_read(node, hall):
    body = b'{"email":"a@tests.example","password":"whatever1"}'
    request = (b"POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
               b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
               + b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in (body[:7], body[7:]))
               + b"0\r\n\r\n")
    got = raw(node, request)
    assert statuses(got) == [401] and b"BAD_CREDENTIALS" in got, got


def test_request_in_pieces(node):
    with socket.create_connection(("127.0.0.1", node.port), timeout=5) as s:
        for byte in b"GET /api/time HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n":
            s.sendall(bytes([byte]))
        out = b""
        while chunk := s.recv(4096):
            out += chunk
    assert statuses(out) == [200]


def test_keep_alive_for_a_client_that_says_nothing_of_it(node):
    with socket.create_connection(("127.0.0.1", node.port), timeout=5) as s:
        for _ in range(3):
            s.sendall(b"GET /api/time HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b" 200 " in s.recv(65536).split(b"\r\n")[0]


def test_a_client_that_never_reads_stalls_nobody(node, db):
    """H-23: one client, then two hundred, ask for 4,900 seats and never read."""
    event = db.value("SELECT id FROM events WHERE title LIKE '스포츠%'")
    ask = f"GET /api/seats/events/{event} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    deaf = []
    try:
        for count in (1, 200):
            while len(deaf) < count:
                s = socket.socket()
                s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                s.connect(("127.0.0.1", node.port))
                s.sendall(ask)
                deaf.append(s)
            other = node.client(timeout=3)
            for _ in range(20):
                assert other.get("/api/time").status == 200
    finally:
        for s in deaf:
            s.close()
