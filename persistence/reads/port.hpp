#pragma once

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

#include "persistence/reads/messages.hpp"

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::load_session)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::session_rows)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::load_block)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::block_rows)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::load_event)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::event_row)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::load_reservation)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::found_reservation)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::find_overdue)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::overdue_rows)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::find_live_blocks)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::live_blocks)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::load_plan)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::plan_rows)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::load_checkout)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::checkout_rows)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::find_open_checkouts)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::open_checkouts)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::load_room)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::room_rows)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::load_gate)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::gate_rows)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::find_live_rooms)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::live_rooms)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::find_open_gates)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::open_gates)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::load_inventory)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::event_inventory)

namespace tk {

/// READS: what entities load. An *error* means that nothing could be read; ask again.
using reads_actor = caf::typed_actor<
  /// A session's rows. Many of these in one moment become one query.
  caf::replies_to<load_session>::with<session_rows>,
  /// A block's seats and the reservations it leads.
  caf::replies_to<load_block>::with<block_rows>,
  /// An event and the numbers of its blocks.
  caf::replies_to<load_event>::with<event_row>,
  /// One reservation, whatever became of it.
  caf::replies_to<load_reservation>::with<found_reservation>,
  /// What the sweep looks for; must find nothing.
  caf::replies_to<find_overdue>::with<overdue_rows>,
  /// Blocks that lead pending reservations.
  caf::replies_to<find_live_blocks>::with<live_blocks>,
  /// The static seat plan of an event.
  caf::replies_to<load_plan>::with<plan_rows>,
  /// The money of one reservation.
  caf::replies_to<load_checkout>::with<checkout_rows>,
  /// Whose money waits for something that is due.
  caf::replies_to<find_open_checkouts>::with<open_checkouts>,
  /// Who waits for an event, and who is inside.
  caf::replies_to<load_room>::with<room_rows>,
  /// The counters of a gate.
  caf::replies_to<load_gate>::with<gate_rows>,
  /// Rooms with people in them.
  caf::replies_to<find_live_rooms>::with<live_rooms>,
  /// Gates that let people through as time goes.
  caf::replies_to<find_open_gates>::with<open_gates>,
  /// How much of an event is left.
  caf::replies_to<load_inventory>::with<event_inventory>>;

} // namespace tk
