#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

#include "actors/base/ids.hpp"
#include "persistence/money/settlement.hpp"

namespace tk {

using settlement_id = id<struct settlement_tag>;

/// A list as it was sent, by whom.
struct take_settlement {
  std::string text; ///< As `read_settlement` takes it.
  user_id by;
};

/// What the list says altogether.
struct settlement_sums {
  int64_t payments = 0, amount = 0, refunded = 0, fees = 0;
  [[nodiscard]] int64_t paid_out() const { return amount - refunded - fees; }
  bool operator==(const settlement_sums&) const = default;
};

struct settlement_taken {
  std::string refused; ///< Why it is no list; empty: it was taken.
  settlement_id id;
  settlement_list list; ///< Without its payments.
  std::string settled_on;
  settlement_sums sums;
  bool changed = false; ///< Something is on record now that was not before.
  std::vector<settlement_difference> differences;
};

} // namespace tk

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::take_settlement)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::settlement_taken)

namespace tk {

/// SETTLEMENTS: takes what providers say that they have settled. An *error* means that the outcome
/// is not known; to say it again does no harm.
using settlement_actor = caf::typed_actor<caf::replies_to<take_settlement>::with<settlement_taken>>;

} // namespace tk
