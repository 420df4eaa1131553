#pragma once

#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

#include "actors/registry.hpp"

namespace tk {

/// CHECKOUT: alone decides about the money of one reservation: its one live payment, its attempts
/// and its refunds. What the reservation itself does is its lead block's to decide.
using checkout_actor = caf::typed_actor<
  /// Opens an order, or tells the open one.
  caf::replies_to<prepare_payment>::with<payment_reply>,
  /// Takes the money of an order and sells, or says why not; `payment_pending` when nobody knows.
  caf::replies_to<confirm_payment>::with<payment_reply>,
  /// The same at once, without the buyer's way over the provider's page.
  caf::replies_to<process_payment>::with<payment_reply>,
  /// Ends a paid reservation; answers when the refund is on record. It is carried out after that.
  caf::replies_to<cancel_payment>::with<payment_reply>,
  /// The same by the house: all of the money goes back.
  caf::replies_to<recall_sale>::with<payment_reply>,
  /// The same with a key: what was done under it before is told again (C4).
  caf::replies_to<once<prepare_payment>>::with<payment_reply>,
  caf::replies_to<once<confirm_payment>>::with<payment_reply>,
  caf::replies_to<once<process_payment>>::with<payment_reply>,
  caf::replies_to<once<cancel_payment>>::with<payment_reply>,
  /// Starts when it sleeps, and does what is due.
  caf::replies_to<wake_checkout>::with<checkout_awake>,
  /// Stops when nothing is undecided or owed.
  caf::replies_to<passivate>::with<passivation>,
  /// Stops for the next owner of its shard, unless somebody waits.
  caf::replies_to<leave>::with<passivation>>;

} // namespace tk
