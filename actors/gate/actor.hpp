#pragma once

#include "actors/gate/port.hpp"
#include "persistence/reads/queue_rows.hpp"
#include "supervisors/node_context.hpp"

namespace tk {

/// Starts a gate from its row. `self` is its address, with the epoch it decides in.
gate_actor spawn_gate(node_context& node, event_id event, participant self, const gate_rows& rows);

} // namespace tk
