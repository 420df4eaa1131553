#pragma once

#include <string>

#include "http/json.hpp"
#include "http/server.hpp"
#include "supervisors/boards.hpp"

namespace tk::http {

/// The gate before the two creations (1.8). `key` signs entry tokens. A request that shows `bypass`
/// in X-CloudFront-Verified needs none; an empty one lets nobody by. A token whose slot has ended,
/// as far as `boards` tell, is none.
entry_gate make_entry_gate(std::string key, std::string bypass, const board_store& boards);

/// The required `eventId` of a gated creation: refused unless the caller's entry token is for it.
event_id entered_event(fields& form, const exchange& x);

} // namespace tk::http
