#pragma once

#include <map>
#include <string>

#include <caf/fwd.hpp>

#include "gateways/payment/gateway.hpp"
#include "node/config.hpp"

namespace tk {

/// Empty when the configured providers can take money; else what is missing or wrong.
std::string check_payments(const node_config& x);

/// Who takes money, and when.
struct payment_desk {
  payment_actor all;        ///< Empty when there is no provider.
  std::string confirmed_by; ///< Of payments that a buyer brings back from a provider's page.
  std::string instant_by;   ///< Of payments at once; empty: nobody (G04).
  std::string client_key, store_id; ///< What the browser needs for the provider's page.
};

/// Calls under way at all providers.
int64_t calls_of(const std::map<std::string, payment_probe>& probes);

/// Starts the configured providers, each behind its own bounds and breaker.
/// @param probes gets one for each; like `clock` it must outlive the actors.
/// @param calls keeps what they are asked and say.
payment_desk spawn_payment_desk(caf::actor_system& system, const node_config& config,
                                const wall_clock& clock,
                                std::map<std::string, payment_probe>& probes,
                                const payment_calls_actor& calls);

} // namespace tk
