#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include <caf/fwd.hpp>

#include "gateways/payment/gateway.hpp"
#include "persistence/reconciliation/port.hpp"

namespace tk {

/// What a reconciler tells of itself. Outlives it.
struct reconciler_probe {
  std::atomic<uint64_t> runs{0}, failures{0}; ///< Runs that ended; those that came to nothing.
  std::atomic<uint64_t> asked{0};             ///< Attempts providers were asked about,
  std::atomic<uint64_t> silent{0};            ///< those of which they said nothing,
  std::atomic<uint64_t> found{0};             ///< and what was found of which a person should know.
  std::atomic<uint64_t> repairs{0};           ///< Checkouts that were told to ask again.
  std::array<std::atomic<int64_t>, case_kinds> open{}, overdue{}; ///< Cases, by kind.
};

struct reconciler_config {
  node_id node;
  millis every{300'000};       ///< From one run to the next.
  millis open_for{300'000};    ///< A live attempt older than that is looked at.
  millis alert_after{600'000}; ///< A case that is open for that long raises an alert.
  millis look_every{15'000};   ///< Whether something is due, and at cases.
  /// Between two questions: providers count them, and buyers come first.
  millis between_questions{300};
  /// Whether this node is the one that reconciles of its own accord.
  std::function<bool()> owns;
  std::function<reconciliation_id()> fresh_id; ///< Of a run that is due.
  payment_actor payments;                      ///< Empty: there is nobody to ask.
};

/// Starts the reconciler of a node. It asks providers about what is undecided, owed or has moved
/// money since the last run, one question after the other; compares rows with each other; and puts
/// what the checkouts cannot repair on record as cases. Only one run is under way at a time on all
/// nodes: the row of a run says so, and whoever stops touching it has died. Nothing it does has a
/// second effect when it is done twice.
reconciler_actor spawn_reconciler(caf::actor_system& system, reconciler_config config,
                                  reconciliation_actor rows, const wall_clock& clock,
                                  reconciler_probe& probe);

} // namespace tk
