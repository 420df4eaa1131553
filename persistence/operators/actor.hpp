#pragma once

#include <functional>
#include <string>
#include <vector>

#include <caf/fwd.hpp>

#include "persistence/operators/port.hpp"
#include "persistence/pool/pool.hpp"

namespace tk {

struct operator_rows_config {
  std::string conninfo; ///< Of role `tiketi_read`.
  std::function<void(const std::string&)> log;
};

/// Starts who answers operators from the rows: one connection, so that their looks never take one
/// from the shop, and statements that are given up after 3 s.
operator_rows_actor spawn_operator_rows(caf::actor_system& system,
                                        const operator_rows_config& config);

/// A statement for each question, in their order.
std::vector<pg_statement> operator_statements();

} // namespace tk
