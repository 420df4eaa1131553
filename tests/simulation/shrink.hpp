#pragma once

#include "tests/simulation/options.hpp"

namespace tk::sim {

/// What is left of a failing run, and what came of it.
struct shrunk {
  play_options left;
  run_result result;
};

/// Takes away kinds of faults, single faults, people and visits for as long as the same invariant
/// is broken; a bounded number of runs.
shrunk shrink(uint64_t seed, const sale_plan& plan, const options& how, const run_result& failed);

} // namespace tk::sim
