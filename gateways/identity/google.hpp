#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

#include <caf/fwd.hpp>

#include "gateways/breaker.hpp"
#include "gateways/identity/fetch.hpp"
#include "gateways/identity/key_cache.hpp"
#include "gateways/identity/port.hpp"

namespace tk {

/// What the gateway counts. Plain atomics: read by the metrics page.
struct identity_probe {
  std::atomic<int64_t> breaker_state{0}; ///< As `breaker_state`.
  std::atomic<uint64_t> calls_succeeded{0}, calls_failed{0}, calls_not_permitted{0};
};

struct identity_config {
  std::string keys_url;
  id_token_rules rules;
  size_t waiting_max = 256; ///< Tokens that may wait for keys; one more is answered `ec::busy`.
  key_cache_rules keys;
  breaker_config breaker;
};

/// Starts the check of Google's ID tokens. Tokens whose key is known are answered at once, even
/// while keys are fetched for others. Ends `fetcher` when it ends itself.
/// @param clock, probe must outlive the actor.
identity_actor spawn_google_identity(caf::actor_system& system, identity_config config,
                                     fetch_actor fetcher, const wall_clock& clock,
                                     identity_probe& probe);

} // namespace tk
