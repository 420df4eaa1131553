#pragma once

#include <atomic>
#include <vector>

#include <caf/actor.hpp>

#include "actors/base/time.hpp"
#include "http/route.hpp"

namespace tk {

/// Has readiness answered with 503 from the moment on when `leaving` is set, so that who balances
/// chooses other nodes while this one still serves.
void tell_of_leaving(std::vector<http::route>& routes, const std::atomic<bool>& leaving);

/// Gives the node's shards to the others and returns when it has none, when nobody takes them, or
/// after `budget`; not before who balances has had time to notice. Blocks; not for actors.
void give_shards_away(const caf::actor& supervisor, millis budget);

} // namespace tk
