"""Searching, filtering and sorting events: 2.2, D15, G09. Every test asks for a word of its own, so
that no answer comes from the cache and no other test's events are in it."""
import time
import uuid
from urllib.parse import urlencode

import pytest

import tiketi_harness as harness
from conftest import assert_error


@pytest.fixture
def tag():
    return "w" + uuid.uuid4().hex[:12]


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


def add(db, title, types=(), **columns):
    """A standing event; its id."""
    return harness.add_standing(db, title.replace("'", "''"), types, **columns)[0]


def ask(http, **query):
    answer = http.get("/api/v1/events?" + urlencode(query))
    assert answer.status == 200, answer
    return answer.json


def titles(http, **query):
    return [e["title"] for e in ask(http, **{"limit": 100, **query})["events"]]


# -- search ----------------------------------------------------------------------------------------


def test_search_looks_in_title_artist_venue_and_address(http, db, tag):
    add(db, f"a {tag}")
    other = add(db, "b " + tag[1:])
    db.rows(f"UPDATE events SET venue = 'The {tag} Hall' WHERE id = '{other}'")
    add(db, "c " + tag[1:], artist_name=quoted(f"The {tag}s"))
    add(db, "d " + tag[1:], address=quoted(f"{tag}-ro 12"))
    add(db, "e " + tag[1:], description=quoted(f"about {tag}"))
    assert {t[0] for t in titles(http, q=tag)} == {"a", "b", "c", "d"}


def test_search_folds_case_in_every_script(http, db, tag):
    add(db, f"{tag} CAFÉ Ärger МОСКВА")
    for q in (f"{tag} café", f"{tag.upper()} CAFÉ", f"{tag} Café äRGER москва"):
        assert len(titles(http, q=q)) == 1, q


def test_search_does_not_reach_over_two_fields(http, db, tag):
    add(db, f"x {tag}", artist_name=quoted("Nell"))
    assert titles(http, q=f"{tag}nell") == titles(http, q=f"{tag} nell") == []


@pytest.mark.parametrize("q", ["gd", "GD", "지드래곤", "g-dragon"])
def test_keyword_pairs_are_followed_through_a_common_spelling(http, q):
    """D15"""
    assert "G-DRAGON ACT III: MOTTE" in titles(http, q=q)


@pytest.mark.parametrize("korean,english", [("싸이", "psy"), ("아이유", "IU"), ("서울", "seoul"),
                                            ("콘서트", "concert"), ("뮤지컬", "Musical")])
def test_both_spellings_find_the_same(http, korean, english):
    found = titles(http, q=korean)
    assert found and found == titles(http, q=english)


def test_keywords_are_replaced_inside_longer_texts(http, db, tag):
    add(db, f"{tag} 아이유 콘서트 in 잠실")
    for q in ("IU concert", "iu 콘서트", "아이유 Concert in Jamsil"):
        assert len(titles(http, q=f"{tag} {q}")) == 1, q


def test_a_new_pair_counts_at_once(http, db, tag):
    add(db, f"{tag} 달빛")
    assert titles(http, q=f"{tag} moonlight") == []
    db.rows("INSERT INTO keyword_mappings (korean, english, entity_type) "
            "VALUES ('달빛', 'Moonlight', 'general')")
    assert len(titles(http, q=f"{tag} MoonLight")) == 1


@pytest.mark.parametrize("text", ["100%", "a_b", "back\\slash", "o'clock", '"{1,2}"', "$1"])
def test_wildcards_and_quotes_are_found_literally(http, db, tag, text):
    add(db, f"{tag} {text}")
    add(db, f"{tag} 100 aXb backslash oclock 1")
    assert titles(http, q=f"{tag} {text}") == [f"{tag} {text}"]
    assert titles(http, venue=f"{tag} {text}") == []


def test_a_search_too_long_or_no_text_is_400(http):
    assert_error(http.get("/api/events?q=" + "x" * 101), 400, "q must be at most 100 characters")
    for q in ("q=%ff", "q=%00", "q=%zz", "venue=%ff"):
        assert_error(http.get("/api/events?" + q), 400)


# -- filters ---------------------------------------------------------------------------------------


def test_days_are_those_of_the_business_zone_and_both_count(http, db, tag):
    """G09, D36"""
    for name, at in (("before", "2031-03-04 23:59:59.999+09"), ("first", "2031-03-05 00:00+09"),
                     ("last", "2031-03-06 23:59:59.999+09"), ("after", "2031-03-07 00:00+09")):
        add(db, f"{tag} {name}", event_date=quoted(at))
    by_date = {"q": tag, "sort": "event_date"}
    assert titles(http, **by_date, **{"from": "2031-03-05", "to": "2031-03-06"}) == [
        f"{tag} first", f"{tag} last"]
    assert titles(http, **by_date, **{"from": "2031-03-07"}) == [f"{tag} after"]
    assert titles(http, **by_date, to="2031-03-04") == [f"{tag} before"]
    assert titles(http, **by_date, **{"from": "2031-03-07", "to": "2031-03-05"}) == []


