#pragma once

#include <caf/actor.hpp>

#include "actors/registry.hpp"
#include "supervisors/node_context.hpp"
#include "supervisors/router.hpp"

namespace tk {

/// How entities of a node are started, kept and stopped.
struct region_settings {
  millis session_idle{60'000};  ///< A session not asked for this long is put to sleep.
  millis checkout_idle{15'000}; ///< A checkout; its rows say when it is to wake.
  millis entity_idle{600'000};  ///< Any other entity.
  millis passivation_interval{15'000};
  int32_t buffered_max = 16'384; ///< Messages waiting for entities that are starting or stopping.
  int32_t restarts_max = 5;      ///< Unexpected ends of one entity within `restart_window`, then it
  millis restart_window{60'000}; ///< is refused until the window has passed.
};

/// Starts the region of a node: the parent of its entities. It understands
/// - `envelope`: passes the body on to the entity, starting it when it sleeps; refuses what is for
///   shards that this node does not own;
/// - `atom::suspend`: until `thaw` every envelope is refused, certain that nothing happened; state
///   stays (H-12);
/// - `atom::thaw, bool reload`: goes on; with `reload` every entity is dropped first whose shard's
///   epoch is not the one it was started in.
/// What CAF sends back to askers: the entity's answer, or an error of category "tiketi" (`to_ec`).
caf::actor spawn_region(node_context& node, region_settings settings);

} // namespace tk
