#include "persistence/projections/statistics.hpp"

namespace tk {

namespace {

// `IS TRUE` keeps the planner from joining the marks with the events row by row. Whether a
// cancelled reservation had been sold, and whether a refund gives back what a sale had brought
// (money that came too late for a sale was never counted), is on record before the event is.
constexpr const char* statistics_apply = R"(
WITH e AS MATERIALIZED (
  SELECT DISTINCT ON (x.id) x.id, x.type, (x.at AT TIME ZONE 'Asia/Seoul')::date AS day,
         x.body::jsonb AS body
    FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::text[]) AS x(id, type, at, body)
   ORDER BY x.id
),
fresh AS (
  INSERT INTO processed_events (consumer_group, event_key)
  SELECT $5::text, id FROM e ORDER BY id ON CONFLICT DO NOTHING RETURNING event_key
),
told AS MATERIALIZED (
  SELECT e.type, e.day, e.body,
         coalesce((body->>'totalAmount')::int8, (body->>'amount')::int8, 0) AS amount,
         (body->>'reservationId')::uuid AS reservation,
         coalesce((body->>'eventId')::uuid, (SELECT r.event_id FROM reservations r
                     WHERE r.id = (body->>'reservationId')::uuid)) AS event
    FROM e WHERE (e.id IN (SELECT event_key FROM fresh)) IS TRUE
     AND e.type NOT LIKE 'EVENT%' -- Of the catalogue: nothing of it is counted.
),
f AS MATERIALIZED (
  SELECT t.*, coalesce(body->>'paymentType', '') AS paid_for,
         CASE WHEN type IN ('RESERVATION_CONFIRMED', 'RESERVATION_CANCELLED') THEN
           (SELECT coalesce(sum(i.quantity), 0) FROM reservation_items i
             WHERE i.reservation_id = t.reservation) ELSE 0 END AS seats,
         CASE type
           WHEN 'RESERVATION_CANCELLED' THEN (SELECT count(*) FROM reservation_history h
             WHERE h.reservation_id = t.reservation AND h.to_status = 'confirmed'
               AND h.from_status = 'pending') > 0
           WHEN 'PAYMENT_REFUNDED' THEN CASE WHEN t.body ? 'refundId' THEN
             (SELECT a.status FROM payment_attempts a WHERE a.id =
               (SELECT b.attempt_id FROM refunds b WHERE b.id = (t.body->>'refundId')::uuid))
               IS NOT DISTINCT FROM 'approved'
             ELSE (SELECT count(*) FROM refunds b
               WHERE b.reservation_id = t.reservation
                 AND b.payment_id = (t.body->>'paymentId')::uuid AND b.reason = t.body->>'reason'
                 AND (SELECT a.status FROM payment_attempts a WHERE a.id = b.attempt_id) =
                     'approved') > 0 END
           ELSE true END AS counts,
         CASE type WHEN 'MEMBERSHIP_ACTIVATED' THEN
           CASE WHEN body ? 'amount' THEN (body->>'amount')::int8 ELSE
           (SELECT coalesce(sum(p.amount), 0) FROM payments p WHERE p.payment_type = 'membership'
               AND p.reference_id = (body->>'membershipId')::uuid
               AND p.status <> 'pending' AND p.status <> 'failed') END ELSE 0 END AS joined
    FROM told t
),
money AS MATERIALIZED (
  SELECT f.*, CASE
           WHEN type = 'RESERVATION_CONFIRMED' THEN amount
           WHEN type = 'PAYMENT_CONFIRMED' AND paid_for = 'transfer' THEN amount
           WHEN type = 'PAYMENT_REFUNDED' AND counts THEN -amount ELSE 0 END AS paid FROM f
),
by_day AS (
  INSERT INTO daily_stats AS d (date, total_reservations, confirmed_reservations,
    cancelled_reservations, expired_reservations, total_revenue, payment_revenue,
    membership_revenue)
  SELECT day, count(*) FILTER (WHERE type = 'RESERVATION_CREATED'),
         count(*) FILTER (WHERE type = 'RESERVATION_CONFIRMED'),
         count(*) FILTER (WHERE type = 'RESERVATION_CANCELLED'),
         count(*) FILTER (WHERE type = 'RESERVATION_EXPIRED'), sum(paid + joined),
         coalesce(sum(paid) FILTER (WHERE paid_for <> 'membership'), 0),
         sum(joined) + coalesce(sum(paid) FILTER (WHERE paid_for = 'membership'), 0)
    FROM money GROUP BY day ORDER BY day
  ON CONFLICT (date) DO UPDATE SET
    total_reservations = d.total_reservations + excluded.total_reservations,
    confirmed_reservations = d.confirmed_reservations + excluded.confirmed_reservations,
    cancelled_reservations = d.cancelled_reservations + excluded.cancelled_reservations,
    expired_reservations = d.expired_reservations + excluded.expired_reservations,
    total_revenue = d.total_revenue + excluded.total_revenue,
    payment_revenue = d.payment_revenue + excluded.payment_revenue,
    membership_revenue = d.membership_revenue + excluded.membership_revenue, updated_at = now()
  RETURNING 1
),
by_event AS (
  INSERT INTO event_stats AS s (event_id, total_seats, reserved_seats, total_reservations,
    confirmed_reservations, total_revenue, transfers)
  SELECT event, CASE WHEN (SELECT count(*) FROM event_stats y WHERE y.event_id = event) = 0 THEN
             (SELECT count(*) FROM seats y WHERE y.event_id = event) +
             (SELECT coalesce(sum(y.total_quantity), 0) FROM ticket_types y
               WHERE y.event_id = event) ELSE 0 END,
         sum(CASE type WHEN 'RESERVATION_CONFIRMED' THEN seats
                       WHEN 'RESERVATION_CANCELLED' THEN
                         CASE WHEN counts THEN -seats ELSE 0 END ELSE 0 END),
         count(*) FILTER (WHERE type = 'RESERVATION_CREATED'),
         count(*) FILTER (WHERE type = 'RESERVATION_CONFIRMED')
           - count(*) FILTER (WHERE type = 'RESERVATION_CANCELLED' AND counts),
         coalesce(sum(paid) FILTER (WHERE paid_for IN ('', 'reservation')), 0),
         count(*) FILTER (WHERE type = 'TRANSFER_COMPLETED')
    FROM money WHERE event IS NOT NULL GROUP BY event ORDER BY event
  ON CONFLICT (event_id) DO UPDATE SET
    reserved_seats = s.reserved_seats + excluded.reserved_seats,
    total_reservations = s.total_reservations + excluded.total_reservations,
    confirmed_reservations = s.confirmed_reservations + excluded.confirmed_reservations,
    total_revenue = s.total_revenue + excluded.total_revenue,
    transfers = s.transfers + excluded.transfers, updated_at = now()
  RETURNING 1
)
SELECT type, count(*) FILTER (WHERE (id IN (SELECT event_key FROM fresh)) IS TRUE), count(*),
       0::int8
  FROM e GROUP BY type ORDER BY type
)";

