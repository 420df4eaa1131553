"""Payments for listings and memberships (contract 2.7, 2.12, 2.13; D20, C18, C29, P-42, P-50, P-53;
H-22i). Their own routes are not there yet: the rows are planted."""
import contextlib
import json
import os
import pathlib
import subprocess
import threading
import uuid

import pytest

from conftest import assert_error, people_of, start_node
from test_payments import confirm, detail, hold, order_of, prepare, process, wait_until
from test_portone import Shop
from test_presale import an_artist, join
import tiketi_harness as harness


def order(user, kind, ident, **more):
    return user.http.post("/api/v1/payments/prepare",
                          {"paymentType": kind, "referenceId": ident, **more})


def pay(user, kind, ident, method="naver_pay"):
    return user.http.post("/api/v1/payments/process", {
        "paymentMethod": method, "paymentType": kind, "referenceId": ident})


def unpaid(db, user, artist, points=0, price=30000):
    """A membership that is to be paid for."""
    ident = str(uuid.uuid4())
    db.rows(f"UPDATE artists SET membership_price = {price} WHERE id = '{artist}'; "
            f"INSERT INTO artist_memberships (id, user_id, artist_id, points, expires_at) "
            f"VALUES ('{ident}', '{user.id}', '{artist}', {points}, now())")
    return ident


def membership(db, ident):
    return db.rows(f"SELECT status, tier, points, joined_at > now() - interval '1 minute', "
                   f"expires_at BETWEEN now() + interval '364 days' AND now() + interval "
                   f"'367 days' FROM artist_memberships WHERE id = '{ident}'")[0]


def points(db, ident):
    return db.rows(f"SELECT action_type, points FROM membership_point_logs "
                   f"WHERE membership_id = '{ident}' ORDER BY created_at, action_type")


def listed(db, seller, held, price=55000, artist=None):
    """A listing of a reservation."""
    ident = str(uuid.uuid4())
    of = f"'{artist}'" if artist else "NULL"
    db.rows(f"INSERT INTO ticket_transfers (id, reservation_id, seller_id, artist_id, "
            f"original_price, transfer_fee, transfer_fee_percent, total_price) VALUES "
            f"('{ident}', '{held}', '{seller.id}', {of}, {price - 5000}, 5000, 10, {price})")
    return ident


def told(db, key):
    return [(kind, json.loads(body)) for kind, body in db.rows(
        f"SELECT type, body FROM outbox WHERE key = '{key}' ORDER BY seq")]


@pytest.fixture
def sold(user, db, hall):
    """A paid reservation of `user` and its listing."""
    held = hold(user, hall)
    assert process(user, held["id"]).status == 200
    return held["id"], listed(db, user, held["id"])


# -- memberships ----------------------------------------------------------------------------------

def test_a_membership_is_paid_for_and_begins(user, make_user, db):
    artist = an_artist(db)
    ident = unpaid(db, user, artist)
    assert_error(order(user, "membership", ident, amount=29999), 400, "Amount mismatch")
    assert_error(order(make_user(), "membership", ident), 403, "Not your membership")
    first = order(user, "membership", ident, amount=30000)
    assert first.status == 200 and first.json["amount"] == 30000, first
    number = first.json["orderId"]
    assert order(user, "membership", ident).json["orderId"] == number
    assert_error(confirm(make_user(), number, amount=30000), 403, "Access denied")
    assert_error(confirm(user, number, amount=1), 400, "Amount mismatch")
    key = f"key-{uuid.uuid4()}"
    answer = confirm(user, number, key, 30000)
    assert answer.status == 200 and answer.json["payment"]["amount"] == 30000, answer
    assert membership(db, ident) == ["active", "SILVER", "200", "t", "t"]
    assert points(db, ident) == [["MEMBERSHIP_JOIN", "200"]]
    assert_error(confirm(user, number, key, 30000), 400, "Payment already confirmed")
    assert_error(order(user, "membership", ident), 400, "Payment already confirmed")  # C29
    again = pay(user, "membership", ident)  # C18
    assert again.status == 200 and again.json["message"] == "Payment already completed", again
    assert again.json["payment"]["orderId"] == number
    shown = order_of(user, number)
    assert (shown["payment_type"], shown["reference_id"], shown["reservation_id"],
            shown["status"]) == ("membership", ident, None, "confirmed")
    mine = user.http.get("/api/v1/payments/user/me").json["payments"]
    assert mine[0]["order_id"] == number and mine[0]["payment_type"] == "membership"
    assert_error(user.http.post(f"/api/v1/payments/{key}/cancel", {}), 400,
                 "This payment cannot be cancelled")  # D20
    (kind, body), = told(db, ident)
    assert kind == "MEMBERSHIP_ACTIVATED" and body["artistId"] == artist
    assert body["userId"] == user.id and body["membershipId"] == ident
    (kind, body), = told(db, number)
    assert (kind, body["paymentType"], body["referenceId"], body["amount"]) == (
        "PAYMENT_CONFIRMED", "membership", ident, 30000)
    assert db.rows(f"SELECT account, sum(amount) FROM books WHERE payment_id = '{shown['id']}' "
                   "GROUP BY 1 ORDER BY 1") == [["provider", "30000"], ["sales", "-30000"]]


