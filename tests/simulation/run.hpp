#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tests/simulation/sale_plan.hpp"

namespace tk::sim {

/// What one seed came to.
struct run_result {
  std::string wrong; ///< Empty = everything held.
  uint64_t digest = 0, steps = 0, commits = 0, visits = 0;
  uint64_t kills = 0, pauses = 0, takeovers = 0, dropped = 0, lost = 0;
  std::string faults;
  std::vector<std::string> story;
  std::map<std::string, uint64_t> answers;
};

/// Plays `plan` with the faults of `seed`: the sale, then healing, then rest.
run_result run_seed(uint64_t seed, const sale_plan& plan);

} // namespace tk::sim
