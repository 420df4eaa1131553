"""Sections 2.10, 2.11, 4.2 and 4.3: the gate before an event, for people and for organisers."""
import base64
import hashlib
import hmac
import itertools
import json
import re
import time
import uuid

import pytest

import tiketi_harness as harness
from conftest import User, assert_error, cookies_of, people_of, start_node, until

SECRET = harness.JWT_SECRET[::-1]  # Of entry tokens.
OTHER_SECRET = "tests: the key of the first tier alone!"
ADDRESSES = itertools.count(1)
WAITING = {"admitted", "position", "servingCounter", "totalInQueue", "ahead", "estimatedWait",
           "nextPoll"}
ADMITTED = {"admitted", "position", "servingCounter", "totalInQueue", "ahead", "token"}


def gate_node(**env):
    return start_node(ENTRY_GATE="on", QUEUE_THRESHOLD="1", QUEUE_ADMISSION_INTERVAL_MS="200",
                      TRUSTED_PROXIES="127.0.0.1", VWR_ADVANCE_BATCH="5", **env)


@pytest.fixture(scope="module")
def gates():
    """A node whose gates let nobody through while a test runs, unless it says so."""
    running = gate_node(VWR_ADVANCE_INTERVAL_MS="3600000")
    yield running
    running.close()


@pytest.fixture
def http(gates):
    client = gates.client()
    yield client
    client.close()


@pytest.fixture
def admin(gates):
    client = admin_of(gates)
    yield client
    client.close()


def admin_of(node):
    client = node.client()
    answer = client.post("/api/auth/login",
                         {"email": harness.ADMIN[0], "password": harness.ADMIN[1]})
    client.token = answer.json["token"]
    return client


@pytest.fixture
def event(gates):
    return harness.add_event(gates.database, "Opening night", seats=20)


@pytest.fixture
def opened(admin, event):
    act(admin, "activate", event)
    return event


def act(admin, verb, event, body=None):
    answer = admin.post(f"/api/admin/vwr/{verb}/{event}", body)
    assert answer.status == 200, answer
    return answer.json


def assign(http, event, user=None, address=None, cookie=None):
    """As a browser behind an address of its own."""
    headers = {"X-Forwarded-For": address or f"198.51.100.{next(ADDRESSES) % 250}"}
    if cookie:
        headers["Cookie"] = cookie
    return http.post(f"/vwr-api/vwr/assign/{event}", {} if user is None else {"userId": user},
                     headers=headers)


def check(http, event, request, user="anon-1", cookie=None):
    return http.get(f"/vwr-api/vwr/check/{event}/{request}?userId={user}",
                    headers={"Cookie": cookie} if cookie else {})


def claims_of(token):
    middle = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))


def signed_by(token, secret):
    text, _, shown = token.rpartition(".")
    mac = hmac.new(secret.encode(), text.encode(), hashlib.sha256)
    return harness.b64url(mac.digest()) == shown


def proof_of(answer, event):
    name = f"tiketi-vwr-{event}"
    return f"{name}={cookies_of(answer)[name][0]}"


def through(http, event, user="anon-1"):
    """A tier-1 token: somebody comes, and is let through."""
    place = assign(http, event, user).json
    answer = check(http, event, place["requestId"], user)
    assert answer.json["admitted"], answer
    return answer.json["token"]


# -- people ---------------------------------------------------------------------------------------


def test_without_a_gate_there_is_nothing_to_wait_for(http, event):
    unknown = uuid.uuid4()
    for x in (event, unknown):
        assert_error(assign(http, x), 404, "VWR is not active for this event", "VWR_NOT_ACTIVE")
        assert_error(http.get(f"/vwr-api/vwr/status/{x}"), 404, "VWR not found for this event")
        assert_error(check(http, x, uuid.uuid4()), 404,
                     "Position not found. Request a new position.")
    assert_error(assign(http, "nonsense"), 400)


def test_other_paths_are_not_found(http):
    for path in ("/vwr-api", "/vwr-api/vwr", "/vwr-api/vwr/advance/x", "/vwr-api/vwr/assign"):
        assert_error(http.get(path), 404, "Not found")


