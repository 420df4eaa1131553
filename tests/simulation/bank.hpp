#pragma once

#include <functional>
#include <string>

#include <caf/actor_system.hpp>

#include "gateways/payment/mock_core.hpp"
#include "gateways/payment/port.hpp"
#include "tests/simulation/agenda.hpp"
#include "tests/simulation/dice.hpp"
#include "tests/simulation/sale_plan.hpp"

namespace tk::sim {

/// The provider of payments: one for all nodes, with the mock's books. Answers take time, get lost
/// after the money was taken, or never come because nobody is there.
struct bank {
  agenda& time;
  dice& random;
  fault_mix faults;
  mock_provider core{mock_settings{}};
  uint64_t answers_lost = 0;
  std::function<void(const std::string& what)> on_call; ///< Hears of everything it is asked.
};

/// A node's way to the bank.
payment_actor spawn_bank_line(caf::actor_system& system, bank& to);

} // namespace tk::sim
