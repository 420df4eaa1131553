"""Payments of reservations (contract 2.7; P-36 to P-40, P-47 to P-57; G02, C18, C19, C25)."""
import re
import threading
import time
import urllib.parse
import uuid

import pytest

from conftest import assert_error, start_node, User
import tiketi_harness as harness


def hold(user, hall, n=0, count=1):
    """Holds `count` seats; returns the reservation of the answer."""
    event, seats = hall
    answer = user.reserve(event, seats[n:n + count])
    assert answer.status == 200, answer
    return answer.json["reservation"]


def prepare(user, reservation, **more):
    return user.http.post("/api/v1/payments/prepare", {"reservationId": reservation, **more})


def confirm(user, order, key=None, amount=50000):
    return user.http.post("/api/v1/payments/confirm", {
        "paymentKey": key or f"key-{uuid.uuid4()}", "orderId": order, "amount": amount})


def process(user, reservation, method="naver_pay"):
    return user.http.post("/api/v1/payments/process", {
        "paymentMethod": method, "reservationId": reservation})


def order_of(user, order):
    answer = user.http.get(f"/api/v1/payments/order/{order}")
    assert answer.status == 200, answer
    return answer.json["payment"]


def detail(user, reservation):
    return user.http.get(f"/api/v1/reservations/{reservation}").json["reservation"]


def wait_until(what, patience=10):
    deadline = time.monotonic() + patience
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def bought(user, hall):
    """A reservation that was paid by the way over the provider's page."""
    held = hold(user, hall, count=2)
    order = prepare(user, held["id"]).json["orderId"]
    key = f"key-{uuid.uuid4()}"
    answer = confirm(user, order, key, 100000)
    assert answer.status == 200, answer
    return held, order, key


# -- prepare -----------------------------------------------------------------------------------


def test_prepare(user, hall):
    held = hold(user, hall)
    answer = prepare(user, held["id"], amount=50000, somethingElse=1)
    assert answer.status == 200, answer
    body = answer.json
    assert set(body) == {"orderId", "amount", "clientKey"}
    assert body["amount"] == 50000 and body["clientKey"] == "test_ck_dummy"
    assert re.fullmatch(r"ORD_\d{13}_[0-9A-F]{8}", body["orderId"])
    assert prepare(user, held["id"]).json["orderId"] == body["orderId"]
    row = order_of(user, body["orderId"])
    assert row["status"] == "pending" and row["payment_key"] is None and row["method"] is None
    assert row["toss_status"] is None and row["toss_approved_at"] is None
    assert row["reservation_id"] == held["id"] and row["user_id"] == user.id
    assert row["payment_type"] == "reservation" and row["reference_id"] is None


def test_prepare_refusals(user, make_user, hall):
    post = user.http.post
    assert_error(post("/api/v1/payments/prepare", {}), 400, "reservationId required")
    assert_error(post("/api/v1/payments/prepare", {"paymentType": "transfer"}), 400,
                 "referenceId required for transfer")
    assert_error(post("/api/v1/payments/prepare", {"paymentType": "membership"}), 400,
                 "referenceId required for membership")
    assert_error(post("/api/v1/payments/prepare", {"paymentType": "gift"}), 400)
    assert_error(post("/api/v1/payments/prepare", {"reservationId": "1"}), 400)
    assert_error(prepare(user, str(uuid.uuid4())), 404, "Reservation not found")
    held = hold(user, hall)
    for amount in ("50000", 50000.5, True, -1, 2 ** 63, 10 ** 30):
        assert_error(prepare(user, held["id"], amount=amount), 400)
    assert prepare(user, held["id"], paymentType="", amount=None).status == 200
    assert_error(prepare(user, held["id"], amount=49999), 400, "Amount mismatch")
    assert_error(prepare(user, held["id"], amount=0), 400)
    assert_error(prepare(make_user(), held["id"]), 403, "Access denied")
    user.cancel(held["id"])
    assert_error(prepare(user, held["id"]), 400, "Reservation is not pending")


@pytest.mark.parametrize("path, more", [("prepare", {}), ("process", {"paymentMethod": "card"})])
def test_unknown_transfers_and_memberships(user, path, more):
    for subject in ("transfer", "membership"):
        body = {"paymentType": subject, "referenceId": str(uuid.uuid4()), **more}
        assert_error(user.http.post(f"/api/v1/payments/{path}", body), 404,
                     f"{subject.capitalize()} not found", f"{subject.upper()}_NOT_FOUND")


