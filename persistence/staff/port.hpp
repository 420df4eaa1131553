#pragma once

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

#include "persistence/staff/messages.hpp"

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::find_payments)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::payments_found)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::look_at_payment)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::payment_told)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::summarise_payments)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::payments_summed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::find_bookings)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::bookings_found)

namespace tk {

/// STAFF: what staff look for. It only reads; an *error* means that nothing could be read.
using staff_actor = caf::typed_actor<
  /// A page of payments, the newest first.
  caf::replies_to<find_payments>::with<payments_found>,
  /// One payment and all that happened to it.
  caf::replies_to<look_at_payment>::with<payment_told>,
  /// What came of payments, by day.
  caf::replies_to<summarise_payments>::with<payments_summed>,
  /// A page of reservations, the newest first.
  caf::replies_to<find_bookings>::with<bookings_found>>;

} // namespace tk
