"""Payments and bookings for staff (G19): what they find, what the days tell, what is settled."""
import datetime
import itertools
import urllib.parse
import uuid

import pytest

import tiketi_harness as harness
from conftest import assert_error, until
from test_payments import confirm, prepare

PAYMENTS = "/api/admin/payments"
SETTLEMENTS = "/api/admin/settlements"
LOOKS = (PAYMENTS, f"{PAYMENTS}/summary", f"{PAYMENTS}/{uuid.uuid4()}", "/api/admin/reservations")
times = itertools.count(1)
NAME = urllib.parse.quote("홍길동")


@pytest.fixture(scope="module")
def admin(node):
    client = node.client()
    said = client.post("/api/auth/login", {"email": harness.ADMIN[0],
                                           "password": harness.ADMIN[1]})
    assert said.status == 200, said
    client.token = said.json["token"]
    yield client
    client.close()


def buy(user, hall, seat, key=None, expect=200):
    """The reservation and the order; pays with a key by which the mock does as it says."""
    event, seats = hall
    held = user.reserve(event, [seats[seat]])
    assert held.status == 200, held
    reservation = held.json["reservationId"]
    order = prepare(user, reservation).json["orderId"]
    paid = confirm(user, order, key or f"key-{uuid.uuid4()}")
    assert paid.status == expect, paid
    return reservation, order


def read(admin, path):
    answer = admin.get(path)
    assert answer.status == 200, answer
    return answer.json


def found(admin, query):
    return read(admin, f"{PAYMENTS}?{query}")["payments"]


def test_only_admins_look_and_settle(user, http):
    for client, status in ((http, 401), (user.http, 403)):
        for path in LOOKS:
            assert client.get(path).status == status
        assert client.post(SETTLEMENTS, {}).status == status


def test_a_payment_is_found_by_what_is_known_of_it(admin, user, hall, db):
    event, _ = hall
    key = f"key-{uuid.uuid4()}"
    reservation, order = buy(user, hall, 0, key)
    number = db.value(f"SELECT reservation_number FROM reservations WHERE id = '{reservation}'")
    (one,) = found(admin, f"q={order}")
    for query in (key, number, reservation, one["id"]):
        assert found(admin, f"q={query}") == [one]
    assert one in found(admin, f"q={user.mail.upper()}")
    assert one in found(admin, f"q={NAME}&limit=100")
    assert (one["status"], one["amount"], one["provider"], one["method"]) == (
        "confirmed", 50000, "mock", "toss")
    assert (one["payment_key"], one["error_code"], one["refund_amount"]) == (key, None, 0)
    assert (one["user_id"], one["user_email"], one["user_name"]) == (user.id, user.mail, "홍길동")
    assert (one["reservation_number"], one["event_id"], one["event_title"]) == (
        number, event, "Hall")
    for query in ("status=confirmed", "method=toss", "provider=mock", "from=2026-01-01",
                  f"from={urllib.parse.quote(one['created_at'])}"):
        assert one in found(admin, f"{query}&limit=100"), query
    for query in (f"q={order}&status=failed", f"q={order}&method=card", f"q={order}&provider=toss",
                  f"q={order}&to=2026-01-01", f"q={order}&errorCode=X", "q=nobody",
                  "status=nonsense"):
        assert found(admin, query) == [], query
    for query in ("from=x", "to=2026-13-01", "page=x", "limit=x"):
        assert_error(admin.get(f"{PAYMENTS}?{query}"), 400)


def test_pages_of_payments(admin, user, hall):
    for seat in range(3):
        buy(user, hall, seat)
    page = read(admin, f"{PAYMENTS}?q={user.mail}&limit=2")
    assert page["pagination"] == {"page": 1, "limit": 2, "total": 3, "totalPages": 2}
    assert page["complete"] is True
    rest = read(admin, f"{PAYMENTS}?q={user.mail}&limit=2&page=2")["payments"]
    made = [x["created_at"] for x in page["payments"] + rest]
    assert len(made) == 3 and made == sorted(made, reverse=True)


