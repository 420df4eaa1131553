#pragma once

#include <functional>
#include <vector>

#include <caf/actor.hpp>
#include <caf/allowed_unsafe_message_type.hpp>

#include "persistence/ledger/roster_port.hpp"
#include "supervisors/node_context.hpp"

namespace tk {

/// What the node's supervisor needs beyond the node's services.
struct node_supervision {
  roster_driver_actor roster;
  shard_taker_actor taker; ///< Of a node that is not alone.
  caf::actor connections;  ///< Hears `nodes_known`; none in a node that is alone.
  /// Parts that cannot be replaced while the node runs: when one of them dies, the node ends.
  std::vector<caf::actor> parts;
  /// Hears every measured offset to ledger time, in milliseconds.
  std::function<void(int64_t)> set_clock_offset;
  /// Ends the process: another incarnation lives, or a part that cannot be replaced has died.
  std::function<void(const char* why)> fatal;
  bool alone = true; ///< Owns every shard: one that others have taken ends the process.
  millis beat_interval{1000};
  millis look_interval{50}; ///< The roster is read no oftener than that, however many wait for it.
  /// A heartbeat overdue by this much suspends the node; others may take over after it.
  millis suspend_after{2500};
  /// So long the roster must have been the same before shards move for balance; 0 = they never do.
  millis rebalance_after{0};
  /// Looks for overdue holds: there must be none, so it may be rare.
  millis sweep_interval{30'000};
  /// Looks for payments that have something to do while their checkout sleeps.
  millis checkout_interval{5000};
};

/// Asks a supervisor to give one of its shards to another node; one at a time.
struct move_shard {
  uint16_t shard = 0;
  node_id to;
};
/// What became of it. Not moved: the shard is still this node's, or was before; ask again later.
struct shard_given {
  bool moved = false;
};

/// Asks a supervisor to give all shards away, for good: the node takes none any more. `done` is
/// called once, by the supervisor: when it has none left, or nobody takes them.
struct drain_node {
  std::function<void()> done;
};

/// Starts the supervisor of a node: heartbeat, suspend and thaw (H-12), waking of what must not
/// sleep (blocks with holds, checkouts with money open, rooms with people, open gates), and the
/// sweep that must find nothing (H-20). It monitors ledger and region. It understands `move_shard`
/// and `drain_node`, and gives shards away by itself as `gift_plan` says.
caf::actor spawn_node_supervisor(node_context& node, node_supervision settings);

/// Is the node deciding? Read by health pages.
bool suspended(const node_context& node);

} // namespace tk

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::drain_node)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::move_shard)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::shard_given)
