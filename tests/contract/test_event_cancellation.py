"""An event that does not take place: everything sold of it goes back, once, whoever dies meanwhile
(2.16, D-02)."""
import concurrent.futures
import contextlib
import threading
import uuid

import pytest

import tiketi_harness as harness
from conftest import assert_error, until
from test_toss import Shop, balanced

SOLD = 200


def admin_of(node):
    client = node.client()
    client.token = client.post(
        "/api/auth/login", dict(zip(("email", "password"), harness.ADMIN))).json["token"]
    return client


@pytest.fixture(scope="module")
def shop():
    running = Shop(MAX_ACTIVE_HOLDS_PER_USER_EVENT="0", EVENT_REFUNDS_AT_ONCE="4")
    harness.add_users(running.node.database, 1, SOLD + 20)
    yield running
    running.close()


class Buyer:
    """One of many, without a password; asks with its own connection."""

    def __init__(self, shop, n):
        self.shop = shop
        self.http = shop.node.client(token=harness.access_token(harness.user_uuid(n)))

    def reserve(self, event, seat):
        return self.http.post("/api/seats/reserve", {"eventId": event, "seatIds": [seat]})

    def buy(self, event, seat):
        """The reservation, its order and the key that paid for it."""
        held = self.reserve(event, seat)
        assert held.status == 200, held
        reservation = held.json["reservationId"]
        order = self.http.post("/api/v1/payments/prepare",
                               {"reservationId": reservation}).json["orderId"]
        key = f"key-{uuid.uuid4()}"
        self.shop.fake.authenticate(order, 50000, key)
        paid = self.http.post("/api/v1/payments/confirm", {
            "paymentKey": key, "orderId": order, "amount": 50000})
        assert paid.status == 200, paid
        return reservation, order, key


def progress(admin, event):
    answer = admin.get(f"/api/admin/events/{event}/cancellation")
    assert answer.status == 200, answer
    return answer.json["cancellation"]


def sell(shop, event, seats):
    """Sells the first `SOLD` seats to as many people, from eight of them at a time."""
    def one(n):
        buyer = Buyer(shop, n + 1)
        with contextlib.closing(buyer.http):
            return buyer.buy(event, seats[n])
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        return list(pool.map(one, range(SOLD)))


def test_everything_goes_back_once_whoever_is_killed(shop):
    db = shop.node.database
    event = harness.add_event(db, "Cancelled", seats=SOLD + 20)
    seats = harness.seats_of(db, event)
    sold = sell(shop, event, seats)
    late = Buyer(shop, SOLD + 1)
    for n in range(SOLD, SOLD + 5):
        assert late.reserve(event, seats[n]).status == 200
    first = Buyer(shop, 1)
    assert first.http.post(f"/api/v1/reservations/{sold[0][0]}/cancel").status == 200
    admin = admin_of(shop.node)
    # A policy is for buyers who change their minds: the house keeps nothing.
    assert admin.put(f"/api/admin/events/{event}/cancellation-policy",
                     {"fees": [{"daysBefore": 365, "percent": 50}]}).status == 200
    shop.fault("cancel", "lose-answer", times=3)
    answer = admin.post(f"/api/admin/events/{event}/cancel", {"reason": "The singer is ill"})
    assert answer.status == 200, answer
    assert answer.json["event"]["status"] == "cancelled"
    assert answer.json["cancelledReservations"] == SOLD - 1 + 5
    assert_error(admin.post(f"/api/admin/events/{event}/cancel"), 404,
                 "Event not found or already cancelled")
    assert_error(late.reserve(event, seats[-1]), 403, "Sale is not open for this event")
    done = "SELECT count(*) FROM refunds WHERE status = 'done'"
    for part in (20, 90):
        until(lambda wanted=part: db.number(done) >= wanted, 60)
        shop.node.kill()
        for client in (admin, late.http, first.http):
            client.close()
        shop.node.start()
        assert progress(admin, event)["status"] == "cancelling"
    until(lambda: progress(admin, event)["status"] == "done", 120)
    told = progress(admin, event)
    assert told["reservations"] == {"total": SOLD - 1 + 5, "pending": 0, "confirmed": 0}
    assert told["refunds"] == {"open": 0, "done": SOLD - 1, "failing": 0, "amountOpen": 0,
                               "amountDone": (SOLD - 1) * 50000}
    assert told["reason"] == "The singer is ill"
    for _, _, key in sold:
        assert shop.moved(key) == ["capture", "refund"]
    assert balanced(shop)
    assert db.rows("SELECT account FROM books GROUP BY 1 HAVING sum(amount) <> 0") == []
    assert db.rows("SELECT status, payment_status, count(*) FROM reservations WHERE event_id = "
                   f"'{event}' GROUP BY 1, 2 ORDER BY 2") == [
        ["cancelled", "pending", "5"], ["cancelled", "refunded", str(SOLD)]]
    assert db.rows(f"SELECT DISTINCT status FROM tickets WHERE event_id = '{event}'") == [
        ["cancelled"]]
    assert db.rows("SELECT body->>'reason', count(*) FROM outbox WHERE type = 'PAYMENT_REFUNDED' "
                   "GROUP BY 1 ORDER BY 1") == [["EVENT_CANCELLED", str(SOLD - 1)],
                                                ["user-request", "1"]]
    admin.close()