def test_a_renewal_is_another_payment(user, db):
    ident = unpaid(db, user, an_artist(db), points=1350)
    assert pay(user, "membership", ident).status == 200
    assert membership(db, ident)[:3] == ["active", "DIAMOND", "1550"]
    assert points(db, ident) == [["MEMBERSHIP_RENEW", "200"]]
    db.rows(f"UPDATE artist_memberships SET status = 'pending' WHERE id = '{ident}'")
    once_more = pay(user, "membership", ident)
    assert once_more.status == 200 and once_more.json["message"] == "Payment completed", once_more
    assert membership(db, ident)[:3] == ["active", "DIAMOND", "1750"]
    assert db.number("SELECT count(*) FROM payments WHERE status = 'confirmed' AND "
                     f"reference_id = '{ident}'") == 2


def test_a_declined_card_and_what_is_not_pending(user, db):
    ident = unpaid(db, user, an_artist(db))
    number = order(user, "membership", ident).json["orderId"]
    assert_error(confirm(user, number, f"fail-{uuid.uuid4()}", 30000), 400)
    assert order_of(user, number)["status"] == "failed"
    second = order(user, "membership", ident).json["orderId"]
    assert second != number
    db.rows(f"UPDATE artist_memberships SET status = 'active' WHERE id = '{ident}'")
    assert_error(order(user, "membership", ident), 400, "Membership is not pending payment")
    assert_error(pay(user, "membership", ident), 400, "Membership is not pending payment")
    assert_error(confirm(user, second, amount=30000), 409)


def test_a_free_membership_needs_no_provider(user, db):  # P-56
    ident = unpaid(db, user, an_artist(db), price=0)
    answer = pay(user, "membership", ident)
    assert answer.status == 200 and answer.json["payment"]["amount"] == 0, answer
    assert membership(db, ident)[0] == "active"


def test_many_pay_one_membership_at_once(user, node, db):
    ident = unpaid(db, user, an_artist(db))
    answers = []

    def ask():
        with contextlib.closing(node.client()) as client:
            client.token = user.token
            answers.append(client.post("/api/v1/payments/process", {
                "paymentMethod": "card", "paymentType": "membership", "referenceId": ident}))
    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [x.status for x in answers] == [200] * 8, answers
    assert len({x.json["payment"]["id"] for x in answers}) == 1
    assert membership(db, ident)[2] == "200"


def test_tickets_earn_points_of_the_artist(user, db):
    artist = an_artist(db)
    event = harness.add_event(db, "Fans", seats=20, artist_id=f"'{artist}'",
                              sale_start_date="now() - interval '60 hours'")
    seats = harness.seats_of(db, event)
    join(db, user, artist, 450)
    ident = db.value(f"SELECT id FROM artist_memberships WHERE artist_id = '{artist}'")
    held = hold(user, (event, seats))
    assert process(user, held["id"]).status == 200
    assert process(user, held["id"]).status == 200
    assert membership(db, ident)[1:3] == ["GOLD", "550"]
    assert points(db, ident) == [["TICKET_PURCHASE", "100"]]
    db.rows(f"UPDATE artist_memberships SET expires_at = now() WHERE id = '{ident}'")
    assert process(user, hold(user, (event, seats), 1)["id"]).status == 200
    assert membership(db, ident)[2] == "550"


