#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>

#include <caf/actor_system.hpp>

#include "gateways/payment/mock_core.hpp"
#include "gateways/payment/port.hpp"
#include "tests/simulation/agenda.hpp"
#include "tests/simulation/dice.hpp"
#include "tests/simulation/sale_plan.hpp"

namespace tk::sim {

/// The provider of payments: one for all nodes, with the mock's books. Answers take time, get lost
/// after the money was taken, or never come because nobody is there. What it is asked to take it
/// may take a minute later, even after it has said that it has not and ended the order (F47).
struct bank {
  agenda& time;
  dice& random;
  fault_mix faults;
  mock_provider core{mock_settings{}};
  uint64_t answers_lost = 0;
  /// By what was asked.
  std::map<std::string, uint64_t> lost_at;
  std::function<void(const std::string& what)> on_call; ///< Hears of everything it is asked.
  /// Hears of orders of which something was taken, given back, or refused.
  std::function<void(const std::string& order_id)> on_change;
  /// Attempts that it was asked for and has not decided about, with how often.
  std::map<std::string, int32_t> under_way;
  std::set<std::string> paid_on_page; ///< Keys.

  /// Decides now. What was paid on its page it says again to whoever comes with that key, as
  /// providers do that are asked to confirm twice.
  payment_approval approve(const approve_payment& x, bool although_ended = false);
  /// A buyer pays on its page, and nobody has asked it to take anything; false when that is not
  /// possible any more.
  bool pay_on_page(const std::string& order_id, const std::string& payment_key, won amount);
  /// Whether a call of this attempt may still take its money.
  [[nodiscard]] bool may_still_take(const std::string& order_id, const std::string& attempt) const;
};

/// A node's way to the bank.
payment_actor spawn_bank_line(caf::actor_system& system, bank& to);

} // namespace tk::sim
