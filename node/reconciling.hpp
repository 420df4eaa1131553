#pragma once

#include <vector>

#include <caf/actor.hpp>

#include "http/metrics.hpp"
#include "node/config.hpp"
#include "node/reconciler.hpp"
#include "supervisors/node_context.hpp"

namespace tk {

/// The reconciler of a node, and what it counts.
struct reconciling_parts {
  reconciler_probe probe;
  reconciler_actor actor;

  /// Starts it; its actors are added to `to_stop`. `node` must outlive them.
  void spawn(const node_config& config, const node_context& node, const node_id& id,
             std::vector<caf::actor>& to_stop);
  /// Puts what it counts onto the metrics page.
  void add_metrics(http::metrics& meters) const;
};

} // namespace tk
