#pragma once

#include <atomic>
#include <cstdint>

#include <caf/fwd.hpp>

#include "persistence/store/port.hpp"

namespace tk {

/// What the upkeep has done. Plain atomics: read by the metrics page.
struct upkeep_probe {
  std::atomic<uint64_t> accounts_erased{0}, sessions_cleared{0}, failures{0};
};

struct upkeep_config {
  millis interval{3'600'000};          ///< Between two looks.
  int64_t erase_after_s = 30 * 86'400; ///< From leaving to the erasure of personal data (G07).
  int32_t batch_max = 500;             ///< Rows at a time; a full batch is followed by the next.
};

/// Starts who erases what has to be erased, and clears away sessions that are over. Repeatable, so
/// any number of nodes may do it.
/// @param probe must outlive the actor.
caf::actor spawn_keeper(caf::actor_system& system, store_actor store, upkeep_config config,
                        upkeep_probe& probe);

} // namespace tk
