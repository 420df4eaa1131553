#include "http/api/entry.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include <caf/all.hpp>
#include <sodium.h>

#include "actors/base/mutants.hpp"
#include "actors/waiting_room/port.hpp"
#include "http/api/shop.hpp"
#include "http/api/tokens.hpp"
#include "supervisors/reply_once.hpp"
#include "supervisors/router.hpp"

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

constexpr millis room_budget{3000};

/// The slot that let the caller in, when no board is new enough to have told that it is open.
std::optional<entry_claims> slot_in_doubt(const shop& s, const exchange& x) {
  if (!x.entered_) return std::nullopt;
  auto room = s.node.boards->find_room(*x.entered_);
  if (room && room->tells_of_slots(s.node.clock->now())) return std::nullopt;
  auto claims = verify_entry(entry_token(x.req()), s.queue.pass_key, x.req().arrived);
  return claims && claims->admission > 0 ? claims : std::nullopt;
}

} // namespace

std::optional<entry_claims> let_in(std::string_view token, const std::string& key,
                                   const board_store& boards, instant now) {
  auto claims = verify_entry(token, key, now);
  if (!claims || claims->admission == 0) return claims;
  auto room = boards.find_room(claims->event);
  // Planted: a pass is good for as long as it says, whatever became of its slot.
  if (mutant("believes_passes")) return claims;
  return room && room->ended(claims->generation, claims->admission) ? std::nullopt : claims;
}

entry_gate make_entry_gate(std::string key, std::string bypass, const board_store& boards) {
  return [key = std::move(key), bypass = std::move(bypass), &boards](exchange& x) {
    auto& q = x.req();
    auto shown = q.header("x-cloudfront-verified");
    if (!bypass.empty() && !shown.empty() && same_secret(shown, bypass)) return true;
    auto claims = let_in(entry_token(q), key, boards, q.arrived);
    // A stranger with a good token hears of the login that is missing, next (1.7).
    if (!claims || (x.who() && x.who()->user != claims->user)) return false;
    x.entered_ = claims->event;
    return true;
  };
}

event_id entered_event(fields& form, const exchange& x) {
  auto event = form.uuid<event_id>("eventId");
  if (!form.failed() && !x.may_enter(event)) form.refuse(ec::entry_token_required);
  return event;
}

void with_open_slot(shop& s, const exchange_ptr& x, std::function<void()> then) {
  auto doubt = slot_in_doubt(s, *x);
  if (!doubt) return then();
  s.pool.run([&s, x, slot = *doubt, then = std::move(then)](caf::event_based_actor* self) {
    ask<waiting_room_actor>(self, s.node, room_key(slot.event), std::min(room_budget, time_for(*x)),
                            check_queue{slot.user, 0, {}, false})
      .then(
        [x, slot, then](const queue_reply& r) {
          if (r.is != ec::ok) x->fail(r.is);
          else if (r.state == queue_state::active && r.admission == slot.admission &&
                   r.ticket.generation == slot.generation)
            then();
          else x->fail(ec::entry_token_required);
        },
        [x, then](const caf::error& e) {
          if (to_ec(e) == ec::event_unknown) then(); // Is answered as such.
          else x->fail(to_ec(e));
        });
  });
}

} // namespace tk::http
