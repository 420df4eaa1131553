#pragma once

#include <string>
#include <vector>

#include "persistence/pg/connection.hpp"

/// What must hold in the ledger's rows whatever happened to them, as queries that find what does
/// not. Each answer is a broken rule in words, with the number of rows that break it.
namespace tk::test {

/// Seats, quotas, reservations, their history and their domain events.
std::vector<std::string> broken_rules(pg::connection& db);

/// Money and tickets, where every sale went through the ledger.
std::vector<std::string> broken_money_rules(pg::connection& db);

} // namespace tk::test
