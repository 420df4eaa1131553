"""Standing tickets: 2.5, 2.6, 1.10, P-38, P-43, P-44, D18."""
import concurrent.futures
import random
import re
import time
import uuid

import pytest

import tiketi_harness as harness
from conftest import assert_error, start_node

TS = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(Z|\+00:00)$")


@pytest.fixture
def club(db):
    """A standing event: 20 of one type, 5 of another."""
    return harness.add_standing(db, "Club", [("Floor", 88000, 20), ("Early", 69000, 5)])


def available(db, ticket_type):
    return db.number(f"SELECT available_quantity FROM ticket_types WHERE id = '{ticket_type}'")


def shown(client, ticket_type):
    answer = client.get(f"/api/v1/tickets/availability/{ticket_type}")
    assert answer.status == 200, answer
    return answer.json


def wait_shown(client, ticket_type, quantity, patience=10):
    """Boards are told a few times a second."""
    deadline = time.monotonic() + patience
    while shown(client, ticket_type)["available_quantity"] != quantity:
        assert time.monotonic() < deadline, shown(client, ticket_type)
        time.sleep(0.05)


def test_an_order(user, club, db):
    event, (floor, early) = club
    answer = user.order(event, [(floor, 10), (early, 2)], paymentMethod="ignored")
    assert answer.status == 200, answer
    body = answer.json
    made = body["reservation"]
    assert body["message"] == "Reservation created"
    assert body["reservationId"] == made["id"]
    assert re.match(r"^R\d{13}-[0-9A-F]{8}$", made["reservationNumber"])
    assert made["eventTitle"] == "Club" and TS.match(made["expiresAt"])
    assert made["totalAmount"] == 880000 + 138000
    assert made["status"] == made["paymentStatus"] == "pending"
    assert sorted(made["items"], key=lambda x: -x["unitPrice"]) == [
        {"ticketTypeId": floor, "ticketTypeName": "Floor", "quantity": 10, "unitPrice": 88000,
         "subtotal": 880000},
        {"ticketTypeId": early, "ticketTypeName": "Early", "quantity": 2, "unitPrice": 69000,
         "subtotal": 138000}]
    assert (available(db, floor), available(db, early)) == (10, 3)
    assert db.rows(f"SELECT from_status, to_status, actor, actor_id, reason FROM "
                   f"reservation_history WHERE reservation_id = '{made['id']}'") == [
        ["", "pending", "user", user.id, "reservations.create"]]
    assert db.rows(f"SELECT type FROM outbox WHERE key = '{made['id']}'") == [
        ["RESERVATION_CREATED"]]


def test_reservations_show_the_items(user, club):
    event, (floor, early) = club
    made = user.order(event, [(floor, 3)]).json["reservation"]
    item = {"ticketTypeName": "Floor", "quantity": 3, "unitPrice": 88000, "subtotal": 264000,
            "seatLabel": None}
    row = user.http.get("/api/v1/reservations/my").json["reservations"][0]
    assert row["id"] == made["id"] and row["items"] == [item]
    row = user.http.get(f"/api/v1/reservations/{made['id']}").json["reservation"]
    assert row["items"] == [{**item, "seatId": None, "section": None, "rowNumber": None,
                             "seatNumber": None}]
    assert row["seats"] == [] and row["total_amount"] == 264000


def test_ticket_types_with_what_is_left(user, http, club):
    event, (floor, early) = club
    user.order(event, [(early, 5)])
    wait_shown(http, early, 0)
    expected = [
        {"id": floor, "name": "Floor", "price": 88000, "total_quantity": 20,
         "available_quantity": 20, "description": None},
        {"id": early, "name": "Early", "price": 69000, "total_quantity": 5,
         "available_quantity": 0, "description": None}]
    assert http.get(f"/api/v1/tickets/event/{event}").json == {"ticketTypes": expected}
    detail = http.get(f"/api/v1/events/{event}").json
    assert detail["ticketTypes"] == detail["event"]["ticketTypes"] == expected
    assert shown(http, floor) == {"available_quantity": 20, "total_quantity": 20}


