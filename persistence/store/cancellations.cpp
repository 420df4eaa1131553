#include "persistence/store/queries.hpp"

/// What organisers say of cancelling, and what is left to do of events that they cancelled.
namespace tk {

std::vector<pg_statement> cancellation_statements() {
  return {
    {"policy_set", "UPDATE events SET cancel_until_hours = $2::int4, cancel_show_day = $3::bool, "
                   "cancel_fees = $4::text WHERE id = $1::uuid"},
    {"event_cancel", "SELECT cancel_event($1::uuid, $2::int4, $3::uuid, $4::text)"},
    {"event_cancellation",
     "SELECT c.cancelled_at, c.ended_at, c.reason, x.* FROM event_cancellations c, LATERAL ("
     "SELECT count(*), count(*) FILTER (WHERE r.status = 'pending'), "
     "count(*) FILTER (WHERE r.status = 'confirmed'), "
     "count(f.id) FILTER (WHERE f.status = 'pending'), count(f.id) FILTER (WHERE f.status = "
     "'done'), "
     "count(f.id) FILTER (WHERE f.status = 'pending' AND f.tries >= 5), "
     "coalesce(sum(f.amount) FILTER (WHERE f.status = 'pending'), 0)::int8, "
     "coalesce(sum(f.amount) FILTER (WHERE f.status = 'done'), 0)::int8 FROM event_recalls x "
     "JOIN reservations r ON r.id = x.reservation_id "
     "LEFT JOIN refunds f ON f.reservation_id = x.reservation_id AND f.made_at >= c.cancelled_at "
     "WHERE x.event_id = c.event_id) x WHERE c.event_id = $1::uuid"},
    {"recalls_open", "SELECT event_id, filled_at IS NULL FROM event_cancellations "
                     "WHERE ended_at IS NULL ORDER BY event_id"},
    // Nothing is added to a cancelled event, so once is enough.
    {"recalls_fill",
     "WITH made AS (INSERT INTO event_recalls (reservation_id, event_id, shard, block_no) "
     "SELECT id, event_id, shard, block_no FROM reservations WHERE event_id = $1::uuid "
     "AND status IN ('pending', 'confirmed') ON CONFLICT DO NOTHING RETURNING 1) "
     "UPDATE event_cancellations SET filled_at = clock_timestamp() "
     "FROM (SELECT count(*) FROM made) n WHERE event_id = $1::uuid AND filled_at IS NULL"},
    {"recalls_done",
     "UPDATE event_recalls x SET done_at = clock_timestamp() FROM reservations r, shard_owners o "
     "WHERE x.done_at IS NULL AND r.id = x.reservation_id AND o.shard = x.shard "
     "AND o.node = $1::uuid AND r.status IN ('cancelled', 'expired')"},
    {"recalls_end",
     "UPDATE event_cancellations c SET ended_at = clock_timestamp() WHERE c.ended_at IS NULL "
     "AND c.filled_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM event_recalls x "
     "WHERE x.event_id = c.event_id AND x.done_at IS NULL)"},
    {"recalls",
     "SELECT x.event_id, x.reservation_id, x.block_no, r.status = 'confirmed', c.reason "
     "FROM event_recalls x JOIN reservations r ON r.id = x.reservation_id "
     "JOIN shard_owners o ON o.shard = x.shard AND o.node = $1::uuid "
     "JOIN event_cancellations c ON c.event_id = x.event_id "
     "WHERE x.done_at IS NULL AND x.reservation_id > $2::uuid "
     "AND r.status IN ('pending', 'confirmed') ORDER BY x.reservation_id LIMIT $3::int4"},
    {"recall_refunds",
     "SELECT count(*) FILTER (WHERE f.tries = 0), count(*) FILTER (WHERE f.tries < 5) "
     "FROM refunds f JOIN event_recalls x ON x.reservation_id = f.reservation_id "
     "JOIN shard_owners o ON o.shard = x.shard AND o.node = $1::uuid WHERE f.status = 'pending'"},
  };
}

pg_result<policy_set> store_policy(pg::connection& db, const set_cancellation_policy& x) {
  pg::params values;
  values.add_id(x.event);
  if (x.policy.until_hours) values.add_int4(*x.policy.until_hours);
  else values.add_null(pg::oid::int4);
  values.add_bool(x.policy.show_day).add_text(to_text(x.policy.fees));
  auto done = db.exec("policy_set", values);
  if (!done.ok()) return write_failed(done);
  return policy_set{done.affected() > 0};
}

pg_result<event_cancellation_view> read_cancellation(pg::connection& db,
                                                     const read_event_cancellation& x) {
  auto rows = db.exec("event_cancellation", pg::params{}.add_id(x.event));
  if (!rows.ok()) return read_failed(rows);
  event_cancellation_view out;
  out.found = rows.rows() > 0;
  if (!out.found) return out;
  out.cancelled_at = rows.time(0, 0);
  out.ended_at = rows.time_or(0, 1, instant{});
  out.reason = rows.text(0, 2);
  out.concerned = rows.integer(0, 3);
  out.pending = rows.integer(0, 4);
  out.confirmed = rows.integer(0, 5);
  out.refunds_open = rows.integer(0, 6);
  out.refunds_done = rows.integer(0, 7);
  out.refunds_failing = rows.integer(0, 8);
  out.amount_open = {rows.integer(0, 9)};
  out.amount_done = {rows.integer(0, 10)};
  return out;
}

pg_result<event_cancellation_view> store_cancellation(pg::connection& db, const cancel_event& x) {
  auto said =
    db.exec("event_cancel",
            pg::params{}.add_id(x.event).add_int4(x.shard).add_id(x.admin).add_text(x.reason));
  if (!said.ok()) return write_failed(said);
  bool first = said.boolean(0, 0);
  if (first) { // Should this be lost, the next look for recalls does it.
    auto filled = db.exec("recalls_fill", pg::params{}.add_id(x.event));
    if (!filled.ok()) return write_failed(filled);
  }
  auto out = read_cancellation(db, {x.event});
  if (out) out->first = first;
  return out;
}

pg_result<recalls> read_recalls(pg::connection& db, const find_recalls& x) {
  auto open = db.exec("recalls_open");
  if (!open.ok()) return read_failed(open);
  recalls out;
  out.some = open.rows() > 0;
  if (!out.some) return out;
  for (int i = 0; i < open.rows(); ++i) {
    if (!open.boolean(i, 1)) continue;
    auto filled = db.exec("recalls_fill", pg::params{}.add_id(open.uuid<event_id>(i, 0)));
    if (!filled.ok()) return write_failed(filled);
  }
  auto done = db.exec("recalls_done", pg::params{}.add_id(x.node));
  if (!done.ok()) return write_failed(done);
  auto ended = db.exec("recalls_end");
  if (!ended.ok()) return write_failed(ended);
  auto refunds = db.exec("recall_refunds", pg::params{}.add_id(x.node));
  if (!refunds.ok()) return read_failed(refunds);
  out.fresh = refunds.integer(0, 0);
  out.open = refunds.integer(0, 1);
  auto rows = db.exec("recalls", pg::params{}.add_id(x.node).add_id(x.after).add_int4(x.limit));
  if (!rows.ok()) return read_failed(rows);
  for (int i = 0; i < rows.rows(); ++i)
    out.rows.push_back({rows.uuid<event_id>(i, 0), rows.uuid<reservation_id>(i, 1), rows.int4(i, 2),
                        rows.boolean(i, 3), std::string{rows.text(i, 4)}});
  return out;
}

} // namespace tk
