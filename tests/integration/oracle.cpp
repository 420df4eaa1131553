#include "tests/integration/oracle.hpp"

#include <cstdlib>
#include <initializer_list>
#include <iostream>

#include "persistence/audit/audit.hpp"
#include "tests/integration/pg_fixture.hpp"

namespace tk::test {

namespace {

std::vector<std::string> broken(pg::connection& db, std::initializer_list<audit_part> parts) {
  std::vector<std::string> out;
  for (auto part : parts) {
    must(db, "BEGIN READ ONLY");
    auto found = audit(db, rules_of(part), {millis{60'000}, 3});
    must(db, "ROLLBACK");
    if (!found) {
      std::cerr << found.error() << std::endl;
      std::abort();
    }
    for (auto& x : *found) {
      out.push_back(x.rule + ": " + std::to_string(x.rows));
      for (auto& y : x.sample) out.back() += "\n  " + y.row + ": " + y.says + " - " + y.against;
    }
  }
  return out;
}

} // namespace

std::vector<std::string> broken_rules(pg::connection& db) {
  return broken(db,
                {audit_part::seats, audit_part::orders, audit_part::history, audit_part::events});
}

std::vector<std::string> broken_money_rules(pg::connection& db) {
  return broken(db, {audit_part::money, audit_part::tickets, audit_part::events});
}

} // namespace tk::test
