"""Sales are stopped and go on again (G17): what buyers and organisers see."""
import time
import uuid

import pytest

from conftest import assert_error, harness, until

SALES = "/api/admin/sales"


@pytest.fixture(scope="module")
def admin(node):
    client = node.client()
    said = client.post("/api/auth/login", {"email": harness.ADMIN[0],
                                           "password": harness.ADMIN[1]})
    assert said.status == 200, said
    client.token = said.json["token"]
    yield client
    client.close()


@pytest.fixture(autouse=True)
def nothing_stays_stopped(db):
    yield
    db.rows("UPDATE sales_brakes SET released_at = now(), released_by = set_by "
            "WHERE released_at IS NULL")
    time.sleep(1.5)


def stop(admin, scope, reason="We are checking something", **more):
    answer = admin.post(f"{SALES}/stop", {"scope": scope, "reason": reason, **more})
    assert answer.status == 200, answer
    return answer.json


def resume(admin, scope, **more):
    answer = admin.post(f"{SALES}/resume", {"scope": scope, **more})
    assert answer.status == 200, answer
    return answer.json


def stopped(answer, reason="We are checking something"):
    assert_error(answer, 503, f"Sales are stopped: {reason}", "SALES_STOPPED")
    assert int(answer.headers["retry-after"]) > 0
    return True


def test_only_admins_stop_and_see(node, user, http):
    for path, body in ((SALES, None), (f"{SALES}/stop", {"scope": "all", "reason": "x"}),
                       (f"{SALES}/resume", {"scope": "all"})):
        for client, status in ((http, 401), (user.http, 403)):
            said = client.get(path) if body is None else client.post(path, body)
            assert said.status == status, path


def test_new_holds_and_prepares_are_refused_and_what_runs_finishes(admin, make_user, hall):
    event, seats = hall
    payer, holder, late = make_user(), make_user(), make_user()
    paying = payer.reserve(event, seats[:1]).json["reservationId"]
    order = payer.http.post("/api/payments/prepare", {"reservationId": paying}).json
    held = holder.reserve(event, seats[1:2]).json["reservationId"]
    said = stop(admin, "all")
    assert said["changed"] is True and said["stopped"] is True
    assert [x["scope"] for x in said["brakes"]] == ["all"]
    stopped(late.reserve(event, seats[2:3]))
    stopped(holder.http.post("/api/payments/prepare", {"reservationId": held}))
    stopped(holder.http.post("/api/payments/process", {"reservationId": held,
                                                       "paymentMethod": "toss"}))
    # What runs goes on to its end; seat maps, reads and cancelling too.
    paid = payer.http.post("/api/payments/confirm", {
        "paymentKey": str(uuid.uuid4()), "orderId": order["orderId"], "amount": order["amount"]})
    assert paid.status == 200, paid
    assert payer.cancel(paying).status == 200  # And is given back.
    assert holder.cancel(held).status == 200
    assert late.http.get(f"/api/seats/events/{event}").status == 200
    assert resume(admin, "all")["stopped"] is False
    assert late.reserve(event, seats[2:3]).status == 200


def test_an_event_is_stopped_alone(admin, db, make_user, hall):
    event, seats = hall
    other = harness.add_event(db, "Other", seats=10)
    buyer = make_user()
    held = buyer.reserve(event, seats[:1]).json["reservationId"]
    stop(admin, "event", eventId=event, reason="Wrong plan")
    stopped(buyer.reserve(event, seats[1:2]), "Wrong plan")
    stopped(buyer.http.post("/api/payments/prepare", {"reservationId": held}), "Wrong plan")
    free = buyer.reserve(other, harness.seats_of(db, other)[:1])
    assert free.status == 200
    assert buyer.http.post("/api/payments/prepare",
                           {"reservationId": free.json["reservationId"]}).status == 200
    assert resume(admin, "all")["changed"] is False  # Exactly what was stopped, or nothing.
    assert resume(admin, "event", eventId=event)["changed"] is True
    assert buyer.http.post("/api/payments/prepare", {"reservationId": held}).status == 200


