#pragma once

#include <string>

#include "inspector/report.hpp"
#include "persistence/money/balance.hpp"

namespace tk::inspector {

struct money_options {
  std::string database;
  std::string settlement; ///< A file, "-" is stdin; empty: only the books are balanced.
  std::string provider, from, to;
  audit_limits limits;
  bool json = false;
};

/// Balances the books against payments, refunds and reservations, and against a provider's list;
/// the exit code.
int balance_books(const money_options& options, const text_style& style);

} // namespace tk::inspector