def test_every_call_to_the_provider_leaves_a_row(admin, user, hall, db):
    reservation, order = buy(user, hall, 0, f"fail-{uuid.uuid4()}", expect=400)
    (one,) = found(admin, f"q={order}")
    assert one["status"] == "failed" and one["error_code"]
    assert one in found(admin, f"errorCode={one['error_code']}&limit=100")

    def told():
        return read(admin, f"{PAYMENTS}/{one['id']}")
    until(lambda: told()["logs"])
    first = told()["logs"][0]
    assert (first["call"], first["outcome"], first["code"], first["amount"]) == (
        "approve", "declined", one["error_code"], 50000)
    assert first["subject"] == told()["attempts"][0]["id"] and first["provider"] == "mock"
    reservation, order = buy(user, hall, 1)
    assert user.cancel(reservation).status == 200
    (paid,) = found(admin, f"q={order}")
    until(lambda: [x["call"] for x in read(admin, f"{PAYMENTS}/{paid['id']}")["logs"]][:2] == [
        "approve", "refund"])
    detail = read(admin, f"{PAYMENTS}/{paid['id']}")
    assert [(x["status"], x["amount"]) for x in detail["attempts"]] == [("approved", 50000)]
    until(lambda: read(admin, f"{PAYMENTS}/{paid['id']}")["refunds"][0]["status"] == "done")
    assert detail["payment"]["refund_reason"] and detail["settled"] == []
    assert_error(admin.get(f"{PAYMENTS}/{uuid.uuid4()}"), 404, "Payment not found")
    assert_error(admin.get(f"{PAYMENTS}/nonsense"), 400)
    page = admin.get("/actuator/prometheus").body.decode()
    assert "payment_call_rows_dropped_total 0" in page
    assert db.number("SELECT count(*) FROM payment_calls p WHERE p::text LIKE '%key-%'") == 0


def today():
    return (datetime.datetime.now(datetime.timezone.utc) +
            datetime.timedelta(hours=9)).date().isoformat()


def test_the_days_tell_what_came_of_payments(admin, user, hall):
    def day():
        return read(admin, f"{PAYMENTS}/summary?from={today()}&to={today()}")["days"][0]
    before = day()
    buy(user, hall, 0)
    buy(user, hall, 1, f"fail-{uuid.uuid4()}", expect=400)
    reservation, _ = buy(user, hall, 2)
    assert user.cancel(reservation).status == 200
    until(lambda: day()["refunded"]["count"] == before["refunded"]["count"] + 1)
    after = day()
    assert after["confirmed"]["count"] == before["confirmed"]["count"] + 2
    assert after["confirmed"]["amount"] == before["confirmed"]["amount"] + 100000
    assert after["failed"]["count"] == before["failed"]["count"] + 1
    assert after["failed"]["count"] == sum(after["failed"]["byCode"].values())
    assert after["refunded"]["amount"] == before["refunded"]["amount"] + 50000
    whole = read(admin, f"{PAYMENTS}/summary")
    assert len(whole["days"]) == 30 and whole["to"] == today()
    assert whole["total"]["confirmed"]["count"] == sum(
        x["confirmed"]["count"] for x in whole["days"])
    for query in ("from=x", "from=2026-02-02&to=2026-02-01", "from=2026-01-01&to=2026-12-31"):
        assert_error(admin.get(f"{PAYMENTS}/summary?{query}"), 400)


def settlement(rows, **changes):
    """Of a time of its own, long ago."""
    day = datetime.date(2020, 1, 1) + datetime.timedelta(days=next(times))
    return {"provider": "mock", "from": f"{day}T00:00:00Z",
            "to": f"{day + datetime.timedelta(days=1)}T00:00:00Z", "settledOn": "2021-01-04",
            "payments": rows, **changes}


