"""What an event allows buyers who cancel: set by organisers, told to buyers, kept in the books."""
import uuid

import pytest

import tiketi_harness as harness
from conftest import assert_error
from test_payments import confirm, detail, order_of, prepare, wait_until

FREE = {"untilHours": None, "showDay": True, "fees": []}
CLOSED = (409, "This reservation can no longer be cancelled", "CANCELLATION_CLOSED")
# Late in the evening before a show of tomorrow it is the day before; always it is within ten days.
TEN_PERCENT = {"untilHours": None, "showDay": True, "fees": [{"daysBefore": 10, "percent": 10}]}


@pytest.fixture(scope="module")
def admin(node):
    client = node.client()
    client.token = client.post(
        "/api/auth/login", dict(zip(("email", "password"), harness.ADMIN))).json["token"]
    yield client
    client.close()


@pytest.fixture
def show(db):
    """A standing event of the day after tomorrow: its id and its ticket type."""
    event, (kind,) = harness.add_standing(db, "Soon", [("Floor", 50005, 10)], **{
        "event_date": "date_trunc('day', now() AT TIME ZONE 'Asia/Seoul') AT TIME ZONE "
                      "'Asia/Seoul' + interval '2 days 12 hours'"})
    return event, kind


def policy_of(event):
    return f"/api/admin/events/{event}/cancellation-policy"


def allow(admin, event, **policy):
    answer = admin.put(policy_of(event), policy)
    assert answer.status == 200, answer
    return answer.json["cancellationPolicy"]


def buy(user, show):
    """A paid reservation of one ticket: its id, its order and its key."""
    event, kind = show
    held = user.order(event, [(kind, 1)])
    assert held.status == 200, held
    reservation = held.json["reservationId"]
    order = prepare(user, reservation).json["orderId"]
    key = f"key-{uuid.uuid4()}"
    assert confirm(user, order, key, 50005).status == 200
    return reservation, order, key


def books_of(db, order):
    return dict(db.rows("SELECT b.account, sum(b.amount) FROM books b JOIN payments p ON "
                        f"p.id = b.payment_id WHERE p.order_id = '{order}' GROUP BY b.account"))


def test_an_event_is_free_to_cancel_until_somebody_says_otherwise(admin, http, show, user, db):
    event, _ = show
    assert admin.get(policy_of(event)).json == {"eventId": event, "cancellationPolicy": FREE}
    assert http.get(f"/api/events/{event}").json["event"]["cancellationPolicy"] == FREE
    reservation, order, key = buy(user, show)
    assert detail(user, reservation)["cancellation"] == {
        "possible": True, "fee": 0, "refund": 50005, "until": None}
    answer = user.http.post(f"/api/v1/payments/{key}/cancel")
    assert answer.json["refundAmount"] == 50005, answer
    wait_until(lambda: order_of(user, order)["status"] == "refunded")
    assert "fees" not in books_of(db, order)
    assert detail(user, reservation)["cancellation"] is None


def test_the_fee_is_told_before_and_kept_in_the_books(admin, show, user, db):
    event, _ = show
    assert allow(admin, event, **TEN_PERCENT) == TEN_PERCENT
    held = user.order(event, [(show[1], 1)]).json["reservationId"]
    assert detail(user, held)["cancellation"] == {
        "possible": True, "fee": 0, "refund": 0, "until": None}
    assert user.cancel(held).status == 200, "what is not paid costs nothing"
    reservation, order, key = buy(user, show)
    assert detail(user, reservation)["cancellation"] == {
        "possible": True, "fee": 5000, "refund": 45005, "until": None}
    answer = user.http.post(f"/api/v1/payments/{key}/cancel", {"idempotencyKey": "once"})
    assert (answer.status, answer.json["refundAmount"]) == (200, 45005), answer
    again = user.http.post(f"/api/v1/payments/{key}/cancel", {"idempotencyKey": "once"})
    assert (again.status, again.json["refundAmount"]) == (200, 45005), again
    wait_until(lambda: order_of(user, order)["status"] == "refunded")
    assert books_of(db, order) == {"provider": "5000", "sales": "0", "owed": "0", "fees": "-5000"}
    assert db.rows(f"SELECT refund_amount FROM payments WHERE order_id = '{order}'") == [["45005"]]
    told = db.rows("SELECT type, body->>'amount', body->>'refundAmount', body->>'fee' FROM outbox "
                   f"WHERE key IN ('{order}', '{reservation}') AND type IN ('PAYMENT_REFUNDED', "
                   "'RESERVATION_CANCELLED') ORDER BY type")
    assert told == [["PAYMENT_REFUNDED", "45005", "", "5000"],
                    ["RESERVATION_CANCELLED", "", "45005", "5000"]]


