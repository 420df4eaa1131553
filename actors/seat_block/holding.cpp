#include <algorithm>
#include <limits>

#include "actors/base/mutants.hpp"
#include "actors/seat_block/state.hpp"
#include "supervisors/reply_once.hpp"
#include "supervisors/reservation_forms.hpp"
#include "supervisors/router.hpp"

/// Holding items: claim in memory, submit, then one of three (R12): applied, dropped, or kept until
/// a final re-read says which.
namespace tk::seat_block {

namespace {

/// One wish on its way through the blocks and the ledger.
struct attempt {
  hold_items wish;
  reply_ptr<hold_reply> reply;
  std::vector<int32_t> further; ///< Blocks to ask, ascending; asked from the front.
  size_t asked = 0;
  size_t claimed = 0;              ///< The first so many of `further` may keep a claim of it.
  std::vector<held_item> items;    ///< Claimed so far: versions before, fences after.
  std::vector<participant> owners; ///< Beside `items`.
  bool second_try = false;
  bool reread = false; ///< Its first try met other versions: the further blocks read theirs.
};
using attempt_ptr = std::shared_ptr<attempt>;

hold_reply refuse(ec why, std::vector<wanted_item> items = {}, int64_t retry_after_ms = 0) {
  hold_reply out;
  out.is = why;
  out.refused = std::move(items);
  out.retry_after_ms = retry_after_ms;
  return out;
}

hold_reply reply_of(const hold_record& hold, bool replayed) {
  hold_reply out;
  out.id = hold.id;
  out.number = hold.number;
  out.total = hold.total;
  out.status = static_cast<uint8_t>(reservation_status::pending);
  out.expires_at = hold.expires_at;
  out.items = hold.items;
  out.replayed = replayed;
  return out;
}

/// Somebody else was a little faster: it may be had the next time.
ec contested(const attempt_ptr& x) {
  bool quota = !x->wish.items.front().type.nil();
  return quota ? ec::quantity_short : ec::seat_contested;
}

void start(pointer self, const attempt_ptr& x);

/// Nothing was submitted, or it certainly did nothing: gives back every claim.
void give_back(pointer self, const attempt_ptr& x) {
  auto& st = self->state;
  st.core->drop_claim(x->wish.id);
  if (mutant("forgets_other_claims")) x->claimed = 0; // Other blocks do not hear that it is over.
  const auto claimed = std::exchange(x->claimed, 0);
  for (size_t i = 0; i < claimed; ++i)
    tell<seat_block_actor>(*st.node, key_of(st.event, x->further[i]), abandon_claim{x->wish.id});
  changed(self);
}

void answer_refusal(pointer self, const attempt_ptr& x, hold_reply what) {
  if (what.is == ec::seat_contested || what.is == ec::seat_held || what.is == ec::seat_sold ||
      what.is == ec::quantity_short)
    self->state.node->probe.seat_conflicts++;
  x->reply->deliver(std::move(what));
}

/// The op is committed: the memory follows, the caller and the other blocks hear of it.
void committed(pointer self, const attempt_ptr& x, const verdict& v) {
  auto& st = self->state;
  hold_record hold;
  hold.id = x->wish.id;
  hold.user = x->wish.user;
  hold.number = x->wish.number;
  hold.expires_at = v.expires_at;
  hold.led = true;
  hold.items = x->items;
  for (auto& item : hold.items) {
    if (item.is_seat()) item.version += 1;
    hold.total += item.price * item.quantity;
  }
  x->reply->deliver(reply_of(hold, false));
  tell_satellites(self, hold, true);
  st.core->apply_hold(std::move(hold));
  st.node->probe.reservations_created++;
  changed(self);
}

/// Nobody knows whether it happened: the claims stay until a final re-read says.
void unknown(pointer self, const attempt_ptr& x) {
  if (mutant("asks_again_as_new") && !std::exchange(x->second_try, true)) {
    // The same wish under another id and without its key: the ledger cannot tell that it is one.
    give_back(self, x);
    x->wish.id = make_id<reservation_id>(*self->state.node->random);
    x->wish.number += "-2";
    x->wish.key.clear();
    return start(self, x);
  }
  self->state.core->mark_unsettled(x->wish.id);
  arm(self, x->wish.deadline);
  x->reply->deliver(refuse(ec::unknown));
}

/// The rows of this very reservation, committed by a batch that was lost and sent again.
void found_own(pointer self, const attempt_ptr& x, const reservation_row& row) {
  auto& st = self->state;
  auto hold = record_of(row, st.core->block_no());
  if (row.status == reservation_status::pending) {
    tell_satellites(self, hold, true);
    st.core->apply_hold(std::move(hold));
    st.node->probe.reservations_created++;
    changed(self);
  } else {
    give_back(self, x);
    relook(self, row.id);
  }
  x->reply->deliver(to_reply(row));
}

/// Id or key are on record already: tell what became of that reservation.
void replay(pointer self, const attempt_ptr& x, reservation_id id) {
  auto& st = self->state;
  bool own = id == x->wish.id;
  if (!own) give_back(self, x);
  ++st.open_requests;
  self->request(st.node->reads, reads_budget, load_reservation{id})
    .then(
      [=](const found_reservation& found) {
        --self->state.open_requests;
        if (own) return found.found ? found_own(self, x, found.row) : unknown(self, x);
        relook(self, id);
        auto out = found.found ? to_reply(found.row) : refuse(ec::unknown);
        out.replayed = true;
        x->reply->deliver(std::move(out));
      },
      [=](caf::error&) {
        --self->state.open_requests;
        if (own) return unknown(self, x);
        relook(self, id);
        x->reply->deliver(refuse(ec::unknown));
      });
}

/// The rows are not what the memory thought: every block reads its own, then it is decided once
/// more (H-22d). Claims on seats stay meanwhile, so that nobody is promised them from the old
/// memory; of a quota the claim goes first, because its row's count is believed only for what is
/// not on its way.
void moved(pointer self, const attempt_ptr& x) {
  if (self->state.core->find_quota()) self->state.core->drop_claim(x->wish.id);
  reread(self, x->items, self->state.now(), [=](bool) {
    if (x->second_try) {
      give_back(self, x);
      return answer_refusal(self, x, refuse(contested(x), x->wish.items));
    }
    x->second_try = true;
    x->reread = true;
    self->state.core->drop_claim(x->wish.id);
    start(self, x);
  });
}

void on_verdict(pointer self, const attempt_ptr& x, const verdict& v) {
  switch (v.is) {
  case outcome::ok: return committed(self, x, v);
  case outcome::replayed: return replay(self, x, v.replay_of);
  case outcome::moved:
  case outcome::sold_out: return moved(self, x);
  case outcome::in_flight: // A twin by key, of this very batch: its outcome is ours.
    if (!x->second_try) {
      x->second_try = true;
      give_back(self, x);
      return start(self, x);
    }
    break;
  case outcome::unknown: return unknown(self, x);
  default: break;
  }
  give_back(self, x);
  answer_refusal(self, x, refuse(to_ec(v.is)));
}

void submit_creation(pointer self, const attempt_ptr& x) {
  auto& st = self->state;
  auto& wish = x->wish;
  create_reservation what;
  what.id = wish.id;
  what.user = wish.user;
  what.event = st.event;
  what.number = wish.number;
  what.operation = wish.operation;
  what.key = wish.key;
  what.digest = wish.digest;
  what.ttl_s = st.node->sale.reservation_ttl_s;
  what.deadline = wish.deadline;
  what.session = wish.session;
  what.event_owner = wish.event_owner;
  what.request = wish.request;
  what.presale = st.node->sale.presale_enforce;
  if (wish.token_issued_at != instant{}) {
    auto limit = st.node->sale.holds_per_user_event_max;
    auto no_limit = std::numeric_limits<int32_t>::max();
    what.token_issued_at = wish.token_issued_at;
    what.holds_before_max = limit > 0 ? limit - holds_in(x->items) : no_limit;
  }
  for (size_t i = 0; i < x->items.size(); ++i) {
    auto& from = x->items[i];
    create_item item;
    item.seat = from.seat;
    item.type = from.type;
    item.quantity = from.quantity;
    item.version = from.version;
    item.fence = from.fence;
    item.price = from.price;
    item.block = x->owners[i];
    item.block_no = from.block_no;
    what.total += from.price * from.quantity;
    what.items.push_back(item);
  }
  if (mutant("answers_before_commit")) { // The buyer hears yes while it is on its way.
    hold_record early;
    early.id = wish.id;
    early.items = x->items;
    early.total = what.total;
    x->reply->deliver(reply_of(early, false));
  }
  submit_op(
    self, std::move(what), wish.deadline, [=](const verdict& v) { on_verdict(self, x, v); },
    x->reply->span.context());
}

/// Asks the further blocks, one after the other in key order, then submits. Nobody waits for an
/// item, so nothing deadlocks.
void ask_further(pointer self, const attempt_ptr& x) {
  auto& st = self->state;
  if (x->asked == x->further.size()) return submit_creation(self, x);
  auto block_no = x->further[x->asked++];
  x->claimed = std::max(x->claimed, x->asked);
  claim_items cmd{x->wish.id, x->wish.user, {}, x->wish.deadline, x->reread};
  for (auto& item : x->wish.items)
    if (item.block_no == block_no) cmd.items.push_back(item);
  ++st.open_requests;
  ask<seat_block_actor>(self, *st.node, key_of(st.event, block_no), claim_budget, std::move(cmd),
                        x->reply->span.context())
    .then(
      [=](const claim_reply& r) {
        --self->state.open_requests;
        if (r.is != ec::ok) {
          give_back(self, x);
          note_refusal(self->state, x->wish, r.is, r.refused);
          return answer_refusal(self, x, refuse(r.is, r.refused, r.retry_after_ms));
        }
        for (auto& item : r.items) {
          x->items.push_back(item);
          x->owners.push_back(r.block);
        }
        ask_further(self, x);
      },
      [=](const caf::error&) { // Whatever it claimed is abandoned: nothing was submitted.
        --self->state.open_requests;
        give_back(self, x);
        note_refusal(self->state, x->wish, ec::busy, {});
        answer_refusal(self, x, refuse(ec::busy));
      });
}

/// Holds that ran out stand in the way: they are ended first, then the wish is decided again
/// (P-44). `in_the_way` is ended last, so its verdict comes behind those of the others.
void free_first(pointer self, const attempt_ptr& x, reservation_id in_the_way) {
  auto& core = *self->state.core;
  auto hold = core.find_hold(in_the_way);
  if (hold->releasing || x->second_try) {
    note_refusal(self->state, x->wish, contested(x), {});
    return answer_refusal(self, x, refuse(contested(x), x->wish.items, again_after.count()));
  }
  x->second_try = true;
  for (auto id : core.overdue(self->state.now())) {
    auto other = core.find_hold(id);
    if (other && id != in_the_way)
      release(self, *other, release_reason::expired, {}, {}, [](ec) {
        // The verdict was applied: nobody else waits for it.
      });
  }
  release(self, *core.find_hold(in_the_way), release_reason::expired, {}, x->wish.request,
          [=](ec) { start(self, x); });
}

void start(pointer self, const attempt_ptr& x) {
  auto& st = self->state;
  auto what = st.core->decide_hold(x->wish, st.now());
  if (what.is != hold_decision::kind::claim && x->claimed > 0) give_back(self, x);
  switch (what.is) {
  case hold_decision::kind::refuse:
    note_refusal(st, x->wish, what.why, what.refused);
    return answer_refusal(self, x, refuse(what.why, std::move(what.refused), what.retry_after_ms));
  case hold_decision::kind::replay:
    return x->reply->deliver(reply_of(*st.core->find_hold(what.existing), true));
  case hold_decision::kind::free_first: return free_first(self, x, what.existing);
  case hold_decision::kind::claim: break;
  }
  x->asked = 0;
  x->items = what.items;
  x->owners.assign(what.items.size(), st.address);
  note_claim(st, x->wish, x->items);
  st.core->apply_claim(x->wish.id, std::move(what.items), x->wish.deadline);
  ask_further(self, x);
}

} // namespace

caf::result<hold_reply> on_hold(pointer self, const hold_items& wish, const trace_context& trace) {
  auto x = std::make_shared<attempt>();
  x->wish = wish;
  x->reply = promise_reply<hold_reply>(self);
  x->reply->span = open_span::child(self->state.node->traces, trace, "block claim");
  for (auto& item : wish.items)
    if (item.block_no != self->state.core->block_no()) x->further.push_back(item.block_no);
  std::ranges::sort(x->further);
  x->further.erase(std::unique(x->further.begin(), x->further.end()), x->further.end());
  start(self, x);
  return x->reply->rp;
}

namespace {

claim_reply claim(pointer self, const claim_items& wish) {
  auto& st = self->state;
  auto what = st.core->decide_claim(wish, st.now());
  claim_reply out;
  out.block = st.address;
  if (what.is != hold_decision::kind::claim) {
    out.is = what.why; // Contested, too, where a hold that ran out stands in the way.
    out.refused = std::move(what.refused);
    out.retry_after_ms = what.retry_after_ms;
    note_refusal(st, wish, out.is, out.refused);
    if (what.is == hold_decision::kind::free_first)
      on_tick(self); // It ran out: end it, the caller asks again.
    return out;
  }
  out.items = what.items;
  note_claim(st, wish, out.items);
  st.core->apply_claim(wish.id, std::move(what.items), wish.until);
  changed(self);
  return out;
}

} // namespace

caf::result<claim_reply> on_claim(pointer self, const claim_items& wish,
                                  const trace_context& trace) {
  auto span = open_span::child(self->state.node->traces, trace, "block claim");
  if (!wish.reread) {
    auto out = claim(self, wish);
    span.end(tells_failure(out));
    return out;
  }
  auto reply = promise_reply<claim_reply>(self);
  reply->span = std::move(span);
  std::vector<held_item> own;
  own.reserve(wish.items.size());
  for (auto& x : wish.items) own.push_back({x.seat, x.block_no, 0, 0, {}, x.type, x.quantity});
  reread(self, own, self->state.now(), [=](bool) {
    auto& st = self->state;
    if (!st.core->find_claim(wish.id)) { // Abandoned while it was read.
      claim_reply out;
      out.is = ec::seat_contested;
      out.refused = wish.items;
      out.block = st.address;
      return reply->deliver(std::move(out));
    }
    st.core->drop_claim(wish.id);
    reply->deliver(claim(self, wish));
  });
  return reply->rp;
}

} // namespace tk::seat_block
