#pragma once

#include "actors/session/port.hpp"
#include "supervisors/node_context.hpp"

namespace tk {

/// Starts the session of `user`, which reads its rows when it needs them. `self` is its address,
/// with the epoch it decides in. @param orphans wishes of an earlier life, which ended
/// unexpectedly, may still be on their way.
session_actor spawn_session(node_context& node, user_id user, participant self, bool orphans);

} // namespace tk