def test_prepare_without_login(http):
    assert_error(http.post("/api/v1/payments/prepare", {}), 401)


# -- confirm -----------------------------------------------------------------------------------


def test_confirm(user, hall, db):
    held = hold(user, hall, count=2)
    order = prepare(user, held["id"]).json["orderId"]
    key = f"key-{uuid.uuid4()}"
    answer = confirm(user, order, key, 100000)
    assert answer.status == 200, answer
    assert answer.json["success"] is True
    paid = answer.json["payment"]
    assert set(paid) == {"orderId", "paymentKey", "amount", "method", "approvedAt"}
    assert (paid["orderId"], paid["paymentKey"], paid["amount"], paid["method"]) == (
        order, key, 100000, "toss")
    mine = detail(user, held["id"])
    assert mine["status"] == "confirmed" and mine["payment_status"] == "completed"
    assert mine["payment_method"] == "toss"
    row = order_of(user, order)
    assert row["status"] == "confirmed" and row["payment_key"] == key
    assert row["toss_status"] == "DONE" and row["toss_approved_at"]
    states = db.rows(f"SELECT DISTINCT status FROM seats WHERE reservation_id = '{held['id']}'")
    assert states == [["reserved"]]
    tickets = f"SELECT status FROM tickets WHERE reservation_id = '{held['id']}'"
    assert db.rows(tickets) == [["valid"], ["valid"]]
    assert user.cancel(held["id"]).status == 200
    assert db.rows(tickets) == [["cancelled"], ["cancelled"]]


def test_the_map_shows_what_was_sold(bought, user, hall):
    event, seats = hall
    wait_until(lambda: {s["status"] for s in user.http.get(
        f"/api/v1/seats/events/{event}").json["seats"] if s["id"] in seats[:2]} == {"reserved"})


def test_the_domain_events_of_a_payment_have_every_field(bought, user, db):
    held, order, _ = bought
    told = db.rows("SELECT type, body->>'paymentId', body->>'orderId', body->>'userId', "
                   "body->>'reservationId', body->>'paymentType', body->>'amount', "
                   f"body->>'paymentMethod' FROM outbox WHERE key = '{order}' ORDER BY seq")
    payment = order_of(user, order)["id"]
    assert told == [["PAYMENT_CONFIRMED", payment, order, user.id, held["id"], "reservation",
                     "100000", "toss"]]
    types = db.rows(f"SELECT type FROM outbox WHERE key = '{held['id']}' ORDER BY seq")
    assert types == [["RESERVATION_CREATED"], ["RESERVATION_CONFIRMED"]]
    past = db.rows("SELECT from_status, to_status, payment_from, payment_to, actor FROM "
                   f"reservation_history WHERE reservation_id = '{held['id']}' ORDER BY id")
    assert past[1] == ["pending", "confirmed", "pending", "completed", "user"]


def test_confirm_twice_says_already_confirmed(bought, user):
    held, order, key = bought
    body = assert_error(confirm(user, order, key, 100000), 400, "Payment already confirmed")
    assert "already confirmed" in body["message"]
    assert_error(prepare(user, held["id"]), 400, "Payment already confirmed")  # C19


def test_confirm_refusals(user, make_user, hall):
    held = hold(user, hall)
    order = prepare(user, held["id"]).json["orderId"]
    assert_error(confirm(user, "ORD_0_00000000"), 404, "Payment not found")
    assert_error(confirm(make_user(), order), 403, "Access denied")
    assert_error(confirm(user, order, amount=1), 400, "Amount mismatch")
    assert_error(user.http.post("/api/v1/payments/confirm", {"orderId": order, "amount": 5}), 400,
                 "must not be blank")
    assert_error(confirm(user, order, " "), 400, "must not be blank")
    assert_error(confirm(user, order, amount=0), 400, "must be greater than or equal to 1")
    assert order_of(user, order)["status"] == "pending"


def test_a_declined_payment_and_three_orders_a_hold(user, hall):
    held = hold(user, hall)
    orders = []
    for _ in range(3):
        orders.append(prepare(user, held["id"]).json["orderId"])
        assert_error(confirm(user, orders[-1], f"fail-{uuid.uuid4()}"), 400,
                     code="PAYMENT_DECLINED")
        assert order_of(user, orders[-1])["status"] == "failed"
        assert detail(user, held["id"])["status"] == "pending"
    assert len(set(orders)) == 3
    assert_error(prepare(user, held["id"]), 400, code="PAYMENT_ATTEMPTS")
    assert_error(confirm(user, orders[0]), 400, code="PAYMENT_DECLINED")


