#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <vector>

#include <caf/fwd.hpp>

#include "actors/base/time.hpp"
#include "persistence/ledger/core.hpp"
#include "persistence/ledger/port.hpp"

namespace tk {

/// What the ledger tells of itself; written by the ledger alone, read by anybody at any time.
struct ledger_probe {
  struct lane_figures {
    std::atomic<uint64_t> depth{0};   ///< Ops without outcome.
    std::atomic<uint64_t> batches{0}; ///< Sent, repeats and probes included.
    std::atomic<uint64_t> ops{0};     ///< Sum of the batches' sizes.
    std::atomic<bool> down{false};    ///< The database cannot write.
  };
  std::array<lane_figures, lane_count> lanes;
  /// Batches by size: index i counts those of up to 2^i ops; the last one has no upper end.
  std::array<std::atomic<uint64_t>, 9> batch_sizes{};
  /// Verdicts by `outcome`, refusals at the door included.
  std::array<std::atomic<uint64_t>, static_cast<size_t>(outcome::unknown) + 1> verdicts{};
  /// `ledger_batch_aborts_total`: any is a bug and alerts.
  std::atomic<uint64_t> batch_aborts{0};
};

/// Starts the ledger, an ordinary actor (H-07).
/// @param drivers by `lane_id`, one per lane; a missing or null one leaves its lane down.
/// @param clock   must outlive the actor.
/// @param probe   may be null; must outlive the actor.
ledger_actor spawn_ledger(caf::actor_system& system, const ledger_config& config,
                          std::vector<ledger_driver_actor> drivers, const wall_clock& clock,
                          ledger_probe* probe = nullptr);

} // namespace tk