def test_positions_count_from_one_and_wait(http, opened):
    first, second = assign(http, opened).json, assign(http, opened, "anon-2").json
    assert first["position"] == 1 and second["position"] == 2
    assert set(first) == {"requestId", "position", "estimatedWait", "servingCounter"}
    assert first["estimatedWait"] == 1 and first["servingCounter"] == 0
    assert uuid.UUID(first["requestId"]).version == 4
    until(lambda: check(http, opened, first["requestId"]).json["totalInQueue"] == 2)
    answer = check(http, opened, second["requestId"])
    assert answer.json == {"admitted": False, "position": 2, "servingCounter": 0,
                           "totalInQueue": 2, "ahead": 2, "estimatedWait": 1, "nextPoll": 2}
    assert answer.headers["cache-control"] == "no-store"
    assert http.get(f"/vwr-api/vwr/status/{opened}").json == {
        "eventId": opened, "isActive": True, "totalInQueue": 2, "serving": 0, "waitingCount": 2}


def test_a_name_is_optional_and_bounded(http, opened):
    assert assign(http, opened, "").status == 200
    assert http.post(f"/vwr-api/vwr/assign/{opened}").status == 200, "no body at all"
    assert http.post(f"/vwr-api/vwr/assign/{opened}", {"userId": None}).status == 200
    assert_error(assign(http, opened, "x" * 201), 400)
    assert_error(http.post(f"/vwr-api/vwr/assign/{opened}", {"userId": 7}), 400)


def test_a_request_id_that_was_not_given_is_unknown(http, opened, gates):
    mine = assign(http, opened).json["requestId"]
    last = "0" if mine[-1] != "0" else "1"
    for forged in (uuid.uuid4(), mine[:-1] + last, "nonsense", "%41"):
        assert_error(check(http, opened, forged), 404, code="VWR_POSITION_NOT_FOUND")
    other = harness.add_event(gates.database, "Another night", seats=1)
    assert_error(check(http, other, mine), 404)


def test_whoever_is_let_through_gets_a_token(http, admin, opened):
    place = assign(http, opened, "anon-7").json
    assign(http, opened)
    assert act(admin, "advance", opened, {"batchSize": 1}) == {
        "eventId": opened, "servingCounter": 1, "advanced": 1}
    answer = check(http, opened, place["requestId"], "anon-7").json
    assert set(answer) == ADMITTED and answer["admitted"] and answer["ahead"] == 0
    claims = claims_of(answer["token"])
    assert claims["sub"] == opened and claims["uid"] == "anon-7" and claims["tier"] == 1
    assert claims["position"] == 1 and claims["exp"] == claims["iat"] + 600
    assert signed_by(answer["token"], SECRET), "the tier-2 key when there is no other"


def test_newcomers_below_the_counter_pass_at_once(http, admin, opened):
    assign(http, opened)
    act(admin, "advance", opened)
    place = assign(http, opened).json
    assert place["position"] == 2 and place["estimatedWait"] == 0
    assert check(http, opened, place["requestId"]).json["admitted"]


def test_a_gate_that_is_taken_away_lets_everybody_through(http, admin, opened):
    place = assign(http, opened).json
    assert act(admin, "deactivate", opened) == {"eventId": opened, "status": "deactivated"}
    answer = check(http, opened, place["requestId"]).json
    assert set(answer) == ADMITTED and answer["admitted"] and answer["totalInQueue"] == 1
    assert_error(assign(http, opened), 404, "VWR is not active for this event")
    assert http.get(f"/vwr-api/vwr/status/{opened}").json["isActive"] is False


def test_a_gate_that_is_opened_again_begins_anew(http, admin, opened):
    old = assign(http, opened).json
    act(admin, "deactivate", opened)
    act(admin, "activate", opened)
    assert_error(check(http, opened, old["requestId"]), 404)
    assert assign(http, opened).json["position"] == 1


