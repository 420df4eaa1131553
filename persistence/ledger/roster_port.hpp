#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

#include "actors/base/ids.hpp"
#include "actors/base/placement.hpp"
#include "actors/base/time.hpp"

namespace tk {

/// What a node says of itself on the roster.
struct node_facts {
  std::string address; ///< "host:port" where it takes links; empty: it takes none.
  std::string release;
};

/// Another node: it was seen of late, or shards are still its.
struct roster_peer {
  node_id node;
  int64_t incarnation = 0;
  node_facts facts;
  bool lives = false;    ///< Its last heartbeat is not too old to be taken over from.
  bool draining = false; ///< It gives its shards away and takes none: it ends, or is to be empty.
};

/// An operator wants a shard to be a node's, and to stay there.
struct wanted_move {
  uint16_t shard = 0;
  node_id to;
  bool operator==(const wanted_move&) const = default;
};

/// What operators wish of the placement of shards is on record under such an id.
using wish_id = id<struct wish_tag>;

/// Who owns what, as one node sees it.
struct membership {
  static constexpr int32_t nobody = -1;
  node_id self; ///< This node.
  int64_t incarnation = 0;
  instant at;                                     ///< Ledger time of the answer.
  std::array<int64_t, shard_count> epochs{};      ///< Of our own shards; 0 = not ours.
  std::array<int64_t, shard_count> peer_epochs{}; ///< Of others' shards; 0 = ours, or nobody's.
  std::array<int32_t, shard_count> owners;        ///< Index in `peers`; `nobody` = ours, or none.
  std::vector<roster_peer> peers;                 ///< Without this node.
  int free = 0;                    ///< Shards of nobody, or of the dead: to be taken.
  bool draining = false;           ///< This node is.
  std::vector<wanted_move> wanted; ///< Whoever's shards they are now.
  wish_id even_wish;               ///< Shards are to be evened out now; nil: nobody wishes so.
  /// This life of this node, and those of all nodes that live, this one among them: each a positive
  /// number that is the same everywhere and of no other life.
  int64_t life = 0;
  std::vector<int64_t> lives;
  membership() { owners.fill(nobody); }
  /// How many shards are ours.
  [[nodiscard]] int owned() const {
    return static_cast<int>(shard_count - std::ranges::count(epochs, 0));
  }
};

enum class roster_error : uint8_t {
  no_server = 1, ///< Nothing was decided, or it is unknown what was: ask again.
  displaced,     ///< Another incarnation of this node lives: stop.
  namesake_seen, ///< A node of this name was seen and is connected; it may be dead: ask again soon.
  namesake_lives ///< A node of this name goes on beating: the name is taken.
};

/// Asks for one heartbeat.
struct beat_once {
  bool drain = false; ///< This node gives its shards away from now on, until it starts again.
  wish_id evened;     ///< That wish has come true, as this node has seen; nil: none.
  /// Where nobody listens any more. Who of them has no backend at the database either is dead from
  /// now on, without being waited for.
  std::vector<node_id> unreached;
};
struct beaten {
  bool ok = false;
  bool displaced = false; ///< Another incarnation of this node lives: stop.
  membership of;          ///< When `ok`.
  bool measured = true;   ///< The round trip was short enough to tell the time by.
  int64_t offset_ms = 0;  ///< Ledger time minus this machine's, when `measured`.
};

/// Asks for up to `most` of the free shards.
struct take_free {
  int32_t most = 0;
};
struct taken {
  bool ok = false; ///< False: nobody knows what was taken; the next heartbeat tells.
  int32_t count = 0;
};

/// Asks for one shard to be given to another node that lives and is not being drained. Without
/// `to` it is only looked whose the shard is, behind whatever was under way.
struct give_shard {
  uint16_t shard = 0;
  int64_t epoch = 0; ///< In which it is this node's; of any other nothing is given.
  node_id to;
};
struct given {
  enum class end : uint8_t {
    unknown = 1, ///< Perhaps it was given: look.
    kept,        ///< It is still this node's in that epoch.
    gone         ///< It is not.
  } is = end::unknown;
  node_id owner;     ///< When it is gone.
  int64_t epoch = 0; ///< And then its epoch.
};

} // namespace tk

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::give_shard)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::given)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::beat_once)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::beaten)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::take_free)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::taken)

namespace tk {

/// ROSTER DRIVER: the node's heartbeat, on a connection and a thread of its own.
using roster_driver_actor = caf::typed_actor<
  /// Beats once, or says why not. Blocks for its call limit at most.
  caf::replies_to<beat_once>::with<beaten>>;

/// SHARD TAKER: takes over from the dead, which may take seconds, so not where the heart beats; and
/// gives to the living.
using shard_taker_actor = caf::typed_actor<
  /// Ends the backends of dead owners, waits for the shards' locks and raises their epochs.
  caf::replies_to<take_free>::with<taken>,
  /// Raises the shard's epoch under its lock and names the other node its owner.
  caf::replies_to<give_shard>::with<given>>;

} // namespace tk
