"""Artists: 2.3."""
import re
import time
import uuid
from datetime import datetime, timedelta

import pytest

import tiketi_harness as harness
from conftest import assert_error

TS = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(Z|\+00:00)$")
LISTED = {"id", "name", "image_url", "description", "membership_price", "created_at",
          "event_count", "member_count"}
SHOWN = {"id", "name", "image_url", "description", "membership_price", "created_at", "updated_at"}
EVENT = {"id", "title", "venue", "event_date", "sale_start_date", "sale_end_date", "status",
         "poster_image_url", "min_price", "max_price"}


@pytest.fixture
def artist(db):
    """Nobody knows this one yet; (id, name)."""
    name = "Artist " + uuid.uuid4().hex[:12]
    return db.value(f"INSERT INTO artists (name) VALUES ('{name}') RETURNING id"), name


def add_member(db, artist, status="active", expires="now() + interval '1 day'"):
    db.rows("INSERT INTO artist_memberships (user_id, artist_id, status, expires_at) "
            f"VALUES (gen_random_uuid(), '{artist}', '{status}', {expires})")


def listed(http, artist):
    time.sleep(1.0)  # Lists may be a second old.
    page = 1
    while True:
        body = http.get(f"/api/artists?limit=100&page={page}").json
        for row in body["artists"]:
            if row["id"] == artist:
                return row
        assert page < body["pagination"]["totalPages"], "not in the list"
        page += 1


def test_list(http):
    answer = http.get("/api/v1/artists")
    assert answer.status == 200
    body = answer.json
    assert body["pagination"]["page"] == 1 and body["pagination"]["limit"] == 50
    assert body["pagination"]["total"] >= 22
    for row in body["artists"]:
        assert set(row) >= LISTED
        assert row["name"] and TS.match(row["created_at"])
        assert type(row["event_count"]) is type(row["member_count"]) is int
    names = [row["name"] for row in body["artists"]]
    assert names == sorted(names)
    ten = next(row for row in body["artists"] if row["name"] == "10CM")
    assert ten["membership_price"] == 30000 and ten["event_count"] >= 1
    assert ten["image_url"] is None and ten["description"] is None


@pytest.mark.parametrize("query,page,limit", [
    ("page=0", 1, 50), ("page=-3&limit=0", 1, 1), ("limit=100000", 1, 100), ("limit=-1", 1, 1),
    ("page=&limit=", 1, 50)])
def test_out_of_range_pages_are_clamped(http, query, page, limit):
    body = http.get("/api/artists?" + query).json
    assert (body["pagination"]["page"], body["pagination"]["limit"]) == (page, limit)
    assert body["artists"]


@pytest.mark.parametrize("query", ["page=x", "limit=1.5"])
def test_pages_that_are_no_integers_are_400(http, query):
    assert_error(http.get("/api/artists?" + query), 400)


def test_pages_are_disjoint_and_complete(http):
    time.sleep(1.1)  # Lists may be a second old, and other tests add artists.
    first = http.get("/api/artists?limit=5").json["pagination"]
    seen = []
    for page in range(1, first["totalPages"] + 1):
        seen += [a["id"] for a in http.get(f"/api/artists?limit=5&page={page}").json["artists"]]
    assert len(seen) == len(set(seen)) == first["total"]
    beyond = http.get(f"/api/artists?limit=5&page={first['totalPages'] + 1}").json
    assert beyond["artists"] == [] and beyond["pagination"]["total"] == first["total"]


def test_detail(http, db, artist):
    ident, name = artist
    db.rows("UPDATE artists SET image_url = '/a.jpg', description = 'Sings', "
            f"membership_price = 12000 WHERE id = '{ident}'")
    body = http.get(f"/api/v1/artists/{ident}").json
    assert set(body["artist"]) >= SHOWN
    assert body["artist"]["name"] == name and body["artist"]["image_url"] == "/a.jpg"
    assert body["artist"]["description"] == "Sings"
    assert body["artist"]["membership_price"] == 12000
    assert TS.match(body["artist"]["created_at"]) and TS.match(body["artist"]["updated_at"])
    assert body["memberCount"] == 0 and body["events"] == []


def test_events_of_an_artist(http, db, artist):
    ident = artist[0]
    of = {"artist_id": f"'{ident}'"}
    late, _ = harness.add_standing(db, "Late", [("A", 7000, 5), ("B", 9000, 5)], **of,
                                   event_date="now() + interval '40 days'")
    early, _ = harness.add_standing(db, "Early", [], **of, sale_start_date="NULL",
                                    event_date="now() + interval '2 days'")
    gone, _ = harness.add_standing(db, "Gone", [], **of, event_date="now() - interval '1 day'")
    harness.add_standing(db, "Off", [], **of, status="'cancelled'")
    events = http.get(f"/api/artists/{ident}").json["events"]
    assert [e["id"] for e in events] == [gone, early, late]
    assert [e["status"] for e in events] == ["ended", "upcoming", "on_sale"]
    for event in events:
        assert set(event) >= EVENT and TS.match(event["event_date"])
        assert event["poster_image_url"] is None and event["venue"] == "Hall"
    assert (events[2]["min_price"], events[2]["max_price"]) == (7000, 9000)
    assert events[1]["min_price"] is events[1]["max_price"] is None
    assert listed(http, ident)["event_count"] == 3


def test_presale_schedule(http, db, artist):
    """2.9: an hour, a day and two days after the start; none without a start."""
    ident = artist[0]
    harness.add_standing(db, "With", [], artist_id=f"'{ident}'")
    harness.add_standing(db, "Without", [], artist_id=f"'{ident}'", sale_start_date="NULL",
                         event_date="now() + interval '50 days'")
    first, second = http.get(f"/api/artists/{ident}").json["events"]
    start = datetime.fromisoformat(first["sale_start_date"])
    wanted = {"diamond": 0, "gold": 1, "silver": 24, "bronze": 48}
    assert {k: datetime.fromisoformat(v) for k, v in first["pre_sale_schedule"].items()} == {
        k: start + timedelta(hours=v) for k, v in wanted.items()}
    assert all(TS.match(x) for x in first["pre_sale_schedule"].values())
    assert "pre_sale_schedule" not in second


def test_members_are_the_active_ones(http, db, artist):
    """P-23: list and detail count alike."""
    ident = artist[0]
    add_member(db, ident)
    add_member(db, ident, expires="now() + interval '1 year'")
    add_member(db, ident, status="pending")
    add_member(db, ident, status="expired")
    add_member(db, ident, expires="now() - interval '1 second'")  # Nobody has written that down.
    assert http.get(f"/api/artists/{ident}").json["memberCount"] == 2
    assert listed(http, ident)["member_count"] == 2


def test_unknown_artist(http):
    answer = http.get(f"/api/v1/artists/{uuid.uuid4()}")
    assert_error(answer, 404, "Artist not found", "ARTIST_NOT_FOUND")
    assert_error(http.get("/api/artists/7"), 400)


def test_artists_are_only_read(http, artist):
    for path in ("/api/artists", f"/api/artists/{artist[0]}"):
        answer = http.post(path, {})
        assert_error(answer, 405)
        assert "GET" in answer.headers["allow"]
        assert http.request("HEAD", path).status == 200
