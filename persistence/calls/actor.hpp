#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include <caf/fwd.hpp>

#include "actors/base/entropy.hpp"
#include "persistence/calls/port.hpp"
#include "persistence/pool/pool.hpp"

namespace tk {

/// What is counted: read by the metrics page.
struct payment_calls_probe {
  std::atomic<uint64_t> written{0};
  std::atomic<uint64_t> dropped{0}; ///< Calls that left no row; must be 0.
  std::atomic<uint64_t> failures{0};
  std::atomic<int64_t> waiting{0};
};

struct payment_calls_config {
  std::string conninfo;          ///< Of role `tiketi_store`.
  size_t waiting_max = 20'000;   ///< Rows in memory while the database is away.
  size_t portion_max = 500;      ///< Rows of a statement.
  millis gather{200};            ///< What comes meanwhile is one statement.
  millis again{2000};            ///< After a failure.
  millis forget_every{3600'000}; ///< Looks for rows of more than seven years.
  std::function<void(const std::string&)> log;
};

/// Starts who keeps calls to providers, in portions, on a connection of its own. What waits when it
/// is told to end is written first, if the database takes it.
/// @param probe must outlive the actor.
payment_calls_actor spawn_payment_calls(caf::actor_system& system, payment_calls_config config,
                                        entropy& random, payment_calls_probe& probe);

/// What it prepares, and its statement: `rows` under ids that begin with `first` and rise with
/// their time. The same rows under the same `first` are there once, however often they are written.
struct payment_call_portion {
  uint64_t writer = 0; ///< Random, of a process.
  uint64_t first = 0;  ///< The number of the first row.
  std::vector<payment_call> rows;
};
std::vector<pg_statement> payment_call_statements();
pg_result<int64_t> store_payment_calls(pg::connection& db, const payment_call_portion& x);

} // namespace tk
