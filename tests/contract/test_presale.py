"""Pre-sale by membership tier: 2.9, D22. Seats and standing tickets alike, by ledger time."""
import uuid

import pytest

import tiketi_harness as harness
from conftest import User, assert_error, start_node

CLOSED = "Sale is not open for this event"
TIERS = {"DIAMOND": (1500, 0), "GOLD": (500, 1), "SILVER": (0, 24), "BRONZE": (None, 48)}


def an_artist(db):
    artist = str(uuid.uuid4())
    db.rows(f"INSERT INTO artists (id, name) VALUES ('{artist}', 'Artist {artist}')")
    return artist


def opened(db, artist, ago):
    """A standing event of the artist on sale since `ago`."""
    event, (ticket, ) = harness.add_standing(
        db, "Presale", [("Pass", 1000, 100)], artist_id=f"'{artist}'",
        sale_start_date=f"now() - interval '{ago}'")
    return event, ticket


def join(db, user, artist, points, **columns):
    values = {"status": "'active'", "expires_at": "now() + interval '1 year'", **columns}
    db.rows(f"INSERT INTO artist_memberships (user_id, artist_id, points, {', '.join(values)}) "
            f"VALUES ('{user.id}', '{artist}', {points}, {', '.join(values.values())})")


@pytest.mark.parametrize("tier", TIERS)
def test_each_tier_has_its_hour(user, db, tier):
    points, hours = TIERS[tier]
    artist = an_artist(db)
    if points is not None:
        join(db, user, artist, points)
    event, ticket = opened(db, artist, f"{hours} hours 1 minute")
    assert user.order(event, [(ticket, 1)]).status == 200
    if hours > 0:
        event, ticket = opened(db, artist, f"{hours - 1} hours 59 minutes")
        assert_error(user.order(event, [(ticket, 1)]), 403, CLOSED)
        assert db.number(f"SELECT available_quantity FROM ticket_types WHERE id = '{ticket}'"
                         ) == 100


def test_before_the_start_nobody_gets_in(user, db):
    artist = an_artist(db)
    join(db, user, artist, 5000)
    event, ticket = opened(db, artist, "-1 minute")
    assert_error(user.order(event, [(ticket, 1)]), 403, CLOSED)


@pytest.mark.parametrize("columns", [
    {"status": "'pending'"}, {"status": "'expired'"}, {"expires_at": "now() - interval '1 day'"}])
def test_only_a_live_membership_counts(user, db, columns):
    artist = an_artist(db)
    join(db, user, artist, 5000, **columns)
    event, ticket = opened(db, artist, "47 hours")
    assert_error(user.order(event, [(ticket, 1)]), 403, CLOSED)


def test_of_this_artist_only(user, db):
    join(db, user, an_artist(db), 5000)
    event, ticket = opened(db, an_artist(db), "1 hour")
    assert_error(user.order(event, [(ticket, 1)]), 403, CLOSED)


def test_seats_too(user, make_user, db):
    artist = an_artist(db)
    fan, other = user, make_user()
    join(db, fan, artist, 1500)
    event = harness.add_event(db, "Presale", seats=20, artist_id=f"'{artist}'",
                              sale_start_date="now() - interval '1 minute'")
    seats = harness.seats_of(db, event)
    assert_error(other.reserve(event, seats[:1]), 403, CLOSED)
    assert fan.reserve(event, seats[:1]).status == 200


def test_the_schedule_is_told(http, db):
    event, _ = opened(db, an_artist(db), "1 hour")
    assert set(http.get(f"/api/events/{event}").json["preSaleSchedule"]) == {
        "diamond", "gold", "silver", "bronze"}


def test_d22_the_switch():
    node = start_node(PRESALE_ENFORCE="off")
    try:
        event, ticket = opened(node.database, an_artist(node.database), "1 minute")
        assert User(node).order(event, [(ticket, 1)]).status == 200
    finally:
        node.close()
