#pragma once

#include <functional>
#include <string>
#include <vector>

#include "actors/seat_block/messages.hpp"
#include "http/api/shop.hpp"
#include "http/json.hpp"

/// What the two creations, of seats (2.4) and of standing tickets (2.5), have in common.
namespace tk::http {

/// A request to hold something of an event, as checked.
struct creation {
  event_id event;
  std::string key, digest; ///< Idempotency; `key` empty = none.
};

/// Finds in the event's plan what is asked for, or says why it cannot be had.
using items_of_plan = std::function<checked<std::vector<wanted_item>>(const seat_plan&)>;
/// The answer for what the session said.
using reply_view = answer (*)(const hold_reply&, const seat_plan&);

/// Has the caller's session hold the items, and answers with `view`.
void hold_for_caller(shop& s, const exchange_ptr& x, creation what, items_of_plan items,
                     reply_view view);

} // namespace tk::http
