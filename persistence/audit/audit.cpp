#include "persistence/audit/audit.hpp"

namespace tk {

namespace {

struct reference {
  const char *from, *column, *to;
};

constexpr reference references[] = {
  {"reservations", "user_id", "users"},
  {"reservations", "event_id", "events"},
  {"reservation_items", "reservation_id", "reservations"},
  {"reservation_items", "seat_id", "seats"},
  {"reservation_items", "ticket_type_id", "ticket_types"},
  {"reservation_history", "reservation_id", "reservations"},
  {"seats", "reservation_id", "reservations"},
  {"payments", "reservation_id", "reservations"},
  {"payments", "user_id", "users"},
  {"payment_attempts", "reservation_id", "reservations"},
  {"refunds", "reservation_id", "reservations"},
  {"books", "attempt_id", "payment_attempts"},
  {"tickets", "reservation_id", "reservations"},
  {"tickets", "seat_id", "seats"},
  {"tickets", "ticket_type_id", "ticket_types"},
  {"tickets", "event_id", "events"},
  {"tickets", "user_id", "users"},
  {"artist_memberships", "user_id", "users"},
};

audit_rule rule_of(const reference& x) {
  std::string from = x.from, column = x.column, to = x.to;
  return {from + "." + column + " names what is not in " + to,
          "SELECT f.id::text FROM " + from + " f WHERE f." + column +
            " IS NOT NULL AND NOT EXISTS (SELECT 1 FROM " + to + " t WHERE t.id = f." + column +
            ")"};
}

} // namespace

const std::vector<audit_rule>& reference_rules() {
  static const std::vector<audit_rule> rules = [] {
    std::vector<audit_rule> out;
    for (auto& x : references) out.push_back(rule_of(x));
    return out;
  }();
  return rules;
}

const std::vector<audit_rule>& stock_rules() {
  static const std::vector<audit_rule> rules = {
    {"a seat's status is not its reservation's",
     "SELECT s.id::text FROM seats s LEFT JOIN reservations r ON r.id = s.reservation_id "
     "WHERE (s.status = 'available') = coalesce(r.status IN ('pending', 'confirmed'), false) "
     "OR (s.status = 'reserved') <> coalesce(r.status = 'confirmed', false)"},
    {"a seat is in two live reservations",
     "SELECT i.seat_id::text FROM reservation_items i JOIN reservations r "
     "ON r.id = i.reservation_id AND r.status IN ('pending', 'confirmed') "
     "WHERE i.seat_id IS NOT NULL GROUP BY 1 HAVING count(*) > 1"},
    {"a quota does not add up",
     "SELECT t.id::text FROM ticket_types t LEFT JOIN (SELECT i.ticket_type_id, sum(i.quantity) "
     "AS n FROM reservation_items i JOIN reservations r ON r.id = i.reservation_id "
     "AND r.status IN ('pending', 'confirmed') GROUP BY 1) x ON x.ticket_type_id = t.id "
     "WHERE t.available_quantity + t.sold_elsewhere + coalesce(x.n, 0) "
     "<> t.total_quantity"},
    {"a reservation is not the sum of its items",
     "SELECT r.id::text FROM reservations r LEFT JOIN (SELECT reservation_id, sum(subtotal) AS n "
     "FROM reservation_items GROUP BY 1) i ON i.reservation_id = r.id "
     "WHERE r.total_amount IS DISTINCT FROM i.n"},
    {"the history's fold is not the row",
     "SELECT r.id::text FROM reservations r WHERE (SELECT h.to_status || h.payment_to FROM "
     "reservation_history h WHERE h.reservation_id = r.id ORDER BY h.id DESC LIMIT 1) "
     "IS DISTINCT FROM r.status || r.payment_status"},
    {"a step of the history starts where none ended",
     "SELECT h.id::text FROM (SELECT id, from_status, lag(to_status) OVER (PARTITION BY "
     "reservation_id ORDER BY id) AS was FROM reservation_history) h "
     "WHERE h.from_status IS DISTINCT FROM h.was"},
  };
  return rules;
}

const std::vector<audit_rule>& money_rules() {
  static const std::vector<audit_rule> rules = {
    {"the books of an attempt do not balance",
     "SELECT attempt_id::text FROM books GROUP BY 1 HAVING sum(amount) <> 0"},
    {"sales are not what is confirmed",
     "SELECT r.id::text FROM reservations r LEFT JOIN (SELECT p.reservation_id, sum(b.amount) AS n "
     "FROM books b JOIN payments p ON p.id = b.payment_id WHERE b.account = 'sales' GROUP BY 1) s "
     "ON s.reservation_id = r.id WHERE coalesce(s.n, 0) <> "
     "CASE r.status WHEN 'confirmed' THEN -r.total_amount ELSE 0 END"},
    {"what is owed is not what is to be refunded",
     "SELECT a.id::text FROM payment_attempts a WHERE (SELECT coalesce(sum(b.amount), 0) "
     "FROM books b WHERE b.attempt_id = a.id AND b.account = 'owed') <> "
     "(SELECT -coalesce(sum(f.amount), 0) FROM refunds f WHERE f.attempt_id = a.id "
     "AND f.status = 'pending')"},
    {"a live attempt is not its reservation's pin",
     "SELECT a.id::text FROM payment_attempts a JOIN reservations r ON r.id = a.reservation_id "
     "WHERE (a.status = 'live') <> (r.status = 'pending' AND r.pin_id IS NOT DISTINCT FROM a.id)"},
    {"a sale has not exactly one approved attempt with its order",
     "SELECT r.id::text FROM reservations r LEFT JOIN (SELECT a.reservation_id, "
     "count(*) FILTER (WHERE p.status = 'confirmed') AS kept, "
     "count(*) FILTER (WHERE p.status IN ('refund_pending', 'refunded')) AS returned "
     "FROM payment_attempts a JOIN payments p ON p.id = a.payment_id WHERE a.status = 'approved' "
     "GROUP BY 1) s ON s.reservation_id = r.id "
     "WHERE coalesce(s.kept, 0) <> (r.status = 'confirmed')::int OR coalesce(s.returned, 0) <> "
     "(r.payment_status IN ('refund_requested', 'refunded'))::int"},
    {"tickets are not the units that are sold",
     "SELECT r.id::text FROM reservations r LEFT JOIN (SELECT reservation_id, count(*) AS n "
     "FROM tickets WHERE status IN ('valid', 'used') GROUP BY 1) k ON k.reservation_id = r.id "
     "LEFT JOIN (SELECT reservation_id, sum(quantity) AS n FROM reservation_items GROUP BY 1) i "
     "ON i.reservation_id = r.id WHERE coalesce(k.n, 0) <> "
     "CASE r.status WHEN 'confirmed' THEN i.n ELSE 0 END"},
  };
  return rules;
}

tl::expected<std::vector<audit_finding>, std::string> audit(pg::connection& db,
                                                            std::span<const audit_rule> rules,
                                                            millis limit) {
  std::vector<audit_finding> out;
  for (auto& x : rules) {
    auto sql = "SELECT count(*), min(x) FROM (" + x.sql + ") AS broken(x)";
    auto rows = db.query(sql.c_str(), {}, limit);
    if (!rows.ok()) return tl::unexpected(x.text + ": " + rows.error());
    if (rows.integer(0, 0) > 0)
      out.push_back({x.text, rows.integer(0, 0), std::string{rows.text(0, 1)}});
  }
  return out;
}

} // namespace tk
