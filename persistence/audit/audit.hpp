#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "persistence/pg/connection.hpp"

/// What must hold between rows and no constraint of the database checks: its check would lock a row
/// that a whole on-sale writes beside (H-26). Each rule is one statement, so one moment of the
/// database: it may be asked while the shop sells.
namespace tk {

struct audit_rule {
  std::string text; ///< What is wrong with a row that breaks it.
  std::string sql;  ///< The ids of those rows, as text, in one column.
};

/// A rule that is broken: by how many rows, and the id of one of them.
struct audit_finding {
  std::string text;
  int64_t rows = 0;
  std::string example;
};

/// Rows name only what exists: references without a foreign key.
const std::vector<audit_rule>& reference_rules();
/// Seats, quotas and reservations agree, and the history's fold is the row (G20).
const std::vector<audit_rule>& stock_rules();
/// What is paid is sold and the books balance.
const std::vector<audit_rule>& money_rules();

/// Asks for each rule, none longer than `limit`; the error is the database's text.
tl::expected<std::vector<audit_finding>, std::string> audit(pg::connection& db,
                                                            std::span<const audit_rule> rules,
                                                            millis limit);

} // namespace tk
