"""Idempotency keys of requests that move money (1.10; C4, S20, I6)."""
import concurrent.futures
import uuid

import pytest

import tiketi_harness as harness
from conftest import assert_error, start_node, User
from test_payments import detail, hold, order_of, wait_until

CONFLICT = (409, "Idempotency key was used with another request", "IDEMPOTENCY_CONFLICT")


def new_key():
    return uuid.uuid4().hex


def post(user, path, body, key=None, header=None):
    if key is not None:
        body = {**body, "idempotencyKey": key}
    return user.http.post(f"/api/v1{path}", body,
                          headers={"Idempotency-Key": header} if header else {})


def prepare(user, reservation, key=None, **more):
    return post(user, "/payments/prepare", {"reservationId": reservation}, key, **more)


def confirm(user, order, payment_key, key=None, amount=50000, **more):
    body = {"paymentKey": payment_key, "orderId": order, "amount": amount}
    return post(user, "/payments/confirm", body, key, **more)


def process(user, reservation, key=None, method="naver_pay", **more):
    body = {"paymentMethod": method, "reservationId": reservation}
    return post(user, "/payments/process", body, key, **more)


def cancel_payment(user, payment_key, key=None, **more):
    return post(user, f"/payments/{payment_key}/cancel", {}, key, **more)


def cancel(user, reservation, key=None, **more):
    return post(user, f"/reservations/{reservation}/cancel", {}, key, **more)


def paid(user, hall, n=0):
    """A reservation, its order and payment key after a confirmation."""
    held = hold(user, hall, n)
    order = prepare(user, held["id"]).json["orderId"]
    payment_key = f"key-{uuid.uuid4()}"
    assert confirm(user, order, payment_key).status == 200
    return held["id"], order, payment_key


def payments_of(db, reservation):
    return db.rows(f"SELECT status FROM payments WHERE reservation_id = '{reservation}'")


def at_once(calls):
    with concurrent.futures.ThreadPoolExecutor(len(calls)) as pool:
        return [x.result() for x in [pool.submit(call) for call in calls]]


@pytest.fixture
def tabs(node, user):
    """More connections of the same user."""
    class Tab:
        def __init__(self):
            self.http = node.client()
            self.http.token = user.token
    made = [Tab() for _ in range(4)]
    yield made
    for tab in made:
        tab.http.close()


# -- one key, one effect -----------------------------------------------------------------------


def test_one_key_pays_one_of_two_reservations(user, hall, db):
    first, second = hold(user, hall, 0)["id"], hold(user, hall, 1)["id"]
    key = new_key()
    assert process(user, first, key).status == 200
    assert_error(process(user, second, key), *CONFLICT)
    assert detail(user, second)["status"] == "pending"
    assert payments_of(db, second) == []


def test_one_key_at_once_for_two_reservations(user, hall, tabs, db):
    held = [hold(user, hall, n)["id"] for n in range(4)]
    key = new_key()
    answers = at_once([lambda t=t, r=r: process(t, r, key) for t, r in zip(tabs, held)])
    assert sorted(x.status for x in answers) == [200, 409, 409, 409]
    for answer, reservation in zip(answers, held):
        if answer.status != 200:
            assert_error(answer, *CONFLICT)
            assert payments_of(db, reservation) == []
    confirmed = [r for r in held if detail(user, r)["status"] == "confirmed"]
    assert len(confirmed) == 1


def test_twins_at_once_hear_the_same(user, hall, tabs, db):
    held = hold(user, hall)["id"]
    order = prepare(user, held).json["orderId"]
    key, payment_key = new_key(), f"slow-300-{uuid.uuid4()}"
    answers = at_once([lambda t=t: confirm(t, order, payment_key, key) for t in tabs])
    assert [x.status for x in answers] == [200] * 4, answers
    assert len({x.body for x in answers}) == 1
    attempts = db.rows(f"SELECT status FROM payment_attempts WHERE reservation_id = '{held}'")
    assert attempts == [["approved"]]


def test_every_operation_refuses_another_payload(user, hall):
    held, order, payment_key = paid(user, hall)
    other = hold(user, hall, 1)["id"]
    key = new_key()  # One for all: each operation has keys of its own.
    assert cancel(user, other, key).status == 200
    assert cancel_payment(user, payment_key, key).status == 200
    next_one = hold(user, hall, 2)["id"]
    next_order = prepare(user, next_one, key).json["orderId"]
    assert confirm(user, next_order, f"k-{uuid.uuid4()}", key).status == 200
    third = hold(user, hall, 3)["id"]
    assert process(user, third, key).status == 200
    for again in (cancel(user, third, key), cancel_payment(user, "no-such-key", key),
                  prepare(user, third, key), confirm(user, next_order, "another", key),
                  confirm(user, "ORD_none", "another", key),
                  process(user, third, key, method="kakao_pay"),
                  process(user, str(uuid.uuid4()), key), cancel(user, str(uuid.uuid4()), key),
                  prepare(user, str(uuid.uuid4()), key)):
        assert_error(again, *CONFLICT)
    transfer = {"paymentType": "transfer", "referenceId": third, "paymentMethod": "card"}
    assert_error(post(user, "/payments/process", transfer, key), *CONFLICT)
    assert detail(user, third)["status"] == "confirmed"


