#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "http/api/tokens.hpp"
#include "http/json.hpp"
#include "http/server.hpp"
#include "supervisors/boards.hpp"

namespace tk::http {

struct shop;

/// Whom an entry token lets in at `now`; nobody when it is no good or its slot has ended, as far as
/// `boards` tell.
std::optional<entry_claims> let_in(std::string_view token, const std::string& key,
                                   const board_store& boards, instant now);

/// The gate before the two creations (1.8). `key` signs entry tokens. A request that shows `bypass`
/// in X-CloudFront-Verified needs none; an empty one lets nobody by. A token whose slot has ended,
/// as far as `boards` tell, is none.
entry_gate make_entry_gate(std::string key, std::string bypass, const board_store& boards);

/// The required `eventId` of a gated creation: refused unless the caller's entry token is for it.
event_id entered_event(fields& form, const exchange& x);

/// Goes on when the slot of the caller's entry token is open, or none was needed. Where no board is
/// new enough to tell (a node that has just started has none; a crowded room's is always a little
/// old) the room is asked; else answers.
void with_open_slot(shop& s, const exchange_ptr& x, std::function<void()> then);

} // namespace tk::http
