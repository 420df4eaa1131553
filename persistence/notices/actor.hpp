#pragma once

#include <functional>
#include <string>
#include <vector>

#include <caf/fwd.hpp>

#include "persistence/notices/port.hpp"
#include "persistence/pool/pool.hpp"

namespace tk {

struct notices_config {
  std::string conninfo; ///< Of role `tiketi_store`.
  std::function<void(const std::string&)> log;
};

notices_actor spawn_notices(caf::actor_system& system, const notices_config& config);

/// What it prepares on its connection.
std::vector<pg_statement> notice_statements();

} // namespace tk
