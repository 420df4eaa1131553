#include <algorithm>
#include <memory>

#include "actors/base/mutants.hpp"
#include "actors/event/port.hpp"
#include "actors/seat_block/port.hpp"
#include "actors/session/state.hpp"
#include "supervisors/attempt_log.hpp"
#include "supervisors/boards.hpp"
#include "supervisors/reservation_forms.hpp"
#include "supervisors/router.hpp"

/// Reserving: wishes, the attempts they become, and replays of what was answered before.
namespace tk::session {

namespace {

constexpr millis resolve_interval{1000};

/// A row in the shape of a first answer, with its status of now (C27): a hold that ran out is over,
/// ended or not, as everywhere else (P-44).
hold_reply reply_now(const state& st, const reservation_row& row) {
  auto out = to_reply(row);
  bool over = !row.pinned && row.expires_at <= st.node->clock->now();
  if (row.status == reservation_status::pending && over)
    out.status = static_cast<uint8_t>(reservation_status::expired);
  return out;
}

bool is_hold(const hold_reply& x) {
  return x.is == ec::ok && x.status == static_cast<uint8_t>(reservation_status::pending);
}

void replay(pointer self, reservation_id id, const reply_ptr<hold_reply>& reply) {
  auto refuse = [=](ec why) { reply->deliver(refusal<hold_reply>(why)); };
  with_own_row(self, id, refuse, [=](const reservation_row& row) {
    auto out = reply_now(self->state, row);
    out.replayed = true;
    reply->deliver(std::move(out));
  });
}

void decide(pointer self, const reserve_items& wish, const reply_ptr<hold_reply>& reply,
            bool final_say, bool told_of_event = false);

/// Noted for operators who ask why (attempt_log.hpp): no block hears of it.
void refuse(pointer self, const reserve_items& wish, const reply_ptr<hold_reply>& reply, ec why) {
  auto& st = self->state;
  if (auto log = st.node->attempts) {
    attempt x;
    x.first_at = st.node->clock->now();
    x.why = to_string(why);
    x.user = st.user;
    x.request = wish.request;
    x.block_no = unplaced;
    for (auto& item : wish.items) log->note(attempt_subject::of_item(item), x);
  }
  reply->deliver(refusal<hold_reply>(why));
}

/// Somebody who joined because they want the same seats is not helped by an order that has ended
/// before it was heard of: what they want is decided anew. Who came with its key hears how it is.
bool wants_another(const waiter& x, const hold_reply& what) {
  return x.joined_by_seats && what.is == ec::ok && !is_hold(what) &&
         !mutant("joins_what_has_ended");
}

void answer_all(pointer self, reservation_id attempt, const hold_reply& what) {
  auto i = self->state.waiting.find(attempt);
  if (i == self->state.waiting.end()) return;
  auto waiting = std::move(i->second);
  self->state.waiting.erase(i);
  for (auto& x : waiting) {
    if (wants_another(x, what)) {
      decide(self, x.wish, x.reply, false);
      continue;
    }
    if (what.is == ec::ok) self->state.core.remember_key(x.wish, what.id);
    auto told = what;
    told.replayed = what.replayed || (x.joined && is_hold(what)); // Made before they asked.
    x.reply->deliver(std::move(told));
  }
}

void resolve_later(pointer self, reservation_id attempt) {
  self->delayed_send(self, resolve_interval, atom::resolve_v, attempt);
}

/// A refusal names the caller's own reservation when that is what stands in the way.
void name_own_hold(const state& st, hold_reply& what) {
  if (what.is != ec::seat_held) return;
  if (auto own = st.core.holder_of(what.refused, st.node->clock->now())) what.id = own->id;
}

/// An attempt without rows did not simply succeed, so the rows are read. Unless they know better,
/// what it heard stands; the ledger's own no for token or limit never does.
void decide_again(pointer self, reservation_id attempt, const hold_reply& heard) {
  auto& st = self->state;
  st.core.drop(attempt);
  auto again = std::move(st.waiting[attempt]);
  st.waiting.erase(attempt);
  bool judged_rows = heard.is == ec::hold_limit || heard.is == ec::not_authenticated;
  for (auto& x : again) {
    auto by_rows = [=] {
      auto& now = self->state;
      auto limit = now.node->sale.holds_per_user_event_max;
      auto at = now.node->clock->now();
      bool new_to_rows =
        now.core.decide(x.wish, limit, at, true).is == reserve_decision::kind::forward;
      bool refused_own = heard.is != ec::ok && now.core.own_hold(x.wish, at);
      if (!new_to_rows || judged_rows || refused_own || wants_another(x, heard))
        return decide(self, x.wish, x.reply, true);
      auto stands = heard;
      name_own_hold(now, stands);
      if (stands.is == ec::ok) now.core.remember_key(x.wish, stands.id);
      x.reply->deliver(std::move(stands));
    };
    read_rows(self, by_rows, [=] { x.reply->deliver(refusal<hold_reply>(ec::unavailable)); });
  }
}

/// The reservation that said whom to ask has ended without our hearing of it, paid and given back
/// say: its lead block has nothing of the wish. Asked again without it.
void forget_and_decide(pointer self, reservation_id attempt, reservation_id ended) {
  auto& st = self->state;
  st.core.drop(attempt);
  st.core.forget(ended);
  auto again = std::move(st.waiting[attempt]);
  st.waiting.erase(attempt);
  for (auto& x : again) decide(self, x.wish, x.reply, false);
}

bool may_have_happened(ec x) { return x == ec::unknown || x == ec::in_flight || x == ec::internal; }

/// What the lead block answered about an attempt.
void finish(pointer self, reservation_id attempt, event_id event, hold_reply what) {
  auto& st = self->state;
  name_own_hold(st, what);
  if (is_hold(what) && what.id == attempt) {
    pending_hold made{what.id, event, what.expires_at, what.items.front().block_no, {}};
    for (auto& x : what.items) {
      made.lead_block = std::min(made.lead_block, x.block_no);
      if (x.is_seat()) made.seats.push_back(x.seat);
    }
    st.core.commit(attempt, std::move(made));
  } else if (may_have_happened(what.is)) {
    st.node->probe.outcomes_unknown++;
    resolve_later(self, attempt); // The attempt stays open: it may have happened.
  } else {
    st.core.drop(attempt); // Refused, or it told an earlier reservation: nothing was made.
  }
  answer_all(self, attempt, what);
}

/// Answers to an attempt without rows that say what they would: it was made, nobody knows, or
/// nobody looked. To anything else the rows may have more to say, above all a recorded key (H-22c).
bool final_without_rows(const hold_reply& x) {
  switch (x.is) {
  case ec::ok: return !x.replayed;
  case ec::busy:
  case ec::late:
  case ec::fenced:
  case ec::moved:
  case ec::unavailable: return true;
  default: return may_have_happened(x.is);
  }
}

void recheck(pointer self, const reserve_items& wish, const reply_ptr<hold_reply>& reply) {
  read_rows(
    self, [=] { decide(self, wish, reply, true); },
    [=] { reply->deliver(refusal<hold_reply>(ec::unavailable)); });
}

/// Of the event this node has heard nothing yet, or of an earlier owner: its owner is asked, then
/// it is decided with what is known.
void learn_of_event(pointer self, const reserve_items& wish, const reply_ptr<hold_reply>& reply,
                    bool final_say) {
  auto& st = self->state;
  ++st.open_requests;
  ask<event_actor>(self, *st.node, key_of(wish.event), reads_budget, describe_event{})
    .then(
      [=](const event_board& x) {
        --self->state.open_requests;
        self->state.node->boards->hear(std::make_shared<const event_board>(x));
        decide(self, wish, reply, final_say, true);
      },
      [=](const caf::error&) {
        --self->state.open_requests;
        decide(self, wish, reply, final_say, true);
      });
}

/// `final_say`: the rows were read just now, so that they have nothing to add to any answer.
void forward(pointer self, const reserve_items& wish, const reply_ptr<hold_reply>& reply,
             bool final_say, bool told_of_event) {
  auto& st = self->state;
  auto board = st.node->boards->find_event(wish.event);
  auto current = board && board->owner == st.node->participant_of(key_of(wish.event));
  if (!current && !told_of_event) return learn_of_event(self, wish, reply, final_say);
  auto now = st.node->clock->now();
  bool unread = !st.core.read(), orphans = now < st.orphans_until;
  if (!board || !session_core::sale_may_be_open(board->sale, now)) {
    if (unread) return recheck(self, wish, reply);
    return refuse(self, wish, reply, board ? ec::sale_closed : ec::event_unknown);
  }
  // What an earlier life asked for may be granted after this, and nobody would count both. What has
  // been granted by now is told.
  if (orphans && !final_say) return recheck(self, wish, reply);
  if (orphans) return refuse(self, wish, reply, ec::busy);
  hold_items cmd;
  cmd.id = make_id<reservation_id>(*st.node->random);
  cmd.user = st.user;
  cmd.operation = operation_of(wish);
  cmd.number =
    reservation_number(cmd.operation == order_operation ? "R" : "TK", now, *st.node->random);
  cmd.items = wish.items;
  cmd.key = wish.key;
  cmd.digest = wish.digest;
  cmd.session = st.address;
  cmd.event_owner = board->owner;
  cmd.deadline = now + claim_budget;
  cmd.request = wish.request;
  if (unread) cmd.token_issued_at = wish.token_issued_at;
  auto own = st.core.own_hold(wish, now);
  auto lead = own ? own->lead_block
                  : std::ranges::min_element(wish.items, {}, &wanted_item::block_no)->block_no;
  auto in_lead = [lead](const wanted_item& x) { return x.block_no == lead; };
  auto held_by = own && std::ranges::none_of(wish.items, in_lead) ? own->id : reservation_id{};
  auto id = cmd.id;
  auto event = wish.event;
  st.core.begin({id, event, cmd.operation, wish.key, wish.digest, cmd.deadline, seats_of(wish)});
  st.waiting[id].push_back({wish, reply});
  ++st.open_requests;
  ask<seat_block_actor>(self, *st.node, key_of(event, lead), block_budget, std::move(cmd),
                        reply->span.context())
    .then(
      [=](const hold_reply& x) {
        --self->state.open_requests;
        if (!held_by.nil() && x.is == ec::seat_contested)
          return forget_and_decide(self, id, held_by);
        if (unread && !final_say && !final_without_rows(x)) return decide_again(self, id, x);
        finish(self, id, event, x);
      },
      [=](const caf::error& e) {
        --self->state.open_requests;
        finish(self, id, event, refusal<hold_reply>(to_ec(e)));
      });
}

void decide(pointer self, const reserve_items& wish, const reply_ptr<hold_reply>& reply,
            bool final_say, bool told_of_event) {
  auto& st = self->state;
  auto limit = st.node->sale.holds_per_user_event_max;
  auto what = st.core.decide(wish, limit, st.node->clock->now(), final_say);
  switch (what.is) {
  case reserve_decision::kind::forward:
  case reserve_decision::kind::unread: return forward(self, wish, reply, final_say, told_of_event);
  case reserve_decision::kind::join:
    if (mutant("answers_from_a_claim")) { // A retry hears yes while the first is under way.
      hold_reply early;
      early.id = what.reservation;
      early.replayed = true;
      return reply->deliver(early);
    }
    return st.waiting[what.reservation].push_back({wish, reply, true, what.by_seats});
  case reserve_decision::kind::replay: return replay(self, what.reservation, reply);
  case reserve_decision::kind::recheck: return recheck(self, wish, reply);
  case reserve_decision::kind::refuse: return refuse(self, wish, reply, what.why);
  }
}

/// Something of the wish does not exist, but a used key says so first (contract 1.10).
void answer_unplaced(pointer self, const reserve_items& wish, const reply_ptr<hold_reply>& reply) {
  with_rows(self, reply, [=] {
    auto& core = self->state.core;
    auto why = core.key_conflicts(wish) ? ec::idempotency_conflict : ec::seat_unknown;
    if (!core.accepts(wish.token_issued_at)) why = ec::not_authenticated;
    reply->deliver(refusal<hold_reply>(why));
  });
}

} // namespace

void on_resolve(pointer self, reservation_id attempt) {
  auto& st = self->state;
  auto open = st.core.find_attempt(attempt);
  if (!open) return;
  auto given_up = st.node->clock->now() > open->deadline + resolve_patience;
  ++st.open_requests;
  self->request(st.node->reads, reads_budget, load_reservation{attempt})
    .then(
      [=](const found_reservation& x) {
        --self->state.open_requests;
        auto& core = self->state.core;
        if (x.found) {
          bool live = x.row.status == reservation_status::pending;
          core.commit(attempt, to_pending(x.row)); // Its key is used, however it has ended.
          if (!live) core.forget(attempt);
          answer_all(self, attempt, live ? reply_now(self->state, x.row) : to_reply(x.row));
        } else if (given_up) {
          core.drop(attempt); // Should it commit after all, its key and id are on record.
          answer_all(self, attempt, refusal<hold_reply>(ec::unknown));
        } else {
          resolve_later(self, attempt);
        }
      },
      [=](caf::error&) {
        --self->state.open_requests;
        resolve_later(self, attempt);
      });
}

caf::result<hold_reply> on_reserve(pointer self, const reserve_items& wish,
                                   const trace_context& trace) {
  if (wish.items.empty()) return refusal<hold_reply>(ec::seat_unknown);
  auto reply = promise_reply<hold_reply>(self);
  reply->span = open_span::child(self->state.node->traces, trace, "session");
  if (std::ranges::find(wish.items, unplaced, &wanted_item::block_no) != wish.items.end())
    answer_unplaced(self, wish, reply);
  else decide(self, wish, reply, false);
  return reply->rp;
}

} // namespace tk::session
