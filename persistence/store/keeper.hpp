#pragma once

#include <atomic>
#include <cstdint>

#include <caf/fwd.hpp>

#include "persistence/store/port.hpp"

namespace tk {

/// What the upkeep has done and seen. Plain atomics: read by the metrics page.
struct upkeep_probe {
  std::atomic<uint64_t> accounts_erased{0}, sessions_cleared{0}, failures{0};
  std::atomic<int64_t> outbox_pending{0}, outbox_oldest_ms{0};
};

struct upkeep_config {
  millis interval{3'600'000};          ///< Between two looks.
  int64_t erase_after_s = 30 * 86'400; ///< From leaving to the erasure of personal data (G07).
  millis outbox_interval{10'000};      ///< Between two looks at the outbox.
  int32_t batch_max = 500;             ///< Rows at a time; a full batch is followed by the next.
};

/// Starts who erases what has to be erased, clears away sessions that are over, and looks how much
/// waits in the outbox. Repeatable, so any number of nodes may do it.
/// @param probe must outlive the actor.
caf::actor spawn_keeper(caf::actor_system& system, store_actor store, upkeep_config config,
                        upkeep_probe& probe);

} // namespace tk