# -- listings -------------------------------------------------------------------------------------

def test_a_listing_is_bought(user, make_user, db, sold):
    held, ident = sold
    buyer = make_user()
    before = {x["id"] for x in user.http.get("/api/v1/tickets/my").json["tickets"]}
    assert_error(order(user, "transfer", ident), 400, "Cannot buy your own transfer")
    assert_error(pay(user, "transfer", ident), 400, "Cannot buy your own transfer")
    number = order(buyer, "transfer", ident, amount=55000).json["orderId"]
    key = f"key-{uuid.uuid4()}"
    answer = confirm(buyer, number, key, 55000)
    assert answer.status == 200, answer
    assert detail(buyer, held)["status"] == "confirmed"
    assert user.http.get(f"/api/v1/reservations/{held}").status in (403, 404)
    row, = db.rows(f"SELECT status, buyer_id, completed_at > now() - interval '1 minute' "
                   f"FROM ticket_transfers WHERE id = '{ident}'")
    assert row == ["completed", buyer.id, "t"]
    theirs = buyer.http.get("/api/v1/tickets/my").json["tickets"]
    assert [x["status"] for x in theirs] == ["valid"] and theirs[0]["id"] not in before
    assert {x["status"] for x in user.http.get("/api/v1/tickets/my").json["tickets"]
            if x["id"] in before} == {"transferred"}
    assert_error(confirm(buyer, number, key, 55000), 400, "Payment already confirmed")
    assert_error(order(buyer, "transfer", ident), 400, "Payment already confirmed")
    assert pay(buyer, "transfer", ident).json["message"] == "Payment already completed"
    assert_error(order(make_user(), "transfer", ident), 400, "Transfer is no longer available")
    assert_error(pay(make_user(), "transfer", ident), 400, "Transfer is no longer available")
    (kind, body), = told(db, ident)
    assert kind == "TRANSFER_COMPLETED"
    assert {k: body[k] for k in ("transferId", "reservationId", "sellerId", "buyerId",
                                 "totalPrice")} == {
        "transferId": ident, "reservationId": held, "sellerId": user.id, "buyerId": buyer.id,
        "totalPrice": 55000}
    assert db.rows(f"SELECT from_status, to_status, actor_id, reason FROM reservation_history "
                   f"WHERE reservation_id = '{held}' ORDER BY id DESC LIMIT 1") == [
        ["confirmed", "confirmed", buyer.id, "transfer"]]
    # Neither gets the money of the other by cancelling.
    assert_error(buyer.http.post(f"/api/v1/payments/{key}/cancel", {}), 400,
                 "This payment cannot be cancelled")
    assert_error(buyer.cancel(held), 400, "This payment cannot be cancelled")
    assert user.cancel(held).status in (403, 404)
    assert detail(buyer, held)["payment_status"] == "completed"


def test_who_may_buy_a_listing(user, make_user, db):
    artist = an_artist(db)
    event = harness.add_event(db, "Fans", seats=20, artist_id=f"'{artist}'",
                              sale_start_date="now() - interval '60 hours'")
    held = hold(user, (event, harness.seats_of(db, event)))
    assert process(user, held["id"]).status == 200
    ident = listed(db, user, held["id"], artist=artist)
    stranger, member = make_user(), make_user()
    refusal = "Buyer must have active membership for this artist"
    assert_error(order(stranger, "transfer", ident), 403, refusal)
    assert_error(pay(stranger, "transfer", ident), 403, refusal)
    join(db, stranger, artist, 0, expires_at="now()")
    assert_error(pay(stranger, "transfer", ident), 403, refusal)
    join(db, member, artist, 0)
    assert pay(member, "transfer", ident).status == 200
    assert detail(member, held["id"])["status"] == "confirmed"


def test_a_listing_that_is_gone(user, make_user, db, sold):
    held, ident = sold
    buyer = make_user()
    number = order(buyer, "transfer", ident).json["orderId"]
    assert user.cancel(held).status == 200
    for answer in (order(buyer, "transfer", ident), pay(buyer, "transfer", ident)):
        assert_error(answer, 400, "Transfer is no longer available")
    assert_error(confirm(buyer, number, amount=55000), 409)
    assert order_of(buyer, number)["status"] == "pending"


