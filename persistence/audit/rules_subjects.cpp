#include "persistence/audit/rules.hpp"

/// Listings and memberships: what is paid is done, once, and what is done is paid (I11). Rows that
/// no payment made, of tests or by hand, have no order: nothing is said of them.
namespace tk::audit_rules {

std::vector<audit_rule> subjects() {
  return {
    {"order_subject", "payments", "an order is for no listing and no membership",
     "SELECT p.id::text, p.payment_type || ' ' || coalesce(p.reference_id::text, 'of nothing'), "
     "'there is no such row' FROM payments p WHERE p.payment_type <> 'reservation' AND NOT EXISTS "
     "(SELECT 1 FROM ticket_transfers l WHERE l.id = p.reference_id "
     "AND p.payment_type = 'transfer') AND NOT EXISTS (SELECT 1 FROM artist_memberships m "
     "WHERE m.id = p.reference_id AND p.payment_type = 'membership')"},
    {"listing_paid", "ticket_transfers", "a listing is not sold to who alone has paid for it",
     "SELECT l.id::text, l.status || coalesce(', bought by ' || l.buyer_id, ''), "
     "coalesce('paid by ' || a.who::text, 'paid by nobody') FROM ticket_transfers l "
     "LEFT JOIN (SELECT a.reservation_id, array_agg(p.user_id) AS who FROM payment_attempts a "
     "JOIN payments p ON p.id = a.payment_id WHERE a.subject = 1 AND a.status = 'approved' "
     "GROUP BY 1) a ON a.reservation_id = l.id "
     "WHERE a.who IS DISTINCT FROM CASE l.status WHEN 'completed' THEN ARRAY[l.buyer_id] END"},
    {"listing_owner", "reservations", "a reservation that was sold on is not its last buyer's",
     "SELECT r.id::text, 'of ' || r.user_id || coalesce(', by attempt ' || r.pin_id, ''), "
     "'listing ' || l.id || ' was bought by ' || coalesce(l.buyer_id::text, 'nobody') || "
     "coalesce(' by attempt ' || a.id, ' without an attempt') FROM (SELECT DISTINCT ON "
     "(reservation_id) * FROM ticket_transfers WHERE status = 'completed' "
     "ORDER BY reservation_id, completed_at DESC NULLS LAST, id) l "
     "JOIN reservations r ON r.id = l.reservation_id LEFT JOIN payment_attempts a "
     "ON a.reservation_id = l.id AND a.subject = 1 AND a.status = 'approved' "
     "WHERE (r.user_id, r.pin_id) IS DISTINCT FROM (l.buyer_id, a.id)"},
    {"membership_paid", "artist_memberships", "a membership was not begun by the order it names",
     "SELECT m.id::text, m.status || ', paid with order ' || m.payment_reference_id, "
     "coalesce('the order of ' || p.user_id || ' for ' || coalesce(p.reference_id::text, "
     "'something else') || ' is ' || p.status, 'there is no such order') "
     "FROM artist_memberships m LEFT JOIN payments p ON p.id = m.payment_reference_id "
     "WHERE m.payment_reference_id IS NOT NULL AND (p.payment_type, p.reference_id, p.user_id, "
     "p.status) IS DISTINCT FROM ('membership', m.id, m.user_id, 'confirmed')"},
    {"membership_points", "membership_point_logs", "joining was not paid for, or earned no points",
     "SELECT coalesce(g.id, p.id)::text, coalesce(g.action_type || ' of membership ' || "
     "g.membership_id, 'no points'), coalesce('order ' || p.id || ' is ' || p.status, "
     "'no such order') FROM (SELECT * FROM membership_point_logs WHERE action_type IN "
     "('MEMBERSHIP_JOIN', 'MEMBERSHIP_RENEW') AND reference_id IS NOT NULL) g "
     "FULL JOIN (SELECT * FROM payments WHERE payment_type = 'membership' "
     "AND status = 'confirmed') p ON p.id = g.reference_id AND p.reference_id = g.membership_id "
     "WHERE g.id IS NULL OR p.id IS NULL"},
  };
}

} // namespace tk::audit_rules
