#include "persistence/audit/rules.hpp"

/// What is told of decisions (I13, I4), who may make them (I7, I8), and what should have been.
namespace tk::audit_rules {

std::vector<audit_rule> events() {
  return {
    {"event_id_twice", "outbox", "two domain events have one id",
     "SELECT id::text, count(*) || ' events', string_agg(type || ' of ' || key, ', ') "
     "FROM {outbox} o GROUP BY id HAVING count(*) > 1"},
    // In the order in which they are relayed.
    {"events_of_order", "reservations", "domain events are not the steps on record",
     "SELECT r.id::text, 'told: ' || coalesce(o.told, 'nothing'), 'on record: ' || "
     "coalesce(h.steps, 'nothing') FROM reservations r "
     "LEFT JOIN (SELECT key, string_agg(type, ', ' ORDER BY xid, seq) AS told FROM {outbox} o "
     "WHERE topic = 'reservation-events' GROUP BY key) o ON o.key = r.id::text "
     "LEFT JOIN (SELECT reservation_id, string_agg('RESERVATION_' || CASE to_status "
     "WHEN 'pending' THEN 'CREATED' ELSE upper(to_status) END, ', ' ORDER BY id) AS steps "
     "FROM reservation_history WHERE from_status IS DISTINCT FROM to_status GROUP BY 1) h "
     "ON h.reservation_id = r.id "
     "WHERE o.told IS DISTINCT FROM h.steps AND r.created_at >= {kept}"},
    {"events_of_payment", "payments", "domain events are not what became of an order",
     "SELECT p.id::text, 'told: ' || coalesce(o.confirmed, 0) || ' confirmed, ' || "
     "coalesce(o.refunded, 0) || ' refunded', 'on record: ' || coalesce(a.approved, 0) || "
     "' confirmed, ' || coalesce(a.gone, 0) || ' refunded' FROM payments p "
     "LEFT JOIN (SELECT key, count(*) FILTER (WHERE type = 'PAYMENT_CONFIRMED') AS confirmed, "
     "count(*) FILTER (WHERE type = 'PAYMENT_REFUNDED') AS refunded FROM {outbox} o "
     "WHERE topic = 'payment-events' GROUP BY key) o ON o.key = p.order_id "
     "LEFT JOIN (SELECT a.payment_id, count(*) FILTER (WHERE a.status = 'approved') AS approved, "
     "count(*) FILTER (WHERE f.status = 'done') AS gone FROM payment_attempts a "
     "LEFT JOIN refunds f ON f.attempt_id = a.id GROUP BY 1) a ON a.payment_id = p.id "
     "WHERE p.created_at >= {kept} "
     "AND (coalesce(o.confirmed, 0), coalesce(o.refunded, 0)) "
     "IS DISTINCT FROM (coalesce(a.approved, 0), coalesce(a.gone, 0))"},
    {"event_of_nothing", "outbox", "a domain event is of nothing on record",
     "SELECT o.seq::text, o.type || ' of ' || o.key, 'no such row' FROM {outbox} o "
     "WHERE (o.topic = 'reservation-events' AND NOT EXISTS (SELECT 1 FROM reservations r "
     "WHERE r.id::text = o.key)) OR (o.topic = 'payment-events' "
     "AND NOT EXISTS (SELECT 1 FROM payments p WHERE p.order_id = o.key)) "
     "OR (o.topic = 'catalog-events' AND NOT EXISTS (SELECT 1 "
     "FROM event_cancellations c WHERE c.event_id::text = o.key)) "
     "OR (o.topic = 'transfer-events' AND NOT EXISTS (SELECT 1 FROM ticket_transfers l "
     "WHERE l.id::text = o.key)) OR (o.topic = 'membership-events' AND NOT EXISTS "
     "(SELECT 1 FROM artist_memberships m WHERE m.id::text = o.key))"},
    {"event_body", "outbox", "a domain event tells another buyer or amount",
     "SELECT o.seq::text, o.type || ': ' || coalesce(o.body->>'totalAmount', 'no amount') || "
     "' by ' || coalesce(o.body->>'userId', 'nobody'), 'reservation ' || r.id || ': ' || "
     "r.total_amount || ' by ' || r.user_id FROM {outbox} o "
     "JOIN reservations r ON r.id::text = o.key WHERE o.topic = 'reservation-events' "
     "AND (o.body->>'totalAmount', o.body->>'userId') IS DISTINCT FROM "
     "(r.total_amount::text, r.user_id::text) AND NOT EXISTS (SELECT 1 FROM ticket_transfers l "
     "WHERE l.reservation_id = r.id AND l.status = 'completed' "
     "AND l.seller_id::text = o.body->>'userId')"},
    {"events_of_subject", "outbox", "a completed listing or an active membership was not told once",
     "SELECT x.id, x.status || ', paid by ' || x.payment, coalesce(o.n, 0) || ' events' "
     "FROM (SELECT l.id::text, l.status, a.payment_id::text AS payment, a.closed_at AS at "
     "FROM ticket_transfers l JOIN payment_attempts a ON a.reservation_id = l.id "
     "AND a.subject = 1 AND a.status = 'approved' UNION ALL "
     "SELECT m.id::text, m.status, a.payment_id::text, a.closed_at FROM artist_memberships m "
     "JOIN payment_attempts a ON a.reservation_id = m.id AND a.subject = 2 "
     "AND a.status = 'approved') x LEFT JOIN (SELECT key, body->>'paymentId' AS payment, "
     "count(*) AS n FROM {outbox} o WHERE topic IN ('transfer-events', 'membership-events') "
     "GROUP BY 1, 2) o ON o.key = x.id AND o.payment = x.payment "
     "WHERE x.at >= {kept} AND coalesce(o.n, 0) <> 1"},
  };
}

std::vector<audit_rule> shards() {
  return {
    {"shard_rows", "shard_owners", "a shard is not there",
     "SELECT g::text, 'shard ' || g, CASE WHEN o.shard IS NULL THEN 'no row in shard_owners' "
     "ELSE 'no row in relay_cursor' END FROM generate_series(0, 127) g "
     "LEFT JOIN shard_owners o ON o.shard = g LEFT JOIN relay_cursor c ON c.shard = g "
     "WHERE o.shard IS NULL OR c.shard IS NULL"},
    {"shard_node", "shard_owners", "a shard is owned by a node that never was",
     "SELECT o.shard::text, 'node ' || o.node || ' in epoch ' || o.epoch, 'no such row in nodes' "
     "FROM shard_owners o WHERE o.node IS NOT NULL "
     "AND NOT EXISTS (SELECT 1 FROM nodes n WHERE n.node = o.node)"},
    {"block_shard", "reservations", "one block is filed under two shards",
     "SELECT min(r.id::text), 'event ' || r.event_id || ' block ' || r.block_no || ' in shard ' "
     "|| min(r.shard), 'and in shard ' || max(r.shard) FROM reservations r "
     "WHERE r.event_id IS NOT NULL GROUP BY r.event_id, r.block_no HAVING min(r.shard) <> "
     "max(r.shard)"},
    {"search_row", "event_search", "the search does not show an event as it is",
     "SELECT e.id::text, 'from ' || e.event_date || CASE WHEN e.status = 'cancelled' "
     "THEN ', cancelled, ' ELSE ', ' END || coalesce(t.n, 0) || ' types', coalesce('searched: ' "
     "|| x.event_date || CASE WHEN x.cancelled THEN ', cancelled, ' ELSE ', ' END || "
     "x.ticket_type_count || ' types', 'not searched') FROM events e "
     "LEFT JOIN event_search x ON x.event_id = e.id LEFT JOIN (SELECT event_id, count(*) AS n, "
     "min(price) AS low, max(price) AS high FROM ticket_types GROUP BY 1) t ON t.event_id = e.id "
     "WHERE (x.event_date, x.cancelled, x.ticket_type_count, x.min_type_price, x.max_type_price) "
     "IS DISTINCT FROM (e.event_date, e.status = 'cancelled', coalesce(t.n, 0), t.low, t.high)"},
  };
}

// Ten minutes are many times what a timer, the sweep behind it and a takeover need together.
std::vector<audit_rule> overdue() {
  return {
    {"hold_overdue", "reservations", "a hold has outlived its end by ten minutes",
     "SELECT r.id::text, r.status || ' and not pinned', 'ended at ' || r.expires_at "
     "FROM reservations r WHERE r.status = 'pending' AND r.pin_id IS NULL "
     "AND r.expires_at < now() - interval '10 minutes'"},
    {"asking_overdue", "payment_attempts", "nobody asks a provider again about an attempt",
     "SELECT a.id::text, a.status || ', asked ' || a.asked || ' times', 'due at ' || "
     "a.next_ask_at FROM payment_attempts a WHERE a.status <> 'live' "
     "AND a.next_ask_at < now() - interval '10 minutes'"},
    {"refund_overdue", "refunds", "nobody gives money back that is owed",
     "SELECT f.id::text, f.status || ' after ' || f.tries || ' tries', 'due at ' || f.next_try_at "
     "FROM refunds f WHERE f.status = 'pending' "
     "AND f.next_try_at < now() - interval '10 minutes'"},
    {"cancelled_event", "reservations", "a reservation lives on a cancelled event",
     "SELECT r.id::text, r.status, 'event ' || e.id || ' is cancelled' FROM events e "
     "JOIN reservations r ON r.event_id = e.id AND r.status IN ('pending', 'confirmed') "
     "WHERE e.status = 'cancelled' AND e.updated_at < now() - interval '10 minutes'"},
  };
}

} // namespace tk::audit_rules
