#pragma once

#include <caf/fwd.hpp>

#include "gateways/web/port.hpp"

namespace tk {

struct web_limits {
  millis connect_max{2000};
  millis total_max{10'000};
  size_t bytes_max = 256 * 1024; ///< Of an answer's body; a longer one counts as none.
  size_t calls_max = 64;         ///< Under way at once; one more is answered as not sent.
};

/// Starts a caller: libcurl's multi interface on one thread of its own, which ends with the actor.
/// Certificates and names are checked; proxies of the environment are not used.
web_actor spawn_web_worker(caf::actor_system& system, web_limits limits);

} // namespace tk
