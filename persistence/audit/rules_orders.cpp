#include "persistence/audit/rules.hpp"

/// What is left and what is in hands is all there is (I3), a reservation is what it says (I1, I9),
/// and its history folds to its row (I15, G20).
namespace tk::audit_rules {

std::vector<audit_rule> orders() {
  return {
    {"quota", "ticket_types", "a quota does not add up",
     "SELECT t.id::text, t.available_quantity || ' left, ' || t.sold_elsewhere || "
     "' sold elsewhere, of ' || t.total_quantity, coalesce(x.n, 0) || ' in live reservations' "
     "FROM ticket_types t LEFT JOIN (SELECT i.ticket_type_id, sum(i.quantity) AS n "
     "FROM reservation_items i JOIN reservations r ON r.id = i.reservation_id "
     "AND r.status IN ('pending', 'confirmed') GROUP BY 1) x ON x.ticket_type_id = t.id "
     "WHERE t.available_quantity + t.sold_elsewhere + coalesce(x.n, 0) <> t.total_quantity"},
    {"order_total", "reservations", "a reservation is not the sum of its items",
     "SELECT r.id::text, 'total ' || r.total_amount, coalesce('its items are ' || i.n, "
     "'it has no items') FROM reservations r LEFT JOIN (SELECT reservation_id, sum(subtotal) "
     "AS n FROM reservation_items GROUP BY 1) i ON i.reservation_id = r.id "
     "WHERE r.total_amount IS DISTINCT FROM i.n"},
    {"order_elsewhere", "reservation_items", "an item is of another event than its reservation",
     "SELECT i.id::text, 'reservation ' || r.id || ' is of event ' || r.event_id, "
     "coalesce('seat ' || s.id || ' is of ' || s.event_id, "
     "'ticket type ' || t.id || ' is of ' || t.event_id) FROM reservation_items i "
     "JOIN reservations r ON r.id = i.reservation_id LEFT JOIN seats s ON s.id = i.seat_id "
     "LEFT JOIN ticket_types t ON t.id = i.ticket_type_id "
     "WHERE coalesce(s.event_id, t.event_id) <> r.event_id"},
    {"lead_block", "reservations", "a reservation is filed under a block of none of its items",
     "SELECT r.id::text, 'block ' || r.block_no, 'its items are of block ' || string_agg(DISTINCT "
     "coalesce(s.block_no, t.block_no)::text, ', ') FROM reservations r "
     "JOIN reservation_items i ON i.reservation_id = r.id LEFT JOIN seats s ON s.id = i.seat_id "
     "LEFT JOIN ticket_types t ON t.id = i.ticket_type_id GROUP BY r.id "
     "HAVING NOT bool_or(coalesce(s.block_no, t.block_no) = r.block_no)"},
    {"order_paid", "reservations", "a reservation's status does not go with its payment's",
     "SELECT r.id::text, r.status, 'payment ' || r.payment_status FROM reservations r "
     "WHERE (r.status, r.payment_status) NOT IN (('pending', 'pending'), ('expired', 'pending'), "
     "('confirmed', 'completed'), ('cancelled', 'pending'), ('cancelled', 'refund_requested'), "
     "('cancelled', 'refunded'))"},
    {"ended_early", "reservations", "a hold ran out before its time",
     "SELECT r.id::text, 'ran out at ' || h.at, 'was to last until ' || r.expires_at "
     "FROM reservation_history h JOIN reservations r ON r.id = h.reservation_id "
     "WHERE h.to_status = 'expired' AND h.at < r.expires_at"},
    // What a statement may take lies between judging the end and the clock that is noted.
    {"pinned_late", "payment_attempts", "a payment began after the hold had ended",
     "SELECT a.id::text, 'began at ' || a.started_at, 'reservation ' || r.id || ' ended at ' || "
     "r.expires_at FROM payment_attempts a JOIN reservations r ON r.id = a.reservation_id "
     "WHERE a.started_at > r.expires_at + interval '5 seconds'"},
  };
}

std::vector<audit_rule> history() {
  return {
    {"history_fold", "reservations", "the history's fold is not the row",
     "SELECT r.id::text, r.status || ', payment ' || r.payment_status, "
     "coalesce('last on record: ' || h.to_status || ', payment ' || h.payment_to, "
     "'nothing on record') FROM reservations r LEFT JOIN (SELECT DISTINCT ON (reservation_id) "
     "reservation_id, to_status, payment_to FROM reservation_history "
     "ORDER BY reservation_id, id DESC) h ON h.reservation_id = r.id "
     "WHERE (r.status, r.payment_status) IS DISTINCT FROM (h.to_status, h.payment_to)"},
    {"history_gap", "reservation_history", "a step of the history starts where none ended",
     "SELECT h.id::text, 'reservation ' || h.reservation_id || ' from ' || "
     "coalesce(h.from_status, 'nothing') || ', payment ' || coalesce(h.payment_from, 'none'), "
     "'before it: ' || coalesce(h.was, 'nothing') || ', payment ' || coalesce(h.payment_was, "
     "'none') FROM (SELECT *, lag(to_status) OVER w AS was, lag(payment_to) OVER w AS payment_was "
     "FROM reservation_history WINDOW w AS (PARTITION BY reservation_id ORDER BY id)) h "
     "WHERE (h.from_status, h.payment_from) IS DISTINCT FROM (h.was, h.payment_was)"},
    {"history_step", "reservation_history", "a reservation took a step that there is not",
     "SELECT h.id::text, 'reservation ' || h.reservation_id || ' to ' || h.to_status || "
     "', payment ' || h.payment_to, 'from ' || coalesce(h.from_status, 'nothing') || "
     "', payment ' || coalesce(h.payment_from, 'none') FROM reservation_history h "
     "WHERE coalesce(h.from_status, 'nothing') || '>' || h.to_status NOT IN ('nothing>pending', "
     "'pending>confirmed', 'pending>cancelled', 'pending>expired', 'confirmed>cancelled') "
     "AND (h.from_status, h.to_status, h.payment_from, h.payment_to) IS DISTINCT FROM "
     "('cancelled', 'cancelled', 'refund_requested', 'refunded') "
     "AND (h.from_status, h.to_status, h.payment_from, h.payment_to, h.reason) IS DISTINCT FROM "
     "('confirmed', 'confirmed', 'completed', 'completed', 'transfer')"},
  };
}

} // namespace tk::audit_rules
