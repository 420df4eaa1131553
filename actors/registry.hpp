#pragma once

#include <caf/atom.hpp>
#include <caf/type_id.hpp>

#include "actors/base/lifecycle.hpp"
#include "actors/checkout/messages.hpp"
#include "actors/event/messages.hpp"
#include "actors/gate/messages.hpp"
#include "actors/seat_block/board.hpp"
#include "actors/seat_block/messages.hpp"
#include "actors/session/messages.hpp"
#include "actors/waiting_room/messages.hpp"

/// Every message that may leave a node, with its type id: append only. A changed shape is a new
/// type
/// (`_v2`), because peers of the neighbouring release read the old one. Included by shells only.
CAF_BEGIN_TYPE_ID_BLOCK(tiketi, caf::first_custom_type_id)

  CAF_ADD_TYPE_ID(tiketi, (tk::wanted_item))
  CAF_ADD_TYPE_ID(tiketi, (tk::held_item))
  CAF_ADD_TYPE_ID(tiketi, (tk::hold_items))
  CAF_ADD_TYPE_ID(tiketi, (tk::hold_reply))
  CAF_ADD_TYPE_ID(tiketi, (tk::claim_items))
  CAF_ADD_TYPE_ID(tiketi, (tk::claim_reply))
  CAF_ADD_TYPE_ID(tiketi, (tk::abandon_claim))
  CAF_ADD_TYPE_ID(tiketi, (tk::settle_items))
  CAF_ADD_TYPE_ID(tiketi, (tk::release_hold))
  CAF_ADD_TYPE_ID(tiketi, (tk::release_reply))
  CAF_ADD_TYPE_ID(tiketi, (tk::wake_block))
  CAF_ADD_TYPE_ID(tiketi, (tk::block_awake))
  CAF_ADD_TYPE_ID(tiketi, (tk::reserve_items))
  CAF_ADD_TYPE_ID(tiketi, (tk::cancel_reservation))
  CAF_ADD_TYPE_ID(tiketi, (tk::start_family))
  CAF_ADD_TYPE_ID(tiketi, (tk::family_started))
  CAF_ADD_TYPE_ID(tiketi, (tk::revoke_all))
  CAF_ADD_TYPE_ID(tiketi, (tk::all_revoked))
  CAF_ADD_TYPE_ID(tiketi, (tk::describe_event))
  CAF_ADD_TYPE_ID(tiketi, (tk::event_board))
  CAF_ADD_TYPE_ID(tiketi, (tk::passivate))
  CAF_ADD_TYPE_ID(tiketi, (tk::passivation))
  CAF_ADD_TYPE_ID(tiketi, (tk::start_family_v2))
  CAF_ADD_TYPE_ID(tiketi, (tk::rotate_family))
  CAF_ADD_TYPE_ID(tiketi, (tk::family_rotated))
  CAF_ADD_TYPE_ID(tiketi, (tk::end_sessions))
  CAF_ADD_TYPE_ID(tiketi, (tk::sessions_ended))

  CAF_ADD_TYPE_ID(tiketi, (tk::pin_hold))
  CAF_ADD_TYPE_ID(tiketi, (tk::sell_hold))
  CAF_ADD_TYPE_ID(tiketi, (tk::unpin_hold))
  CAF_ADD_TYPE_ID(tiketi, (tk::cancel_sold))
  CAF_ADD_TYPE_ID(tiketi, (tk::hold_changed))
  CAF_ADD_TYPE_ID(tiketi, (tk::look_again))
  CAF_ADD_TYPE_ID(tiketi, (tk::settle_sale))
  CAF_ADD_TYPE_ID(tiketi, (tk::prepare_payment))
  CAF_ADD_TYPE_ID(tiketi, (tk::confirm_payment))
  CAF_ADD_TYPE_ID(tiketi, (tk::process_payment))
  CAF_ADD_TYPE_ID(tiketi, (tk::cancel_payment))
  CAF_ADD_TYPE_ID(tiketi, (tk::payment_reply))
  CAF_ADD_TYPE_ID(tiketi, (tk::wake_checkout))
  CAF_ADD_TYPE_ID(tiketi, (tk::checkout_awake))
  CAF_ADD_TYPE_ID(tiketi, (tk::family_started_v2))
  CAF_ADD_TYPE_ID(tiketi, (tk::once<tk::prepare_payment>))
  CAF_ADD_TYPE_ID(tiketi, (tk::once<tk::confirm_payment>))
  CAF_ADD_TYPE_ID(tiketi, (tk::once<tk::process_payment>))
  CAF_ADD_TYPE_ID(tiketi, (tk::once<tk::cancel_payment>))
  CAF_ADD_TYPE_ID(tiketi, (tk::once<tk::cancel_reservation>))

  CAF_ADD_TYPE_ID(tiketi, (tk::check_queue))
  CAF_ADD_TYPE_ID(tiketi, (tk::queue_reply))
  CAF_ADD_TYPE_ID(tiketi, (tk::leave_queue))
  CAF_ADD_TYPE_ID(tiketi, (tk::queue_left))
  CAF_ADD_TYPE_ID(tiketi, (tk::steer_queue))
  CAF_ADD_TYPE_ID(tiketi, (tk::queue_report))
  CAF_ADD_TYPE_ID(tiketi, (tk::heard_people))
  CAF_ADD_TYPE_ID(tiketi, (tk::look_at_payments))
  CAF_ADD_TYPE_ID(tiketi, (tk::room_board))

  CAF_ADD_TYPE_ID(tiketi, (tk::assign_position))
  CAF_ADD_TYPE_ID(tiketi, (tk::assigned_position))
  CAF_ADD_TYPE_ID(tiketi, (tk::steer_gate))
  CAF_ADD_TYPE_ID(tiketi, (tk::gate_report))
  CAF_ADD_TYPE_ID(tiketi, (tk::look_at_gate))
  CAF_ADD_TYPE_ID(tiketi, (tk::gate_board))
  CAF_ADD_TYPE_ID(tiketi, (tk::heard_position))

  CAF_ADD_TYPE_ID(tiketi, (tk::join_queue))
  CAF_ADD_TYPE_ID(tiketi, (tk::find_waiter))
  CAF_ADD_TYPE_ID(tiketi, (tk::waiter_found))

  CAF_ADD_TYPE_ID(tiketi, (tk::seat_board))
  CAF_ADD_TYPE_ID(tiketi, (tk::quota_board))

  CAF_ADD_TYPE_ID(tiketi, (tk::leave))
  CAF_ADD_TYPE_ID(tiketi, (tk::shard_moved))

  CAF_ADD_TYPE_ID(tiketi, (tk::return_sold))
  CAF_ADD_TYPE_ID(tiketi, (tk::recall_sale))
  CAF_ADD_TYPE_ID(tiketi, (tk::look_at_event))

  CAF_ADD_ATOM(tiketi, tk::atom, tick, "tick")
  CAF_ADD_ATOM(tiketi, tk::atom, publish, "publish")
  CAF_ADD_ATOM(tiketi, tk::atom, resolve, "resolve")
  CAF_ADD_ATOM(tiketi, tk::atom, suspend, "suspend")
  CAF_ADD_ATOM(tiketi, tk::atom, thaw, "thaw")
  CAF_ADD_ATOM(tiketi, tk::atom, sweep, "sweep")
  CAF_ADD_ATOM(tiketi, tk::atom, look, "look")

CAF_END_TYPE_ID_BLOCK(tiketi)
