#pragma once

#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

#include "actors/registry.hpp"

namespace tk {

/// SEAT BLOCK: alone decides who holds its seats, and leads the reservations whose lowest block it
/// is.
using seat_block_actor = caf::typed_actor<
  /// Holds seats, durably, before it answers; same reservation id, same hold.
  caf::replies_to<hold_items>::with<hold_reply>,
  /// Takes seats tentatively for a lead block.
  caf::replies_to<claim_items>::with<claim_reply>,
  /// Drops a claim that will not be submitted.
  caf::reacts_to<abandon_claim>,
  /// Learns what became of seats of a reservation that another block leads.
  caf::reacts_to<settle_items>,
  /// Ends a pending reservation that this block leads.
  caf::replies_to<release_hold>::with<release_reply>,
  /// Pins a reservation that this block leads, for one attempt to pay.
  caf::replies_to<pin_hold>::with<hold_changed>,
  /// Sells what the attempt pins.
  caf::replies_to<sell_hold>::with<hold_changed>,
  /// Ends the attempt and its pin.
  caf::replies_to<unpin_hold>::with<hold_changed>,
  /// Takes back what was sold; its money is owed from then on.
  caf::replies_to<cancel_sold>::with<hold_changed>,
  /// The same, by terms: a part of the money is kept.
  caf::replies_to<return_sold>::with<hold_changed>,
  /// Reads a reservation again that it leads or has a part of.
  caf::reacts_to<look_again>,
  /// Learns of a sale of a reservation that another block leads, or of its return.
  caf::reacts_to<settle_sale>,
  /// Starts when it sleeps, and looks after overdue reservations.
  caf::replies_to<wake_block>::with<block_awake>,
  /// Stops when nothing is open; see `supervisors/region.hpp`.
  caf::replies_to<passivate>::with<passivation>,
  /// Stops for the next owner of its shard, unless somebody waits.
  caf::replies_to<leave>::with<passivation>>;

} // namespace tk