def test_unknown_types_and_events(http, user, club):
    assert http.get(f"/api/tickets/event/{uuid.uuid4()}").json == {"ticketTypes": []}
    assert_error(http.get(f"/api/tickets/availability/{uuid.uuid4()}"), 404,
                 "Ticket type not found")
    event, (floor, _) = club
    unknown = str(uuid.uuid4())
    assert_error(user.order(event, [(floor, 1), (unknown, 1)]), 404,
                 f"Ticket type not found: {unknown}")
    assert_error(user.order(str(uuid.uuid4()), [(unknown, 1)]), 404, "Event not found")
    assert_error(http.get("/api/tickets/event/x"), 400)
    assert_error(http.get("/api/tickets/availability/x"), 400)


def test_types_of_another_event_are_unknown(user, club, db):
    other, (ticket, ) = harness.add_standing(db, "Other", [("Pass", 1000, 5)])
    assert_error(user.order(club[0], [(ticket, 1)]), 404, f"Ticket type not found: {ticket}")
    assert available(db, ticket) == 5


def test_all_or_none(make_user, club, db):
    event, (floor, early) = club
    first, second = make_user(), make_user()
    assert first.order(event, [(early, 4)]).status == 200
    refused = assert_error(second.order(event, [(floor, 2), (early, 2)]), 409,
                           "Early quantity is not enough", "NOT_ENOUGH_TICKETS")
    assert refused["retryAfterMs"] > 0
    assert (available(db, floor), available(db, early)) == (20, 1)
    assert second.order(event, [(floor, 2), (early, 1)]).status == 200


@pytest.mark.parametrize("items,text", [
    (None, "Reservation items are required"), ([], "Reservation items are required"),
    ("x", None), ([1], None), ([{}], "must not be null"),
    ([{"ticketTypeId": "x", "quantity": 1}], None),
    ([{"ticketTypeId": str(uuid.uuid4())}], "must not be null"),
    ([{"ticketTypeId": str(uuid.uuid4()), "quantity": 0}],
     "must be greater than or equal to 1"),
    ([{"ticketTypeId": str(uuid.uuid4()), "quantity": 11}], "must be less than or equal to 10"),
    ([{"ticketTypeId": str(uuid.uuid4()), "quantity": 1.5}], None),
    ([{"ticketTypeId": str(uuid.uuid4()), "quantity": 1}] * 51, None),
])
def test_malformed_orders(user, club, items, text):
    assert_error(user.http.post("/api/reservations", {"eventId": club[0], "items": items}), 400,
                 text)


def test_lines_of_one_type_are_one_line(user, club, db):
    event, (floor, _) = club
    made = user.order(event, [(floor, 2), (floor, 3)]).json["reservation"]
    assert [i["quantity"] for i in made["items"]] == [5]
    assert available(db, floor) == 15
    assert_error(user.order(event, [(floor, 6), (floor, 5)]), 400,
                 "must be less than or equal to 10")


def test_without_login(http, club):
    answer = http.post("/api/v1/reservations", {"eventId": club[0], "items": []})
    assert_error(answer, 401, "Authentication required")
    assert_error(http.get("/api/v1/reservations"), 401)


@pytest.mark.parametrize("columns", [
    {"sale_start_date": "now() + interval '1 hour'"}, {"sale_start_date": "NULL"},
    {"sale_end_date": "now() - interval '1 hour'"}, {"event_date": "now() - interval '1 hour'"},
    {"status": "'cancelled'"},
])
def test_p33_closed_sales(user, db, columns):
    event, (ticket, ) = harness.add_standing(db, "Closed", [("Pass", 1000, 5)], **columns)
    assert_error(user.order(event, [(ticket, 1)]), 403, "Sale is not open for this event")
    assert available(db, ticket) == 5


