"""Without its database a node shows what it knows, and decides nothing (operations.md)."""
from conftest import User, harness, start_node, until

PLAN = "/api/seats/events/"


def stale(answer):
    return "Stale" in answer.headers.get("warning", "")


def test_a_map_is_shown_as_it_was_and_nothing_is_sold():
    node = start_node()
    try:
        db = node.database
        event = harness.add_event(db, "Outage", seats=20)
        user = User(node)
        seats = harness.seats_of(db, event)
        assert user.reserve(event, seats[:1]).status == 200
        before = user.http.get(PLAN + event)
        assert before.status == 200 and not stale(before)
        # As after a takeover by itself.
        db.rows("UPDATE shard_owners SET epoch = epoch + 1")
        until(lambda: user.reserve(event, seats[1:2]).status == 200)
        with harness.away(db):
            until(lambda: stale(user.http.get(PLAN + event)))
            shown = user.http.get(PLAN + event)
            assert shown.status == 200
            assert [x["id"] for x in shown.json["seats"]] == [x["id"] for x in before.json["seats"]]
            assert user.reserve(event, seats[2:3]).status == 503
        until(lambda: user.reserve(event, seats[2:3]).status == 200, 30)
        until(lambda: not stale(user.http.get(PLAN + event)), 30)
        user.http.close()
    finally:
        node.close()
