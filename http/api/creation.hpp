#pragma once

#include <optional>
#include <string>
#include <vector>

#include "actors/seat_block/messages.hpp"
#include "http/api/shop.hpp"
#include "http/json.hpp"
#include "persistence/store/messages.hpp"

/// What the two creations, of seats (2.4) and of standing tickets (2.5), have in common.
namespace tk::http {

/// A request to hold something of an event, as checked.
struct creation {
  event_id event;
  std::vector<wanted_item> items; ///< `unplaced`.
  std::string key, digest;        ///< Idempotency; `key` empty = none.
};

/// How one of the creations finds its items and words its answers.
struct creation_kind {
  /// Places the items by the event's plan, or says why they cannot be had.
  std::optional<problem> (*place)(std::vector<wanted_item>& items, const seat_plan& plan);
  /// The answer for what the session said. `ended`: what became of a reservation that was made
  /// before and is over; null for any other.
  answer (*view)(const hold_reply& x, const seat_plan& plan, const reservation_view* ended);
};

/// Has the caller's session hold the items, and answers.
void hold_for_caller(shop& s, const exchange_ptr& x, creation what, const creation_kind& kind);

} // namespace tk::http
