#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <caf/actor.hpp>

#include "http/api/staff.hpp"
#include "http/metrics.hpp"
#include "node/config.hpp"
#include "persistence/calls/actor.hpp"
#include "persistence/pii/vault.hpp"

namespace tk {

/// What a node has for staff (G19): calls to providers that are kept, lists, settlements.
struct staff_parts {
  payment_calls_probe probe;
  payment_calls_actor calls;
  std::unique_ptr<http::staff_desk> desk;

  /// Before anything is asked of a provider. It outlives who asks: it ends last.
  void spawn_calls(caf::actor_system& system, const node_config& config, entropy& random,
                   std::vector<caf::actor>& to_stop);
  void add_routes(caf::actor_system& system, const node_config& config,
                  std::shared_ptr<const pii_vault> vault, const store_actor& store,
                  http::ingress_pool& pool, const wall_clock& clock,
                  std::vector<caf::actor>& to_stop, std::vector<http::route>& out);
  void add_metrics(http::metrics& meters) const;
};

} // namespace tk