def test_twins_confirm_once(user, hall, db):
    held = hold(user, hall)
    order = prepare(user, held["id"]).json["orderId"]
    key = f"slow-200-{uuid.uuid4()}"
    answers = []

    def click():
        http = user.http.__class__(user.http.port, token=user.token)
        answers.append(http.post("/api/v1/payments/confirm", {
            "paymentKey": key, "orderId": order, "amount": 50000}))
        http.close()
    twins = [threading.Thread(target=click) for _ in range(4)]
    for t in twins:
        t.start()
    for t in twins:
        t.join()
    for answer in answers:
        assert answer.status == 200 or "already confirmed" in answer.json["message"], answer
    assert any(a.status == 200 for a in answers)
    assert db.number(f"SELECT count(*) FROM payment_attempts WHERE payment_key = '{key}'") == 1


def test_no_answer_in_time_is_pending_and_then_sold(user, hall):
    held = hold(user, hall)
    order = prepare(user, held["id"]).json["orderId"]
    begin = time.monotonic()
    answer = confirm(user, order, f"lost-slow-11000-{uuid.uuid4()}")
    body = assert_error(answer, 504, "Payment is being verified. Do not pay again.",
                        "PAYMENT_PENDING")
    assert "already confirmed" not in body["message"]
    assert time.monotonic() - begin < 12
    assert_error(user.cancel(held["id"]), 409, code="PAYMENT_IN_PROGRESS")
    wait_until(lambda: order_of(user, order)["status"] == "confirmed", 20)
    assert detail(user, held["id"])["status"] == "confirmed"


def test_a_provider_that_is_away_leaves_the_order_open(user, hall):
    held = hold(user, hall)
    order = prepare(user, held["id"]).json["orderId"]
    answer = confirm(user, order, f"away-{uuid.uuid4()}")
    assert_error(answer, 503, code="PAYMENT_PROVIDER_UNAVAILABLE")
    assert int(answer.headers["retry-after"]) > 0
    assert confirm(user, order).status == 200


# -- process -----------------------------------------------------------------------------------


def test_process(user, hall, db):
    held = hold(user, hall)
    answer = process(user, held["id"], "kakao_pay")
    assert answer.status == 200, answer
    body = answer.json
    assert body["success"] is True and body["message"] == "Payment completed"
    assert set(body["payment"]) == {"id", "orderId", "amount", "method"}
    assert body["payment"]["method"] == "kakao_pay" and body["payment"]["amount"] == 50000
    again = process(user, held["id"], "bank_transfer")  # C18
    assert again.status == 200 and again.json["message"] == "Payment already completed"
    assert again.json["payment"] == body["payment"]
    row = order_of(user, body["payment"]["orderId"])
    assert row["payment_key"], "P-54: it can be cancelled like any other"
    assert detail(user, held["id"])["payment_method"] == "kakao_pay"
    assert db.number("SELECT count(*) FROM payments WHERE status = 'confirmed' AND "
                     f"reservation_id = '{held['id']}'") == 1


def test_process_takes_the_open_order_over(user, hall):
    held = hold(user, hall)
    order = prepare(user, held["id"]).json["orderId"]
    assert process(user, held["id"]).json["payment"]["orderId"] == order  # C25


def test_process_refusals(user, make_user, hall):
    held = hold(user, hall)
    assert_error(user.http.post("/api/v1/payments/process", {"paymentMethod": "naver_pay"}), 400,
                 "reservationId required")
    assert_error(user.http.post("/api/v1/payments/process", {"reservationId": held["id"]}), 400,
                 "must not be blank")
    for kind in ("transfer", "membership"):
        body = {"paymentMethod": "naver_pay", "paymentType": kind}
        assert_error(user.http.post("/api/v1/payments/process", body), 400,
                     "referenceId required")
        body["referenceId"] = str(uuid.uuid4())
        assert_error(user.http.post("/api/v1/payments/process", body), 404,
                     f"{kind.capitalize()} not found")
    assert_error(process(user, held["id"], "m" * 51), 400)
    assert_error(process(make_user(), held["id"]), 403, "Access denied")
    assert_error(process(user, str(uuid.uuid4())), 404, "Reservation not found")
    user.cancel(held["id"])
    assert_error(process(user, held["id"]), 400, "Reservation is not pending")


