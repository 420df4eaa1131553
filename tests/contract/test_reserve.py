"""POST /api/seats/reserve: 2.4, 1.10, G01, G14, D17, D18, C20, C30."""
import concurrent.futures
import re
import time
import uuid

import pytest

import tiketi_harness as harness
from conftest import assert_error, start_node

TS = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(Z|\+00:00)$")


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_one_to_four_seats(user, hall, db, count):
    event, seats = hall
    answer = user.reserve(event, seats[:count], paymentMethod="ignored")
    assert answer.status == 200, answer
    body = answer.json
    made = body["reservation"]
    assert body["message"] == "Seat reserved temporarily"
    assert body["reservationId"] == made["id"]
    assert re.match(r"^TK\d{13}-[0-9A-F]{8}$", made["reservationNumber"])
    assert made["totalAmount"] == 50000 * count
    assert made["status"] == made["paymentStatus"] == "pending"
    assert TS.match(made["expiresAt"])
    assert [s["id"] for s in made["seats"]] == seats[:count]
    for seat in made["seats"]:
        assert seat["status"] == "locked" and seat["version"] == 1 and seat["price"] == 50000
        assert seat["seat_label"] and isinstance(seat["fencingToken"], int)
    assert made["fencingToken"] == made["seats"][0]["fencingToken"] > 0
    rows = db.rows(f"SELECT status, version, locked_by, reservation_id, fencing_token FROM seats "
                   f"WHERE event_id = '{event}' AND status <> 'available'")
    assert [r[:4] for r in rows] == [["locked", "1", user.id, made["id"]]] * count
    items = db.rows(f"SELECT quantity, unit_price, subtotal FROM reservation_items "
                    f"WHERE reservation_id = '{made['id']}'")
    assert items == [["1", "50000", "50000"]] * count
    history = db.rows(f"SELECT from_status, to_status, actor, actor_id FROM reservation_history "
                      f"WHERE reservation_id = '{made['id']}'")
    assert history == [["", "pending", "user", user.id]]
    told = db.rows(f"SELECT type FROM outbox WHERE key = '{made['id']}'")
    assert told == [["RESERVATION_CREATED"]]


def test_expires_after_the_configured_time(user, hall, db):
    event, seats = hall
    made = user.reserve(event, seats[:1]).json["reservationId"]
    left = float(db.value(f"SELECT extract(epoch FROM expires_at - created_at) FROM reservations "
                          f"WHERE id = '{made}'"))
    assert abs(left - 300) < 1


@pytest.mark.parametrize("seats,text", [
    ([], "Please select at least one seat"), (None, "Please select at least one seat")])
def test_no_seats(user, hall, seats, text):
    assert_error(user.reserve(hall[0], seats), 400, text)


def test_too_many_and_equal_seats(user, hall):
    event, seats = hall
    assert_error(user.reserve(event, seats[:5]), 400, "At most 4 seats can be selected")
    assert_error(user.reserve(event, [seats[0]] * 2), 400, "Seats must be distinct")


@pytest.mark.parametrize("body", [
    {"seatIds": [str(uuid.uuid4())]}, {"eventId": None, "seatIds": [str(uuid.uuid4())]},
    {"eventId": 5, "seatIds": [str(uuid.uuid4())]}, {"eventId": str(uuid.uuid4()), "seatIds": "x"},
    {"eventId": str(uuid.uuid4()), "seatIds": [5]}, {}])
def test_bad_fields_are_400(user, body):
    assert_error(user.http.post("/api/seats/reserve", body), 400)


def test_unknown_event_comes_before_unknown_seat(user, hall):
    """C30"""
    event, seats = hall
    assert_error(user.reserve(str(uuid.uuid4()), [str(uuid.uuid4())]), 404, "Event not found")
    assert_error(user.reserve(event, [str(uuid.uuid4())]), 404, "Selected seat not found")
    assert_error(user.reserve(event, [seats[0], str(uuid.uuid4())]), 404, "Selected seat not found")


def test_seat_of_another_event_is_unknown(user, hall, db):
    other = harness.add_event(db, "Other hall", seats=20)
    assert_error(user.reserve(other, hall[1][:1]), 404, "Selected seat not found")


