#pragma once

#include <functional>

#include <caf/fwd.hpp>

#include "actors/base/time.hpp"

namespace tk {

/// From so long before its end on a certificate is warned about.
constexpr millis certificate_warning{14LL * 24 * 3600 * 1000};

/// Starts who warns of the end of this node's certificate: at once when that is near, and every day
/// from then on, also when it has passed. `warn` hears how much time is left, on the actor's
/// thread.
/// @param clock must outlive the actor.
caf::actor spawn_certificate_watch(caf::actor_system& system, const wall_clock& clock,
                                   instant ends_at, std::function<void(millis left)> warn);

/// Warns in the log, with what to do about it.
void log_certificate_end(millis left);

} // namespace tk
