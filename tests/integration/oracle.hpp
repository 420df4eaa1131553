#pragma once

#include <string>
#include <vector>

#include "persistence/pg/connection.hpp"

/// What must hold in the rows after a race: the rules of the audit. Each answer is a broken rule
/// with some of the rows that break it.
namespace tk::test {

/// Seats, quotas, reservations, their history and their domain events.
std::vector<std::string> broken_rules(pg::connection& db);

/// Money and tickets, and their domain events.
std::vector<std::string> broken_money_rules(pg::connection& db);

} // namespace tk::test