def test_one_browser_under_one_name_has_one_place(http, opened):
    first = assign(http, opened, "anon-9")
    mine = proof_of(first, opened)
    _, attributes = cookies_of(first)[f"tiketi-vwr-{opened}"]
    assert {"HttpOnly", "Path=/vwr-api", "Max-Age=86400", "SameSite=Strict"} <= set(attributes)
    again = assign(http, opened, "anon-9", cookie=mine).json
    assert again == first.json
    assert assign(http, opened, "anon-8", cookie=mine).json["position"] == 2
    assert assign(http, opened, cookie=mine).json["position"] == 3, "no name, no claim"


def test_an_address_gets_ten_positions_at_once(http, opened):
    me = "203.0.113.1"
    seen = [assign(http, opened, address=me).status for _ in range(13)]
    assert seen[:10] == [200] * 10 and seen[-1] == 429
    answer = assign(http, opened, address=me)
    assert_error(answer, 429, "Rate limit exceeded")
    assert answer.headers["retry-after"] == "1"
    assert assign(http, opened, address="203.0.113.2").status == 200
    time.sleep(0.5)
    assert assign(http, opened, address=me).status == 200


def test_the_page_is_the_same_for_everybody(http, opened):
    page = http.get(f"/vwr/{opened}")
    assert page.status == 200 and page.body == http.get("/vwr/anything").body
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["cache-control"] == "public, max-age=300"
    policy = page.headers["content-security-policy"]
    assert "script-src 'self'" in policy and "unsafe" not in policy
    text = page.body.decode()
    assert re.findall(r"<script(?![^>]* src=)|<style|\sstyle=|\son\w+=", text) == []
    for name, kind in re.findall(r'(?:src|href)="(/vwr/waiting\.(css|js))"', text):
        file = http.get(name)
        assert file.status == 200 and kind in {"css", "js"}, file
        assert file.headers["content-type"] == {"css": "text/css; charset=utf-8",
                                                "js": "text/javascript; charset=utf-8"}[kind]
        assert file.headers["cache-control"] == "public, max-age=300"


def test_preflights_of_the_gate(http, opened):
    answer = http.request("OPTIONS", f"/vwr-api/vwr/assign/{opened}", headers={
        "Origin": "http://localhost:3000", "Access-Control-Request-Method": "POST"})
    assert answer.status == 204
    assert answer.headers["access-control-allow-methods"] == "GET, POST, OPTIONS"
    assert answer.headers["access-control-allow-headers"] == "Content-Type"


# -- organisers -----------------------------------------------------------------------------------


def test_only_organisers_steer(http, event, gates):
    somebody = User(gates)
    for method, verb in (("POST", "activate"), ("POST", "deactivate"), ("POST", "advance"),
                         ("GET", "status")):
        path = f"/api/admin/vwr/{verb}/{event}"
        assert_error(http.request(method, path), 401)
        assert_error(somebody.http.request(method, path), 403, "Admin role required")
    somebody.http.close()


def test_what_organisers_are_told(http, admin, event):
    unknown = str(uuid.uuid4())
    report = lambda x: admin.get(f"/api/admin/vwr/status/{x}").json  # noqa: E731
    assert report(event) == {"eventId": event, "status": "not_found"}
    assert report(unknown) == {"eventId": unknown, "status": "not_found"}
    assert_error(admin.post(f"/api/admin/vwr/activate/{unknown}"), 404, "Event not found")
    assert_error(admin.post(f"/api/admin/vwr/deactivate/{event}"), 404,
                 "VWR not found for this event")
    assert act(admin, "advance", event)["status"] == "caught_up"
    told = act(admin, "activate", event)
    assert told["status"] == "activated" and told["eventId"] == event and told["message"]
    for _ in range(3):
        assign(http, event)
    assert report(event) == {"eventId": event, "isActive": True, "nextPosition": 3,
                             "servingCounter": 0, "waiting": 3}
    assert act(admin, "activate", event)["status"] == "activated"
    assert report(event)["nextPosition"] == 3, "an open gate keeps its counters"
    assert act(admin, "advance", event, {"batchSize": 2})["servingCounter"] == 2
    assert report(event)["waiting"] == 1
    assert act(admin, "advance", event)["servingCounter"] == 502
    told = act(admin, "advance", event)
    assert told["status"] == "caught_up" and told["message"]
    for wrong in (0, -1, "x", 1.5):
        assert_error(admin.post(f"/api/admin/vwr/advance/{event}", {"batchSize": wrong}), 400)