def test_keys(user, make_user, club, db):
    event, (floor, early) = club
    key = str(uuid.uuid4())
    first = user.order(event, [(floor, 2), (early, 1)], key)
    again = user.order(event, [(early, 1), (floor, 2)], key)
    assert again.status == 200 and again.json["reservationId"] == first.json["reservationId"]
    assert again.json["reservation"]["items"] == first.json["reservation"]["items"]
    by_header = user.http.post(
        "/api/reservations", {"eventId": event, "items": [
            {"ticketTypeId": floor, "quantity": 2}, {"ticketTypeId": early, "quantity": 1}]},
        headers={"Idempotency-Key": key})
    assert by_header.json["reservationId"] == first.json["reservationId"]
    assert_error(user.order(event, [(floor, 3)], key), 409, code="IDEMPOTENCY_CONFLICT")
    assert (available(db, floor), available(db, early)) == (18, 4)
    stranger = make_user().order(event, [(floor, 2), (early, 1)], key)
    assert stranger.json["reservationId"] != first.json["reservationId"]


def test_a_key_of_seats_is_not_a_key_of_tickets(user, club, hall):
    key = str(uuid.uuid4())
    seats = user.reserve(hall[0], hall[1][:1], key)
    tickets = user.order(club[0], [(club[1][0], 1)], key)
    assert seats.status == tickets.status == 200
    assert seats.json["reservationId"] != tickets.json["reservationId"]


def test_twins_with_one_key_are_one_order(node, user, club, db):
    event, (floor, _) = club
    body = {"eventId": event, "items": [{"ticketTypeId": floor, "quantity": 1}],
            "idempotencyKey": str(uuid.uuid4())}

    def ask(_):
        return node.client(token=user.token).post("/api/reservations", body)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(16)))
    assert {a.status for a in answers} <= {200, 503}, answers
    assert len({a.json["reservationId"] for a in answers if a.status == 200}) == 1
    assert available(db, floor) == 19


def test_cancel_gives_back_once(user, http, club, db):
    event, (floor, early) = club
    made = user.order(event, [(floor, 7), (early, 5)]).json["reservationId"]
    assert user.cancel(made).status == 200
    assert_error(user.cancel(made), 409, "Already cancelled reservation")
    assert (available(db, floor), available(db, early)) == (20, 5)
    wait_shown(http, early, 5)
    assert user.order(event, [(early, 5)]).status == 200


def test_d18_orders_count_whatever_their_lines(user, club):
    event, (floor, early) = club
    for n in (1, 2, 1, 1):
        assert user.order(event, [(floor, n), (early, 1)]).status == 200
    assert_error(user.order(event, [(floor, 1)]), 403, code="HOLD_LIMIT")


def test_an_event_with_seats_sells_its_types_too(user, db, hall):
    """Section 3.4: the mixed scenario orders the first type of a hall with seats."""
    event = db.value("SELECT id FROM events WHERE title = '뮤지컬 오페라의 유령'")
    types = user.http.get(f"/api/v1/events/{event}").json["ticketTypes"]
    before = available(db, types[0]["id"])
    assert user.order(event, [(types[0]["id"], 1)]).status == 200
    assert available(db, types[0]["id"]) == before - 1


