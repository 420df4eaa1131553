"""Payments through PortOne, played by a fake that speaks its wire format (C16, G04; D-03, D-05,
S34, F46, F47), also where the browser pays before the shop has heard of it."""
import base64
import contextlib
import hashlib
import hmac
import json
import pathlib
import sys
import threading
import time
import uuid

import pytest

from conftest import assert_error, start_node, User
from test_payments import confirm, detail, hold, order_of, prepare, process, wait_until
from test_toss import balanced
import tiketi_harness as harness

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration" / "payment"))
import portone_fake  # noqa: E402

WEBHOOK_KEY = b"0123456789abcdef0123456789abcdef"


class Shop:
    """A node that pays through a fake, and a hall."""

    def __init__(self, **env):
        self.fake = portone_fake.PortOneFake()
        self.node = start_node(
            PAYMENT_PROVIDERS="portone", PORTONE_BASE_URL=self.fake.start(),
            PORTONE_STORE_ID=portone_fake.STORE_ID, PORTONE_CHANNEL_KEY="channel-key-fake",
            PORTONE_API_SECRET=portone_fake.API_SECRET,
            PORTONE_WEBHOOK_SECRET="whsec_" + base64.b64encode(WEBHOOK_KEY).decode(), **env)
        event = harness.add_event(self.node.database, "Hall", seats=60)
        self.hall = event, harness.seats_of(self.node.database, event)
        self.held = 0

    def close(self):
        self.node.close()
        self.fake.stop()

    def order(self, **how):
        """A buyer who has been on the provider's page: (user, reservation, order, token)."""
        user = User(self.node)
        held = hold(user, self.hall, self.held)
        self.held += 1
        order = prepare(user, held["id"]).json["orderId"]
        token = f"token-{uuid.uuid4()}"
        self.fake.authenticate(order, 50000, token, **how)
        return user, held["id"], order, token

    def moved(self, order):
        with self.fake.lock:
            return [what for what, of, _ in self.fake.books if of == order]

    def pay_in_browser(self, order):
        """As over a channel that does not wait for our approval."""
        with self.fake.lock:
            self.fake.capture(self.fake.payments[order])

    def fault(self, step, kind, times=1, ms=0):
        with self.fake.lock:
            self.fake.faults = [{"on": step, "is": kind, "times": times, "ms": ms}]

    def call_back(self, order, kind="Transaction.Paid", age_s=0, sign_with=WEBHOOK_KEY, body=None):
        """A callback, signed as Standard Webhooks are."""
        sent_at, name = str(int(time.time()) - age_s), f"msg_{uuid.uuid4()}"
        body = body or json.dumps({
            "type": kind, "timestamp": "2026-11-22T00:00:00Z",
            "data": {"paymentId": order, "transactionId": "tx", "storeId": portone_fake.STORE_ID}})
        mac = hmac.new(sign_with, f"{name}.{sent_at}.{body}".encode(), hashlib.sha256).digest()
        with contextlib.closing(self.node.client()) as client:
            return client.request("POST", "/api/v1/webhooks/portone", body, {
                "webhook-id": name, "webhook-timestamp": sent_at,
                "webhook-signature": "v1,AAAA v1," + base64.b64encode(mac).decode()})


@pytest.fixture(scope="module")
def shop():
    running = Shop()
    yield running
    running.close()


@pytest.fixture(autouse=True)
def no_faults(request):
    if "shop" in request.fixturenames:
        request.getfixturevalue("shop").fake.faults = []


def test_a_purchase_and_its_refund(shop):
    user, reservation, order, token = shop.order()
    told = prepare(user, reservation).json
    assert told == {"orderId": order, "amount": 50000, "clientKey": "channel-key-fake",
                    "storeId": portone_fake.STORE_ID}
    assert_error(process(user, reservation), 400, code="PAYMENT_METHOD_UNAVAILABLE")
    answer = confirm(user, order, token)
    assert answer.status == 200, answer
    assert answer.json["payment"]["method"] == "portone"
    assert_error(confirm(user, order, token), 400, "Payment already confirmed")
    assert user.http.post(f"/api/v1/payments/{token}/cancel", {}).status == 200
    wait_until(lambda: order_of(user, order)["status"] == "refunded")
    assert shop.moved(order) == ["capture", "refund"] and balanced(shop)


