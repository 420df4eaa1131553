#pragma once

#include <caf/fwd.hpp>

#include "gateways/payment/port.hpp"
#include "gateways/payment/portone_core.hpp"

namespace tk {

/// Starts the adapter of PortOne V2 (C16). It keeps nothing: what money did is the provider's to
/// say and the ledger's to remember.
/// @param web calls for it; ended with it.
/// @param clock must outlive the actor.
payment_actor spawn_portone_payments(caf::actor_system& system, portone::settings settings,
                                     web_actor web, const wall_clock& clock);

} // namespace tk
