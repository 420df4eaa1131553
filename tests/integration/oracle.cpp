#include "tests/integration/oracle.hpp"

#include <span>

#include "tests/integration/pg_fixture.hpp"

namespace tk::test {

namespace {

struct rule {
  const char* text;
  const char* sql; ///< Must return no row.
};

constexpr rule of_items[] = {
  {"a seat's status is not its reservation's",
   "SELECT s.id FROM seats s LEFT JOIN reservations r ON r.id = s.reservation_id "
   "WHERE (s.status = 'available') = coalesce(r.status IN ('pending', 'confirmed'), false) "
   "OR (s.status = 'reserved') <> coalesce(r.status = 'confirmed', false)"},
  {"a seat is in two live reservations",
   "SELECT i.seat_id FROM reservation_items i JOIN reservations r ON r.id = i.reservation_id "
   "AND r.status IN ('pending', 'confirmed') WHERE i.seat_id IS NOT NULL "
   "GROUP BY 1 HAVING count(*) > 1"},
  {"a quota does not add up",
   "SELECT t.id FROM ticket_types t WHERE t.available_quantity + (SELECT "
   "coalesce(sum(i.quantity), 0) FROM reservation_items i JOIN reservations r "
   "ON r.id = i.reservation_id AND r.status IN ('pending', 'confirmed') "
   "WHERE i.ticket_type_id = t.id) <> t.total_quantity"},
  {"a seat's version is not the number of its steps",
   "SELECT s.id FROM seats s WHERE s.version <> (SELECT count(*) FROM reservation_items i "
   "JOIN reservation_history h ON h.reservation_id = i.reservation_id "
   "AND h.from_status IS DISTINCT FROM h.to_status WHERE i.seat_id = s.id)"},
  {"domain events are missing or doubled",
   "SELECT 1 WHERE (SELECT count(*) FROM outbox WHERE topic = 'reservation-events') <> "
   "(SELECT count(*) FROM reservation_history WHERE from_status IS DISTINCT FROM to_status)"},
  {"the history's fold is not the row",
   "SELECT r.id FROM reservations r WHERE (SELECT h.to_status || h.payment_to FROM "
   "reservation_history h WHERE h.reservation_id = r.id ORDER BY h.id DESC LIMIT 1) "
   "IS DISTINCT FROM r.status || r.payment_status"},
  {"a step of the history starts where none ended",
   "SELECT h.id FROM (SELECT id, from_status, lag(to_status) OVER (PARTITION BY reservation_id "
   "ORDER BY id) AS was FROM reservation_history) h WHERE h.from_status IS DISTINCT FROM h.was"},
  {"items are missing",
   "SELECT r.id FROM reservations r WHERE NOT EXISTS (SELECT 1 FROM reservation_items i "
   "WHERE i.reservation_id = r.id) OR r.total_amount <> (SELECT sum(i.subtotal) FROM "
   "reservation_items i WHERE i.reservation_id = r.id)"},
};

constexpr rule of_money[] = {
  {"the books of an attempt do not balance",
   "SELECT attempt_id FROM books GROUP BY 1 HAVING sum(amount) <> 0"},
  {"sales are not what is confirmed",
   "SELECT r.id FROM reservations r WHERE (SELECT coalesce(sum(b.amount), 0) FROM books b "
   "JOIN payments p ON p.id = b.payment_id WHERE p.reservation_id = r.id "
   "AND b.account = 'sales') <> CASE r.status WHEN 'confirmed' THEN -r.total_amount ELSE 0 END"},
  {"what is owed is not what is to be refunded",
   "SELECT a.id FROM payment_attempts a WHERE (SELECT coalesce(sum(b.amount), 0) FROM books b "
   "WHERE b.attempt_id = a.id AND b.account = 'owed') <> (SELECT -coalesce(sum(f.amount), 0) "
   "FROM refunds f WHERE f.attempt_id = a.id AND f.status = 'pending')"},
  {"a live attempt is not its reservation's pin",
   "SELECT a.id FROM payment_attempts a JOIN reservations r ON r.id = a.reservation_id "
   "WHERE (a.status = 'live') <> (r.status = 'pending' AND r.pin_id IS NOT DISTINCT FROM a.id)"},
  {"a sale has not exactly one approved attempt and one confirmed or refunded order",
   "SELECT r.id FROM reservations r WHERE EXISTS (SELECT 1 FROM reservation_history h "
   "WHERE h.reservation_id = r.id AND h.to_status = 'confirmed') <> (SELECT count(*) = 1 "
   "FROM payment_attempts a JOIN payments p ON p.id = a.payment_id WHERE "
   "a.reservation_id = r.id AND a.status = 'approved' AND p.status = "
   "CASE r.status WHEN 'confirmed' THEN 'confirmed' ELSE 'refund_pending' END)"},
  {"tickets are not the units that are sold",
   "SELECT r.id FROM reservations r WHERE (SELECT count(*) FROM tickets k WHERE "
   "k.reservation_id = r.id AND k.status IN ('valid', 'used')) <> CASE r.status WHEN 'confirmed' "
   "THEN (SELECT sum(i.quantity) FROM reservation_items i WHERE i.reservation_id = r.id) "
   "ELSE 0 END"},
  {"payment events are missing or doubled",
   "SELECT 1 WHERE (SELECT count(*) FROM outbox WHERE type = 'PAYMENT_CONFIRMED') <> "
   "(SELECT count(*) FROM payment_attempts WHERE status = 'approved')"},
};

std::vector<std::string> broken(pg::connection& db, std::span<const rule> rules) {
  std::vector<std::string> out;
  for (auto& x : rules) {
    if (auto rows = must(db, x.sql); rows.rows() > 0)
      out.push_back(std::string{x.text} + ": " + std::to_string(rows.rows()));
  }
  return out;
}

} // namespace

std::vector<std::string> broken_rules(pg::connection& db) { return broken(db, of_items); }

std::vector<std::string> broken_money_rules(pg::connection& db) { return broken(db, of_money); }

} // namespace tk::test