# -- told again --------------------------------------------------------------------------------


def test_prepare_tells_the_same_order(user, hall, db):
    held = hold(user, hall)["id"]
    key = new_key()
    first = prepare(user, held, key)
    assert first.status == 200
    assert prepare(user, held, key).body == first.body
    order = first.json["orderId"]
    assert confirm(user, order, f"k-{uuid.uuid4()}").status == 200
    assert prepare(user, held, key).body == first.body
    assert_error(prepare(user, held), 400, "Payment already confirmed")
    assert_error(prepare(user, held, new_key()), 400, "Payment already confirmed")
    assert len(payments_of(db, held)) == 1


def test_prepare_with_a_key_tells_the_open_order(user, hall):
    held = hold(user, hall)["id"]
    open_one = prepare(user, held).json["orderId"]
    key = new_key()
    assert prepare(user, held, key).json["orderId"] == open_one
    declined = confirm(user, open_one, f"fail-{uuid.uuid4()}")
    assert_error(declined, 400, code="PAYMENT_DECLINED")
    assert prepare(user, held, key).json["orderId"] == open_one
    assert prepare(user, held, new_key()).json["orderId"] != open_one


def test_confirm_tells_the_same(user, hall):
    held = hold(user, hall)["id"]
    order = prepare(user, held).json["orderId"]
    key, payment_key = new_key(), f"k-{uuid.uuid4()}"
    first = confirm(user, order, payment_key, key)
    assert first.status == 200
    assert confirm(user, order, payment_key, key).body == first.body
    assert user.cancel(held).status == 200
    wait_until(lambda: detail(user, held)["payment_status"] == "refunded", 30)
    assert confirm(user, order, payment_key, key).body == first.body
    assert detail(user, held)["status"] == "cancelled"


def test_without_a_key_all_is_as_ever(user, hall):
    held, order, payment_key = paid(user, hall)
    assert_error(confirm(user, order, payment_key), 400, "Payment already confirmed")
    key = new_key()
    for _ in range(2):
        assert_error(confirm(user, order, payment_key, key), 400, "Payment already confirmed")
    assert user.cancel(held).status == 200
    assert_error(user.cancel(held), 409, "Already cancelled reservation")


def test_a_declined_payment_is_declined_again(user, hall, db):
    held = hold(user, hall)["id"]
    order = prepare(user, held).json["orderId"]
    key, payment_key = new_key(), f"fail-{uuid.uuid4()}"
    for _ in range(2):
        assert_error(confirm(user, order, payment_key, key), 400, code="PAYMENT_DECLINED")
    assert payments_of(db, held) == [["failed"]]


def test_process_tells_the_same(user, hall):
    held = hold(user, hall)["id"]
    key, late_key = new_key(), new_key()
    first = process(user, held, key)
    assert first.json["message"] == "Payment completed"
    assert process(user, held, key).body == first.body
    told = process(user, held, late_key)
    assert told.json["message"] == "Payment already completed"  # C18
    assert process(user, held, late_key).body == told.body
    assert user.cancel(held).status == 200
    assert process(user, held, key).body == first.body
    assert process(user, held, late_key).body == told.body
    assert_error(process(user, held), 400, "Reservation is not pending")


def test_cancelling_a_payment_tells_the_amount_again(user, hall, db):
    held, order, payment_key = paid(user, hall)
    key = new_key()
    first = cancel_payment(user, payment_key, key)
    assert first.status == 200 and first.json["refundAmount"] == 50000
    wait_until(lambda: order_of(user, order)["status"] == "refunded", 30)
    assert cancel_payment(user, payment_key, key).body == first.body
    refused = (400, "Only confirmed payments can be cancelled")
    assert_error(cancel_payment(user, payment_key), *refused)
    assert_error(cancel_payment(user, payment_key, new_key()), *refused)
    refunds = f"SELECT count(*) FROM refunds WHERE reservation_id = '{held}'"
    assert db.rows(refunds) == [["1"]]


def test_twins_that_cancel_a_payment_at_once(user, hall, tabs):
    _, _, payment_key = paid(user, hall)
    key = new_key()
    answers = at_once([lambda t=t: cancel_payment(t, payment_key, key) for t in tabs])
    assert [x.status for x in answers] == [200] * 4, answers
    assert {x.json["refundAmount"] for x in answers} == {50000}


