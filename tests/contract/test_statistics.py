"""Statistics that follow the outbox in process (contract 5, 6.6; G21, G22, D36, D37)."""
import contextlib
import subprocess
import time

import pytest

import tiketi_harness as harness
from conftest import people_of, start_node
from test_payments import confirm, prepare, wait_until

WAITING = ("SELECT count(*) FROM relay_cursor c JOIN outbox o ON o.shard = c.shard "
           "AND (o.xid, o.seq) > (c.xid, c.seq)")
DAYS = ("SELECT date, total_reservations, confirmed_reservations, cancelled_reservations, "
        "expired_reservations, total_revenue, payment_revenue FROM daily_stats "
        "WHERE total_reservations + confirmed_reservations + cancelled_reservations "
        "+ expired_reservations + abs(total_revenue) > 0 ORDER BY date")
HALLS = ("SELECT event_id, total_seats, reserved_seats, available_seats, total_reservations, "
         "confirmed_reservations, total_revenue FROM event_stats ORDER BY event_id")
# The same figures by another way: from what is on record, without any domain event.
DAYS_RECOUNTED = """
SELECT day, sum(made), sum(sold), sum(cancelled), sum(expired), sum(money), sum(money) FROM (
  SELECT (h.at AT TIME ZONE 'Asia/Seoul')::date AS day, (from_status IS NULL)::int AS made,
         (from_status = 'pending' AND to_status = 'confirmed')::int AS sold,
         (from_status <> 'cancelled' AND to_status = 'cancelled')::int AS cancelled,
         (from_status = 'pending' AND to_status = 'expired')::int AS expired,
         CASE WHEN from_status = 'pending' AND to_status = 'confirmed' THEN r.total_amount
              ELSE 0 END AS money
    FROM reservation_history h JOIN reservations r ON r.id = h.reservation_id
  UNION ALL
  SELECT (f.done_at AT TIME ZONE 'Asia/Seoul')::date, 0, 0, 0, 0, -f.amount
    FROM refunds f JOIN payment_attempts a ON a.id = f.attempt_id
   WHERE f.status = 'done' AND a.status = 'approved') x
 GROUP BY day ORDER BY day"""
HALLS_RECOUNTED = """
SELECT event_id, total, sold, total - sold, made, bought, money FROM (
  SELECT r.event_id, count(*) AS made, count(*) FILTER (WHERE status = 'confirmed') AS bought,
         (SELECT count(*) FROM seats s WHERE s.event_id = r.event_id) +
         (SELECT coalesce(sum(t.total_quantity), 0) FROM ticket_types t
           WHERE t.event_id = r.event_id) AS total,
         coalesce(sum((SELECT sum(quantity) FROM reservation_items i
           WHERE i.reservation_id = r.id)) FILTER (WHERE status = 'confirmed'), 0) AS sold,
         coalesce(sum(total_amount) FILTER (WHERE status = 'confirmed'), 0) AS money
    FROM reservations r GROUP BY r.event_id) x ORDER BY event_id"""


@pytest.fixture(scope="module")
def shop():
    """A node whose holds end soon."""
    with contextlib.closing(start_node(RESERVATION_TTL_SECONDS="8")) as node:
        yield node


def buy(user, answer):
    assert answer.status in (200, 201), answer
    held = answer.json.get("reservation", answer.json)
    order = prepare(user, held["id"]).json
    paid = confirm(user, order["orderId"], amount=order["amount"])
    assert paid.status == 200, paid
    return held["id"], paid.json["payment"]["paymentKey"]


def told_all(db):
    wait_until(lambda: db.number(WAITING) == 0, 60)


def recounted(rows):
    """Numbers of one spelling: a sum of PostgreSQL may be a numeric."""
    return [[row[0], *map(int, row[1:])] for row in rows]


def agree(db):
    assert recounted(db.rows(DAYS)) == recounted(db.rows(DAYS_RECOUNTED))
    assert recounted(db.rows(HALLS)) == recounted(db.rows(HALLS_RECOUNTED))


def test_statistics_are_what_a_recount_says(shop):
    db = shop.database
    event = harness.add_event(db, "Hall", seats=40)
    seats = harness.seats_of(db, event)
    club, types = harness.add_standing(db, "Club", [("Standing", 30000, 20)])
    with people_of(shop) as people:
        one, two, three, four, five, six = people(6)
        left = four.reserve(event, seats[6:8]).json["reservation"]["id"]
        buy(one, one.reserve(event, seats[:2]))
        back, _ = buy(two, two.reserve(event, seats[2:3]))
        assert two.cancel(back).status == 200
        held = three.reserve(event, seats[3:6]).json["reservation"]["id"]
        assert three.cancel(held).status == 200
        buy(five, five.order(club, [(types[0], 3)]))
        _, key = buy(six, six.reserve(event, seats[8:9]))
        assert six.http.post(f"/api/v1/payments/{key}/cancel", {}).status == 200
        owed = "SELECT count(*) FROM refunds WHERE status <> 'done'"
        wait_until(lambda: db.number(owed) == 0, 30)
        wait_until(lambda: db.value(
            f"SELECT status FROM reservations WHERE id = '{left}'") == "expired", 60)
        told_all(db)
        agree(db)
        assert sum(int(x[1]) for x in db.rows(DAYS)) == 6
        assert sum(int(x[3]) for x in db.rows(DAYS)) == 3
        # A node that dies with events on their way tells them again, and they count once.
        buy(three, three.reserve(event, seats[10:12]))
        shop.kill()
        shop.start()
        told_all(db)
        agree(db)


def test_events_told_again_from_the_start_change_nothing(shop):
    db = shop.database
    told_all(db)
    before = db.rows(DAYS), db.rows(HALLS)
    marks = db.number("SELECT count(*) FROM processed_events")
    assert marks == db.number("SELECT count(*) FROM outbox") > 10
    # By hand, as after a restore: no relay moves a cursor back.
    db.rows("UPDATE relay_cursor SET xid = '0', seq = 0")
    told_all(db)
    assert (db.rows(DAYS), db.rows(HALLS)) == before
    assert db.number("SELECT count(*) FROM processed_events") == marks
    text = shop.client().get("/actuator/prometheus").body.decode()
    line = next(x for x in text.splitlines() if x.startswith("stats_events_applied_total")
                and 'result="duplicate",type="RESERVATION_CREATED"' in x)
    assert float(line.split()[-1]) >= 6


def test_a_long_writer_holds_the_relay_and_nothing_else(shop):
    db = shop.database
    event = harness.add_event(db, "Late", seats=4)
    seats = harness.seats_of(db, event)
    writer = subprocess.Popen(
        ["psql", "-X", "-q", db.url + " user=postgres", "-c",
         "BEGIN; INSERT INTO keyword_mappings (korean, english) VALUES ('a', 'b'); "
         "SELECT pg_sleep(2); ROLLBACK"], stdout=subprocess.DEVNULL)
    time.sleep(0.5)
    with people_of(shop) as people:
        user, = people(1)
        assert user.reserve(event, seats[:1]).status == 200
        assert db.number(WAITING) > 0
        assert writer.wait(timeout=30) == 0
        told_all(db)
        agree(db)
