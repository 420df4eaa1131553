#pragma once

#include <caf/fwd.hpp>

#include "gateways/payment/mock_core.hpp"
#include "gateways/payment/port.hpp"

namespace tk {

struct read_mock_books {};

} // namespace tk

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::read_mock_books)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::mock_books)

namespace tk {

/// MOCK PAYMENTS: the built-in provider, outside production only (C16).
using mock_payment_actor = payment_actor::extend<
  /// All money it moved, for tests.
  caf::replies_to<read_mock_books>::with<mock_books>>;

/// What becomes of a refund of a payment that is not in the mock's books.
enum class unknown_refund : uint8_t {
  refused, ///< As at a provider, which forgets nothing.
  trusted  ///< The books went with an earlier life of the program: the shop's word is taken.
};

/// Starts the mock. Its delays pass by the actor clock.
/// @param clock must outlive the actor.
mock_payment_actor spawn_mock_payments(caf::actor_system& system, mock_settings settings,
                                       const wall_clock& clock,
                                       unknown_refund unknown = unknown_refund::refused);

} // namespace tk
