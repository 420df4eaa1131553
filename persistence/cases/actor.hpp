#pragma once

#include <functional>
#include <string>
#include <vector>

#include <caf/fwd.hpp>

#include "persistence/cases/port.hpp"
#include "persistence/pool/pool.hpp"

namespace tk {

struct cases_config {
  std::string conninfo; ///< Of role `tiketi_store`.
  std::function<void(const std::string&)> log;
};

cases_actor spawn_cases(caf::actor_system& system, const cases_config& config);

/// What it prepares on its connection, and its two questions.
std::vector<pg_statement> case_statements();
pg_result<cases_told> read_cases(pg::connection& db, const list_cases& x);
pg_result<cases_told> close_case_row(pg::connection& db, const close_case_by_hand& x);

} // namespace tk