def test_a_part_that_the_provider_puts_off_goes_back_once(admin, show, user, db):
    event, kind = show
    allow(admin, event, **TEN_PERCENT)
    reservation = user.order(event, [(kind, 1)]).json["reservationId"]
    order = prepare(user, reservation).json["orderId"]
    key = f"refuse-refund-1-lost-refund-1-{uuid.uuid4()}"
    assert confirm(user, order, key, 50005).status == 200
    assert user.cancel(reservation).status == 200
    wait_until(lambda: order_of(user, order)["status"] == "refunded", 30)
    assert books_of(db, order) == {"provider": "5000", "sales": "0", "owed": "0", "fees": "-5000"}


def test_so_many_hours_before_the_show_nobody_cancels(admin, show, user, db):
    event, _ = show
    reservation, order, key = buy(user, show)
    allow(admin, event, untilHours=8760)
    assert detail(user, reservation)["cancellation"]["possible"] is False
    for _ in range(2):
        assert_error(user.cancel(reservation), *CLOSED)
        assert_error(user.http.post(f"/api/v1/payments/{key}/cancel"), *CLOSED)
    assert detail(user, reservation)["status"] == "confirmed"
    assert order_of(user, order)["status"] == "confirmed"
    allow(admin, event, untilHours=1)
    told = detail(user, reservation)["cancellation"]
    assert told["possible"] is True and told["until"] is not None
    assert user.cancel(reservation).status == 200


def test_not_on_the_day_of_the_show(admin, show, user, db):
    event, _ = show
    reservation, _, _ = buy(user, show)
    assert allow(admin, event, showDay=False) == {**FREE, "showDay": False}
    assert detail(user, reservation)["cancellation"]["possible"] is True
    db.rows("UPDATE events SET event_date = date_trunc('day', now() AT TIME ZONE 'Asia/Seoul') "
            f"AT TIME ZONE 'Asia/Seoul' + interval '23:59:59' WHERE id = '{event}'")
    assert_error(user.cancel(reservation), *CLOSED)
    allow(admin, event, showDay=True)
    assert user.cancel(reservation).status == 200


def test_only_organisers_say_so_and_it_is_on_record(admin, show, user, http, db):
    event, _ = show
    for who, status in ((http, 401), (user.http, 403)):
        assert who.put(policy_of(event), {}).status == status
        assert who.get(policy_of(event)).status == status
    assert_error(admin.put(policy_of(uuid.uuid4()), {}), 404, "Event not found")
    assert_error(admin.get(policy_of(uuid.uuid4())), 404, "Event not found")
    for wrong in ({"untilHours": -1}, {"untilHours": "x"}, {"showDay": 1}, {"fees": {}},
                  {"fees": [{"daysBefore": 1}]}, {"fees": [{"daysBefore": 1, "percent": 101}]},
                  {"fees": [{"daysBefore": 1, "percent": 5}, {"daysBefore": 2, "percent": 9}]},
                  {"fees": [{"daysBefore": 2, "percent": 5}, {"daysBefore": 1, "percent": 4}]},
                  {"fees": [1]}):
        assert admin.put(policy_of(event), wrong).status == 400, wrong
    assert admin.get(policy_of(event)).json["cancellationPolicy"] == FREE
    allow(admin, event, untilHours=24, showDay=False, fees=[{"daysBefore": 9, "percent": 10},
                                                            {"daysBefore": 2, "percent": 30}])
    assert db.rows("SELECT request_summary, response_status FROM admin_audit_logs WHERE "
                   f"resource_id = '{event}' AND action = 'SET_CANCELLATION_POLICY'") == [
        ["until 24 h before, not on its day, fees 9:10,2:30", "200"]]
