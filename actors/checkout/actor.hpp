#pragma once

#include "actors/checkout/port.hpp"
#include "supervisors/node_context.hpp"

namespace tk {

/// Starts the checkout of `reservation` from its rows. `self` is its address, with the epoch it
/// decides in.
checkout_actor spawn_checkout(node_context& node, reservation_id reservation, participant self,
                              const checkout_rows& rows);

} // namespace tk
