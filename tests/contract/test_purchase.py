"""Whole purchases, from the register form to the door: D2, 2.4 to 2.7, G02, G03."""
import uuid

import pytest

import tiketi_harness as harness
from conftest import assert_error
from test_payments import confirm, detail, order_of, prepare, process, wait_until
from test_tickets import door, scan, tickets_of, verify_offline  # noqa: F401 (door is a fixture)


def refunds_of(db, order):
    """Status and amount of the refunds of an order."""
    return db.rows("SELECT f.status, f.amount FROM refunds f "
                   "JOIN payments p ON p.id = f.payment_id "
                   f"WHERE p.order_id = '{order}'")


@pytest.fixture
def club(db):
    """A standing event of two types."""
    return harness.add_standing(db, "Club", [("Floor", 88000, 20), ("Early", 69000, 5)])


def test_from_the_register_form_to_the_door(user, hall, http, door):  # noqa: F811
    event, seats = hall
    held = user.reserve(event, seats[:2])
    assert held.status == 200, held
    reservation = held.json["reservationId"]
    opened = prepare(user, reservation, amount=100000)
    assert opened.status == 200, opened
    assert tickets_of(user) == []
    paid = confirm(user, opened.json["orderId"], amount=opened.json["amount"])
    assert paid.status == 200 and paid.json["success"] is True, paid
    assert detail(user, reservation)["status"] == "confirmed"
    tickets = tickets_of(user)
    assert [t["seat_label"] for t in sorted(tickets, key=lambda t: t["seat_label"])] == [
        "A-1-1", "A-1-2"]
    assert {(t["reservation_id"], t["status"], t["price"]) for t in tickets} == {
        (reservation, "valid", 50000)}
    keys = http.get("/api/tickets/keys").json["keys"]
    for ticket in tickets:
        assert verify_offline(ticket["qr"], keys) == {
            "id": ticket["id"], "event": event, "number": ticket["ticket_number"]}
    first, second = tickets
    assert scan(door, first["qr"], eventId=event)["reason"] == "admitted"
    assert scan(door, first["qr"], eventId=event)["reason"] == "already_used"
    assert scan(door, second["qr"], eventId=event)["valid"] is True


def test_a_standing_order_of_mixed_types(user, club, http, door, db):  # noqa: F811
    event, (floor, early) = club
    made = user.order(event, [(floor, 2), (early, 1)])
    assert made.status == 200, made
    reservation = made.json["reservationId"]
    opened = prepare(user, reservation).json
    assert opened["amount"] == 2 * 88000 + 69000
    assert confirm(user, opened["orderId"], amount=opened["amount"]).status == 200
    tickets = tickets_of(user)
    assert sorted((t["ticket_type_name"], t["price"], t["seat_label"]) for t in tickets) == [
        ("Early", 69000, None), ("Floor", 88000, None), ("Floor", 88000, None)]
    assert len({t["ticket_number"] for t in tickets}) == 3
    keys = http.get("/api/tickets/keys").json["keys"]
    for ticket in tickets:
        assert verify_offline(ticket["qr"], keys)["event"] == event
        assert scan(door, ticket["qr"], eventId=event)["valid"] is True
        assert scan(door, ticket["qr"], eventId=event)["reason"] == "already_used"
    assert db.rows("SELECT available_quantity FROM ticket_types WHERE id IN "
                   f"('{floor}', '{early}') ORDER BY price DESC") == [["18"], ["4"]]


@pytest.mark.parametrize("by", ["reservation", "payment"])
def test_a_cancelled_purchase_is_paid_back_and_its_ticket_refused(
        by, user, make_user, club, door, db):  # noqa: F811
    event, (floor, early) = club
    reservation = user.order(event, [(early, 5), (floor, 1)]).json["reservationId"]
    opened = prepare(user, reservation).json
    key = f"key-{uuid.uuid4()}"
    assert confirm(user, opened["orderId"], key, opened["amount"]).status == 200
    tickets = tickets_of(user)
    assert len(tickets) == 6
    if by == "reservation":
        assert user.cancel(reservation).status == 200
    else:
        answer = user.http.post(f"/api/v1/payments/{key}/cancel")
        assert answer.status == 200 and answer.json["refundAmount"] == opened["amount"], answer
    # On record before the answer, carried out after it.
    assert [int(amount) for _, amount in refunds_of(db, opened["orderId"])] == [opened["amount"]]
    for ticket in tickets:
        answer = scan(door, ticket["qr"], eventId=event)
        assert (answer["valid"], answer["reason"]) == (False, "cancelled")
    assert {(t["status"], t["qr"]) for t in tickets_of(user)} == {("cancelled", None)}
    wait_until(lambda: order_of(user, opened["orderId"])["status"] == "refunded")
    assert refunds_of(db, opened["orderId"]) == [["done", str(opened["amount"])]]
    mine = detail(user, reservation)
    assert (mine["status"], mine["payment_status"]) == ("cancelled", "refunded")
    assert_error(confirm(user, opened["orderId"], key, opened["amount"]), 409,
                 code="PAYMENT_TOO_LATE")
    again = make_user().order(event, [(early, 5)])  # What was given back is sold again.
    assert again.status == 200, again


def test_who_was_let_in_gets_no_money_back(user, hall, door, db):  # noqa: F811
    event, seats = hall
    reservation = user.reserve(event, seats[:1]).json["reservationId"]
    order = process(user, reservation).json["payment"]["orderId"]
    assert scan(door, tickets_of(user)[0]["qr"])["valid"] is True
    assert user.cancel(reservation).status == 409
    assert detail(user, reservation)["status"] == "confirmed"
    assert refunds_of(db, order) == []