@pytest.mark.parametrize("columns", [
    {"sale_start_date": "now() + interval '1 hour'"},
    {"sale_start_date": "now() - interval '2 days'", "sale_end_date": "now() - interval '1 hour'"},
    {"status": "'cancelled'"},
    {"event_date": "now() - interval '1 hour'"}])
def test_closed_sales_are_403(user, db, columns):
    event = harness.add_event(db, "Closed", seats=20, **columns)
    answer = user.reserve(event, harness.seats_of(db, event)[:1])
    assert_error(answer, 403, "Sale is not open for this event")


def test_a_held_seat_is_409_and_says_when_to_come_back(make_user, hall):
    event, seats = hall
    assert make_user().reserve(event, seats[:1]).status == 200
    answer = make_user().reserve(event, seats[:1])
    assert answer.status == 409
    body = assert_error(answer, 409, code="SEAT_HELD")
    assert body["message"].startswith("Seat already selected by another user")
    assert 0 < body["retryAfterMs"] <= 300_000


def test_all_or_none(make_user, hall, db):
    event, seats = hall
    assert make_user().reserve(event, [seats[2]]).status == 200
    assert make_user().reserve(event, seats[:4]).status == 409
    assert db.number(f"SELECT count(*) FROM seats WHERE event_id = '{event}' "
                     "AND status <> 'available'") == 1
    # The tentative claims of the refused request are gone: the seats can be had at once.
    assert make_user().reserve(event, [seats[0], seats[1], seats[3]]).status == 200


def test_seats_of_several_blocks(user, make_user, db):
    event = harness.add_event(db, "Large", seats=1200)
    seats = harness.seats_of(db, event)
    wanted = [seats[1100], seats[3], seats[700], seats[4]]
    made = user.reserve(event, wanted)
    assert made.status == 200, made
    assert sorted(s["id"] for s in made.json["reservation"]["seats"]) == sorted(wanted)
    assert make_user().reserve(event, [seats[699], seats[700]]).status == 409
    assert user.cancel(made.json["reservationId"]).status == 200
    assert make_user().reserve(event, [seats[699], seats[700]]).status == 200


def test_own_seat_again_returns_the_reservation_as_it_is(user, hall):
    """G14, P-36: the deadline never moves, the hold is never released."""
    event, seats = hall
    first = user.reserve(event, seats[:1]).json["reservation"]
    time.sleep(0.05)
    again = user.reserve(event, seats[:1])
    assert again.status == 200, again
    assert again.json["reservation"]["id"] == first["id"]
    assert again.json["reservation"]["expiresAt"] == first["expiresAt"]
    assert again.json["reservation"]["seats"][0]["version"] == 1


def test_own_seat_with_another_one_names_the_reservation(user, hall):
    """P-36: nothing is made, nothing is released, and nobody else is blamed."""
    event, seats = hall
    own = user.reserve(event, seats[:1]).json["reservation"]
    body = assert_error(user.reserve(event, seats[:2]), 409, "Seat modified concurrently",
                        "SEAT_YOURS")
    assert body["reservationId"] == own["id"] and len(body["seats"]) == 1
    three = user.reserve(event, seats[1:4])
    assert three.status == 200, "the further seats alone can be had"
    body = assert_error(user.reserve(event, seats[:4]), 409, code="SEAT_YOURS")
    assert body["reservationId"] in (own["id"], three.json["reservationId"])
    assert_error(user.reserve(event, seats[1:5]), 403)  # Five would be too many.
    again = user.reserve(event, seats[:1]).json["reservation"]
    assert (again["id"], again["expiresAt"]) == (own["id"], own["expiresAt"])


def test_at_most_four_held_seats_per_event(user, hall, db):
    """D18, counted in seats (G01)."""
    event, seats = hall
    assert user.reserve(event, seats[:3]).status == 200
    assert user.reserve(event, seats[3:5]).status == 403
    last = user.reserve(event, [seats[3]])
    assert last.status == 200
    assert user.reserve(event, [seats[4]]).status == 403
    other = harness.add_event(db, "Elsewhere", seats=20)
    assert user.reserve(other, harness.seats_of(db, other)[:1]).status == 200
    assert user.cancel(last.json["reservationId"]).status == 200
    assert user.reserve(event, [seats[4]]).status == 200