def test_what_costs_nothing_completes_without_provider(user, db):
    event = harness.add_event(db, "Free", seats=20)
    db.rows(f"UPDATE seats SET price = 0 WHERE event_id = '{event}'")
    held = hold(user, (event, harness.seats_of(db, event)))
    answer = process(user, held["id"])
    assert answer.status == 200 and answer.json["payment"]["amount"] == 0, answer
    assert detail(user, held["id"])["status"] == "confirmed"
    assert user.cancel(held["id"]).status == 200
    wait_until(lambda: detail(user, held["id"])["payment_status"] == "refunded")


# -- looking -----------------------------------------------------------------------------------


def test_a_payment_is_its_owners(bought, make_user):
    _, order, _ = bought
    other = make_user()
    assert_error(other.http.get(f"/api/v1/payments/order/{order}"), 403, "Access denied")
    assert_error(other.http.get("/api/v1/payments/order/ORD_1_00000000"), 404,
                 "Payment not found")


def test_my_payments(user, hall):
    orders = []
    for n in range(3):
        held = hold(user, hall, n)
        orders.append(process(user, held["id"]).json["payment"]["orderId"])
    answer = user.http.get("/api/v1/payments/user/me?limit=2")
    assert answer.status == 200, answer
    assert [p["order_id"] for p in answer.json["payments"]] == orders[:0:-1]
    assert answer.json["pagination"] == {"total": 3, "limit": 2, "offset": 0}
    rest = user.http.get("/api/v1/payments/user/me?limit=2&offset=2").json
    assert [p["order_id"] for p in rest["payments"]] == orders[:1]
    assert set(rest["payments"][0]) == {
        "id", "order_id", "payment_key", "amount", "method", "status", "toss_approved_at",
        "created_at", "reservation_id", "payment_type", "reference_id"}
    assert_error(user.http.get("/api/v1/payments/user/me?limit=x"), 400)


# -- cancelling --------------------------------------------------------------------------------


def test_cancel_a_payment(bought, user, make_user, hall, db):
    held, order, key = bought
    assert_error(make_user().http.post(f"/api/v1/payments/{key}/cancel"), 403, "Access denied")
    assert_error(user.http.post("/api/v1/payments/nothing/cancel"), 404, "Payment not found")
    answer = user.http.post(f"/api/v1/payments/{key}/cancel", {"cancelReason": "changed my mind"})
    assert answer.status == 200, answer
    assert answer.json == {"success": True, "message": "Payment cancelled successfully",
                           "refundAmount": 100000}
    assert detail(user, held["id"])["status"] == "cancelled"
    wait_until(lambda: order_of(user, order)["status"] == "refunded")
    assert detail(user, held["id"])["payment_status"] == "refunded"
    assert_error(user.http.post(f"/api/v1/payments/{key}/cancel"), 400,
                 "Only confirmed payments can be cancelled")
    body = db.rows("SELECT body->>'reason', body->>'amount', body->>'reservationId' FROM outbox "
                   f"WHERE key = '{order}' AND type = 'PAYMENT_REFUNDED'")
    assert body == [["changed my mind", "100000", held["id"]]]
    assert make_user().reserve(hall[0], hall[1][:2]).status == 200, "the seats are free again"


def test_cancel_a_paid_reservation_refunds_it(bought, user, db):
    held, order, _ = bought
    answer = user.cancel(held["id"])
    assert answer.status == 200 and answer.json["reservation"]["status"] == "cancelled", answer
    wait_until(lambda: detail(user, held["id"])["payment_status"] == "refunded")
    assert order_of(user, order)["status"] == "refunded"
    assert_error(user.cancel(held["id"]), 409, "Already cancelled reservation")
    entries = db.rows("SELECT b.account, sum(b.amount) FROM books b JOIN payments p ON "
                      f"p.id = b.payment_id WHERE p.order_id = '{order}' GROUP BY b.account")
    assert all(int(amount) == 0 for _, amount in entries) and len(entries) == 3


def test_a_refund_is_tried_until_it_is_done(node, user, hall, db):
    held = hold(user, hall)
    order = prepare(user, held["id"]).json["orderId"]
    assert confirm(user, order, f"refuse-refund-2-lost-refund-1-{uuid.uuid4()}").status == 200
    assert user.cancel(held["id"]).status == 200
    wait_until(lambda: order_of(user, order)["status"] == "refunded", 30)
    tries = db.number("SELECT tries FROM refunds f JOIN payments p ON p.id = f.payment_id "
                      f"WHERE p.order_id = '{order}'")
    assert tries == 4
    refund = db.value("SELECT f.id FROM refunds f JOIN payments p ON p.id = f.payment_id "
                      f"WHERE p.order_id = '{order}'")
    lines = node.log_until(lambda x: x.get("refund") == refund)
    told = [(x["event"], x["level"], x["code"], x["tries"]) for x in lines]
    assert told == [("refund_put_off", "warning", "PROVIDER_ERROR", n) for n in (1, 2)]