def test_what_is_settled_is_booked_once(admin, user, hall, db):
    _, order = buy(user, hall, 0)
    what = settlement([{"orderId": order, "amount": 50000, "fee": 1500}],
                      **{"from": "2026-01-01T00:00:00Z", "to": "2100-01-01T00:00:00Z",
                         "settledOn": "2021-01-05"})
    for changed in (True, False):
        answer = admin.post(SETTLEMENTS, what)
        assert answer.status == 200, answer
        assert answer.json["changed"] is changed
        sums = answer.json["settlement"]
        assert (sums["payments"], sums["amount"], sums["fees"], sums["paidOut"]) == (
            1, 50000, 1500, 48500)
        assert order not in [x["orderId"] for x in answer.json["differences"]]
        assert answer.json["differencesTotal"] >= len(answer.json["differences"])
    assert db.rows("SELECT b.account, b.amount FROM books b JOIN payments p ON p.id = b.payment_id "
                   f"WHERE p.order_id = '{order}' ORDER BY account") == [
        ["costs", "1500"], ["credits", "48500"], ["provider", "50000"], ["sales", "-50000"],
        ["settled", "-50000"]]
    (day,) = read(admin, f"{PAYMENTS}/summary?from=2021-01-05&to=2021-01-05")["days"]
    assert day["settled"] == {"count": 1, "amount": 50000, "refunded": 0, "fees": 1500,
                              "paidOut": 48500}
    (one,) = found(admin, f"q={order}")
    assert read(admin, f"{PAYMENTS}/{one['id']}")["settled"] == [
        {"provider": "mock", "date": "2021-01-05", "amount": 50000, "refunded": 0, "fee": 1500}]
    assert db.rows("SELECT response_status, count(*) FROM admin_audit_logs WHERE action = "
                   f"'TAKE_SETTLEMENT' AND resource_id = '{sums['id']}' GROUP BY 1") == [
                       ["200", "2"]]
    what["payments"] = []  # It was a mistake: what is on the list no more is taken back.
    assert admin.post(SETTLEMENTS, what).json["changed"] is True
    assert db.rows("SELECT b.account, sum(b.amount) FROM books b JOIN payments p ON p.id = "
                   f"b.payment_id WHERE p.order_id = '{order}' GROUP BY 1 ORDER BY 1") == [
        ["costs", "0"], ["credits", "0"], ["provider", "50000"], ["sales", "-50000"],
        ["settled", "0"]]


def test_what_a_provider_has_alone_is_told(admin):
    answer = admin.post(SETTLEMENTS, settlement([{"orderId": "ORD_OF_NOBODY", "amount": 7}]))
    assert answer.status == 200 and answer.json["differences"] == [
        {"orderId": "ORD_OF_NOBODY", "is": "unknown_here", "here": None,
         "there": {"amount": 7, "refunded": 0}}]


@pytest.mark.parametrize("change, why", [
    ({"provider": ""}, "provider must name a provider"),
    ({"from": "yesterday"}, "from and to must be times with their offset"),
    ({"to": "2019-01-01T00:00:00Z"}, "to must be after from"),
    ({"settledOn": "x"}, "settledOn must be a day, YYYY-MM-DD"),
    ({"payments": {}}, "payments: is no list of payments"),
    ({"payments": [{"orderId": "x"}]},
     "payments: row 1: needs orderId, amount and, perhaps, refunded and fee"),
    ({"payments": [{"orderId": "x", "amount": 1}] * 20001}, "payments: has too many rows"),
])
def test_what_is_no_settlement_is_refused_and_on_record(admin, db, change, why):
    noted = "SELECT count(*) FROM admin_audit_logs WHERE action = 'TAKE_SETTLEMENT'"
    before = db.number(noted)
    assert_error(admin.post(SETTLEMENTS, settlement([], **change)), 400, why)
    assert db.number(noted) == before + 1


def test_reservations_are_found_by_what_is_known_of_them(admin, user, hall, db):
    event, seats = hall
    held = user.reserve(event, [seats[0]]).json["reservationId"]
    bought, _ = buy(user, hall, 1)
    number = db.value(f"SELECT reservation_number FROM reservations WHERE id = '{held}'")

    def booked(query):
        return [x["id"] for x in read(admin, f"/api/admin/reservations?{query}")["reservations"]]
    assert booked(f"eventId={event}") == [bought, held]
    assert booked(f"eventId={event}&status=pending") == [held]
    assert booked(f"q={number}") == booked(f"q={held}") == [held]
    assert booked(f"q={user.mail}") == [bought, held]
    assert booked(f"q={NAME}&eventId={event}") == [bought, held]
    assert booked(f"eventId={event}&to=2026-01-01") == []
    assert booked(f"eventId={event}&from=2026-01-01&limit=1&page=2") == [held]
    assert booked("q=nobody") == booked(f"eventId={uuid.uuid4()}") == []
    assert_error(admin.get("/api/admin/reservations?eventId=x"), 400, "eventId must be a uuid")
    (one,) = [x for x in read(admin, f"/api/admin/reservations?eventId={event}")["reservations"]
              if x["id"] == bought]
    assert (one["status"], one["payment_status"], one["total_amount"]) == (
        "confirmed", "completed", 50000)
    assert (one["user_name"], one["user_email"], one["event_title"]) == ("홍길동", user.mail, "Hall")
