#include "persistence/audit/rules.hpp"

namespace tk::audit_rules {

namespace {

struct reference {
  const char *from, *column, *to;
  const char* among = ""; ///< Which rows have it, when others may not.
};

/// Those without a foreign key (ledger.md 4): its check would lock the row it looks at.
constexpr reference all_references[] = {
  {"reservations", "user_id", "users"},
  {"reservations", "event_id", "events"},
  {"reservation_items", "reservation_id", "reservations"},
  {"reservation_items", "seat_id", "seats"},
  {"reservation_items", "ticket_type_id", "ticket_types"},
  {"reservation_history", "reservation_id", "reservations"},
  {"seats", "reservation_id", "reservations"},
  {"payments", "reservation_id", "reservations"},
  {"payments", "user_id", "users"},
  {"payments", "event_id", "events"},
  {"payment_attempts", "reservation_id", "reservations", " AND f.subject = 0"},
  {"refunds", "reservation_id", "reservations", " AND f.subject = 0"},
  {"books", "attempt_id", "payment_attempts"},
  {"books", "payment_id", "payments"},
  {"tickets", "reservation_id", "reservations"},
  {"tickets", "seat_id", "seats"},
  {"tickets", "ticket_type_id", "ticket_types"},
  {"tickets", "event_id", "events"},
  {"tickets", "user_id", "users"},
  {"artist_memberships", "user_id", "users"},
  {"ticket_transfers", "reservation_id", "reservations"},
  {"ticket_transfers", "seller_id", "users"},
  {"ticket_transfers", "buyer_id", "users"},
};

audit_rule rule_of(const reference& x) {
  std::string from = x.from, column = x.column, to = x.to;
  return {from + "." + column, from, column + " names what is not in " + to,
          "SELECT f.id::text, '" + column + " ' || f." + column + ", 'no such row in " + to +
            "' FROM " + from + " f WHERE f." + column + " IS NOT NULL" + x.among +
            " AND NOT EXISTS (SELECT 1 FROM " + to + " t WHERE t.id = f." + column + ")"};
}

} // namespace

std::vector<audit_rule> references() {
  std::vector<audit_rule> out;
  out.reserve(std::size(all_references));
  for (auto& x : all_references) out.push_back(rule_of(x));
  return out;
}

} // namespace tk::audit_rules