def test_venue(http, db, tag):
    event = add(db, f"{tag} one")
    add(db, f"{tag} two")
    db.rows(f"UPDATE events SET venue = '잠실 Arena 50% {tag}' WHERE id = '{event}'")
    for venue in ("ARENA 50% " + tag, "Jamsil arena", "잠실"):
        assert titles(http, q=tag, venue=venue) == [f"{tag} one"], venue
    assert titles(http, venue=tag) == [f"{tag} one"]
    assert titles(http, q=tag, venue="one") == []


def test_artist(http, db, tag):
    first, second = (db.value(f"INSERT INTO artists (name) VALUES ('{tag} {n}') RETURNING id")
                     for n in (1, 2))
    add(db, f"{tag} a", artist_id=quoted(first))
    add(db, f"{tag} b", artist_id=quoted(second))
    add(db, f"{tag} c")
    assert titles(http, artistId=first) == [f"{tag} a"]
    assert titles(http, artistId=first.upper()) == [f"{tag} a"]
    assert titles(http, q=tag, artistId=second) == [f"{tag} b"]
    assert titles(http, artistId=str(uuid.uuid4())) == []
    assert titles(http, q=tag, artistId="00000000-0000-0000-0000-000000000000") == []
    assert_error(http.get("/api/events?artistId=7"), 400, "artistId must be a uuid")


def test_prices_are_ranges(http, db, tag):
    """D14 too: without ticket types the seats' prices count."""
    add(db, f"{tag} cheap", [("A", 10000, 5), ("B", 30000, 5)])
    add(db, f"{tag} dear", [("A", 150000, 5)])
    add(db, f"{tag} free", [("A", 0, 5)])
    add(db, f"{tag} none")
    seated = harness.add_event(db, f"{tag} seated", seats=20)
    db.rows("UPDATE events SET min_seat_price = 50000, max_seat_price = 80000 "
            f"WHERE id = '{seated}'")

    def named(**query):
        return {t.split()[1] for t in titles(http, q=tag, **query)}
    assert named() == {"cheap", "dear", "free", "none", "seated"}
    assert named(minPrice=30000) == {"cheap", "dear", "seated"}
    assert named(minPrice=30001) == {"dear", "seated"}
    assert named(maxPrice=50000) == {"cheap", "free", "seated"}
    assert named(maxPrice=0) == {"free"}
    assert named(minPrice=60000, maxPrice=70000) == {"seated"}
    assert named(minPrice=70000, maxPrice=60000) == set()  # No price lies between them.
    assert named(minPrice=0) == {"cheap", "dear", "free", "seated"}
    assert named(minPrice=99999999999999999999) == set()


def test_all_filters_combine(http, db, tag):
    artist = db.value(f"INSERT INTO artists (name) VALUES ('{tag}') RETURNING id")
    good = {"artist_id": quoted(artist), "event_date": "'2031-05-05 19:00+09'"}
    add(db, f"{tag} good", [("A", 50000, 5)], **good)
    add(db, f"{tag} other artist", [("A", 50000, 5)], event_date=good["event_date"])
    add(db, f"{tag} other day", [("A", 50000, 5)], artist_id=good["artist_id"])
    add(db, f"{tag} other price", [("A", 5000, 5)], **good)
    add(db, f"{tag} other status", [("A", 50000, 5)], **good,
        sale_start_date="now() + interval '1 day'")
    query = {"q": tag, "artistId": artist, "from": "2031-05-05", "to": "2031-05-05",
             "minPrice": 50000, "maxPrice": 50000, "venue": "hall", "status": "on_sale"}
    assert titles(http, **query) == [f"{tag} good"]
    for left_out, more in (("artistId", "other artist"), ("from", None), ("minPrice", None),
                           ("status", "other status")):
        fewer = {k: v for k, v in query.items() if k != left_out}
        if more:
            assert set(titles(http, **fewer)) == {f"{tag} good", f"{tag} {more}"}


def test_unknown_status_is_no_events_status(http):
    body = ask(http, status="sold_out", limit=7)
    assert body == {"events": [], "pagination": {"page": 1, "limit": 7, "total": 0,
                                                 "totalPages": 0}}


@pytest.mark.parametrize("query,text", [
    ("from=05.03.2031", "from must be a day, YYYY-MM-DD"),
    ("to=2031-02-29", "to must be a day, YYYY-MM-DD"),
    ("from=2031-03-05T00:00:00Z", "from must be a day, YYYY-MM-DD"),
    ("minPrice=x", "minPrice must be an integer"), ("maxPrice=1.5", "maxPrice must be an integer"),
    ("maxPrice=-1", "maxPrice must be greater than or equal to 0"),
    ("sort=popularity", "sort must be sale_start, event_date, title or price"),
    ("sort=TITLE", "sort must be sale_start, event_date, title or price"),
    ("order=down", "order must be asc or desc")])