def test_every_change_is_audited(admin, event, gates):
    act(admin, "activate", event)
    act(admin, "advance", event, {"batchSize": 3})
    act(admin, "deactivate", event)
    assert_error(admin.post(f"/api/admin/vwr/activate/{uuid.uuid4()}"), 404)
    rows = gates.database.rows(
        "SELECT action, coalesce(request_summary, ''), response_status FROM admin_audit_logs "
        f"WHERE resource_id = '{event}' ORDER BY created_at")
    assert [tuple(x) for x in rows] == [("ACTIVATE_VWR", "", "200"), ("ADVANCE_VWR", "3", "200"),
                                        ("DEACTIVATE_VWR", "", "200")]


# -- the tiers together ---------------------------------------------------------------------------


def join(user, event, token=None, **headers):
    if token:
        headers["x-vwr-token"] = token
    return user.http.post(f"/api/v1/queue/check/{event}", headers=headers)


@pytest.fixture
def people(gates):
    with people_of(gates) as make:
        yield make


def test_joining_needs_a_token_while_the_gate_is_open(http, admin, opened, people):
    a, b = people(2)
    answer = join(a, opened)
    assert_error(answer, 403, "Waiting room token required", "VWR_TOKEN_REQUIRED")
    assert answer.json["redirectTo"] == f"/vwr/{opened}"
    assign(http, opened)
    act(admin, "advance", opened)
    token = through(http, opened)
    assert_error(join(a, opened, token + "x"), 403)
    assert join(a, opened, token).json["status"] == "active"
    assert join(a, opened).status == 200, "whoever is inside is not asked again"
    cookie = f"urr-vwr-token={through(http, opened)}"
    assert join(b, opened, Cookie=cookie).json["status"] == "queued"
    assert join(b, opened).json["status"] == "queued", "whoever waits is not asked again"
    act(admin, "deactivate", opened)
    c, = people(1)
    assert join(c, opened).json["status"] == "queued"


def test_a_token_of_another_event_or_kind_is_none(http, admin, opened, people, gates):
    a, = people(1)
    other = harness.add_event(gates.database, "Another night", seats=1)
    act(admin, "activate", other)
    assign(http, other)
    act(admin, "advance", other)
    assert_error(join(a, opened, through(http, other)), 403)
    now = int(time.time())
    entry = harness.sign({"sub": opened, "uid": a.id, "iat": now, "exp": now + 600},
                         SECRET)
    assert_error(join(a, opened, entry), 403)
    late = harness.sign({"sub": opened, "uid": "x", "tier": 1, "position": 1, "order": 1,
                         "iat": now - 700, "exp": now - 100}, SECRET)
    assert_error(join(a, opened, late), 403)


def test_a_token_as_the_contract_has_it_is_enough(opened, people):
    a, = people(1)
    now = int(time.time())
    token = harness.sign({"sub": opened, "uid": "anon-1", "tier": 1, "position": 3, "iat": now,
                          "exp": now + 600}, SECRET)
    assert join(a, opened, token).json["status"] == "active"


def test_a_tier_1_token_opens_no_purchase(http, admin, opened, people):
    """Both tiers share a key here, and the name in a tier-1 token is what its owner says."""
    a, = people(1)
    assign(http, opened)
    act(admin, "advance", opened)
    token = through(http, opened, a.id)
    answer = a.http.post("/api/v1/seats/reserve", {"eventId": opened, "seatIds": []},
                         headers={"x-queue-entry-token": token})
    assert_error(answer, 403, "Queue entry token required")


