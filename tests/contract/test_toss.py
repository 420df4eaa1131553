"""Payments through Toss Payments, played by a fake that speaks its wire format (C16, G04; S34, F46,
F47): what is lost, forged, doubled or late on the way, and money that moves once all the same."""
import base64
import contextlib
import datetime
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
from test_payments import confirm, detail, hold, metric, order_of, prepare, process, wait_until
import tiketi_harness as harness

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration" / "payment"))
import toss_fake  # noqa: E402

WEBHOOK_KEY = "0123456789abcdef0123456789abcdef"


class Shop:
    """A node that pays through a fake, and a hall."""

    def __init__(self, providers="toss", **env):
        self.fake = toss_fake.TossFake()
        self.env = {"PAYMENT_PROVIDERS": providers, "TOSS_BASE_URL": self.fake.start(),
                    "TOSS_SECRET_KEY": toss_fake.SECRET_KEY, "TOSS_WEBHOOK_SECRET": WEBHOOK_KEY,
                    **env}
        self.node = start_node(**self.env)
        event = harness.add_event(self.node.database, "Hall", seats=60)
        self.hall = event, harness.seats_of(self.node.database, event)
        self.held = 0

    def close(self):
        self.node.close()
        self.fake.stop()

    def order(self, **how):
        """A buyer who has been on the provider's page: (user, reservation, order, key)."""
        user = User(self.node)
        held = hold(user, self.hall, self.held)
        self.held += 1
        order = prepare(user, held["id"]).json["orderId"]
        key = f"key-{uuid.uuid4()}"
        self.fake.authenticate(order, 50000, key, **how)
        return user, held["id"], order, key

    def moved(self, key):
        with self.fake.lock:
            return [what for what, of, _ in self.fake.books if of == key]

    def fault(self, step, kind, times=1, ms=0):
        with self.fake.lock:
            self.fake.faults = [{"on": step, "is": kind, "times": times, "ms": ms}]

    def call_back(self, order, key=None, status="DONE", age_s=0, sign_with=WEBHOOK_KEY, body=None):
        """A callback, signed as the provider does."""
        korea = datetime.timezone(datetime.timedelta(hours=9))
        sent_at = (datetime.datetime.now(korea) - datetime.timedelta(seconds=age_s)).isoformat(
            timespec="seconds")
        body = body or json.dumps({
            "eventType": "PAYMENT_STATUS_CHANGED", "createdAt": sent_at,
            "data": {"orderId": order, "paymentKey": key, "status": status, "totalAmount": 50000}})
        mac = hmac.new(sign_with.encode(), f"{body}:{sent_at}".encode(), hashlib.sha256).digest()
        with contextlib.closing(self.node.client()) as client:
            return client.request("POST", "/api/v1/webhooks/toss", body, {
                "tosspayments-webhook-signature": "v1:" + base64.b64encode(mac).decode(),
                "tosspayments-webhook-transmission-time": sent_at})


@pytest.fixture(scope="module")
def shop():
    running = Shop()
    yield running
    running.close()


@pytest.fixture(autouse=True)
def no_faults(request):
    if "shop" in request.fixturenames:
        request.getfixturevalue("shop").fake.faults = []


def balanced(shop):
    """What the ledger's books say is what the provider's say."""
    with shop.fake.lock:
        kept = sum(amount if what == "capture" else -amount for what, _, amount in shop.fake.books)
    rows = shop.node.database.rows(
        "SELECT coalesce(sum(amount) FILTER (WHERE account = 'provider'), 0),"
        " coalesce(sum(amount), 0) FROM books")
    return [int(x) for x in rows[0]] == [kept, 0]


# -- paying --------------------------------------------------------------------------------------


