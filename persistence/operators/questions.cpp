#include "persistence/operators/actor.hpp"

/// Every question of operators as one statement that answers JSON and the time it is of. No column
/// with personal data, key or seed is named here; lists are bounded.
namespace tk {

namespace {

// The last minute, from the end of the history: as much of it as is looked at at once.
#define TK_LAST_MINUTE                                                                             \
  "recent AS (SELECT h.reservation_id, h.from_status, h.to_status FROM "                           \
  "(SELECT * FROM reservation_history ORDER BY id DESC LIMIT 20000) h "                            \
  "WHERE h.at > clock_timestamp() - interval '1 minute') "

#define TK_MOVEMENTS                                                                               \
  "'held', count(*) FILTER (WHERE from_status IS NULL), "                                          \
  "'sold', count(*) FILTER (WHERE from_status = 'pending' AND to_status = 'confirmed'), "          \
  "'cancelled', count(*) FILTER (WHERE from_status <> to_status AND to_status = 'cancelled'), "    \
  "'expired', count(*) FILTER (WHERE from_status <> to_status AND to_status = 'expired')"

// The roster as people read it. Who has ended in order was never seen, by `seen_at`.
#define TK_ROSTER                                                                                  \
  "roster AS (SELECT n.*, w.id AS wish, w.set_by_name AS drained_by, w.reason, "                   \
  "seen_at >= clock_timestamp() - interval '3 s' AS lives, "                                       \
  "(SELECT count(*) FROM shard_owners s WHERE s.node = n.node) AS owned FROM nodes n "             \
  "LEFT JOIN placement_wishes w ON w.what = 'drain' AND w.node = n.node "                          \
  "AND w.ended_at IS NULL), "                                                                      \
  "named AS (SELECT *, CASE WHEN NOT lives THEN CASE WHEN isfinite(seen_at) THEN 'dead' "          \
  "ELSE 'ended' END WHEN wish IS NOT NULL THEN CASE WHEN owned > 0 THEN 'draining' "               \
  "ELSE 'drained' END WHEN draining THEN 'leaving' ELSE 'alive' END AS state FROM roster) "

constexpr const char* nodes =
  "WITH " TK_ROSTER "SELECT json_build_object('nodes', coalesce((SELECT json_agg("
  "json_build_object('node', n.node, 'state', n.state, 'shards', n.owned, "
  "'kept_shards', (SELECT count(*) FROM placement_wishes k JOIN shard_owners s "
  "ON s.shard = k.shard AND s.node = k.node WHERE k.node = n.node AND k.ended_at IS NULL), "
  "'drained_by', n.drained_by, 'reason', nullif(n.reason, ''), 'incarnation', n.incarnation, "
  "'heartbeat_age_ms', CASE WHEN isfinite(n.seen_at) THEN "
  "round(extract(epoch FROM clock_timestamp() - n.seen_at) * 1000)::int8 END, "
  "'address', nullif(n.address, ''), 'release', n.release, "
  "'seen_at', CASE WHEN isfinite(n.seen_at) THEN n.seen_at END) ORDER BY n.seen_at DESC) "
  "FROM (SELECT * FROM named ORDER BY seen_at DESC LIMIT 200) n), '[]'), 'shown_at_most', 200, "
  "'shards_without_owner', (SELECT count(*) FROM shard_owners WHERE node IS NULL))::text, "
  "clock_timestamp() WHERE $1::uuid IS NOT NULL";

// `left`: how many shards are still where they are not to be.
constexpr const char* placement =
  "WITH " TK_ROSTER ", takers AS (SELECT owned FROM named WHERE state = 'alive') "
  "SELECT json_build_object('wishes', coalesce((SELECT json_agg(json_build_object("
  "'what', w.what, 'node', w.node, 'node_state', n.state, 'shard', w.shard, "
  "'key', nullif(w.key, ''), 'left', CASE w.what WHEN 'drain' THEN coalesce(n.owned, 0) "
  "WHEN 'move' THEN (SELECT count(*) FROM shard_owners s WHERE s.shard = w.shard "
  "AND s.node IS DISTINCT FROM w.node) ELSE (SELECT coalesce(sum(greatest(0, t.owned - "
  "(SELECT ceil(128.0 / greatest(1, count(*)))::int FROM takers))), 0) FROM takers t) END, "
  "'reason', nullif(w.reason, ''), 'by', w.set_by_name, 'since', w.set_at, 'id', w.id) "
  "ORDER BY w.set_at) FROM placement_wishes w LEFT JOIN named n ON n.node = w.node "
  "WHERE w.ended_at IS NULL), '[]'), "
  "'nodes', coalesce((SELECT json_agg(json_build_object('node', n.node, 'state', n.state, "
  "'shards', n.owned) ORDER BY n.node) FROM named n WHERE n.lives OR n.owned > 0), '[]'), "
  "'shards_without_owner', (SELECT count(*) FROM shard_owners s LEFT JOIN named n "
  "ON n.node = s.node WHERE n.lives IS NOT TRUE))::text, clock_timestamp() "
  "WHERE $1::uuid IS NOT NULL";

constexpr const char* shards =
  "SELECT json_build_object('shards', (SELECT json_agg(json_build_object("
  "'shard', shard, 'node', node, 'epoch', epoch) ORDER BY shard) FROM shard_owners))::text, "
  "clock_timestamp() WHERE $1::uuid IS NOT NULL";

constexpr const char* event =
  "WITH " TK_LAST_MINUTE "SELECT json_build_object('event', e.id, 'title', e.title, "
  "'cancelled', e.status = 'cancelled', 'sale_start', e.sale_start_date, "
  "'sale_end', e.sale_end_date, "
  "'last_minute', (SELECT json_build_object(" TK_MOVEMENTS ") FROM recent c "
  "JOIN reservations r ON r.id = c.reservation_id WHERE r.event_id = e.id), "
  "'blocks', coalesce((SELECT json_agg(b ORDER BY b.block) FROM (SELECT block_no AS block, "
  "count(*) AS seats, count(*) FILTER (WHERE status = 'available') AS free, "
  "count(*) FILTER (WHERE status = 'locked') AS held, "
  "count(*) FILTER (WHERE status = 'reserved') AS sold FROM seats WHERE event_id = e.id "
  "GROUP BY block_no) b), '[]'), "
  "'ticket_types', coalesce((SELECT json_agg(json_build_object('block', t.block_no, "
  "'ticket_type', t.id, 'name', t.name, 'total', t.total_quantity, "
  "'free', t.available_quantity, 'taken', t.total_quantity - t.available_quantity) "
  "ORDER BY t.block_no) FROM ticket_types t WHERE t.event_id = e.id), '[]'))::text, "
  "clock_timestamp() FROM events e WHERE e.id = $1::uuid";

// Who waits is told by the room's board: counting it from the log would read all of it.
constexpr const char* queue =
  "SELECT json_build_object('event', e.id, 'generation', q.generation, 'turn', q.turn, "
  "'epoch', q.epoch, 'threshold', q.threshold, 'per_second', q.per_second, "
  "'paused', q.paused, 'follows_inventory', q.follow_inventory, "
  "'draw_opens_at', q.draw_opens_at, 'drawn', coalesce(q.draw_cutoff > 0, false), "
  "'admitted', q.admitted, 'inside', (SELECT count(*) FROM queue_admissions a "
  "WHERE a.event_id = e.id AND a.generation = q.generation AND a.ended_at IS NULL "
  "AND a.hard_end > clock_timestamp()), 'last_turn_at', q.updated_at)::text, "
  "clock_timestamp() FROM events e LEFT JOIN queue_rooms q ON q.event_id = e.id "
  "WHERE e.id = $1::uuid";

constexpr const char* holds =
  "SELECT json_build_object('event', e.id, 'pending', (SELECT count(*) FROM reservations r "
  "WHERE r.event_id = e.id AND r.status = 'pending'), "
  "'holds', coalesce((SELECT json_agg(h) FROM (SELECT r.id AS reservation, r.user_id AS user, "
  "r.block_no AS block, (SELECT coalesce(sum(i.quantity), 0) FROM reservation_items i "
  "WHERE i.reservation_id = r.id) AS units, r.created_at, r.expires_at, "
  "round(extract(epoch FROM r.expires_at - clock_timestamp()) * 1000)::int8 AS left_ms, "
  "r.pin_id IS NOT NULL AS being_paid FROM reservations r WHERE r.event_id = e.id "
  "AND r.status = 'pending' ORDER BY r.expires_at LIMIT 200) h), '[]'), 'shown_at_most', 200)"
  "::text, clock_timestamp() FROM events e WHERE e.id = $1::uuid";

constexpr const char* user =
  "SELECT json_build_object('user', u.id, 'role', u.role, 'created_at', u.created_at, "
  "'tokens_revoked_before', u.revoked_before, "
  "'reservations', coalesce((SELECT json_agg(x) FROM (SELECT r.id AS reservation, "
  "r.event_id AS event, r.status, r.payment_status, r.total_amount AS amount, r.created_at, "
  "r.expires_at FROM reservations r WHERE r.user_id = u.id ORDER BY r.created_at DESC "
  "LIMIT 50) x), '[]'), "
  "'payments', coalesce((SELECT json_agg(x) FROM (SELECT p.id AS payment, "
  "p.reservation_id AS reservation, p.status, p.amount, p.created_at FROM payments p "
  "WHERE p.user_id = u.id ORDER BY p.created_at DESC LIMIT 50) x), '[]'), "
  "'shown_at_most', 50)::text, clock_timestamp() FROM users u WHERE u.id = $1::uuid";

constexpr const char* reservation =
  "SELECT json_build_object('reservation', r.id, 'number', r.reservation_number, "
  "'user', r.user_id, 'event', r.event_id, 'block', r.block_no, 'shard', r.shard, "
  "'status', r.status, 'payment_status', r.payment_status, 'amount', r.total_amount, "
  "'being_paid', r.pin_id IS NOT NULL AND r.status = 'pending', 'created_at', r.created_at, "
  "'expires_at', r.expires_at, "
  "'items', coalesce((SELECT json_agg(json_build_object('seat', i.seat_id, "
  "'label', s.seat_label, 'fence', i.fencing_token, 'seat_now', s.status, "
  "'seat_fence_now', s.fencing_token, 'ticket_type', i.ticket_type_id, "
  "'quantity', i.quantity, 'price', i.unit_price) ORDER BY i.id) FROM reservation_items i "
  "LEFT JOIN seats s ON s.id = i.seat_id WHERE i.reservation_id = r.id), '[]'), "
  "'payments', coalesce((SELECT json_agg(json_build_object('payment', p.id, 'status', p.status, "
  "'amount', p.amount, 'refunded', p.refund_amount, 'created_at', p.created_at) "
  "ORDER BY p.created_at) FROM payments p WHERE p.reservation_id = r.id), '[]'), "
  "'attempts', coalesce((SELECT json_agg(json_build_object('attempt', a.id, "
  "'provider', a.provider, 'status', a.status, 'started_at', a.started_at, "
  "'closed_at', a.closed_at, 'error', a.error) ORDER BY a.started_at) "
  "FROM payment_attempts a WHERE a.reservation_id = r.id), '[]'), "
  "'refunds', coalesce((SELECT json_agg(json_build_object('refund', f.id, 'status', f.status, "
  "'amount', f.amount, 'tries', f.tries, 'reason', f.reason, 'error', f.error, "
  "'made_at', f.made_at) ORDER BY f.made_at) FROM refunds f "
  "WHERE f.reservation_id = r.id), '[]'), "
  "'tickets', coalesce((SELECT json_agg(json_build_object('ticket', t.id, 'status', t.status) "
  "ORDER BY t.unit) FROM tickets t WHERE t.reservation_id = r.id), '[]'))::text, "
  "clock_timestamp() FROM reservations r WHERE r.id = $1::uuid";

// What happened to the reservations in `of`: their steps, their money, what staff did to them.
#define TK_STEPS                                                                                   \
  "steps AS (SELECT h.at, h.reservation_id AS reservation, "                                       \
  "CASE WHEN h.from_status IS NULL THEN 'held' ELSE h.from_status || ' -> ' || h.to_status END "   \
  "AS what, h.actor || coalesce(' ' || h.actor_id, '') AS who, h.reason, "                         \
  "'payment ' || h.payment_to AS detail, h.request_id AS request FROM reservation_history h "      \
  "JOIN of ON of.id = h.reservation_id "                                                           \
  "UNION ALL SELECT a.started_at, a.reservation_id, 'payment begun', a.provider, NULL, "           \
  "'attempt ' || a.id, NULL FROM payment_attempts a JOIN of ON of.id = a.reservation_id "          \
  "UNION ALL SELECT a.closed_at, a.reservation_id, 'payment ' || a.status, a.provider, a.error, "  \
  "'attempt ' || a.id, NULL FROM payment_attempts a JOIN of ON of.id = a.reservation_id "          \
  "WHERE a.closed_at IS NOT NULL "                                                                 \
  "UNION ALL SELECT f.made_at, f.reservation_id, 'refund owed', 'system', f.reason, "              \
  "f.amount || ' won', NULL FROM refunds f JOIN of ON of.id = f.reservation_id "                   \
  "UNION ALL SELECT f.done_at, f.reservation_id, 'refund done', 'system', f.error, "               \
  "f.amount || ' won, ' || f.tries || ' tries', NULL FROM refunds f "                              \
  "JOIN of ON of.id = f.reservation_id WHERE f.done_at IS NOT NULL "                               \
  "UNION ALL SELECT l.created_at, of.id, l.action, 'admin ' || l.admin_user_id, "                  \
  "l.request_summary, 'answered ' || l.response_status, NULL FROM of "                             \
  "JOIN admin_audit_logs l ON l.resource_id = of.id) "

constexpr const char* why_reservation =
  "WITH of AS (SELECT id FROM reservations WHERE id = $1::uuid), " TK_STEPS
  "SELECT json_build_object('reservation', r.id, 'status', r.status, "
  "'payment_status', r.payment_status, 'user', r.user_id, 'expires_at', r.expires_at, "
  "'fences', coalesce((SELECT json_agg(json_build_object('seat', i.seat_id, "
  "'fence', i.fencing_token, 'seat_fence_now', s.fencing_token, "
  "'still_its_own', s.reservation_id = r.id) ORDER BY i.id) FROM reservation_items i "
  "JOIN seats s ON s.id = i.seat_id WHERE i.reservation_id = r.id), '[]'), "
  "'steps', coalesce((SELECT json_agg(t ORDER BY t.at) FROM (SELECT at, what, who, reason, "
  "detail, request FROM steps) t), '[]'))::text, clock_timestamp() "
  "FROM reservations r WHERE r.id = $1::uuid";

constexpr const char* why_seat =
  "WITH held AS (SELECT i.reservation_id AS id, i.fencing_token AS fence "
  "FROM reservation_items i WHERE i.seat_id = $1::uuid), "
  "of AS (SELECT DISTINCT id FROM held), " TK_STEPS
  "SELECT json_build_object('seat', s.id, 'label', s.seat_label, 'event', s.event_id, "
  "'block', s.block_no, 'status', s.status, 'version', s.version, 'fence', s.fencing_token, "
  "'held_by_user', s.locked_by, 'reservation', s.reservation_id, 'changed_at', s.updated_at, "
  "'reservations', coalesce((SELECT json_agg(json_build_object('fence', h.fence, "
  "'reservation', r.id, 'user', r.user_id, 'status', r.status, 'created_at', r.created_at) "
  "ORDER BY h.fence) FROM held h JOIN reservations r ON r.id = h.id), '[]'), "
  "'steps', coalesce((SELECT json_agg(t ORDER BY t.at) FROM (SELECT at, reservation, what, who, "
  "reason, detail, request FROM steps) t), '[]'))::text, clock_timestamp() "
  "FROM seats s WHERE s.id = $1::uuid";

constexpr const char* home_of_seat =
  "SELECT json_build_object('event', event_id, 'block', block_no)::text, clock_timestamp() "
  "FROM seats WHERE id = $1::uuid";

constexpr const char* home_of_reservation =
  "SELECT json_build_object('event', event_id, 'block', block_no)::text, clock_timestamp() "
  "FROM reservations WHERE id = $1::uuid";

constexpr const char* hot =
  "WITH " TK_LAST_MINUTE
  ", by_block AS (SELECT r.event_id AS event, r.block_no AS block, r.shard, count(*) AS steps, "
  "json_build_object(" TK_MOVEMENTS ") AS kinds FROM recent c JOIN reservations r "
  "ON r.id = c.reservation_id GROUP BY 1, 2, 3 ORDER BY steps DESC LIMIT 20) "
  "SELECT json_build_object('steps_in_last_minute', (SELECT count(*) FROM recent), "
  "'counted_at_most', 20000, 'blocks', coalesce((SELECT json_agg(json_build_object("
  "'event', b.event, 'title', e.title, 'block', b.block, 'shard', b.shard, 'steps', b.steps, "
  "'held', b.kinds->'held', 'sold', b.kinds->'sold', 'cancelled', b.kinds->'cancelled', "
  "'expired', b.kinds->'expired') ORDER BY b.steps DESC) FROM by_block b "
  "LEFT JOIN events e ON e.id = b.event), '[]'))::text, clock_timestamp() "
  "WHERE $1::uuid IS NOT NULL";

#undef TK_LAST_MINUTE
#undef TK_MOVEMENTS
// As much of the end of the history as is looked at at once; of a reservation there is an index.
#define TK_LAST_STEPS(from, of)                                                                    \
  "SELECT json_build_object('looked_at_most', 20000, 'last_steps', coalesce((SELECT json_agg("     \
  "json_build_object('at', s.at, 'reservation', s.reservation_id, 'what', "                        \
  "CASE WHEN s.from_status IS NULL THEN 'held' ELSE s.from_status || ' -> ' || s.to_status END, "  \
  "'who', s.actor || coalesce(' ' || s.actor_id, ''), 'reason', s.reason, "                        \
  "'request', s.request_id) ORDER BY s.id DESC) FROM (SELECT h.* FROM " from " h "                 \
  "JOIN reservations r ON r.id = h.reservation_id WHERE " of " ORDER BY h.id DESC LIMIT 10) s), "  \
  "'[]'))::text, clock_timestamp() WHERE $1::uuid IS NOT NULL"
#define TK_END_OF_HISTORY "(SELECT * FROM reservation_history ORDER BY id DESC LIMIT 20000)"

constexpr const char* last_steps_of_block =
  TK_LAST_STEPS(TK_END_OF_HISTORY, "r.event_id = $1::uuid AND (r.block_no = $2::int OR EXISTS "
                                   "(SELECT 1 FROM reservation_items i JOIN seats t "
                                   "ON t.id = i.seat_id WHERE i.reservation_id = r.id "
                                   "AND t.block_no = $2::int))");
constexpr const char* last_steps_of_user = TK_LAST_STEPS(TK_END_OF_HISTORY, "r.user_id = $1::uuid");
constexpr const char* last_steps_of_event =
  TK_LAST_STEPS(TK_END_OF_HISTORY, "r.event_id = $1::uuid");
constexpr const char* last_steps_of_reservation =
  TK_LAST_STEPS("reservation_history", "h.reservation_id = $1::uuid");

// Of each shard as many are counted as tell that it is far behind.
constexpr const char* outbox =
  "WITH w AS MATERIALIZED (SELECT c.shard, n.*, (SELECT s.node FROM shard_owners s "
  "WHERE s.shard = c.shard) AS node FROM relay_cursor c CROSS JOIN LATERAL ("
  "SELECT count(*) AS waiting, min(x.made_at) AS oldest, count(*) FILTER (WHERE x.xid >= "
  "pg_snapshot_xmin(pg_current_snapshot())) AS held_back FROM (SELECT o.made_at, o.xid "
  "FROM outbox o WHERE o.shard = c.shard AND (o.xid, o.seq) > (c.xid, c.seq) "
  "ORDER BY o.xid, o.seq LIMIT 1000) x) n WHERE n.waiting > 0) "
  "SELECT json_build_object('waiting', (SELECT coalesce(sum(waiting), 0) FROM w), "
  "'held_back', (SELECT coalesce(sum(held_back), 0) FROM w), "
  "'oldest_ms', (SELECT round(extract(epoch FROM clock_timestamp() - min(oldest)) * 1000)::int8 "
  "FROM w), 'shards_waiting', (SELECT count(*) FROM w), 'counted_at_most_by_shard', 1000, "
  "'shards', coalesce((SELECT json_agg(json_build_object('shard', x.shard, 'node', x.node, "
  "'waiting', x.waiting, 'held_back', x.held_back, 'oldest', x.oldest) ORDER BY x.oldest) "
  "FROM (SELECT * FROM w ORDER BY oldest LIMIT 20) x), '[]'), "
  "'oldest_partition', (SELECT min(substring(c.relname from '[0-9]{8}$')) FROM pg_inherits i "
  "JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'public.outbox'::regclass), "
  "'dead_letters', (SELECT count(*) FROM dead_letters WHERE ended_as IS NULL), "
  "'last_dead_letters', coalesce((SELECT json_agg(json_build_object('at', d.at, "
  "'consumer', d.consumer, 'topic', d.topic, 'type', d.type, 'id', d.event_id, 'why', "
  "left(d.why, 200)) ORDER BY d.at DESC) FROM (SELECT * FROM dead_letters WHERE ended_as IS NULL "
  "ORDER BY at DESC LIMIT 5) d), '[]'))::text, clock_timestamp() WHERE $1::uuid IS NOT NULL";

constexpr const char* reconciliations =
  "SELECT json_build_object('runs', coalesce((SELECT json_agg(json_build_object('id', r.id, "
  "'began_at', r.began_at, 'ended_at', r.ended_at, 'node', r.node, 'asked_by', r.asked_by, "
  "'given_up', r.given_up, 'result', r.result) ORDER BY r.began_at DESC) FROM (SELECT * "
  "FROM reconciliations ORDER BY began_at DESC LIMIT 20) r), '[]'), 'cases_open', (SELECT "
  "count(*) FROM operator_cases WHERE status = 'open'), 'cases', coalesce((SELECT json_agg("
  "json_build_object('id', c.id, 'kind', c.kind, 'subject', c.subject, 'detected_at', "
  "c.detected_at, 'says', c.says, 'against', c.against, 'attempts', c.attempts, 'next_step', "
  "c.next_step, 'reservation', c.reservation_id) ORDER BY c.detected_at, c.id) FROM (SELECT * "
  "FROM operator_cases WHERE status = 'open' ORDER BY detected_at, id LIMIT 100) c), '[]'))::text, "
  "clock_timestamp() WHERE $1::uuid IS NOT NULL";

#undef TK_END_OF_HISTORY
#undef TK_LAST_STEPS
#undef TK_ROSTER
#undef TK_STEPS

} // namespace

std::vector<pg_statement> operator_statements() {
  return {{"op_nodes", nodes},
          {"op_shards", shards},
          {"op_event", event},
          {"op_queue", queue},
          {"op_holds", holds},
          {"op_user", user},
          {"op_reservation", reservation},
          {"op_why_reservation", why_reservation},
          {"op_why_seat", why_seat},
          {"op_home_of_seat", home_of_seat},
          {"op_home_of_reservation", home_of_reservation},
          {"op_hot", hot},
          {"op_placement", placement},
          {"op_steps_of_block", last_steps_of_block},
          {"op_steps_of_user", last_steps_of_user},
          {"op_steps_of_event", last_steps_of_event},
          {"op_steps_of_reservation", last_steps_of_reservation},
          {"op_outbox", outbox},
          {"op_reconciliations", reconciliations}};
}

} // namespace tk