def test_malformed_filters_are_400(http, query, text):
    assert_error(http.get("/api/v1/events?" + query), 400, text)
    assert_error(http.get("/api/v1/events?status=no_such&" + query), 400, text)


def test_empty_parameters_are_as_absent(http, db, tag):
    add(db, f"{tag} one")
    empty = {k: "" for k in ("status", "venue", "artistId", "from", "to", "minPrice", "maxPrice",
                             "sort", "order", "page", "limit")}
    assert titles(http, **empty, q=tag) == titles(http, q=tag) == [f"{tag} one"]


# -- order and pages -------------------------------------------------------------------------------


@pytest.fixture
def shelf(db, tag):
    """Four events in four orders; d has neither start of sale nor price."""
    for name, start, date, price in (("b", 3, 10, 300), ("a", 1, 30, 200), ("C", 2, 20, 100)):
        add(db, f"{tag} {name}", [("A", price, 5)], sale_start_date=f"now() - interval '{start} h'",
            sale_end_date="NULL", event_date=f"now() + interval '{date} days'")
    add(db, f"{tag} d", sale_start_date="NULL", event_date="now() + interval '15 days'")
    return tag


@pytest.mark.parametrize("query,wanted", [
    ({}, "bCad"), ({"sort": "sale_start", "order": "asc"}, "bCad"), ({"order": "desc"}, "aCbd"),
    ({"sort": "event_date"}, "bdCa"), ({"sort": "event_date", "order": "desc"}, "aCdb"),
    ({"sort": "title"}, "Cabd"), ({"sort": "title", "order": "desc"}, "dbaC"),
    ({"sort": "price"}, "Cabd"), ({"sort": "price", "order": "desc"}, "baCd")])
def test_sorting(http, shelf, query, wanted):
    """What an event does not have comes last, whichever the order."""
    assert "".join(t[-1] for t in titles(http, q=shelf, **query)) == wanted


@pytest.mark.parametrize("sort", ["sale_start", "event_date", "title", "price"])
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_equal_ones_are_paged_by_id_without_gap_or_twin(http, db, tag, sort, order):
    same = {"sale_start_date": "'2025-01-01Z'", "event_date": "'2031-01-01Z'"}
    ids = sorted(add(db, tag, [("A", 1000, 1)], **same) for _ in range(7))
    seen, page = [], 1
    while True:
        body = ask(http, q=tag, sort=sort, order=order, limit=3, page=page)
        assert body["pagination"] == {"page": page, "limit": 3, "total": 7, "totalPages": 3}
        if not body["events"]:
            break
        seen += [e["id"] for e in body["events"]]
        page += 1
    assert seen == ids and page == 4


# -- as of now -------------------------------------------------------------------------------------


def test_status_follows_the_clock_in_list_filter_and_detail(http, db, tag):
    """P-34: nobody writes anything while the sale opens and closes."""
    event = add(db, f"{tag} soon", status="'upcoming'",
                sale_start_date="clock_timestamp() + interval '2 seconds'",
                sale_end_date="clock_timestamp() + interval '5 seconds'")

    def now(status):
        seen = ask(http, q=tag, status=status)["events"]
        return [e["status"] for e in seen] == [status] and \
            http.get(f"/api/events/{event}").json["event"]["status"] == status
    assert now("upcoming")
    for status in ("on_sale", "ended"):
        deadline = time.monotonic() + 15
        while not now(status):
            assert time.monotonic() < deadline, status
            time.sleep(0.2)
    assert titles(http, q=tag, status="upcoming") == []
    assert db.value(f"SELECT status FROM events WHERE id = '{event}'") == "upcoming"


def test_changes_show_within_a_second(http, db, tag):
    """G09; prices follow the ticket types."""
    event, (first, second) = harness.add_standing(db, f"{tag} old",
                                                  [("A", 1000, 5), ("B", 3000, 5)])

    def row():
        return ask(http, q=tag)["events"][0]

    def range_of(x):
        return x["ticket_type_count"], x["min_price"], x["max_price"]
    assert range_of(row()) == (2, 1000, 3000)
    db.rows(f"UPDATE events SET title = '{tag} new' WHERE id = '{event}';"
            f"UPDATE ticket_types SET price = 5000 WHERE id = '{second}'")
    time.sleep(1.0)
    assert row()["title"] == f"{tag} new" and range_of(row()) == (2, 1000, 5000)
    db.rows(f"DELETE FROM ticket_types WHERE id = '{first}'")
    time.sleep(1.0)
    assert range_of(row()) == (1, 5000, 5000)
    db.rows(f"DELETE FROM ticket_types WHERE id = '{second}'")
    time.sleep(1.0)
    assert range_of(row()) == (0, None, None)
    db.rows(f"DELETE FROM events WHERE id = '{event}'")
    time.sleep(1.0)
    assert ask(http, q=tag)["events"] == []