def test_a_purchase_and_its_refund(shop):
    user, reservation, order, key = shop.order()
    answer = confirm(user, order, key)
    assert answer.status == 200, answer
    assert answer.json["payment"]["method"] == "toss"
    assert order_of(user, order)["status"] == "confirmed"
    assert_error(confirm(user, order, key), 400, "Payment already confirmed")
    assert user.http.post(f"/api/v1/payments/{key}/cancel", {}).status == 200
    wait_until(lambda: order_of(user, order)["status"] == "refunded")
    assert shop.moved(key) == ["capture", "refund"]
    assert shop.node.database.rows(
        f"SELECT provider FROM payment_attempts WHERE payment_key = '{key}'") == [["toss"]]
    assert balanced(shop)


def test_at_once_is_only_paid_where_a_provider_can(shop):
    user, reservation, order, key = shop.order()
    for method in ("naver_pay", "kakao_pay", "bank_transfer"):
        assert_error(process(user, reservation, method), 400, code="PAYMENT_METHOD_UNAVAILABLE")
    assert confirm(user, order, key).status == 200


def test_a_declined_card(shop):
    user, reservation, order, key = shop.order(declined=True)
    assert_error(confirm(user, order, key), 400, code="PAYMENT_DECLINED")
    assert order_of(user, order)["status"] == "failed"
    assert prepare(user, reservation).json["orderId"] != order
    assert shop.moved(key) == []


@pytest.mark.parametrize("kind", ["lose-answer", "fail-after", "garbage", "forged", "drop-before",
                                  "redirect"])
def test_whatever_becomes_of_the_answer_the_seat_is_sold_once(shop, kind):
    for _ in range(2):  # What the breaker counts beside the fault.
        user, _, order, key = shop.order()
        assert confirm(user, order, key).status == 200
    user, reservation, order, key = shop.order()
    shop.fault("confirm", kind)
    answer = confirm(user, order, key)
    assert answer.status == 200, answer
    assert detail(user, reservation)["status"] == "confirmed"
    assert shop.moved(key) == ["capture"]
    shop.fault("cancel", kind)
    assert user.cancel(reservation).status == 200
    wait_until(lambda: order_of(user, order)["status"] == "refunded")
    assert shop.moved(key) == ["capture", "refund"]
    assert balanced(shop)


# -- callbacks -----------------------------------------------------------------------------------


def test_a_forged_callback_is_refused(shop):
    user, reservation, order, key = shop.order()
    refused = metric(user.http, "payment_callbacks_total", result="refused")
    assert_error(shop.call_back(order, key, sign_with="x" * 32), 401)
    assert_error(shop.call_back(order, key, age_s=301), 401)
    assert_error(shop.call_back(order, key, age_s=-301), 401)
    bare = user.http.request("POST", "/api/v1/webhooks/toss", json.dumps({"data": {}}), {})
    assert_error(bare, 401)
    assert metric(user.http, "payment_callbacks_total", result="refused") == refused + 4
    assert shop.moved(key) == []


def test_what_a_callback_says_is_not_believed(shop):
    user, reservation, order, key = shop.order()
    for status in ("DONE", "CANCELED", "ABORTED", "nonsense"):
        assert shop.call_back(order, key, status).status == 200
    assert order_of(user, order)["status"] == "pending"
    for body in ("{}", '{"data": 1}', '{"data": {"orderId": 7}}', '{"orderId": ""}',
                 json.dumps({"data": {"orderId": "ORD_" + "X" * 200}})):
        assert shop.call_back(None, body=body).status == 200
    assert_error(shop.call_back(None, body="[]"), 400)
    assert shop.call_back("ORD_1_OFNOBODY").status == 200
    assert shop.moved(key) == []
    assert confirm(user, order, key).status == 200  # It was too early, and harmless.


def test_a_body_that_is_too_long_is_not_read(shop):
    assert_error(shop.call_back(None, body=json.dumps({"data": "x" * 100_000})), 413)