def test_a_declined_card(shop):
    user, reservation, order, token = shop.order(declined=True)
    assert_error(confirm(user, order, token), 400, code="PAYMENT_DECLINED")
    assert order_of(user, order)["status"] == "failed"
    assert shop.moved(order) == []


@pytest.mark.parametrize("kind", ["lose-answer", "fail-after", "cut", "drop-before"])
def test_whatever_becomes_of_the_answer_the_seat_is_sold_once(shop, kind):
    for _ in range(2):  # What the breaker counts beside the fault.
        user, _, order, token = shop.order()
        assert confirm(user, order, token).status == 200
    user, reservation, order, token = shop.order()
    shop.fault("confirm", kind)
    answer = confirm(user, order, token)
    assert answer.status == 200, answer
    shop.fault("cancel", kind)
    assert user.cancel(reservation).status == 200
    wait_until(lambda: order_of(user, order)["status"] == "refunded")
    assert shop.moved(order) == ["capture", "refund"] and balanced(shop)


def test_a_forged_callback_is_refused(shop):
    user, reservation, order, token = shop.order()
    assert_error(shop.call_back(order, sign_with=b"x" * 32), 401)
    assert_error(shop.call_back(order, age_s=305), 401)
    assert_error(shop.call_back(order, age_s=-305), 401)
    for kind in ("Transaction.Paid", "Transaction.Cancelled", "nonsense"):  # Early, or untrue.
        assert shop.call_back(order, kind).status == 200
    assert shop.call_back(None, body='{"data": []}').status == 200
    assert shop.call_back("ORD_1_OFNOBODY").status == 200
    assert order_of(user, order)["status"] == "pending"
    assert shop.moved(order) == []


def test_the_browser_pays_and_callbacks_and_the_buyer_come_at_once(shop):
    user, reservation, order, token = shop.order()
    shop.pay_in_browser(order)
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(shop.call_back(order).status))
               for _ in range(6)]
    buyer = []
    threads.insert(3, threading.Thread(target=lambda: buyer.append(confirm(user, order, token))))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200] * 6
    if buyer[0].status != 200:  # A callback was first.
        assert_error(buyer[0], 400, "Payment already confirmed")
    assert detail(user, reservation)["status"] == "confirmed"
    assert shop.call_back(order).status == 200
    assert shop.moved(order) == ["capture"] and balanced(shop)


def test_another_amount_is_sold_for_nothing(shop):
    user, reservation, order, token = shop.order()
    with shop.fake.lock:
        shop.fake.payments[order]["total"] = 100
    assert_error(confirm(user, order, token), 400, code="PAYMENT_DECLINED")
    assert detail(user, reservation)["status"] == "pending"
    assert shop.moved(order) == []
    user, reservation, order, token = shop.order()
    with shop.fake.lock:
        shop.fake.payments[order]["total"] = 100
    shop.pay_in_browser(order)  # It goes back, whoever has tampered with it.
    assert shop.call_back(order).status == 200
    assert shop.moved(order) == ["capture", "refund"]
    assert detail(user, reservation)["status"] == "pending"


def test_what_was_paid_after_the_hold_goes_back():
    shop = Shop(RESERVATION_TTL_SECONDS="2", RESERVATION_CLEANUP_INTERVAL_MS="200")
    try:
        user, reservation, order, token = shop.order()
        wait_until(lambda: detail(user, reservation)["status"] != "pending")
        shop.pay_in_browser(order)
        shop.fault("cancel", "refuse-before")
        assert_error(shop.call_back(order), 503)  # Not given back yet: it calls again.
        assert shop.call_back(order).status == 200
        assert shop.call_back(order).status == 200
        assert shop.moved(order) == ["capture", "refund"] and balanced(shop)
        assert detail(user, reservation)["status"] != "confirmed"
    finally:
        shop.close()
