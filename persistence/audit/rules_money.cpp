#include "persistence/audit/rules.hpp"

/// What is paid is sold, once; what was taken is booked, and what goes back was taken (I11).
namespace tk::audit_rules {

namespace {

/// Whether reservation `r` was sold on: what it cost its first owner stays a sale.
#define TK_RESOLD                                                                                  \
  "EXISTS (SELECT 1 FROM ticket_transfers l WHERE l.reservation_id = r.id "                        \
  "AND l.status = 'completed')"

/// Double entry against what became of each attempt.
std::vector<audit_rule> books() {
  return {
    {"books_balance", "books", "the books of an attempt do not balance",
     "SELECT attempt_id::text, 'entries of the attempt sum to ' || sum(amount), 'they cancel out' "
     "FROM books GROUP BY attempt_id HAVING sum(amount) <> 0"},
    // Every account, and the number of entries: two for what was taken, two when it is to go back,
    // two when it has gone, and one for the fee that is kept. Late money was never a sale, so it is
    // owed from the start.
    {"books_account", "payment_attempts", "an account does not say what became of an attempt",
     "SELECT a.id::text, 'booked: provider ' || coalesce(b.provider, 0) || ', sales ' || "
     "coalesce(b.sales, 0) || ', owed ' || coalesce(b.owed, 0) || ', fees ' || coalesce(b.fees, 0) "
     "|| ' in ' || coalesce(b.n, 0) || "
     "' entries', 'the attempt of ' || a.amount || ' is ' || a.status || "
     "coalesce(', its refund of ' || f.amount || ' ' || f.status, '') "
     "FROM payment_attempts a LEFT JOIN refunds f ON f.attempt_id = a.id "
     "LEFT JOIN (SELECT attempt_id, count(*) AS n, "
     "sum(amount) FILTER (WHERE account = 'provider') AS provider, "
     "sum(amount) FILTER (WHERE account = 'sales') AS sales, "
     "sum(amount) FILTER (WHERE account = 'owed') AS owed, "
     "sum(amount) FILTER (WHERE account = 'fees') AS fees FROM books "
     "WHERE account IN ('provider', 'sales', 'owed', 'fees') GROUP BY 1) b "
     "ON b.attempt_id = a.id CROSS JOIN LATERAL (SELECT (a.status IN ('approved', 'late'))::int "
     "AS taken, coalesce(f.amount, 0) AS back, coalesce(f.fee, 0) AS fee, "
     "coalesce((f.status = 'done')::int, 0) AS gone) x "
     "WHERE coalesce(b.provider, 0) <> x.taken * a.amount - x.gone * x.back "
     "OR coalesce(b.sales, 0) <> x.back + x.fee - x.taken * a.amount "
     "OR coalesce(b.owed, 0) <> (x.gone - 1) * x.back OR coalesce(b.fees, 0) <> -x.fee "
     "OR coalesce(b.n, 0) <> 2 * (x.taken + (a.status = 'approved' AND f.id IS NOT NULL)::int "
     "+ x.gone) + (x.fee > 0)::int"},
    {"sales_sold", "reservations", "sales are not what is confirmed",
     "SELECT r.id::text, r.status || ' for ' || r.total_amount, 'sales ' || coalesce(s.n, 0) "
     "FROM reservations r LEFT JOIN (SELECT p.reservation_id, sum(b.amount) AS n "
     "FROM books b JOIN payments p ON p.id = b.payment_id WHERE b.account = 'sales' GROUP BY 1) s "
     "ON s.reservation_id = r.id WHERE coalesce(s.n, 0) <> "
     "CASE WHEN r.status = 'confirmed' OR " TK_RESOLD " THEN -r.total_amount ELSE 0 END"},
    {"books_payment", "books", "an entry names another order than its attempt",
     "SELECT b.id::text, 'order ' || b.payment_id, 'attempt ' || a.id || ' pays ' || a.payment_id "
     "FROM books b JOIN payment_attempts a ON a.id = b.attempt_id "
     "WHERE b.payment_id <> a.payment_id"},
  };
}

/// What providers say that they have settled, and how it is booked.
std::vector<audit_rule> settled() {
  return {
    {"books_settled", "payment_attempts", "the books do not say what a provider has settled",
     "SELECT coalesce(b.attempt_id, s.attempt_id)::text, 'booked: settled ' || "
     "coalesce(b.settled, 0) || ', costs ' || coalesce(b.costs, 0) || ', credits ' || "
     "coalesce(b.credits, 0), 'lists: ' || coalesce(s.net, 0) || ' settled, ' || "
     "coalesce(s.fee, 0) || ' of it kept' FROM (SELECT attempt_id, "
     "sum(amount) FILTER (WHERE account = 'settled') AS settled, "
     "sum(amount) FILTER (WHERE account = 'costs') AS costs, "
     "sum(amount) FILTER (WHERE account = 'credits') AS credits FROM books "
     "WHERE account IN ('settled', 'costs', 'credits') GROUP BY 1) b FULL JOIN (SELECT attempt_id, "
     "sum(amount - refunded) AS net, sum(fee) AS fee FROM settled_payments "
     "WHERE attempt_id IS NOT NULL GROUP BY 1) s ON s.attempt_id = b.attempt_id "
     "WHERE coalesce(b.settled, 0) <> -coalesce(s.net, 0) "
     "OR coalesce(b.costs, 0) <> coalesce(s.fee, 0) "
     "OR coalesce(b.credits, 0) <> coalesce(s.net, 0) - coalesce(s.fee, 0)"},
    {"settled_captured", "settled_payments", "what is settled was not captured by that provider",
     "SELECT s.id || ' ' || x.order_id, 'settled by ' || s.provider || ' for attempt ' || "
     "x.attempt_id, coalesce('it is ' || a.status || ' at ' || a.provider || ', of order ' || "
     "p.order_id, 'there is none') FROM settled_payments x JOIN settlements s "
     "ON s.id = x.settlement_id LEFT JOIN payment_attempts a ON a.id = x.attempt_id "
     "LEFT JOIN payments p ON p.id = a.payment_id WHERE x.attempt_id IS NOT NULL "
     "AND (a.status IN ('approved', 'late') AND a.provider = s.provider "
     "AND p.order_id = x.order_id) IS NOT TRUE"},
  };
}

/// Attempts, the orders they pay and the reservations that are paid for.
std::vector<audit_rule> orders_paid() {
  return {
    {"attempt_pin", "payment_attempts", "a live attempt is not its reservation's pin",
     "SELECT a.id::text, a.status, 'reservation ' || r.id || ' is ' || r.status || "
     "coalesce(', pinned by ' || r.pin_id, ', not pinned') "
     "FROM payment_attempts a JOIN reservations r ON r.id = a.reservation_id "
     "WHERE (a.status = 'live') <> (r.status = 'pending' AND r.pin_id IS NOT DISTINCT FROM a.id)"},
    {"pin_unknown", "reservations", "a pin is no attempt of its reservation",
     "SELECT r.id::text, r.status || ', pinned by ' || r.pin_id, coalesce('the attempt is of "
     "reservation ' || a.reservation_id, 'there is no such attempt') FROM reservations r "
     "LEFT JOIN payment_attempts a ON a.id = r.pin_id WHERE r.pin_id IS NOT NULL "
     "AND a.reservation_id IS DISTINCT FROM r.id AND NOT EXISTS (SELECT 1 FROM ticket_transfers l "
     "WHERE l.id = a.reservation_id AND a.subject = 1 AND l.reservation_id = r.id)"},
    {"attempt_order", "payment_attempts", "an attempt is not for its order",
     "SELECT a.id::text, a.amount || ' for ' || a.reservation_id, 'order ' || p.id || "
     "': ' || p.amount || ' for ' || coalesce(p.reservation_id, p.reference_id)::text "
     "FROM payment_attempts a JOIN payments p ON p.id = a.payment_id "
     "WHERE (a.amount, a.reservation_id) IS DISTINCT FROM "
     "(p.amount, coalesce(p.reservation_id, p.reference_id))"},
    {"order_whose", "payments", "an order is not for its reservation",
     "SELECT p.id::text, p.amount || ' by ' || p.user_id || ' for event ' || "
     "coalesce(p.event_id::text, 'none'), 'reservation ' || r.id || ': ' || r.total_amount || "
     "' by ' || r.user_id || ' for ' || coalesce(r.event_id::text, 'none') "
     "FROM payments p JOIN reservations r ON r.id = p.reservation_id "
     "WHERE p.payment_type = 'reservation' AND (p.amount, CASE WHEN EXISTS (SELECT 1 FROM "
     "ticket_transfers l WHERE l.reservation_id = r.id AND l.status = 'completed' "
     "AND l.seller_id = p.user_id) THEN r.user_id ELSE p.user_id END, p.event_id) "
     "IS DISTINCT FROM (r.total_amount, r.user_id, r.event_id)"},
    {"order_status", "payments", "an order's status is not what became of its attempts",
     "SELECT p.id::text, p.status, coalesce('reservation ' || r.id || ' is ' || r.status || '; ', "
     "'') || "
     "coalesce(a.n || ' attempts, ' || a.kept || ' kept, ' || a.owed || ' to be refunded, ' || "
     "a.gone || ' refunded', 'no attempt') FROM payments p "
     "LEFT JOIN reservations r ON r.id = p.reservation_id LEFT JOIN (SELECT a.payment_id, "
     "count(*) AS n, count(*) FILTER (WHERE a.status = 'approved' AND f.id IS NULL) AS kept, "
     "count(*) FILTER (WHERE f.status = 'pending') AS owed, "
     "count(*) FILTER (WHERE f.status = 'done') AS gone FROM payment_attempts a "
     "LEFT JOIN refunds f ON f.attempt_id = a.id GROUP BY 1) a ON a.payment_id = p.id "
     "WHERE NOT coalesce(CASE WHEN a.kept > 0 "
     "THEN p.status = 'confirmed' WHEN a.owed > 0 THEN p.status = 'refund_pending' "
     "WHEN a.gone > 0 THEN p.status = 'refunded' ELSE p.status = 'failed' "
     "OR (p.status = 'pending' AND coalesce(r.status, 'pending') = 'pending') END, false)"},
  };
}

/// What goes back, and that nothing was sold or paid twice.
std::vector<audit_rule> refunds() {
  return {
    {"refund_taken", "refunds", "more goes back than was taken",
     "SELECT f.id::text, 'refund of ' || f.amount, 'attempt ' || a.id || ' of ' || a.amount || "
     "' is ' || a.status FROM refunds f JOIN payment_attempts a ON a.id = f.attempt_id "
     "WHERE a.status NOT IN ('approved', 'late') OR f.amount > a.amount"},
    {"refund_whole", "refunds", "a refund and its fee are not what was taken",
     "SELECT f.id::text, 'refund of ' || f.amount || ', fee ' || f.fee, 'attempt ' || a.id || "
     "' of ' || a.amount || ' is ' || a.status FROM refunds f "
     "JOIN payment_attempts a ON a.id = f.attempt_id "
     "WHERE f.amount + f.fee <> a.amount OR (f.fee > 0 AND a.status <> 'approved')"},
    {"recall_left", "reservations", "a reservation of a cancelled event was forgotten",
     "SELECT r.id::text, r.status, 'event ' || c.event_id || ' was cancelled, and all of it given "
     "back by ' || c.ended_at FROM event_recalls x JOIN reservations r ON r.id = x.reservation_id "
     "JOIN event_cancellations c ON c.event_id = x.event_id "
     "WHERE c.ended_at IS NOT NULL AND r.status IN ('pending', 'confirmed')"},
    {"refund_order", "refunds", "a refund is not of its attempt's order",
     "SELECT f.id::text, 'order ' || f.payment_id || ' of reservation ' || f.reservation_id, "
     "'attempt ' || a.id || ': ' || a.payment_id || ' of ' || a.reservation_id "
     "FROM refunds f JOIN payment_attempts a ON a.id = f.attempt_id "
     "WHERE (f.payment_id, f.reservation_id) IS DISTINCT FROM (a.payment_id, CASE WHEN "
     "f.subject = a.subject THEN a.reservation_id ELSE (SELECT l.reservation_id "
     "FROM ticket_transfers l WHERE l.id = a.reservation_id) END)"},
    {"refund_told", "reservations", "a reservation's refund is not where it says",
     "SELECT r.id::text, r.status || ', payment ' || r.payment_status, 'refund ' || f.id || ' is "
     "' || f.status FROM refunds f JOIN payment_attempts a ON a.id = f.attempt_id "
     "AND a.status = 'approved' JOIN reservations r ON r.id = f.reservation_id "
     "WHERE r.payment_status <> CASE f.status WHEN 'done' THEN 'refunded' "
     "ELSE 'refund_requested' END"},
    {"payment_back", "payments", "an order tells another refund than there is",
     "SELECT p.id::text, p.status || ', ' || p.refund_amount || ' back', 'refunds done: ' || "
     "coalesce(f.n, 0) FROM payments p LEFT JOIN (SELECT payment_id, sum(amount) AS n "
     "FROM refunds WHERE status = 'done' GROUP BY 1) f ON f.payment_id = p.id "
     "WHERE p.refund_amount <> CASE p.status WHEN 'refunded' THEN coalesce(f.n, 0) ELSE 0 END"},
    {"sold_once", "reservations", "a sale has not exactly one approved attempt with its order",
     "SELECT r.id::text, r.status || ', payment ' || r.payment_status, coalesce(s.kept, 0) || "
     "' attempts kept, ' || coalesce(s.returned, 0) || ' returned' FROM reservations r "
     "LEFT JOIN (SELECT a.reservation_id, count(*) FILTER (WHERE p.status = 'confirmed') AS kept, "
     "count(*) FILTER (WHERE p.status IN ('refund_pending', 'refunded')) AS returned "
     "FROM payment_attempts a JOIN payments p ON p.id = a.payment_id WHERE a.status = 'approved' "
     "GROUP BY 1) s ON s.reservation_id = r.id "
     "WHERE NOT " TK_RESOLD " AND (coalesce(s.kept, 0) <> (r.status = 'confirmed')::int "
     "OR coalesce(s.returned, 0) <> "
     "(r.payment_status IN ('refund_requested', 'refunded'))::int)"},
    {"key_twice", "payment_attempts", "one key of a provider pays two orders",
     "SELECT min(a.id::text), 'key of order ' || min(a.payment_id::text), 'and of order ' || "
     "max(a.payment_id::text) FROM payment_attempts a GROUP BY a.provider, a.payment_key "
     "HAVING count(DISTINCT a.payment_id) > 1"},
    // Told by what the key names: a key itself stands in no report (I21).
    {"key_whose", "request_keys", "a key names what came of somebody else's request",
     "SELECT k.effect_id::text, k.operation || ' by ' || k.user_id, 'order ' || p.id || ' of ' || "
     "p.user_id FROM request_keys k JOIN (SELECT id, id AS payment_id FROM payments "
     "UNION ALL SELECT id, payment_id FROM payment_attempts "
     "UNION ALL SELECT id, payment_id FROM refunds) e ON e.id = k.effect_id "
     "JOIN payments p ON p.id = e.payment_id WHERE p.user_id <> k.user_id"},
  };
}

} // namespace

std::vector<audit_rule> money() {
  auto out = books();
  for (auto& part : {settled(), orders_paid(), refunds(), subjects()})
    out.insert(out.end(), part.begin(), part.end());
  return out;
}

std::vector<audit_rule> tickets() {
  return {
    {"ticket_units", "reservations", "tickets are not the units that are sold",
     "SELECT reservation_id::text, sum(sold) || ' sold of ' || unit, sum(issued) || ' tickets' "
     "FROM (SELECT r.id AS reservation_id, coalesce('seat ' || i.seat_id, "
     "'type ' || i.ticket_type_id) AS unit, i.quantity AS sold, 0 AS issued "
     "FROM reservations r JOIN reservation_items i ON i.reservation_id = r.id "
     "WHERE r.status = 'confirmed' UNION ALL "
     "SELECT reservation_id, coalesce('seat ' || seat_id, 'type ' || ticket_type_id), 0, 1 "
     "FROM tickets WHERE status IN ('valid', 'used')) u "
     "GROUP BY reservation_id, unit HAVING sum(sold) <> sum(issued)"},
    {"ticket_item", "tickets", "a ticket is of no item of its reservation",
     "SELECT k.id::text, k.status || ', ' || coalesce('seat ' || k.seat_id, 'type ' || "
     "k.ticket_type_id) || ' for ' || k.price, 'no such item in reservation ' || k.reservation_id "
     "FROM tickets k WHERE NOT EXISTS (SELECT 1 FROM reservation_items i WHERE "
     "i.reservation_id = k.reservation_id AND i.unit_price = k.price "
     "AND coalesce(i.seat_id, i.ticket_type_id) = coalesce(k.seat_id, k.ticket_type_id))"},
    {"ticket_event", "tickets", "a ticket is for another event than its reservation",
     "SELECT k.id::text, 'event ' || k.event_id, 'reservation ' || r.id || ': ' || r.event_id "
     "FROM tickets k JOIN reservations r ON r.id = k.reservation_id "
     "WHERE k.event_id <> r.event_id"},
  };
}

} // namespace tk::audit_rules
