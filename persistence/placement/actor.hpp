#pragma once

#include <functional>
#include <string>
#include <vector>

#include <caf/fwd.hpp>

#include "persistence/placement/port.hpp"
#include "persistence/pool/pool.hpp"

namespace tk {

struct placement_config {
  std::string conninfo; ///< Of role `tiketi_store`.
  std::function<void(const std::string&)> log;
};

placement_actor spawn_placement(caf::actor_system& system, const placement_config& config);

/// What it does, on a connection that has prepared `placement_statements`: for its tests, too.
pg_result<wish_told> put_wish(pg::connection& db, const set_wish& x);
pg_result<wish_told> drop_wish(pg::connection& db, const end_wish& x);

std::vector<pg_statement> placement_statements();

} // namespace tk
