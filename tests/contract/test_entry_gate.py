"""Section 1.8: nobody holds a seat who was not let in; everything else stays open."""
import time
import uuid

import pytest

import tiketi_harness as harness
from conftest import User, assert_error, start_node

SECRET = harness.JWT_SECRET[::-1]
BYPASS = "tests: a proxy's secret"
REFUSAL = {"error": "Queue entry token required", "message": "Queue entry token required",
           "code": "ENTRY_TOKEN_REQUIRED", "redirectTo": "/queue"}


@pytest.fixture(scope="module")
def gated():
    running = start_node(ENTRY_GATE="on", CLOUDFRONT_SECRET=BYPASS)
    yield running
    running.close()


@pytest.fixture
def buyer(gated):
    made = User(gated)
    yield made
    made.http.close()


@pytest.fixture(scope="module")
def place(gated):
    event = harness.add_event(gated.database, "Gated", seats=40)
    return event, iter(harness.seats_of(gated.database, event))


def entry(event, user, secret=SECRET, alg="HS256", **changes):
    now = int(time.time())
    claims = {"sub": event, "uid": user, "iat": now, "exp": now + 600, **changes}
    return harness.sign({k: v for k, v in claims.items() if v is not None}, secret, alg)


def reserve(client, event, seats, token=None, **headers):
    if token is not None:
        headers["x-queue-entry-token"] = token
    return client.post("/api/v1/seats/reserve", {"eventId": event, "seatIds": seats},
                       headers=headers)


def assert_shut(answer):
    assert answer.status == 403 and answer.json == REFUSAL, answer


def test_the_right_token_opens_by_header_and_by_cookie(buyer, place):
    event, seats = place
    token = entry(event, buyer.id)
    assert reserve(buyer.http, event, [next(seats)], token).status == 200
    answer = reserve(buyer.http, event, [next(seats)], Cookie=f"urr-entry-token={token}")
    assert answer.status == 200, answer


def test_the_header_wins_over_the_cookie(buyer, place):
    event, seats = place
    good, bad = entry(event, buyer.id), entry(event, buyer.id, exp=1)
    assert_shut(reserve(buyer.http, event, [next(seats)], bad, Cookie=f"urr-entry-token={good}"))
    assert reserve(buyer.http, event, [next(seats)], good,
                   Cookie=f"urr-entry-token={bad}").status == 200


@pytest.mark.parametrize("forge", [
    lambda e, u: None, lambda e, u: "", lambda e, u: "x", lambda e, u: "a.b.c",
    lambda e, u: entry(e, u, exp=int(time.time()) - 1), lambda e, u: entry(e, u, exp=None),
    lambda e, u: entry(e, u, secret=harness.JWT_SECRET), lambda e, u: entry(e, None),
    lambda e, u: entry(e, str(uuid.uuid4())), lambda e, u: entry(None, u),
    lambda e, u: entry("x", u), lambda e, u: entry(e, u, alg="HS384"),
    lambda e, u: harness.sign({"sub": e, "uid": u, "exp": int(time.time()) + 600}, "", "none",
                              None),
    lambda e, u: entry(e, u, iat=int(time.time()) + 3600),
    lambda e, u: harness.access_token(u)],
    ids=["missing", "empty", "word", "garbage", "expired", "endless", "foreign key", "no user",
         "other user", "no event", "bad event", "other algorithm", "unsigned", "from the future",
         "access token"])
def test_any_other_token_is_refused(buyer, place, forge):
    event, seats = place
    assert_shut(reserve(buyer.http, event, [next(seats)], forge(event, buyer.id)))


def test_a_token_of_another_event_is_refused_after_the_body_is_read(buyer, place):
    event, seats = place
    token = entry(str(uuid.uuid4()), buyer.id)
    assert_shut(reserve(buyer.http, event, [next(seats)], token))
    assert_error(reserve(buyer.http, "no uuid", [next(seats)], token), 400)


def test_gate_login_and_form_come_in_this_order(gated, buyer, place):
    event, _ = place
    stranger = gated.client()
    assert_shut(reserve(stranger, event, ["A1", "A2"]))
    assert_error(reserve(stranger, event, ["A1", "A2"], entry(event, buyer.id)), 401)
    assert_error(reserve(buyer.http, event, ["A1"], entry(event, buyer.id)), 400)


def test_whoever_knows_the_bypass_needs_no_token(buyer, place):
    event, seats = place
    headers = {"X-CloudFront-Verified": BYPASS}
    assert reserve(buyer.http, event, [next(seats)], **headers).status == 200
    for wrong in (BYPASS[:-1], BYPASS + "x", "", "x" * len(BYPASS)):
        headers = {"X-CloudFront-Verified": wrong}
        assert_shut(reserve(buyer.http, event, [next(seats)], **headers))


def test_without_the_secret_nobody_gets_by(place):
    node = start_node(ENTRY_GATE="on")
    try:
        buyer = User(node)
        answer = reserve(buyer.http, str(uuid.uuid4()), [], **{"X-CloudFront-Verified": ""})
        assert_shut(answer)
    finally:
        node.close()


def test_nothing_else_is_gated_and_bad_tokens_harm_nowhere(buyer, place):
    """P-14: reading, one's own reservation and cancelling stay open for ever."""
    event, seats = place
    made = reserve(buyer.http, event, [next(seats)], entry(event, buyer.id)).json
    stale = {"x-queue-entry-token": entry(event, str(uuid.uuid4()), exp=1),
             "Cookie": "urr-entry-token=nonsense"}
    for path in ("/api/events", f"/api/events/{event}", f"/api/seats/events/{event}",
                 "/api/reservations/my", f"/api/reservations/{made['reservationId']}",
                 f"/api/seats/reservation/{made['reservationId']}", "/api/auth/me", "/api/time"):
        assert buyer.http.get(path, headers=stale).status == 200, path
    answer = buyer.http.post(f"/api/reservations/{made['reservationId']}/cancel", headers=stale)
    assert answer.status == 200, answer


def test_creating_standing_reservations_is_gated(buyer, place):
    """D6, P-15: the other of the two creations; a token opens its own event only."""
    event, _ = place

    def order(*token):
        headers = {"x-queue-entry-token": token[0]} if token else {}
        items = [{"ticketTypeId": str(uuid.uuid4()), "quantity": 1}]
        return buyer.http.post("/api/v1/reservations", {"eventId": event, "items": items},
                               headers=headers)
    assert_shut(order())
    assert_shut(order(entry(str(uuid.uuid4()), buyer.id)))
    assert_error(order(entry(event, buyer.id)), 404)

