#pragma once

#include <map>
#include <string>

#include <caf/fwd.hpp>

#include "gateways/payment/port.hpp"

namespace tk {

/// Starts the one door to all providers: who is asked is named in what is asked, so a payment is
/// found and given back where it was made. One whose provider is not there now hears that nobody
/// was asked. Ends the tills when it ends itself.
payment_actor spawn_payment_tills(caf::actor_system& system,
                                  std::map<std::string, payment_actor> tills);

} // namespace tk