def test_fencing_tokens_and_versions_rise(user, hall):
    event, seats = hall
    tokens, versions = [], []
    for _ in range(3):
        made = user.reserve(event, seats[:1]).json["reservation"]
        tokens.append(made["fencingToken"])
        versions.append(made["seats"][0]["version"])
        assert user.cancel(made["id"]).status == 200
    assert tokens == sorted(set(tokens)) and versions == [1, 3, 5]


# -- idempotency -----------------------------------------------------------------------------------


def test_same_key_same_payload_is_one_reservation(user, hall):
    event, seats = hall
    key = str(uuid.uuid4())
    first, again = user.reserve(event, seats[:2], key), user.reserve(event, seats[:2], key)
    assert (first.status, again.status) == (200, 200), again
    assert again.json["reservation"]["id"] == first.json["reservation"]["id"]
    assert set(again.json["reservation"]) == set(first.json["reservation"])
    user.cancel(first.json["reservationId"])
    later = user.reserve(event, seats[:2], key)
    assert later.status == 200 and later.json["reservation"]["status"] == "cancelled"


def test_same_key_other_payload_is_a_conflict(user, hall):
    event, seats = hall
    key = str(uuid.uuid4())
    assert user.reserve(event, seats[:1], key).status == 200
    assert_error(user.reserve(event, seats[1:2], key), 409, code="IDEMPOTENCY_CONFLICT")


def test_a_used_key_is_told_before_what_does_not_exist(user, hall):
    event, seats = hall
    nowhere, key = str(uuid.uuid4()), str(uuid.uuid4())
    assert user.reserve(event, seats[:1], key).status == 200
    for other in ((event, [nowhere]), (nowhere, [nowhere]), (nowhere, seats[:1])):
        assert_error(user.reserve(*other, key), 409, code="IDEMPOTENCY_CONFLICT")
    assert_error(user.reserve(event, [nowhere], "another"), 404, "Selected seat not found")
    assert_error(user.reserve(nowhere, [nowhere], "another"), 404, "Event not found")


def test_a_replay_after_cancellation_tells_of_the_seats_as_they_are(make_user, hall):
    """C20, C27, 2.4: the first answer's ids and tokens; nothing that nobody wrote down."""
    event, seats = hall
    one, two = make_user(), make_user()
    first = one.reserve(event, seats[:2], "k").json["reservation"]
    assert one.cancel(first["id"]).status == 200
    theirs = two.reserve(event, seats[:1]).json["reservation"]
    again = one.reserve(event, seats[:2], "k").json["reservation"]
    assert set(again) == set(first)
    assert (again["status"], again["paymentStatus"]) == ("cancelled", "pending")
    same = ("id", "reservationNumber", "totalAmount", "expiresAt", "fencingToken")
    assert [again[x] for x in same] == [first[x] for x in same]
    for x in ("id", "seat_label", "price", "fencingToken"):
        assert [s[x] for s in again["seats"]] == [s[x] for s in first["seats"]]
    assert [(s["status"], s["version"]) for s in again["seats"]] == [("locked", 3),
                                                                    ("available", 2)]
    assert theirs["fencingToken"] > again["fencingToken"] > 0


def test_a_key_of_choosing_again_is_used(user, hall):
    event, seats = hall
    first = user.reserve(event, seats[:2], "k1").json["reservation"]
    assert user.reserve(event, seats[:2], "k2").json["reservation"]["id"] == first["id"]
    assert_error(user.reserve(event, seats[2:3], "k2"), 409, code="IDEMPOTENCY_CONFLICT")
    assert user.cancel(first["id"]).status == 200
    again = user.reserve(event, seats[:2], "k2").json["reservation"]
    assert (again["id"], again["status"]) == (first["id"], "cancelled")