def test_callbacks_and_the_buyer_at_once(shop):
    user, reservation, order, key = shop.order()
    shop.fault("confirm", "slow-answer", ms=300)
    answers = []

    def call():
        answers.append(shop.call_back(order, key).status)

    def buy():
        answers.append(confirm(user, order, key).status)
    threads = [threading.Thread(target=buy)]
    threads += [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
        time.sleep(0.05)
    for thread in threads:
        thread.join()
    assert answers == [200] * 9
    assert shop.call_back(order, key).status == 200  # Late, and once more.
    assert shop.moved(key) == ["capture"]
    assert shop.node.database.rows(
        f"SELECT count(*) FROM tickets WHERE reservation_id = '{reservation}'") == [["1"]]
    assert balanced(shop)


def test_a_callback_completes_what_nobody_came_back_for(shop):
    """Taken, and the shop does not know: as after a fail-over that has lost the attempt."""
    user, reservation, order, key = shop.order()
    with shop.fake.lock:
        shop.fake.capture(shop.fake.payments[key])
    assert shop.call_back(order, key).status == 200
    assert order_of(user, order)["status"] == "confirmed"
    assert_error(confirm(user, order, key), 400, "Payment already confirmed")
    assert shop.call_back(order, key).status == 200
    assert shop.moved(key) == ["capture"]
    assert user.cancel(reservation).status == 200
    wait_until(lambda: order_of(user, order)["status"] == "refunded")
    assert shop.call_back(order, key, "CANCELED").status == 200
    assert shop.moved(key) == ["capture", "refund"]


def test_when_the_provider_does_not_answer_it_is_told_to_call_again(shop):
    for _ in range(2):
        user, _, order, key = shop.order()
        assert confirm(user, order, key).status == 200
    user, reservation, order, key = shop.order()
    with shop.fake.lock:
        shop.fake.capture(shop.fake.payments[key])
    shop.fault("query", "refuse-before", times=3)
    assert_error(shop.call_back(order, key), 503)
    assert shop.call_back(order, key).status == 200
    assert order_of(user, order)["status"] == "confirmed"


# -- other lives of the program ------------------------------------------------------------------


def test_a_node_that_is_killed_between_capture_and_sale():
    shop = Shop()
    try:
        user, reservation, order, key = shop.order()
        shop.fault("confirm", "slow-answer", ms=2000)

        def give_up():
            with contextlib.suppress(Exception):
                confirm(user, order, key)
        thread = threading.Thread(target=give_up)
        thread.start()
        wait_until(lambda: shop.moved(key) == ["capture"])
        shop.node.kill()
        thread.join()
        user.http.close()
        shop.node.start()
        wait_until(lambda: shop.call_back(order, key).status == 200)
        wait_until(lambda: order_of(user, order)["status"] == "confirmed")
        assert shop.moved(key) == ["capture"] and balanced(shop)
    finally:
        shop.close()


def test_each_payment_goes_back_to_who_has_taken_it():
    """Toss and the mock beside each other; later Toss is gone from the list for a while."""
    shop = Shop("mock,toss")
    try:
        user, reservation, order, key = shop.order()
        assert confirm(user, order, key).status == 200
        other = User(shop.node)
        held = hold(other, shop.hall, 30)["id"]
        assert process(other, held).status == 200
        assert shop.node.database.rows(
            "SELECT provider FROM payment_attempts ORDER BY 1") == [["mock"], ["toss"]]
        shop.node.stop()
        for x in (user, other):
            x.http.close()
        shop.node.env["PAYMENT_PROVIDERS"] = "mock"
        shop.node.start()
        assert user.cancel(reservation).status == 200
        assert other.cancel(held).status == 200
        wait_until(lambda: shop.node.database.rows(
            "SELECT count(*) FROM refunds WHERE status = 'done'") == [["1"]])
        assert order_of(user, order)["status"] == "refund_pending"
        assert shop.moved(key) == ["capture"]
        shop.node.stop()
        for x in (user, other):
            x.http.close()
        shop.node.env["PAYMENT_PROVIDERS"] = "mock,toss"
        shop.node.start()
        wait_until(lambda: order_of(user, order)["status"] == "refunded", patience=20)
        assert shop.moved(key) == ["capture", "refund"]
    finally:
        shop.close()