def test_p43_a_small_quota_has_exactly_as_many_winners(node, db):
    """Orders of one to three of three types, in any order of lines, by 60 people at once."""
    event, types = harness.add_standing(db, "Rush", [("A", 1000, 40), ("B", 2000, 25),
                                                      ("C", 3000, 10)])
    people = 60
    harness.add_users(db, 5000, people)

    def shop(n):
        order = random.Random(n)
        client = node.client(token=harness.access_token(harness.user_uuid(5000 + n)), timeout=60)
        out = []
        for _ in range(6):
            lines = [{"ticketTypeId": t, "quantity": order.choice((1, 1, 2))}
                     for t in order.sample(types, order.choice((1, 2, 3)))]
            out.append(client.post("/api/reservations", {"eventId": event, "items": lines}))
            if out[-1].status == 200 and order.random() < 0.3:
                made = out[-1].json["reservationId"]
                out.append(client.post(f"/api/reservations/{made}/cancel"))
        client.close()
        return out

    with concurrent.futures.ThreadPoolExecutor(people) as pool:
        answers = [a for list_ in pool.map(shop, range(people)) for a in list_]
    assert {a.status for a in answers} <= {200, 403, 409, 503}, answers
    won = {a.json["reservationId"] for a in answers
           if a.status == 200 and "reservationId" in a.json}
    stored = {r[0] for r in db.rows(f"SELECT id FROM reservations WHERE event_id = '{event}'")}
    assert won <= stored
    if not [a for a in answers if a.status == 503]:
        assert won == stored
    for ticket, total in zip(types, (40, 25, 10)):
        taken = db.number(
            f"SELECT coalesce(sum(i.quantity), 0) FROM reservation_items i JOIN reservations r ON "
            f"r.id = i.reservation_id WHERE r.status = 'pending' AND i.ticket_type_id = '{ticket}'")
        assert available(db, ticket) == total - taken


def test_the_last_tickets_have_exactly_as_many_winners(node, db):
    event, (ticket, ) = harness.add_standing(db, "Last", [("Pass", 1000, 30)])
    people = 80
    harness.add_users(db, 6000, people)

    def shop(n):
        client = node.client(token=harness.access_token(harness.user_uuid(6000 + n)), timeout=60)
        body = {"eventId": event, "items": [{"ticketTypeId": ticket, "quantity": 1}],
                "idempotencyKey": f"last-{n}"}
        answer = client.post("/api/reservations", body)
        while answer.status == 503: # Nothing happened, or nobody knows: the same key again.
            time.sleep(0.2)
            answer = client.post("/api/reservations", body)
        client.close()
        return answer

    with concurrent.futures.ThreadPoolExecutor(people) as pool:
        answers = list(pool.map(shop, range(people)))
    assert sum(a.status == 200 for a in answers) == 30
    assert {a.json["message"] for a in answers if a.status != 200} == {
        "Pass quantity is not enough"}
    assert available(db, ticket) == 0


def test_an_order_is_one_hold_whatever_its_lines(user, db):
    """D18 counts reservations; G01 counts seats."""
    types = [(f"Type {n}", 1000 + n, 20) for n in range(6)]
    event, ids = harness.add_standing(db, "Many", types)
    assert user.order(event, [(t, 1) for t in ids]).status == 200
    for _ in range(3):
        last = user.order(event, [(ids[0], 1), (ids[1], 1)])
        assert last.status == 200, last
    assert_error(user.order(event, [(ids[0], 1)]), 403)
    assert user.cancel(last.json["reservationId"]).status == 200
    assert user.order(event, [(t, 1) for t in ids]).status == 200


def test_a_used_key_is_told_before_what_does_not_exist(user, club):
    event, (floor, _) = club
    nowhere = str(uuid.uuid4())
    assert user.order(event, [(floor, 1)], "k").status == 200
    assert_error(user.order(event, [(nowhere, 1)], "k"), 409, code="IDEMPOTENCY_CONFLICT")
    assert_error(user.order(nowhere, [(floor, 1)], "k"), 409, code="IDEMPOTENCY_CONFLICT")
    assert_error(user.order(event, [(nowhere, 1)], "other"), 404)


