#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

#include "actors/base/placement.hpp"
#include "actors/base/time.hpp"

namespace tk {

/// Who owns what, as one node sees it.
struct membership {
  static constexpr int32_t nobody = -1;
  int64_t incarnation = 0;
  instant at;                                     ///< Ledger time of the answer.
  std::array<int64_t, shard_count> epochs{};      ///< Of our own shards; 0 = not ours.
  std::array<int64_t, shard_count> peer_epochs{}; ///< Of others' shards; 0 = ours, or nobody's.
  std::array<int32_t, shard_count> owners;        ///< Which link leads to them; `nobody` = none.
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
struct beat_once {};
struct beaten {
  bool ok = false;
  bool displaced = false; ///< Another incarnation of this node lives: stop.
  membership of;          ///< When `ok`.
  bool measured = true;   ///< The round trip was short enough to tell the time by.
  int64_t offset_ms = 0;  ///< Ledger time minus this machine's, when `measured`.
};

} // namespace tk

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::beat_once)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::beaten)

namespace tk {

/// ROSTER DRIVER: the node's heartbeat, on a connection and a thread of its own.
using roster_driver_actor = caf::typed_actor<
  /// Beats once, or says why not. Blocks for its call limit at most.
  caf::replies_to<beat_once>::with<beaten>>;

} // namespace tk
