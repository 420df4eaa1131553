#pragma once

#include <cstddef>

#include <caf/actor.hpp>
#include <caf/allowed_unsafe_message_type.hpp>

#include "actors/base/time.hpp"
#include "supervisors/node_context.hpp"

namespace tk {

/// From a link: its connection stands, and who is there knows nothing yet.
struct peer_up {
  size_t slot = 0;
};

struct spreader_settings {
  millis interval{100}; ///< The least time between two tellings of one board.
};

/// Starts what tells other nodes of the boards of this one: what is new a few times a second, and
/// everything this node owns to whoever has just connected. The newest of each is enough, so what a
/// link cannot send now is replaced by what comes after it.
caf::actor spawn_spreader(node_context& node, spreader_settings settings = {});

} // namespace tk

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::peer_up)
