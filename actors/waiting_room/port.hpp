#pragma once

#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

#include "actors/registry.hpp"

namespace tk {

/// WAITING ROOM: the order in which people wait for an event, who is admitted, and when a slot
/// ends.
using waiting_room_actor = caf::typed_actor<
  /// Joins, or tells where somebody stands. Answered when what it says is on record or proved by a
  /// ticket.
  caf::replies_to<check_queue>::with<queue_reply>,
  /// Gives up place and slot; answered when that is on record.
  caf::replies_to<leave_queue>::with<queue_left>,
  /// Whether somebody waits here.
  caf::replies_to<find_waiter>::with<waiter_found>,
  /// An administrator's word; answered when it is on record.
  caf::replies_to<steer_queue>::with<queue_report>,
  /// Who was heard of at an ingress.
  caf::reacts_to<heard_people>,
  /// Somebody has paid.
  caf::reacts_to<look_at_payments>,
  /// Stops when nobody is here.
  caf::replies_to<passivate>::with<passivation>,
  /// Stops for the next owner of its shard, unless somebody waits.
  caf::replies_to<leave>::with<passivation>>;

} // namespace tk
