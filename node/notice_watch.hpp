#pragma once

#include <caf/fwd.hpp>

#include "http/api/notice_board.hpp"
#include "persistence/notices/port.hpp"

namespace tk {

/// Starts who looks which notices stand, and tells `board`: so what was written at any node is
/// shown by every other within two looks, whether or not links stand. While PostgreSQL is away what
/// was read last counts. `board` must outlive the actor.
caf::actor spawn_notice_watch(caf::actor_system& system, notices_actor rows,
                              http::notice_board& board);

} // namespace tk
