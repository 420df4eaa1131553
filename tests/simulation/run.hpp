#pragma once

#include <cstdint>
#include <cstdio>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/simulation/sale_plan.hpp"

namespace tk::sim {

enum class run_mode : uint8_t {
  safety,   ///< Everything goes wrong, then everything heals.
  liveness, ///< Then some nodes stay dead for good; the rest has to do.
  lite,     ///< Two kinds of faults at most.
};

/// What of a seed is played: all of it, or what is left when shrinking has taken away.
struct play_options {
  run_mode mode = run_mode::safety;
  std::set<std::string> without; ///< Kinds of faults, or single ones by name ("kill@1200").
  std::set<int32_t> people;      ///< Who comes; nobody named = everybody.
  int32_t visits = 0;            ///< Of each at most; 0 = as many as the plan says.
  bool tell = false;             ///< Keep the story.
  std::string record;            ///< And write all of it to this file.
  std::FILE* spool = nullptr;    ///< And write it there as it happens: it outlives a crash.
};

/// What one seed came to.
struct run_result {
  std::string wrong; ///< Empty = everything held.
  bool hung = false; ///< It took too long and was ended.
  bool ended = true; ///< False when it crashed or hung: figures and happenings are not known then.
  uint64_t digest = 0, steps = 0, commits = 0, visits = 0;
  uint64_t kills = 0, pauses = 0, takeovers = 0, gifts = 0, dropped = 0, lost = 0;
  uint64_t overlaps = 0; ///< Times that two nodes believed to own a shard.
  millis longest_overlap{0};
  std::string faults;
  std::vector<std::string> story, script;           ///< If asked for: its end, and what people did.
  std::map<std::string, uint64_t> answers, covered; ///< `coverage::flat`.
  std::vector<std::string> happened;                ///< Single faults, by name.
  fault_counts struck;                              ///< Strikes of every kind.
  millis played{0};                                 ///< Virtual time.
};

/// The kinds of faults that this run has, by name.
std::string faults_of_run(uint64_t seed, const sale_plan& plan, const play_options& how);

/// Plays `plan` with the faults of `seed`: the sale, then healing, then rest.
run_result run_seed(uint64_t seed, const sale_plan& plan, const play_options& how = {});

} // namespace tk::sim
