#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>

#include <caf/fwd.hpp>

#include "actors/base/time.hpp"
#include "persistence/store/port.hpp"
#include "supervisors/node_context.hpp"

namespace tk {

namespace http {
class metrics;
}

struct recall_settings {
  int64_t at_once = 8;       ///< Reservations, or refunds nobody was asked for, of this node.
  int64_t refunds_open = 64; ///< So many may be on their way back before more are begun.
  int64_t yields_above = 16; ///< Calls at providers: then one at a time, for somebody is selling.
  int32_t page = 100;        ///< Rows read at a time.
  millis pause{50};          ///< Between two rounds.
  millis again{2000};        ///< After a round that brought nothing.
  millis idle{5000};         ///< While no event is being cancelled.
  millis budget{5000};       ///< For the answer of an entity.
};

/// What is counted: read by the metrics page.
struct recall_probe {
  std::atomic<uint64_t> done{0};    ///< Reservations of cancelled events that were ended.
  std::atomic<uint64_t> put_off{0}; ///< Could not be ended now: a payment, a restart.
  std::atomic<int64_t> under_way{
    0}; ///< 1 while this node knows of an event that is being cancelled.
  std::atomic<int64_t> refunds_open{0}; ///< Theirs and not done, tried fewer than five times.
};

/// How many more reservations a node may begin to end now: it never has more refunds at the
/// providers than are asked for at once, and hardly any while buyers need them.
int64_t recall_room(const recall_settings& settings, const recalls& seen, int64_t provider_calls);

/// Starts who ends what was sold of cancelled events, reservation by reservation, and has it given
/// back. It knows nothing but rows: whoever follows it goes on.
/// @param provider_calls how many calls are under way at providers.
/// @param node, probe must outlive the actor.
caf::actor spawn_recalls(node_context& node, store_actor store, node_id self,
                         recall_settings settings, recall_probe& probe,
                         std::function<int64_t()> provider_calls);

/// Puts what is counted onto the metrics page.
void add_recall_metrics(http::metrics& meters, const recall_probe& probe);

} // namespace tk
