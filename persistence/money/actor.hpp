#pragma once

#include <functional>
#include <string>

#include <caf/fwd.hpp>

#include "persistence/money/port.hpp"
#include "persistence/pool/pool.hpp"

namespace tk {

struct settlements_config {
  std::string conninfo; ///< Of role `tiketi_books`.
  std::function<void(const std::string&)> log;
};

/// Starts who takes settlement lists, one at a time, on a connection and a thread of its own.
settlement_actor spawn_settlements(caf::actor_system& system, const settlements_config& config);

std::vector<pg_statement> settlement_statements();

/// Puts a list in the place of what the provider said of the same time before, books what is new of
/// it, and compares it with the captures on record; all of it, or nothing.
pg_result<settlement_taken> store_settlement(pg::connection& db, const take_settlement& x);

} // namespace tk
