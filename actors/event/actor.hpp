#pragma once

#include "actors/event/port.hpp"
#include "supervisors/node_context.hpp"

namespace tk {

/// Starts an event from its row. `self` is its address, with the epoch it decides in.
event_actor spawn_event(node_context& node, event_id event, participant self, const event_row& row);

} // namespace tk
