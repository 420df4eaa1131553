#pragma once

#include "http/operators/told.hpp"
#include "supervisors/attempt_log.hpp"
#include "supervisors/node_context.hpp"

/// What this node remembers of claims, refusals and unknown outcomes: the part of `why` that has no
/// rows.
namespace tk::http {

/// Attempts on one seat or one reservation, for people, oldest first.
struct attempts_found {
  ordered rows = ordered::array();
  bool replaced = false; ///< There were older ones, which have given way.
};
attempts_found attempts_of_seat(const node_context& node, seat_id id);
/// On the reservation itself, and on the seats and ticket types that were wanted under its id.
attempts_found attempts_of_reservation(const node_context& node, const reservation_id& id);

/// An answer with them as its only part (none when there are none), and how far memory goes back.
told attempts_told(const node_context& node, attempts_found x);
/// Whether an answer has such a part with anything in it.
bool tells_of_attempts(const told& x);

} // namespace tk::http