def test_standing_tickets_are_held_no_more_than_seats(admin, db, user):
    event, types = harness.add_standing(db, "Club", [("Floor", 30000, 10)])
    stop(admin, "holds")
    stopped(user.order(event, [(types[0], 1)]))
    resume(admin, "holds")
    assert user.order(event, [(types[0], 1)]).status in (200, 201)


def test_a_method_of_payment_is_stopped_alone(admin, make_user, hall):
    event, seats = hall
    buyer = make_user()
    held = buyer.reserve(event, seats[:1]).json["reservationId"]
    stop(admin, "payment_method", method="toss")
    for call in ("prepare", "process"):
        stopped(buyer.http.post(f"/api/payments/{call}", {"reservationId": held,
                                                          "paymentMethod": "toss"}))
    assert buyer.reserve(event, seats[1:2]).status == 200
    assert buyer.http.post("/api/payments/process", {
        "reservationId": held, "paymentMethod": "kakao_pay"}).status == 200


def test_admission_stops_and_goes_on(admin, db, make_user):
    event = harness.add_event(db, "Queue", seats=10)
    first, second = make_user(), make_user()
    assert first.http.post(f"/api/queue/check/{event}").json["status"] == "active"
    stop(admin, "queue")
    assert second.http.post(f"/api/queue/check/{event}").json["status"] == "queued"
    time.sleep(2)
    assert second.http.get(f"/api/queue/status/{event}").json["status"] == "queued"
    assert first.http.get(f"/api/queue/status/{event}").json["status"] == "active"
    resume(admin, "queue")
    until(lambda: second.http.get(f"/api/queue/status/{event}").json["status"] == "active")


def test_what_another_node_stopped_is_known_within_two_seconds(admin, db, user, hall):
    event, seats = hall
    begun = time.monotonic()
    db.rows("INSERT INTO sales_brakes (id, what, reason, set_by, set_by_name) VALUES "
            "(gen_random_uuid(), 'holds', 'Elsewhere', gen_random_uuid(), 'ann')")
    until(lambda: user.reserve(event, seats[:1]).status == 503)
    assert time.monotonic() - begun < 10
    assert [x["by"] for x in admin.get(SALES).json["brakes"]] == ["ann"]


def test_to_repeat_does_no_harm(admin, db):
    operation = str(uuid.uuid4())
    assert stop(admin, "holds", operationId=operation)["changed"] is True
    assert stop(admin, "holds", operationId=operation)["changed"] is False
    assert stop(admin, "holds", operationId=str(uuid.uuid4()))["changed"] is False
    assert [x["reason"] for x in admin.get(SALES).json["brakes"]] == ["We are checking something"]
    assert resume(admin, "holds")["changed"] is True
    assert resume(admin, "holds")["changed"] is False
    # A repetition that comes late stops nothing again, and says so.
    late = admin.post(SALES + "/stop", {"scope": "holds", "reason": "Late",
                                        "operationId": operation})
    assert (late.status, late.json["code"]) == (409, "IDEMPOTENCY_CONFLICT")
    assert "taken back since" in late.json["message"]
    assert admin.get(SALES).json["stopped"] is False
    assert stop(admin, "holds", operationId=str(uuid.uuid4()))["stopped"] is True


def test_another_reason_takes_the_place_of_the_first(admin, db, user, hall):
    event, seats = hall
    first, second = str(uuid.uuid4()), str(uuid.uuid4())
    assert stop(admin, "holds", "We look", operationId=first)["changed"] is True
    said = stop(admin, "holds", "Back at 10:00", operationId=second)
    assert said["changed"] is True and [x["reason"] for x in said["brakes"]] == ["Back at 10:00"]
    stopped(user.reserve(event, seats[:1]), "Back at 10:00")
    again = stop(admin, "holds", "Back at 10:00", operationId=second)
    assert again["changed"] is False and len(again["brakes"]) == 1
    # The first does not come back by a late repetition.
    late = admin.post(SALES + "/stop", {"scope": "holds", "reason": "We look",
                                        "operationId": first})
    assert late.status == 409 and "taken back since" in late.json["message"]
    # Of another scope nothing ends.
    assert len(stop(admin, "event", "Wrong plan", eventId=event)["brakes"]) == 2
    assert resume(admin, "event", eventId=event)["changed"] is True
    assert resume(admin, "holds")["stopped"] is False
    assert db.rows("SELECT count(*) FROM sales_brakes WHERE released_at IS NULL")[0][0] == "0"