def test_key_of_the_header_wins(user, hall):
    event, seats = hall
    a = user.http.post("/api/seats/reserve",
                       {"eventId": event, "seatIds": seats[:1], "idempotencyKey": "body-key"},
                       headers={"Idempotency-Key": "header-key"})
    b = user.http.post("/api/seats/reserve", {"eventId": event, "seatIds": seats[1:2]},
                       headers={"Idempotency-Key": "header-key"})
    assert a.status == 200
    assert_error(b, 409, code="IDEMPOTENCY_CONFLICT")


def test_a_key_is_the_users_own(make_user, hall):
    """P-35"""
    event, seats = hall
    a, b = make_user().reserve(event, seats[:1], "k1"), make_user().reserve(event, seats[1:2], "k1")
    assert (a.status, b.status) == (200, 200)
    assert a.json["reservationId"] != b.json["reservationId"]


def test_long_key_is_400(user, hall):
    assert user.reserve(hall[0], hall[1][:1], "k" * 64).status == 200
    assert_error(user.reserve(hall[0], hall[1][1:2], "k" * 65), 400)


def test_concurrent_twins_are_one_reservation(node, user, hall, db):
    event, seats = hall
    body = {"eventId": event, "seatIds": seats[:2], "idempotencyKey": str(uuid.uuid4())}

    def ask(_):
        return node.client(token=user.token).post("/api/seats/reserve", body)
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(ask, range(24)))
    assert {a.status for a in answers} <= {200, 503}, answers
    assert len({a.json["reservationId"] for a in answers if a.status == 200}) == 1
    assert db.number(f"SELECT count(*) FROM reservations WHERE event_id = '{event}'") == 1


# -- expiry ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def brief():
    """A node whose holds live two seconds."""
    running = start_node(RESERVATION_TTL_SECONDS="2", RESERVATION_CLEANUP_INTERVAL_MS="1000")
    yield running
    running.close()


def test_holds_run_out_by_themselves(brief):
    from conftest import User
    event = harness.add_event(brief.database, "Brief", seats=20)
    seats = harness.seats_of(brief.database, event)
    user, other = User(brief), User(brief)
    made = user.reserve(event, seats[:3]).json["reservation"]
    refused = other.reserve(event, seats[:1])
    assert refused.status == 409 and refused.json["retryAfterMs"] <= 2000
    time.sleep(2.6)
    assert other.reserve(event, seats[:1]).status == 200, "free when its time is up"
    seen = user.http.get(f"/api/reservations/{made['id']}").json["reservation"]
    assert seen["status"] == "expired" and seen["payment_status"] == "pending"
    assert_error(user.cancel(made["id"]), 409)
    assert brief.database.rows(
        f"SELECT from_status, to_status, actor FROM reservation_history WHERE reservation_id = "
        f"'{made['id']}' ORDER BY id") == [
        ["", "pending", "user"], ["pending", "expired", "system"]]
    told = brief.database.rows(
        f"SELECT type, body->>'reservationId', body->>'userId', body->>'eventId', "
        f"body->>'totalAmount', body ? 'reason' FROM outbox "
        f"WHERE key = '{made['id']}' ORDER BY seq")
    fields = [made["id"], user.id, event, "150000", "f"]
    assert told == [["RESERVATION_CREATED"] + fields, ["RESERVATION_EXPIRED"] + fields]  # D35
    time.sleep(2.6)
    assert harness.judge(brief.database) == {}


def test_a_row_that_nobody_remembers_is_swept(brief):
    """H-20: pending and overdue, written by hand; the sweep ends it."""
    from conftest import User
    db = brief.database
    event = harness.add_event(db, "Swept", seats=20)
    seats = harness.seats_of(db, event)
    user = User(brief)
    made = user.reserve(event, seats[:1]).json["reservation"]["id"]
    db.rows(f"UPDATE reservations SET expires_at = now() - interval '5 s' WHERE id = '{made}'")
    deadline = time.monotonic() + 12
    while db.value(f"SELECT status FROM reservations WHERE id = '{made}'") == "pending":
        assert time.monotonic() < deadline, "still pending"
        time.sleep(0.2)
    assert db.value(f"SELECT status FROM seats WHERE id = '{seats[0]}'") == "available"