def test_cancelling_an_unpaid_reservation_asks_for_no_refund(user, hall):
    held = hold(user, hall)
    prepare(user, held["id"])
    assert user.cancel(held["id"]).status == 200  # P-39
    assert detail(user, held["id"])["payment_status"] == "pending"


def test_who_was_let_in_gets_no_money_back(bought, user, node):
    held, order, key = bought
    door = node.client()
    door.token = door.post("/api/auth/login", dict(zip(("email", "password"), harness.ADMIN))
                           ).json["token"]
    mine = user.http.get("/api/tickets/my").json["tickets"]
    scan = door.post("/api/admin/tickets/verify", {"qr": mine[0]["qr"]})
    door.close()
    assert scan.json["valid"] is True
    used = (409, "A ticket of this reservation has been used", "TICKET_USED")
    for _ in range(2):
        assert_error(user.cancel(held["id"]), *used)
        assert_error(user.http.post(f"/api/v1/payments/{key}/cancel"), *used)
    assert order_of(user, order)["status"] == "confirmed"
    assert detail(user, held["id"])["status"] == "confirmed"


def test_another_payment_beside_one_under_way_waits_for_it(user, hall, node, db):
    order = prepare(user, hold(user, hall)["id"]).json["orderId"]
    other = node.client()
    other.token = user.token
    slow = f"slow-1000-{uuid.uuid4()}"
    answers = []
    first = threading.Thread(target=lambda: answers.append(confirm(user, order, slow)))
    first.start()
    live = f"SELECT 1 FROM payment_attempts WHERE payment_key = '{slow}'"
    wait_until(lambda: db.rows(live))
    second = other.post("/api/v1/payments/confirm", {
        "paymentKey": f"key-{uuid.uuid4()}", "orderId": order, "amount": 50000})
    first.join()
    assert answers[0].status == 200
    assert_error(second, 400, "Payment already confirmed")
    other.close()


def test_a_replay_after_the_refund_tells_of_it(user, hall, db):
    """1.10, C27: the same state as `GET /api/reservations/{id}` shows."""
    event, seats = hall
    club, (floor, ) = harness.add_standing(db, "Refunded", [("Floor", 1000, 5)])
    for ask in (lambda: user.reserve(event, seats[:1], "back"),
                lambda: user.order(club, [(floor, 2)], "back")):
        first = ask().json["reservation"]
        assert process(user, first["id"]).status == 200
        assert ask().json["reservation"]["paymentStatus"] == "completed"
        assert user.cancel(first["id"]).status == 200
        wait_until(lambda: detail(user, first["id"])["payment_status"] == "refunded", 30)
        again = ask().json["reservation"]
        assert set(again) == set(first) and again["id"] == first["id"]
        assert (again["status"], again["paymentStatus"]) == ("cancelled", "refunded")


# -- time --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def brief():
    """Holds of three seconds; payments are given up after six."""
    running = start_node(RESERVATION_TTL_SECONDS="3", PAYMENT_RESOLVE_SECONDS="6",
                         RESERVATION_CLEANUP_INTERVAL_MS="1000")
    yield running
    running.close()


def test_nothing_is_paid_after_the_end(brief):
    user = User(brief)
    event = harness.add_event(brief.database, "Brief", seats=20)
    held = hold(user, (event, harness.seats_of(brief.database, event)))
    order = prepare(user, held["id"]).json["orderId"]
    wait_until(lambda: detail(user, held["id"])["status"] == "expired")
    assert_error(process(user, held["id"]), 400, "Reservation has expired")
    assert_error(prepare(user, held["id"]), 400, "Reservation has expired")
    wait_until(lambda: order_of(user, order)["status"] == "failed")
    assert_error(confirm(user, order), 409, code="PAYMENT_TOO_LATE")  # C28


def test_a_hold_that_is_over_but_not_swept_cannot_be_paid(user, hall, db):
    held = hold(user, hall)
    order = prepare(user, held["id"]).json["orderId"]
    db.rows(f"UPDATE reservations SET expires_at = now() WHERE id = '{held['id']}'")
    assert_error(process(user, held["id"]), 400, "Reservation has expired")
    db.rows(f"UPDATE reservations SET expires_at = now() WHERE id = '{held['id']}'")
    assert_error(confirm(user, order), 409, code="PAYMENT_TOO_LATE")  # C28


