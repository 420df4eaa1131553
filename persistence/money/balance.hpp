#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "persistence/audit/audit.hpp"
#include "persistence/money/settlement.hpp"
#include "persistence/pg/connection.hpp"

/// The books against what they are about: sums first, then every row by the rules of the audit.
namespace tk {

/// One sum, told twice: by payments, refunds and reservations, and by the books.
struct money_line {
  std::string what;
  int64_t rows = 0; ///< Of the record.
  int64_t recorded = 0, booked = 0;
  [[nodiscard]] bool balances() const { return recorded == booked; }
  bool operator==(const money_line&) const = default;
};

/// What one account holds of one provider's money.
struct money_account {
  std::string provider, account;
  int64_t entries = 0, sum = 0;
  bool operator==(const money_account&) const = default;
};

struct money_balance {
  instant as_of;
  bool standby = false;
  std::vector<money_line> lines;
  std::vector<money_account> accounts;
  std::vector<audit_finding> findings;            ///< Rules of the part `money` that are broken.
  std::vector<settlement_difference> differences; ///< To the settlement list, when one was given.
  size_t settled = 0;                             ///< Payments on that list.
  [[nodiscard]] bool balances() const;
};

/// Looks once, in one read-only transaction that locks nothing; the error is the database's text.
/// @param list what a provider says; nullptr: only the books are balanced.
tl::expected<money_balance, std::string> balance_money(pg::connection& db,
                                                       const settlement_list* list,
                                                       const audit_limits& limits = {});

/// What is on record of a provider's captures, for a comparison: within the caller's transaction.
tl::expected<std::vector<settled_payment>, std::string> captures_of(pg::connection& db,
                                                                    const settlement_list& list,
                                                                    millis limit);

} // namespace tk
