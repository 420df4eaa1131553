#pragma once

#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

#include "actors/registry.hpp"

namespace tk {

/// GATE: hands out positions before an event and says up to which one people are let through.
using gate_actor = caf::typed_actor<
  /// The next position, at memory speed: only numbers that are reserved on record.
  caf::replies_to<assign_position>::with<assigned_position>,
  /// An administrator's word; answered when it is on record.
  caf::replies_to<steer_gate>::with<gate_report>,
  /// The board as it is now.
  caf::replies_to<look_at_gate>::with<gate_board>,
  /// Who was heard of at an ingress.
  caf::reacts_to<heard_position>,
  /// Stops a gate that is closed.
  caf::replies_to<passivate>::with<passivation>,
  /// Stops for the next owner of its shard, unless somebody waits.
  caf::replies_to<leave>::with<passivation>>;

} // namespace tk
