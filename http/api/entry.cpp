#include "http/api/entry.hpp"

#include <sodium.h>

#include "http/api/tokens.hpp"

namespace tk::http {

namespace {

/// Takes the same time whatever is offered, its length included.
bool same_secret(std::string_view offered, std::string_view wanted) {
  auto a = token_hash(offered), b = token_hash(wanted);
  return sodium_memcmp(a.data(), b.data(), b.size()) == 0;
}

/// The header wins over the cookie (D2).
std::string_view entry_token(const request& x) {
  auto header = x.header("x-queue-entry-token");
  return header.empty() ? x.cookie("urr-entry-token").value_or(std::string_view{}) : header;
}

} // namespace

entry_gate make_entry_gate(std::string key, std::string bypass, const board_store& boards) {
  return [key = std::move(key), bypass = std::move(bypass), &boards](exchange& x) {
    auto& q = x.req();
    auto shown = q.header("x-cloudfront-verified");
    if (!bypass.empty() && !shown.empty() && same_secret(shown, bypass)) return true;
    auto claims = verify_entry(entry_token(q), key, q.arrived);
    // A stranger with a good token hears of the login that is missing, next (1.7).
    if (!claims || (x.who() && x.who()->user != claims->user)) return false;
    auto room = claims->admission > 0 ? boards.find_room(claims->event) : nullptr;
    if (room && room->ended(claims->generation, claims->admission)) return false;
    x.entered_ = claims->event;
    return true;
  };
}

event_id entered_event(fields& form, const exchange& x) {
  auto event = form.uuid<event_id>("eventId");
  if (!form.failed() && !x.may_enter(event)) form.refuse(ec::entry_token_required);
  return event;
}

} // namespace tk::http
