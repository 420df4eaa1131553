"""Payments when the provider is away, the program was restarted, or a key comes twice (G37)."""
import re
import threading
import uuid

import pytest

from conftest import assert_error, start_node, User
from test_payments import confirm, hold, metric, order_of, prepare, process, wait_until
import tiketi_harness as harness


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_what_was_paid_before_a_restart_is_given_back_after_it(end):
    """The mock's books end with the program; the money of its buyers does not."""
    node = start_node()
    try:
        hall = harness.add_event(node.database, "Hall", seats=4)
        seats = harness.seats_of(node.database, hall)
        user = User(node)
        held = [hold(user, (hall, seats), n) for n in range(2)]
        order = prepare(user, held[0]["id"]).json["orderId"]
        assert confirm(user, order).status == 200
        own = process(user, held[1]["id"]).json["payment"]["orderId"]
        getattr(node, end)()
        user.http.close()
        node.start()
        for reservation in held:
            assert user.cancel(reservation["id"]).status == 200
        for paid in (order, own):
            wait_until(lambda: order_of(user, paid)["status"] == "refunded")
        assert node.database.rows("SELECT status, tries FROM refunds") == [["done", "1"]] * 2
    finally:
        node.close()


def test_a_key_that_was_used_for_another_order_is_told_so(user, make_user, hall, http):
    """Nobody asks the provider, so nobody was declined; the order waits for a key of its own."""
    def calls():
        return sum(metric(http, "circuit_breaker_calls_total", name="payment", outcome=x)
                   for x in ("succeeded", "failed", "not_counted"))
    key = f"key-{uuid.uuid4()}"
    first = prepare(user, hold(user, hall)["id"]).json["orderId"]
    assert confirm(user, first, key).status == 200
    other = make_user()
    second = prepare(other, hold(other, hall, 1)["id"]).json["orderId"]
    before = calls()
    answer = confirm(other, second, key)
    assert_error(answer, 409, code="IDEMPOTENCY_CONFLICT")
    assert calls() == before
    assert order_of(other, second)["status"] == "pending"
    assert confirm(other, second).status == 200


def test_two_orders_that_come_with_one_key_at_once(make_user, hall):
    buyers = [make_user() for _ in range(8)]
    orders = [prepare(x, hold(x, hall, n)["id"]).json["orderId"] for n, x in enumerate(buyers)]
    key = f"key-{uuid.uuid4()}"
    answers = [None] * len(buyers)

    def pay(n):
        answers[n] = confirm(buyers[n], orders[n], key)
    threads = [threading.Thread(target=pay, args=(n,)) for n in range(len(buyers))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    told = sorted((x.status, x.json.get("code")) for x in answers)
    assert told[0] == (200, None)
    assert set(told[1:]) <= {(409, "IDEMPOTENCY_CONFLICT"), (503, "BUSY")}, told
    for n, answer in enumerate(answers):
        if answer.status == 503:  # Nothing was begun: the same again.
            assert_error(confirm(buyers[n], orders[n], key), 409, code="IDEMPOTENCY_CONFLICT")
        if answer.status != 200:
            assert order_of(buyers[n], orders[n])["status"] == "pending"


def test_the_breaker_around_the_provider_is_shown():
    node = start_node()
    try:
        event = harness.add_event(node.database, "Hall", seats=10)
        hall = event, harness.seats_of(node.database, event)
        user, others = User(node), [User(node) for _ in range(5)]

        def calls():
            return {x: metric(user.http, "circuit_breaker_calls_total", name="payment", outcome=x)
                    for x in ("succeeded", "failed", "not_counted", "not_permitted", "busy")}

        def state():
            return metric(user.http, "circuit_breaker_state", name="payment")
        order = prepare(user, hold(user, hall)["id"]).json["orderId"]
        assert_error(confirm(user, order, f"fail-{uuid.uuid4()}"), 400, code="PAYMENT_DECLINED")
        assert calls() == {"succeeded": 0, "failed": 0, "not_counted": 1, "not_permitted": 0,
                           "busy": 0} and state() == 0
        orders = [prepare(x, hold(x, hall, n + 1)["id"]).json["orderId"]
                  for n, x in enumerate(others)]
        threads = [threading.Thread(target=confirm, args=(x, y, f"away-{uuid.uuid4()}"))
                   for x, y in zip(others, orders)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert calls()["failed"] == 5 and state() == 2
        answer = confirm(others[0], orders[0])
        assert_error(answer, 503, code="PAYMENT_PROVIDER_UNAVAILABLE")
        assert calls()["not_permitted"] == 1 and calls()["succeeded"] == 0
        page = user.http.get("/actuator/prometheus").body.decode()
        assert re.search(r"^reconciliation_mismatch_total(\{[^}]*\})? 0$", page, re.M)
    finally:
        node.close()