def test_one_that_is_being_paid_gets_what_it_paid_back(shop):
    """Cancelled between the buyer's word and the provider's: it is sold, then given back."""
    db = shop.node.database
    event = harness.add_event(db, "In between", seats=2)
    buyer = Buyer(shop, 3)
    reservation = buyer.reserve(event, harness.seats_of(db, event)[0]).json["reservationId"]
    order = buyer.http.post("/api/v1/payments/prepare",
                            {"reservationId": reservation}).json["orderId"]
    key = f"key-{uuid.uuid4()}"
    shop.fake.authenticate(order, 50000, key)
    shop.fault("confirm", "slow", ms=1500)
    paying = threading.Thread(target=lambda: buyer.http.post(
        "/api/v1/payments/confirm", {"paymentKey": key, "orderId": order, "amount": 50000}))
    paying.start()
    pinned = f"SELECT pin_id IS NOT NULL FROM reservations WHERE id = '{reservation}'"
    until(lambda: db.value(pinned) == "t")
    with contextlib.closing(admin_of(shop.node)) as admin:
        assert admin.post(f"/api/admin/events/{event}/cancel").status == 200
        paying.join()
        until(lambda: progress(admin, event)["status"] == "done", 30)
    assert shop.moved(key) == ["capture", "refund"] and balanced(shop)
    buyer.http.close()


def test_only_organisers_cancel_events_and_it_is_on_record(shop):
    db = shop.node.database
    event = harness.add_event(db, "On record", seats=1)
    path = f"/api/admin/events/{event}"
    with contextlib.closing(shop.node.client()) as nobody:
        assert nobody.post(f"{path}/cancel").status == 401
        assert nobody.get(f"{path}/cancellation").status == 401
    someone = Buyer(shop, 1)
    assert someone.http.post(f"{path}/cancel").status == 403
    someone.http.close()
    with contextlib.closing(admin_of(shop.node)) as admin:
        assert_error(admin.get(f"{path}/cancellation"), 404, "Event not found or not cancelled")
        assert_error(admin.post(f"/api/admin/events/{uuid.uuid4()}/cancel"), 404,
                     "Event not found or already cancelled")
        assert admin.post(f"{path}/cancel", {"reason": "x" * 201}).status == 400
        assert admin.post(f"{path}/cancel", {"reason": "No hall"}).status == 200
        assert admin.post(f"{path}/cancel").status == 404
        until(lambda: progress(admin, event)["status"] == "done")
    assert db.rows("SELECT request_summary, response_status FROM admin_audit_logs WHERE "
                   f"resource_id = '{event}' AND action = 'CANCEL_EVENT' ORDER BY created_at") == [
        ["No hall", "200"], ["", "404"]]
    # Told once, in the transaction that cancelled it (G52).
    assert db.rows("SELECT topic, type, body->>'eventId', body->>'title', body->>'reason' FROM "
                   f"outbox WHERE key = '{event}'") == [
        ["catalog-events", "EVENT_CANCELLED", event, "On record", "No hall"]]
