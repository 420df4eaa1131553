#pragma once

#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

#include "actors/registry.hpp"

namespace tk {

/// EVENT: what is on sale when, and the list of its blocks.
using event_actor = caf::typed_actor<
  /// Tells its board.
  caf::replies_to<describe_event>::with<event_board>,
  /// Reads its row again and tells its board, which everybody gets then.
  caf::replies_to<look_at_event>::with<event_board>,
  /// Stops when nothing is open.
  caf::replies_to<passivate>::with<passivation>,
  /// Stops for the next owner of its shard, unless somebody waits.
  caf::replies_to<leave>::with<passivation>>;

} // namespace tk