def test_nobody_is_no_event(admin):
    nil = str(uuid.UUID(int=0))
    for path in ("stop", "resume"):
        for scope in ("event", "holds", "queue"):
            said = admin.post(f"{SALES}/{path}", {"scope": scope, "eventId": nil, "reason": "x"})
            assert (said.status, said.json["message"]) == (404, "Event not found"), (path, scope)
    assert admin.get(SALES).json["stopped"] is False


def test_an_operation_that_was_something_else_is_refused(admin, db):
    operation = str(uuid.uuid4())
    assert stop(admin, "holds", operationId=operation)["changed"] is True
    for scope in ("queue", "all"):
        other = admin.post(SALES + "/stop", {"scope": scope, "reason": "Other",
                                             "operationId": operation})
        assert other.status == 409, other
    assert [x["scope"] for x in admin.get(SALES).json["brakes"]] == ["holds"]
    assert resume(admin, "holds")["changed"] is True


def test_a_late_resume_leaves_what_was_stopped_since(admin, db):
    seen = stop(admin, "holds")["asOf"]
    assert resume(admin, "holds", asOf=seen)["changed"] is True
    assert stop(admin, "holds", "Second, must stay")["changed"] is True
    late = resume(admin, "holds", asOf=seen)
    assert (late["changed"], late["stopped"]) == (False, True)
    assert resume(admin, "holds", asOf=late["asOf"])["changed"] is True


def test_every_attempt_is_on_record(admin, db, hall):
    event, _ = hall
    operation = str(uuid.uuid4())
    stop(admin, "event", eventId=event, reason="Why not", operationId=operation)
    resume(admin, "event", eventId=event)
    assert admin.post(f"{SALES}/stop", {"scope": "event", "eventId": str(uuid.uuid4()),
                                        "reason": "x"}).status == 404
    assert admin.post(f"{SALES}/stop", {"scope": "moon", "reason": "x"}).status == 400
    noted = db.rows("SELECT action, response_status, request_summary, resource_id FROM "
                    "admin_audit_logs WHERE resource_type = 'sale' ORDER BY created_at DESC "
                    "LIMIT 4")[::-1]
    assert [(x[0], x[1]) for x in noted] == [("STOP_SALES", "200"), ("RESUME_SALES", "200"),
                                             ("STOP_SALES", "404"), ("STOP_SALES", "400")]
    assert operation in noted[0][2] and "Why not" in noted[0][2] and noted[0][3] == event
    assert noted[0][2].startswith("admin ") and "@" not in noted[0][2]
    assert ": moon: x (operation" in noted[3][2]


@pytest.mark.parametrize("body, text", [
    ({}, "must not be blank"),
    ({"scope": "all"}, "must not be blank"),
    ({"scope": "all", "reason": "  "}, "must not be blank"),
    ({"scope": "event", "reason": "x"}, "eventId required"),
    ({"scope": "payment_method", "reason": "x"}, "method required"),
    ({"scope": "holds", "method": "toss", "reason": "x"}, "method is for scope payment_method"),
    ({"scope": "payment_method", "method": "no such method", "reason": "x"},
     "method must be one of toss, naver_pay, kakao_pay, bank_transfer"),
    ({"scope": "payment_method", "method": "other", "reason": "x"},
     "method must be one of toss, naver_pay, kakao_pay, bank_transfer"),
    ({"scope": "all", "eventId": str(uuid.uuid4()), "reason": "x"},
     "scope must be event with an eventId"),
])
def test_what_makes_no_sense_is_refused(admin, body, text):
    assert_error(admin.post(f"{SALES}/stop", body), 400, text)


def test_any_method_may_be_released(admin):
    """What was stopped when more names were allowed does not stay stopped."""
    assert resume(admin, "payment_method", method="credit_card")["changed"] is False