@pytest.mark.parametrize("is_paid", [False, True])
def test_cancelling_a_reservation_is_told_again(user, hall, tabs, is_paid):
    held = paid(user, hall)[0] if is_paid else hold(user, hall)["id"]
    key = new_key()
    answers = at_once([lambda t=t: cancel(t, held, key) for t in tabs])
    assert [x.status for x in answers] == [200] * 4, answers
    assert cancel(user, held, key).json["reservation"] == {"id": held, "status": "cancelled"}
    assert_error(cancel(user, held, new_key()), 409, "Already cancelled reservation")


# -- whose and what ----------------------------------------------------------------------------


def test_a_strangers_same_key_is_new(user, make_user, hall):
    key = new_key()
    stranger = make_user()
    mine, theirs = hold(user, hall, 0)["id"], hold(stranger, hall, 1)["id"]
    assert process(user, mine, key).status == 200
    assert process(stranger, theirs, key).status == 200
    assert_error(process(stranger, mine, new_key()), 403, "Access denied")


def test_the_header_wins_over_the_body(user, hall):
    first, second = hold(user, hall, 0)["id"], hold(user, hall, 1)["id"]
    key, other = new_key(), new_key()
    assert process(user, first, other, header=key).status == 200
    assert process(user, first, header=key).json["message"] == "Payment completed"
    assert_error(process(user, second, other, header=key), *CONFLICT)
    assert process(user, second, other).status == 200


def test_keys_that_are_none(user, hall):
    held = hold(user, hall)["id"]
    order = prepare(user, held).json["orderId"]
    too_long = (400, "idempotencyKey must be at most 64 characters", "BAD_REQUEST")
    for ask in (lambda **x: prepare(user, held, **x), lambda **x: process(user, held, **x),
                lambda **x: confirm(user, order, "k", **x), lambda **x: cancel(user, held, **x),
                lambda **x: cancel_payment(user, "k", **x)):
        assert_error(ask(key="k" * 65), *too_long)
        assert_error(ask(header="k" * 65), *too_long)
        assert_error(ask(key=7), 400, "idempotencyKey must be a string")
    assert detail(user, held)["status"] == "pending"
    assert process(user, held, "").status == 200  # As none: it is not on record.
    assert process(user, held, "키" * 64).status == 200


def test_refusals_are_judged_afresh(user, hall, db):
    key = new_key()
    nothing = str(uuid.uuid4())
    for _ in range(2):
        assert_error(process(user, nothing, key), 404, "Reservation not found")
        assert_error(prepare(user, nothing, key), 404, "Reservation not found")
        assert_error(cancel(user, nothing, key), 404, "Reservation not found")
        assert_error(cancel_payment(user, "none", key), 404, "Payment not found")
        assert_error(confirm(user, "ORD_none", "k", key), 404, "Payment not found")
    assert db.rows(f"SELECT operation FROM request_keys WHERE key = '{key}'") == []
    assert process(user, hold(user, hall)["id"], key).status == 200


def test_a_revoked_token_uses_no_key(user, hall, db):
    held = hold(user, hall)["id"]
    assert user.http.post("/api/auth/logout").status == 200
    key = new_key()
    for ask in (process, prepare, cancel):
        assert_error(ask(user, held, key), 401, "Authentication required")
    assert db.rows(f"SELECT operation FROM request_keys WHERE key = '{key}'") == []


def test_a_node_that_starts_afresh_tells_the_same():
    """The rows are all that a repeat needs."""
    node = start_node()
    try:
        user = User(node)
        event = harness.add_event(node.database, "Hall", seats=10)
        held = hold(user, (event, harness.seats_of(node.database, event)))["id"]
        key = new_key()
        first = process(user, held, key)
        assert first.status == 200
        effect = node.database.rows("SELECT a.status FROM request_keys k JOIN payment_attempts a "
                                    "ON a.id = k.effect_id")
        assert effect == [["approved"]]
        user.http.close()
        node.kill()
        node.start()
        assert process(user, held, key).body == first.body
        assert_error(process(user, held, key, method="other"), *CONFLICT)
        user.http.close()
    finally:
        node.close()


def test_the_description_names_the_key(http):
    paths = http.get("/openapi.json").json["paths"]
    for path in ("/api/payments/prepare", "/api/payments/confirm", "/api/payments/process",
                 "/api/payments/{paymentKey}/cancel", "/api/reservations/{id}/cancel",
                 "/api/seats/reserve", "/api/reservations"):
        operation = paths[path]["post"]
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        assert schema["properties"]["idempotencyKey"]["maxLength"] == 64
        headers = [x["name"] for x in operation["parameters"] if x["in"] == "header"]
        assert headers == ["Idempotency-Key"]
        assert "IDEMPOTENCY_CONFLICT" in operation["responses"]["409"]["description"]
