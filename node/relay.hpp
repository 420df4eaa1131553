#pragma once

#include <string>
#include <vector>

#include "http/metrics.hpp"
#include "node/config.hpp"
#include "persistence/projections/actor.hpp"
#include "persistence/relay/actor.hpp"
#include "supervisors/node_context.hpp"

namespace tk {

/// What is wrong with how long things are kept (G22); empty when nothing is.
std::string check_relay(const node_config& config);

/// The relay of a node, and where it takes domain events.
struct relay_parts {
  relay_probe probe;
  projection_counts counts;

  /// Starts it; its actors are added to `to_stop`. `node` must outlive them.
  void spawn(const node_config& config, const node_context& node, std::vector<caf::actor>& to_stop);
  /// Puts what it counts onto the metrics page (G41).
  void add_metrics(http::metrics& meters) const;
};

} // namespace tk