def test_a_payment_after_the_cancellation_is_too_late(user, hall):
    held = hold(user, hall)
    order = prepare(user, held["id"]).json["orderId"]
    assert user.cancel(held["id"]).status == 200
    assert_error(confirm(user, order), 409, code="PAYMENT_TOO_LATE")
    assert_error(prepare(user, held["id"]), 400, "Reservation is not pending")


def test_a_payment_without_outcome_is_voided(brief):
    """The provider would take the money 60 s later: by then the order has ended there."""
    user = User(brief)
    event = harness.add_event(brief.database, "Voided", seats=20)
    seats = harness.seats_of(brief.database, event)
    held = hold(user, (event, seats))
    order = prepare(user, held["id"]).json["orderId"]
    answer = confirm(user, order, f"late-60000-{uuid.uuid4()}")
    assert answer.status in (400, 504), answer
    wait_until(lambda: order_of(user, order)["status"] == "failed", 20)
    wait_until(lambda: detail(user, held["id"])["status"] == "expired")
    next_one = User(brief)  # The list derives the end from the clock; the block ends it just now.
    wait_until(lambda: next_one.reserve(event, seats[:1]).status == 200)


def test_a_revoked_token_neither_prepares_nor_pays(user, hall):
    held = hold(user, hall)
    assert user.http.post("/api/auth/logout").status == 200
    assert_error(prepare(user, held["id"]), 401, "Authentication required")
    assert_error(process(user, held["id"]), 401, "Authentication required")
    again = user.http.post("/api/auth/login", {"email": user.mail, "password": user.password})
    user.http.token = again.json["token"]
    assert detail(user, held["id"])["status"] == "pending"
    assert process(user, held["id"]).status == 200


@pytest.mark.parametrize("key", ["a/b=+c", "50%?;", "열쇠 하나"])
def test_any_key_can_be_cancelled(user, hall, key):
    key += uuid.uuid4().hex
    order = prepare(user, hold(user, hall)["id"]).json["orderId"]
    assert confirm(user, order, key).status == 200
    assert order_of(user, order.replace("_", "%5F"))["status"] == "confirmed"
    path = urllib.parse.quote(key, safe="")
    assert user.http.post(f"/api/v1/payments/{path}/cancel").status == 200


# -- what operators see ------------------------------------------------------------------------


def metric(http, name, /, **labels):
    """The value of a counter with these labels."""
    for line in http.get("/actuator/prometheus").body.decode().splitlines():
        head, _, value = line.rpartition(" ")
        if head.startswith(name + "{") and all(f'{k}="{v}"' in head for k, v in labels.items()):
            return float(value)
    raise AssertionError(f"no {name} {labels}")


def test_a_failed_payment_is_found_in_the_log_by_key(node, user, hall):
    order = prepare(user, hold(user, hall)["id"]).json["orderId"]
    key = f"fail-{uuid.uuid4()}"
    assert_error(confirm(user, order, key), 400, code="PAYMENT_DECLINED")
    (line,) = node.log_until(lambda x: x.get("payment_key") == key)
    assert (line["component"], line["event"]) == ("http", "payment_failed")
    assert line["level"] == "warning"
    assert (line["order_id"], line["amount"], line["code"]) == (order, 50000, "PAYMENT_DECLINED")
    assert line["user_id"] == user.id and line["request_id"]


def test_payments_are_counted_by_provider_method_and_end(user, hall, http):
    def counts():
        sold = {m: metric(http, "business_payment_processed_total", provider="mock", method=m,
                          type="reservation") for m in ("kakao_pay", "other")}
        return sold, metric(http, "business_payment_failed_total", provider="mock",
                            error_code="PAYMENT_DECLINED")
    sold, declined = counts()
    for n, method in enumerate(("kakao_pay", "beads", "shells")):
        assert process(user, hold(user, hall, n)["id"], method).status == 200
    held = hold(user, hall, 3)
    order = prepare(user, held["id"]).json["orderId"]
    assert_error(confirm(user, order, f"fail-{uuid.uuid4()}"), 400, code="PAYMENT_DECLINED")
    now, declined_now = counts()
    assert now == {"kakao_pay": sold["kakao_pay"] + 1, "other": sold["other"] + 2}
    assert declined_now == declined + 1
