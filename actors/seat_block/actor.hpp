#pragma once

#include "actors/seat_block/port.hpp"
#include "supervisors/node_context.hpp"

namespace tk {

/// Starts block `block_no` of `event` from its rows. `self` is its address, with the epoch it
/// decides in.
seat_block_actor spawn_seat_block(node_context& node, event_id event, int32_t block_no,
                                  participant self, const block_rows& rows);

} // namespace tk
