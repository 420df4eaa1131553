#include "tests/integration/oracle.hpp"

#include <cstdlib>
#include <iostream>

#include "persistence/audit/audit.hpp"

namespace tk::test {

namespace {

const std::vector<audit_rule>& step_rules() {
  static const std::vector<audit_rule> rules = {
    {"a seat's version is not the number of its steps",
     "SELECT s.id::text FROM seats s WHERE s.version <> (SELECT count(*) FROM reservation_items i "
     "JOIN reservation_history h ON h.reservation_id = i.reservation_id "
     "AND h.from_status IS DISTINCT FROM h.to_status WHERE i.seat_id = s.id)"},
    {"domain events are missing or doubled",
     "SELECT '' WHERE (SELECT count(*) FROM outbox WHERE topic = 'reservation-events') <> "
     "(SELECT count(*) FROM reservation_history WHERE from_status IS DISTINCT FROM to_status)"},
  };
  return rules;
}

const std::vector<audit_rule>& payment_event_rules() {
  static const std::vector<audit_rule> rules = {
    {"payment events are missing or doubled",
     "SELECT '' WHERE (SELECT count(*) FROM outbox WHERE type = 'PAYMENT_CONFIRMED') <> "
     "(SELECT count(*) FROM payment_attempts WHERE status = 'approved')"},
  };
  return rules;
}

void add_broken(pg::connection& db, const std::vector<audit_rule>& rules,
                std::vector<std::string>& out) {
  auto found = audit(db, rules, millis{60'000});
  if (!found) {
    std::cerr << found.error() << std::endl;
    std::abort();
  }
  for (auto& x : *found) out.push_back(x.text + ": " + std::to_string(x.rows));
}

} // namespace

std::vector<std::string> broken_rules(pg::connection& db) {
  std::vector<std::string> out;
  add_broken(db, stock_rules(), out);
  add_broken(db, step_rules(), out);
  return out;
}

std::vector<std::string> broken_money_rules(pg::connection& db) {
  std::vector<std::string> out;
  add_broken(db, money_rules(), out);
  add_broken(db, payment_event_rules(), out);
  return out;
}

} // namespace tk::test