constexpr const char* statistics_by_day = R"(
INSERT INTO daily_stats AS d (date, new_users, new_events)
SELECT x.day, (SELECT count(*) FROM users u WHERE u.created_at >= x.begins
                  AND u.created_at < x.begins + interval '1 day'),
       (SELECT count(*) FROM events e WHERE e.created_at >= x.begins
           AND e.created_at < x.begins + interval '1 day')
  FROM (SELECT day, day::timestamp AT TIME ZONE 'Asia/Seoul' AS begins FROM
         (SELECT (now() AT TIME ZONE 'Asia/Seoul')::date - g AS day FROM generate_series(0, 1) g) y
       ) x
 ORDER BY x.day
ON CONFLICT (date) DO UPDATE SET new_users = excluded.new_users, new_events = excluded.new_events,
  updated_at = now()
WHERE (d.new_users, d.new_events) IS DISTINCT FROM (excluded.new_users, excluded.new_events)
)";

constexpr const char* statistics_of_halls = R"(
WITH due AS MATERIALIZED (
  SELECT event_id FROM event_stats WHERE last_calculated_at <= updated_at
   ORDER BY event_id LIMIT 50 FOR UPDATE
)
UPDATE event_stats s SET last_calculated_at = clock_timestamp(), total_seats =
       (SELECT count(*) FROM seats y WHERE y.event_id = s.event_id) +
       (SELECT coalesce(sum(y.total_quantity), 0) FROM ticket_types y
         WHERE y.event_id = s.event_id)
 WHERE s.event_id IN (SELECT event_id FROM due)
)";

} // namespace

const char* const statistics_session =
  "SET jit = off; SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; "
  "SET enable_bitmapscan = off; SET enable_mergejoin = off";

std::vector<pg_statement> statistics_statements() {
  return {{"statistics_apply", statistics_apply},
          {"statistics_by_day", statistics_by_day},
          {"statistics_of_halls", statistics_of_halls}};
}

pg_result<applied_events> apply_statistics(pg::connection& db,
                                           const std::vector<domain_event>& events) {
  return take_events(db, "statistics_apply", statistics_group, events);
}

pg_result<void> refresh_statistics(pg::connection& db) {
  for (auto* name : {"statistics_by_day", "statistics_of_halls"})
    if (auto done = db.exec(name); !done.ok()) return write_failed(done);
  return {};
}

projection statistics_projection() {
  return {statistics_group, statistics_session, statistics_statements(), apply_statistics,
          refresh_statistics};
}

} // namespace tk
