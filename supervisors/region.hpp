#pragma once

#include <string_view>

#include <caf/actor.hpp>

#include "actors/registry.hpp"
#include "supervisors/node_context.hpp"
#include "supervisors/router.hpp"

namespace tk {

/// Asks a region to end the entities of one shard, so that another node can own it. Until
/// `open_shard` what comes for it waits; what only ends things that are open goes on.
struct close_shard {
  uint16_t shard = 0;
};
/// Nobody remembers anything of the shard, and no op that names it is without a verdict; or the
/// shard is open again, because that took too long or too much waits.
struct shard_closed {
  bool ok = false;
};
/// What waits goes its way again: to the entities here, or to whoever owns the shard now.
struct open_shard {
  uint16_t shard = 0;
};

/// Asks a region how an entity is, as far as the region itself knows: the entity is not asked, not
/// started and not kept awake by it.
struct look_at_entity {
  entity_key key;
};
struct entity_look {
  enum class state : uint8_t {
    elsewhere = 1, ///< Its shard is not this node's.
    asleep,        ///< Whoever asks for it starts it.
    starting,
    running,
    stopping,   ///< It was asked to sleep, or to leave with its shard.
    quarantined ///< It ended unexpectedly too often, and is refused for a while.
  } is = state::elsewhere;
  bool suspended = false; ///< The node decides nothing now.
  bool closing = false;   ///< Its shard is on its way to another node.
  int64_t epoch = 0;      ///< In which it was started.
  uint64_t waiting = 0;   ///< Messages that wait for it to start, to stop or to arrive elsewhere.
  int32_t failures = 0;   ///< Unexpected ends, of late.
  instant started_at;     ///< When it runs.
  instant last_asked;     ///< Unless it is asleep.
};
std::string_view to_string(entity_look::state x);

/// How entities of a node are started, kept and stopped.
struct region_settings {
  millis session_idle{60'000};  ///< A session not asked for this long is put to sleep.
  millis checkout_idle{15'000}; ///< A checkout; its rows say when it is to wake.
  millis entity_idle{600'000};  ///< Any other entity.
  millis passivation_interval{15'000};
  int32_t buffered_max = 16'384; ///< Messages waiting for entities that are starting or stopping.
  int32_t restarts_max = 5;      ///< Unexpected ends of one entity within `restart_window`, then it
  millis restart_window{60'000}; ///< is refused until the window has passed.
  millis close_limit{500};       ///< A shard that is not closed after this is opened again.
  millis close_interval{10};     ///< How often entities are asked to leave it.
  int32_t closed_max = 4096;     ///< Messages waiting for one closed shard.
};

/// Starts the region of a node: the parent of its entities. It understands
/// - `envelope`: passes the body on to the entity, starting it when it sleeps; refuses what is for
///   shards that this node does not own;
/// - `atom::suspend`: until `thaw` every envelope is refused, certain that nothing happened; state
///   stays (H-12);
/// - `atom::thaw, bool reload`: goes on; with `reload` every entity is dropped first whose shard's
///   epoch is not the one it was started in.
/// - `close_shard`, answered by `shard_closed`, and `open_shard`;
/// - `look_at_entity`, answered by `entity_look`, also while the node is suspended.
/// What CAF sends back to askers: the entity's answer, or an error of category "tiketi" (`to_ec`).
caf::actor spawn_region(node_context& node, region_settings settings);

} // namespace tk

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::close_shard)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::shard_closed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::open_shard)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::look_at_entity)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::entity_look)
