#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include <caf/fwd.hpp>

#include "gateways/breaker.hpp"
#include "gateways/payment/port.hpp"
#include "persistence/calls/port.hpp"

namespace tk {

/// What the gateway counts. Plain atomics: read by the metrics page.
struct payment_probe {
  std::atomic<int64_t> calls_open{0};
  std::atomic<int64_t> breaker_state{0}; ///< As `breaker_state`.
  std::atomic<uint64_t> calls_succeeded{0}, calls_failed{0}, calls_not_counted{0};
  std::atomic<uint64_t> calls_not_permitted{0}; ///< Refused by the open breaker.
  std::atomic<uint64_t> calls_busy{0};          ///< Refused by the bound.
};

/// Of the gateway in front of a provider.
struct payment_gateway_config {
  size_t calls_max = 64; ///< Under way at once; one more is answered `ec::busy`.
  millis call_max = payment_call_max;
  breaker_config breaker{.open_for = millis{60'000}}; // G37: payment stays away longer.
  /// Queries may be repeated without harm: this often in all, the first time after this pause, each
  /// further time after twice as long.
  int query_tries = 3;
  millis query_pause{500};
  payment_calls_actor calls{}; ///< Who keeps what was asked and said; empty: nobody.
};

/// Starts the bounds around a provider: how many calls, how long each, and the breaker. Ends
/// `provider` when it ends itself.
/// @param clock, probe must outlive the actor.
payment_actor spawn_payment_gateway(caf::actor_system& system, payment_gateway_config config,
                                    payment_actor provider, const wall_clock& clock,
                                    payment_probe& probe);

} // namespace tk
