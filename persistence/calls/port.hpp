#pragma once

#include <cstdint>
#include <string>

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

#include "actors/base/money.hpp"
#include "actors/base/time.hpp"

namespace tk {

/// A call to a provider that has ended, as it is kept for seven years (G19). It holds no secret and
/// no card: who fills it in has masked what the provider said.
struct payment_call {
  instant at; ///< When it was begun.
  int32_t took_ms = 0;
  std::string provider;
  std::string call; ///< approve, query, void or refund.
  std::string order_id;
  std::string subject; ///< The attempt or refund it was for; empty: none is known.
  won amount;
  std::string outcome; ///< In a word of `port.hpp` of the payments.
  std::string code, says;
  bool operator==(const payment_call&) const = default;
};

} // namespace tk

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::payment_call)

namespace tk {

/// PAYMENT CALLS: keeps what providers were asked and said. Nobody waits for it.
using payment_calls_actor = caf::typed_actor<
  /// One more; dropped, and counted, when too many wait.
  caf::reacts_to<payment_call>>;

} // namespace tk
