#pragma once

#include "actors/waiting_room/port.hpp"
#include "persistence/reads/queue_rows.hpp"
#include "supervisors/node_context.hpp"

namespace tk {

/// Starts a waiting room from its rows. `self` is its address, with the epoch it decides in.
waiting_room_actor spawn_waiting_room(node_context& node, event_id event, participant self,
                                      const room_rows& rows);

} // namespace tk