@pytest.mark.parametrize("way", ["process", "confirm"])
def test_two_buy_one_listing_at_once(user, make_user, db, sold, way):
    held, ident = sold
    buyers = [make_user() for _ in range(4)]
    numbers = [order(x, "transfer", ident).json["orderId"] for x in buyers]
    assert len(set(numbers)) == 4
    answers = [None] * 4

    def ask(n):
        answers[n] = (pay(buyers[n], "transfer", ident) if way == "process" else
                      confirm(buyers[n], numbers[n], amount=55000))
    threads = [threading.Thread(target=ask, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    won = [n for n in range(4) if answers[n].status == 200]
    assert len(won) == 1, answers
    assert {x.status for x in answers} == {200, 400 if way == "process" else 409}, answers
    assert db.value(f"SELECT user_id FROM reservations WHERE id = '{held}'") == buyers[won[0]].id
    assert db.number(f"SELECT sum(b.amount) FROM books b JOIN payments p ON p.id = b.payment_id "
                     f"WHERE p.reference_id = '{ident}' AND b.account = 'provider'") == 55000


def test_what_the_loser_has_paid_goes_back():
    with contextlib.closing(Shop()) as shop:
        db = shop.node.database
        seller, held, number, token = shop.order()
        assert confirm(seller, number, token).status == 200
        ident = listed(db, seller, held)
        with people_of(shop.node) as people:
            one, two = people(2)
            numbers = [order(x, "transfer", ident).json["orderId"] for x in (one, two)]
            for name in numbers:  # Both pay on the provider's page, before the shop hears of it.
                shop.fake.authenticate(name, 55000, f"token-{name}")
                shop.pay_in_browser(name)
            assert shop.call_back(numbers[0]).status == 200
            assert shop.call_back(numbers[1]).status == 200
            assert db.value(f"SELECT user_id FROM reservations WHERE id = '{held}'") == one.id
            wait_until(lambda: shop.moved(numbers[1]) == ["capture", "refund"])
            assert shop.moved(numbers[0]) == ["capture"]
            assert shop.call_back(numbers[1]).status == 200  # Told again, it changes nothing.
            assert shop.moved(numbers[1]) == ["capture", "refund"]
            member = unpaid(db, two, an_artist(db))
            number = order(two, "membership", member).json["orderId"]
            shop.fake.authenticate(number, 30000, "token-member")
            shop.pay_in_browser(number)
            for _ in range(2):
                assert shop.call_back(number).status == 200
            assert membership(db, member)[0] == "active" and shop.moved(number) == ["capture"]


def test_statistics_and_the_audit_agree():
    with contextlib.closing(start_node()) as node, people_of(node) as people:
        db = node.database
        event = harness.add_event(db, "Hall", seats=20)
        seller, buyer = people(2)
        held = hold(seller, (event, harness.seats_of(db, event)))
        assert process(seller, held["id"]).status == 200
        ident = listed(db, seller, held["id"])
        assert pay(buyer, "transfer", ident).status == 200
        member = unpaid(db, buyer, an_artist(db))
        assert pay(buyer, "membership", member).status == 200
        wait_until(lambda: db.number(
            "SELECT count(*) FROM outbox o JOIN relay_cursor c USING (shard) "
            "WHERE (o.xid, o.seq) > (c.xid, c.seq)") == 0, 60)
        assert db.rows("SELECT sum(total_revenue), sum(payment_revenue), sum(membership_revenue) "
                       "FROM daily_stats") == [["135000", "105000", "30000"]]
        assert db.rows(f"SELECT transfers, total_revenue, reserved_seats FROM event_stats "
                       f"WHERE event_id = '{event}'") == [["1", "50000", "1"]]
        inspect = pathlib.Path(os.environ["TIKETI_NODE"]).parents[1] / "inspector/tiketi-inspect"
        if inspect.exists():
            done = subprocess.run([inspect, "audit", "--database", db.url + " user=postgres"],
                                  capture_output=True, text=True, timeout=120)
            assert done.returncode == 0, done.stdout + done.stderr