def test_expiry_gives_back_exactly_once():
    node = start_node(RESERVATION_TTL_SECONDS="2")
    try:
        db, client = node.database, node.client()
        event, (ticket, ) = harness.add_standing(db, "Short", [("Pass", 1000, 3)])
        harness.add_users(db, 7000, 2)
        one, two = (node.client(token=harness.access_token(harness.user_uuid(7000 + n)))
                    for n in range(2))
        body = {"eventId": event, "items": [{"ticketTypeId": ticket, "quantity": 3}]}
        made = one.post("/api/reservations", body).json["reservationId"]
        assert_error(two.post("/api/reservations", body), 409, "Pass quantity is not enough")
        deadline = time.monotonic() + 20
        while db.number("SELECT count(*) FROM reservations WHERE status = 'expired'") == 0:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        wait_shown(client, ticket, 3)
        assert_error(one.post(f"/api/reservations/{made}/cancel"), 409)
        deadline = time.monotonic() + 10
        while (answer := two.post("/api/reservations", body)).status == 409:
            assert time.monotonic() < deadline, answer
            time.sleep(0.1)
        assert answer.status == 200, answer
        assert available(db, ticket) == 0
        assert db.number(f"SELECT count(*) FROM reservation_history WHERE reservation_id = "
                         f"'{made}' AND to_status = 'expired'") == 1
        assert harness.judge(db) == {}
    finally:
        node.close()


def test_holds_outlive_a_restart():
    """A fresh block counts what reservations hold: sum and database agree."""
    node = start_node()
    try:
        db = node.database
        event, (ticket, ) = harness.add_standing(db, "Restart", [("Pass", 1000, 5)])
        harness.add_users(db, 8000, 2)
        one, two = (harness.access_token(harness.user_uuid(8000 + n)) for n in range(2))
        body = {"eventId": event, "items": [{"ticketTypeId": ticket, "quantity": 3}]}
        made = node.client(token=one).post("/api/reservations", body).json["reservationId"]
        node.kill()
        node.start()
        client = node.client()
        assert shown(client, ticket) == {"available_quantity": 2, "total_quantity": 5}
        assert_error(node.client(token=two).post("/api/reservations", body), 409)
        assert node.client(token=one).post(f"/api/reservations/{made}/cancel").status == 200
        assert node.client(token=two).post("/api/reservations", body).status == 200
        assert available(db, ticket) == 2
    finally:
        node.close()


def test_all_adds_up(db):
    assert harness.judge(db) == {}


def test_a_type_that_was_added_later_can_be_ordered(club, make_user, db, http):
    """The event's plan is known by then, and nobody tells the node."""
    event, (floor, _) = club
    assert make_user().order(event, [(floor, 1)]).status == 200
    assert len(http.get(f"/api/tickets/event/{event}").json["ticketTypes"]) == 2
    late, unseen = str(uuid.uuid4()), str(uuid.uuid4())
    for one, name in ((late, "Late"), (unseen, "Unseen")):
        db.rows("INSERT INTO ticket_types (id, event_id, name, price, total_quantity) VALUES "
                f"('{one}', '{event}', '{name}', 5000, 3)")
    deadline = time.monotonic() + 20
    while (answer := make_user().order(event, [(late, 1), (floor, 1)])).status == 404:
        assert_error(answer, 404, f"Ticket type not found: {late}", "TICKET_TYPE_NOT_FOUND")
        assert time.monotonic() < deadline, "the plan is never read again"
        time.sleep(0.2)
    assert answer.status == 200, answer
    assert answer.json["reservation"]["totalAmount"] == 93000
    assert available(db, late) == 2
    assert shown(http, unseen) == {"available_quantity": 3, "total_quantity": 3}
    assert len(http.get(f"/api/tickets/event/{event}").json["ticketTypes"]) == 4
    nobody = str(uuid.uuid4())
    assert_error(make_user().order(event, [(nobody, 1)]), 404, f"Ticket type not found: {nobody}")


def test_the_list_of_types_learns_of_new_ones_by_itself(club, db, http):
    event, _ = club
    assert len(http.get(f"/api/tickets/event/{event}").json["ticketTypes"]) == 2
    db.rows("INSERT INTO ticket_types (event_id, name, price, total_quantity) VALUES "
            f"('{event}', 'Late', 5000, 3)")
    deadline = time.monotonic() + 20
    while len(http.get(f"/api/tickets/event/{event}").json["ticketTypes"]) == 2:
        assert time.monotonic() < deadline, "the plan is never read again"
        time.sleep(0.2)
