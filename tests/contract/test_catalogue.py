"""Events, layouts and seat maps: 2.2 and 2.4."""
import re
import time
import uuid
from datetime import datetime, timedelta

import pytest

import tiketi_harness as harness
from conftest import assert_error

TS = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(Z|\+00:00)$")
ROW = {"id", "title", "description", "venue", "address", "event_date", "sale_start_date",
       "sale_end_date", "poster_image_url", "status", "artist_name"}


def test_list(http):
    answer = http.get("/api/v1/events")
    assert answer.status == 200
    body = answer.json
    assert body["pagination"]["page"] == 1 and body["pagination"]["limit"] == 10
    assert len(body["events"]) == 10
    for event in body["events"]:
        assert set(event) >= ROW | {"ticket_type_count", "min_price", "max_price", "artist_id",
                                    "seat_layout_id"}
        assert TS.match(event["event_date"])
    starts = [e["sale_start_date"] for e in body["events"] if e["sale_start_date"]]
    assert starts == sorted(starts)


def test_pages_are_disjoint_and_complete(http):
    time.sleep(1.2)  # Lists may be a second old, and other tests add events.
    total = http.get("/api/events").json["pagination"]["total"]
    seen, page = [], 1
    while True:
        body = http.get(f"/api/events?page={page}&limit=7").json
        if not body["events"]:
            break
        seen += [e["id"] for e in body["events"]]
        page += 1
    assert len(seen) == len(set(seen)) == total
    assert http.get("/api/events?limit=7").json["pagination"]["totalPages"] == -(-total // 7)


@pytest.mark.parametrize("query,page,limit", [
    ("page=0", 1, 10), ("page=-5&limit=0", 1, 1), ("limit=100000", 1, 100), ("limit=-1", 1, 1)])
def test_out_of_range_pages_are_clamped(http, query, page, limit):
    body = http.get("/api/events?" + query).json
    assert (body["pagination"]["page"], body["pagination"]["limit"]) == (page, limit)


@pytest.mark.parametrize("query", ["page=x", "limit=1.5", "page=", "limit=99999999999999999999999"])
def test_pages_that_are_no_integers_are_400(http, query):
    answer = http.get("/api/events?" + query)
    if query not in ("page=", "limit=99999999999999999999999") or answer.status != 200:
        assert_error(answer, 400)


def test_status_is_as_of_now(http, db):
    """P-34: a stored status that time has overtaken is not shown."""
    harness.add_event(db, "Overtaken", seats=20, status="'upcoming'")
    time.sleep(1.2)
    found = http.get("/api/events?q=Overtaken").json["events"]
    assert [e["status"] for e in found] == ["on_sale"]
    assert http.get("/api/events?q=Overtaken&status=on_sale").json["pagination"]["total"] == 1
    assert http.get("/api/events?q=Overtaken&status=upcoming").json["pagination"]["total"] == 0


def test_cancelled_events_are_listed_only_when_asked_for(http, db):
    """C23"""
    harness.add_event(db, "Called off", seats=20, status="'cancelled'")
    time.sleep(1.2)
    assert http.get("/api/events?q=Called").json["pagination"]["total"] == 0
    assert http.get("/api/events?q=Called&status=cancelled").json["pagination"]["total"] == 1


@pytest.mark.parametrize("q,wanted", [("10cm", "10CM HOTEL ROOM TOUR"), ("오페라", "뮤지컬 오페라의 유령"),
                                      ("psy", "싸이 흠뻑쇼 2025")])
def test_search(http, q, wanted):
    from urllib.parse import quote
    titles = [e["title"] for e in http.get(f"/api/events?limit=100&q={quote(q)}").json["events"]]
    assert wanted in titles


@pytest.mark.parametrize("q", ["%25", "_", "%5C", "100%25"])
def test_search_takes_wildcards_literally(http, q):
    assert http.get(f"/api/events?q={q}").json["pagination"]["total"] == 0


def test_prices_without_ticket_types_are_seat_prices(http):
    """D14"""
    event = http.get("/api/events?q=10CM").json["events"][0]
    assert (event["min_price"], event["max_price"]) == (70000, 150000)
    assert event["ticket_type_count"] == 0


def test_detail(http):
    listed = http.get("/api/events?q=%EC%98%A4%ED%8E%98%EB%9D%BC").json["events"][0]
    answer = http.get(f"/api/v1/events/{listed['id']}")
    event = answer.json["event"]
    assert set(event) >= ROW | {"seat_layout_id", "artist_id", "pre_scaled", "created_by",
                                "created_at", "updated_at", "ticketTypes"}
    prices = [t["price"] for t in answer.json["ticketTypes"]]
    assert prices == sorted(prices, reverse=True) == [180000, 120000, 80000]
    assert event["ticketTypes"] == answer.json["ticketTypes"]
    assert set(answer.json["ticketTypes"][0]) >= {"id", "name", "price", "total_quantity",
                                                  "available_quantity", "description"}
    assert answer.json["ticketTypes"][0]["available_quantity"] == 75


def test_detail_with_artist_has_a_presale_schedule(http):
    event = http.get("/api/events?q=10CM").json["events"][0]
    answer = http.get(f"/api/events/{event['id']}").json
    schedule = answer["preSaleSchedule"]
    assert schedule["diamond"] == event["sale_start_date"]
    start = datetime.fromisoformat(schedule["diamond"])
    assert {k: datetime.fromisoformat(v) - start for k, v in schedule.items()} == {
        "diamond": timedelta(0), "gold": timedelta(hours=1), "silver": timedelta(hours=24),
        "bronze": timedelta(hours=48)}
    assert "preSaleSchedule" not in answer["event"]


def test_no_presale_schedule_without_artist_or_start(http, db):
    artist = db.value("SELECT id FROM artists LIMIT 1")
    for columns in ({}, {"artist_id": f"'{artist}'", "sale_start_date": "NULL"}):
        event, _ = harness.add_standing(db, "No schedule", [], **columns)
        assert "preSaleSchedule" not in http.get(f"/api/events/{event}").json


def test_what_an_event_does_not_have_is_null(http, db):
    event, _ = harness.add_standing(db, "Bare", [], sale_start_date="NULL", sale_end_date="NULL")
    body = http.get(f"/api/v1/events/{event}").json
    for name in ("description", "address", "sale_start_date", "sale_end_date", "poster_image_url",
                 "artist_name", "artist_id", "seat_layout_id", "created_by", "min_price",
                 "max_price"):
        assert body["event"][name] is None, name
    assert body["event"]["pre_scaled"] is False and body["event"]["status"] == "upcoming"
    assert body["ticketTypes"] == body["event"]["ticketTypes"] == []


def test_a_new_ticket_type_shows_in_the_detail(http, db):
    event, _ = harness.add_standing(db, "Growing", [("A", 1000, 5)])
    assert len(http.get(f"/api/events/{event}").json["ticketTypes"]) == 1
    db.rows("INSERT INTO ticket_types (event_id, name, price, total_quantity, description) "
            f"VALUES ('{event}', 'B', 2000, 7, 'new')")
    time.sleep(1.0)
    types = http.get(f"/api/events/{event}").json["event"]["ticketTypes"]
    assert [t["name"] for t in types] == ["B", "A"]
    assert types[0] == {**types[0], "price": 2000, "total_quantity": 7, "available_quantity": 7,
                        "description": "new"}


@pytest.mark.parametrize("status,columns", [
    ("cancelled", {"status": "'cancelled'"}), ("on_sale", {"status": "'ended'"}),
    ("on_sale", {"sale_end_date": "NULL"}), ("upcoming", {"sale_start_date": "NULL"}),
    ("upcoming", {"sale_start_date": "now() + interval '1 hour'"}),
    ("ended", {"sale_end_date": "now() - interval '1 second'"}),
    ("ended", {"event_date": "now() - interval '1 second'"}),
    ("ended", {"sale_start_date": "NULL", "event_date": "now() - interval '1 second'"})])
def test_status_rules(http, db, status, columns):
    event, _ = harness.add_standing(db, "Rule", [], **columns)
    assert http.get(f"/api/events/{event}").json["event"]["status"] == status


def test_unknown_event(http):
    assert_error(http.get(f"/api/events/{uuid.uuid4()}"), 404, "Event not found")
    assert_error(http.get(f"/api/seats/events/{uuid.uuid4()}"), 404, "Event not found")


def test_layouts(http):
    layouts = http.get("/api/v1/seats/layouts").json["layouts"]
    totals = [x["total_seats"] for x in layouts]
    assert totals == sorted(totals) and {265, 1250, 4900} <= set(totals)
    for layout in layouts:
        assert set(layout) >= {"id", "name", "description", "total_seats", "layout_config"}
        assert uuid.UUID(layout["id"]) and layout["name"]
        seats = sum(s["rows"] * s["seatsPerRow"] for s in layout["layout_config"]["sections"])
        assert seats >= layout["total_seats"]
    small = next(x for x in layouts if x["name"] == "small_theater")
    assert small["description"] == "소극장 (265석)"
    assert small["layout_config"]["sections"] == [
        {"name": "VIP", "rows": 3, "seatsPerRow": 10, "price": 150000, "startRow": 1},
        {"name": "R", "rows": 5, "seatsPerRow": 15, "price": 100000, "startRow": 4},
        {"name": "S", "rows": 8, "seatsPerRow": 20, "price": 70000, "startRow": 9}]


@pytest.mark.parametrize("title,count", [("10CM HOTEL ROOM TOUR", 265), ("뮤지컬 오페라의 유령", 1250),
                                         ("스포츠 경기 - 농구 결승전", 4900)])
def test_seat_map(http, db, title, count):
    event = db.value(f"SELECT id FROM events WHERE title = '{title}'")
    body = http.get(f"/api/v1/seats/events/{event}").json
    assert body["event"] == {**body["event"], "id": event, "title": title}
    assert body["layout"]["sections"]
    assert len(body["seats"]) == count
    for seat in body["seats"]:
        assert set(seat) >= {"id", "section", "row_number", "seat_number", "seat_label", "price",
                             "status"}
    order = [(s["section"], s["row_number"], s["seat_number"]) for s in body["seats"]]
    assert order == sorted(order)
    assert {s["status"] for s in body["seats"]} <= {"available", "locked", "reserved"}


def test_standing_event_has_no_seats(http, db):
    """D16"""
    event = db.value("SELECT id FROM events WHERE title = 'ZICO STANDING NIGHT 2025'")
    answer = http.get(f"/api/seats/events/{event}")
    assert answer.status == 200 and answer.json["layout"] is None and answer.json["seats"] == []


def status_on_map(http, event, seat):
    seats = http.get(f"/api/seats/events/{event}").json["seats"]
    return next(s["status"] for s in seats if s["id"] == seat)


def test_map_follows_within_a_second(user, hall, http):
    event, seats = hall
    assert status_on_map(http, event, seats[5]) == "available"
    made = user.reserve(event, [seats[5]]).json
    time.sleep(1.0)
    assert status_on_map(http, event, seats[5]) == "locked"
    assert user.cancel(made["reservationId"]).status == 200
    time.sleep(1.0)
    assert status_on_map(http, event, seats[5]) == "available"
