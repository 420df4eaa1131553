#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include <caf/actor.hpp>
#include <caf/fwd.hpp>

#include "persistence/relay/outbox.hpp"
#include "persistence/relay/port.hpp"

namespace tk {

struct node_context;

/// What a relay tells of itself. Outlives it.
struct relay_probe {
  std::atomic<uint64_t> reads{0}, rows{0};          ///< Rows read, those read again included.
  std::atomic<uint64_t> delivered{0}, refused{0};   ///< Rows by outcome; the others were unknown,
  std::atomic<uint64_t> unknown{0};                 ///< and are handed over again.
  std::atomic<uint64_t> dead_letters{0};            ///< Given up, and on record as such.
  std::atomic<uint64_t> failures{0};                ///< Rounds that came to nothing.
  std::atomic<uint64_t> moves{0}, moves_refused{0}; ///< Cursors moved; those of old owners.
  std::atomic<uint64_t> partitions_dropped{0}, marks_cleared{0};
  std::atomic<int64_t> shards{0}, shards_stuck{0}; ///< Relayed; behind a row that is refused.
  std::atomic<int64_t> told_at_ms{0};              ///< When a cursor was moved last.
};

/// What a node owns now; nothing while it decides nothing, for others may own it then.
std::vector<owned_shard> relayed_shards(const node_context& node);

struct relay_config {
  std::string sink;       ///< As dead letters name who could not take them.
  bool tell_dead = false; ///< The sink has a place of its own for dead letters.
  relay_settings settings;
  retention keep;
  millis clear_interval{3'600'000}; ///< Between two looks for what is over.
  /// The shards to relay now, each with the epoch in which this node owns it.
  std::function<std::vector<owned_shard>()> owned;
};

/// RELAY: takes the domain events of this node's shards from `outbox` to `sink`, at least once and
/// each shard's in order, and moves the cursors behind what was delivered. It has at most
/// `rows_max` rows in hand. Two relays of one shard do no harm: both begin at its cursor, and only
/// its owner's moves it. Ends `outbox` when it ends itself.
caf::actor spawn_relay(caf::actor_system& system, relay_config config, outbox_actor outbox,
                       event_sink_actor sink, const wall_clock& clock, relay_probe& probe);

} // namespace tk
