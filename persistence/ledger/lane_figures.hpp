#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <vector>

#include "persistence/ledger/actor.hpp"

namespace tk {

/// What the ledger counts of one lane, beside `ledger_probe`; written by the ledger alone.
struct lane_counts {
  /// Upper ends of the times of batches, in milliseconds; the last count has none.
  static constexpr std::array<int64_t, 12> times_ms{1,   2,   5,   10,   20,   50,
                                                    100, 200, 500, 1000, 2000, 5000};
  static constexpr size_t outcomes = static_cast<size_t>(outcome::unknown) + 1;
  /// Batches by size: index i counts those of up to 2^i ops; the last one has no upper end.
  std::array<std::atomic<uint64_t>, 9> batch_sizes{};
  /// From sending a batch to its result, whatever it was, by `times_ms`; and their sum.
  std::array<std::atomic<uint64_t>, times_ms.size() + 1> times{};
  std::atomic<uint64_t> time_ms{0};
  /// By `outcome`. What is refused at the door is its home lane's, also when another one helps out.
  std::array<std::atomic<uint64_t>, outcomes> verdicts{};
  std::atomic<uint64_t> aborts{0}; ///< Any is a bug.
};
using lane_table = std::array<lane_counts, lane_count>;

/// As the other `spawn_ledger`; both probes outlive the actor.
ledger_actor spawn_ledger(caf::actor_system& system, const ledger_config& config,
                          std::vector<ledger_driver_actor> drivers, const wall_clock& clock,
                          ledger_probe& probe, lane_table& lanes);

} // namespace tk
