#pragma once

#include <functional>

#include <caf/fwd.hpp>

#include "persistence/brakes/port.hpp"

namespace tk {

/// Starts who looks which brakes are on, and tells `list`: so a brake is on at every node within
/// two looks, whether or not links stand. While PostgreSQL is away what was read last counts.
/// @param loaded hears once when the first look is complete, on the actor's thread.
/// @param list must outlive the actor.
caf::actor spawn_brake_watch(caf::actor_system& system, brakes_actor rows, brake_list& list,
                             std::function<void()> loaded);

} // namespace tk
