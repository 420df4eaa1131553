#include "persistence/projections/ticketing.hpp"

#include "persistence/projections/statistics.hpp"

namespace tk {

namespace {

// The history stays what it was, so an event that comes late is not held against what came after.
constexpr const char* ticketing_apply = R"(
WITH e AS MATERIALIZED (
  SELECT DISTINCT ON (x.id) x.id, x.type, x.body::jsonb AS body
    FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::text[]) AS x(id, type, at, body)
   ORDER BY x.id
),
fresh AS (
  INSERT INTO processed_events (consumer_group, event_key)
  SELECT $5::text, id FROM e ORDER BY id ON CONFLICT DO NOTHING RETURNING event_key
),
told AS MATERIALIZED (
  SELECT type, body, (id IN (SELECT event_key FROM fresh)) IS TRUE AS is_new,
         (body->>'reservationId')::uuid AS reservation FROM e
)
SELECT type, count(*) FILTER (WHERE is_new), count(*),
       count(*) FILTER (WHERE is_new AND CASE
         WHEN type = 'PAYMENT_CONFIRMED' AND body->>'paymentType' = 'reservation' THEN
           (SELECT count(*) FROM reservation_history h WHERE h.reservation_id = t.reservation
               AND h.to_status = 'confirmed') = 0
         WHEN type = 'PAYMENT_REFUNDED' AND body ? 'refundId' THEN
           coalesce((SELECT f.status FROM refunds f WHERE f.id = (body->>'refundId')::uuid), '')
             <> 'done'
         ELSE false END)
  FROM told t GROUP BY type ORDER BY type
)";

pg_result<applied_events> apply_ticketing(pg::connection& db,
                                          const std::vector<domain_event>& events) {
  return take_events(db, "ticketing_apply", ticketing_group, events);
}

} // namespace

projection ticketing_projection() {
  return {ticketing_group,
          statistics_session,
          {{"ticketing_apply", ticketing_apply}},
          apply_ticketing,
          nullptr};
}

} // namespace tk
