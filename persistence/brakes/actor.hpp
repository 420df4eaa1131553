#pragma once

#include <functional>
#include <string>
#include <vector>

#include <caf/fwd.hpp>

#include "persistence/brakes/port.hpp"
#include "persistence/pool/pool.hpp"

namespace tk {

struct brakes_config {
  std::string conninfo; ///< Of role `tiketi_store`.
  std::function<void(const std::string&)> log;
};

brakes_actor spawn_brakes(caf::actor_system& system, const brakes_config& config);

/// What it prepares on its connection.
std::vector<pg_statement> brake_statements();

} // namespace tk
