#pragma once

#include <nlohmann/json.hpp>

#include "tests/simulation/options.hpp"

namespace tk::sim {

/// Plays many seeds, each twice, in processes of their own; the exit code.
int play_batch(const options& how);
/// Plays one and tells its story; the exit code.
int replay_one(const options& how);

/// A run in a process of its own, so that a crash is a result like another.
run_result run_apart(uint64_t seed, const sale_plan& plan, const play_options& how);

nlohmann::json to_json(const run_result& x);
run_result from_json(const nlohmann::json& x);

} // namespace tk::sim