def test_the_order_of_the_gate_goes_on_in_the_room(http, admin, opened, people):
    inside, direct, late, early = people(4)
    act(admin, "deactivate", opened)
    assert join(inside, opened).json["status"] == "active"
    assert join(direct, opened).json["position"] == 1
    act(admin, "activate", opened)
    first, second = assign(http, opened).json, assign(http, opened).json
    act(admin, "advance", opened)
    token = {n: check(http, opened, x["requestId"]).json["token"]
             for n, x in ((1, first), (2, second))}
    assert join(late, opened, token[2]).json["position"] == 1, "before who came directly"
    assert join(early, opened, token[1]).json["position"] == 1, "and by number"
    assert join(late, opened).json["position"] == 2
    assert join(direct, opened).json["position"] == 3
    # A claim in the query is no claim.
    answer = direct.http.post(f"/api/v1/queue/check/{opened}?vwrPosition=-1")
    assert answer.json["position"] == 3
    # One number is good for one place at a time.
    twin, = people(1)
    assert join(twin, opened, token[2]).json["position"] == 4
    # Whoever reloads the page leaves and comes back to the same place.
    late.http.post(f"/api/v1/queue/leave/{opened}")
    assert join(late, opened, token[2]).json["position"] == 2
    inside.http.post(f"/api/v1/queue/leave/{opened}")
    until(lambda: join(early, opened).json["status"] == "active")
    early.http.post(f"/api/v1/queue/leave/{opened}")
    until(lambda: join(late, opened).json["status"] == "active")
    # And for one slot.
    assert join(early, opened, token[1]).json["position"] > 1


def test_whoever_came_to_a_later_gate_is_behind(http, admin, opened, people):
    inside, a, b = people(3)
    assign(http, opened)
    act(admin, "advance", opened)
    assert join(inside, opened, through(http, opened)).json["status"] == "active"
    for _ in range(3):
        assign(http, opened)
    old = through(http, opened)
    act(admin, "deactivate", opened)
    act(admin, "activate", opened)
    assign(http, opened)
    act(admin, "advance", opened)
    new = through(http, opened)
    assert claims_of(new)["position"] < claims_of(old)["position"]
    assert join(b, opened, new).json["position"] == 1
    assert join(a, opened, old).json["position"] == 1
    assert join(b, opened).json["position"] == 2


# -- by itself ------------------------------------------------------------------------------------


def test_time_lets_people_through_and_a_browser_is_bound_to_its_place():
    node = gate_node(VWR_ADVANCE_INTERVAL_MS="200", VWR_BIND_BROWSER="true",
                     VWR_TOKEN_SECRET=OTHER_SECRET)
    try:
        http, admin = node.client(), admin_of(node)
        event = harness.add_event(node.database, "Opening night", seats=1)
        act(admin, "activate", event)
        given = [assign(http, event, f"anon-{n}") for n in range(12)]
        last = given[-1].json["requestId"]
        assert_error(check(http, event, last), 404, code="VWR_POSITION_NOT_FOUND")
        assert_error(check(http, event, last, cookie=proof_of(given[0], event)), 404)
        mine = proof_of(given[-1], event)
        until(lambda: check(http, event, last, cookie=mine).json["admitted"])
        answer = check(http, event, last, cookie=mine).json
        assert answer["servingCounter"] == 15 and answer["totalInQueue"] == 12
        assert signed_by(answer["token"], OTHER_SECRET)
    finally:
        node.close()


def test_a_killed_node_tells_no_position_twice_and_forgets_nobody():
    node = gate_node(VWR_ADVANCE_INTERVAL_MS="3600000")
    try:
        http, admin = node.client(), admin_of(node)
        event = harness.add_event(node.database, "Opening night", seats=1)
        act(admin, "activate", event)
        given = [assign(http, event).json for _ in range(20)]
        act(admin, "advance", event, {"batchSize": 5})
        late = [assign(http, event).json for _ in range(5)]
        node.kill()
        node.start()
        http, admin = node.client(), admin_of(node)
        assert check(http, event, given[0]["requestId"]).json["admitted"]
        seen = check(http, event, late[-1]["requestId"]).json
        assert seen["position"] == 25 and not seen["admitted"] and seen["servingCounter"] == 5
        fresh = assign(http, event).json
        assert fresh["position"] > 25, "no number twice"
        # Nobody waits for the numbers that were never given: only for people.
        until(lambda: check(http, event, fresh["requestId"]).json["ahead"] == 21)
    finally:
        node.close()
