#pragma once

#include <string>
#include <vector>

#include "persistence/pg/connection.hpp"

/// What must hold in the rows after a race: the rules of the audit, and what holds while nobody
/// relays or clears events and nobody but the ledger writes. Each answer is a broken rule in words.
namespace tk::test {

/// Seats, quotas, reservations, their history and their domain events.
std::vector<std::string> broken_rules(pg::connection& db);

/// Money and tickets, where every sale went through the ledger.
std::vector<std::string> broken_money_rules(pg::connection& db);

} // namespace tk::test
