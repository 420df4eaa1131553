#include <algorithm>
#include <utility>

#include "actors/base/mutants.hpp"
#include "actors/seat_block/state.hpp"
#include "supervisors/reply_once.hpp"
#include "supervisors/reservation_forms.hpp"
#include "supervisors/router.hpp"

/// What checkout asks of a lead block: pin, sell, unpin, and take back what was sold. The ledger
/// judges; the memory follows its verdict.
namespace tk::seat_block {

namespace {

/// Item 0 belongs to the lead block: this one.
std::vector<held_item> own_first(pointer self, std::vector<held_item> items) {
  std::ranges::stable_partition(
    items, [&](const held_item& x) { return x.block_no == self->state.core->block_no(); });
  return items;
}

std::vector<held_item> one_version_further(std::vector<held_item> items) {
  for (auto& x : items)
    if (x.is_seat()) x.version += 1;
  return items;
}

std::set<int32_t> other_blocks(pointer self, const std::vector<held_item>& items) {
  std::set<int32_t> out;
  for (auto& x : items) out.insert(x.block_no);
  out.erase(self->state.core->block_no());
  return out;
}

/// Tells the other blocks of a sale, or of its return.
void tell_of_sale(pointer self, reservation_id id, bool sold, const std::vector<held_item>& items) {
  auto& st = self->state;
  for (auto block_no : other_blocks(self, items))
    tell<seat_block_actor>(*st.node, key_of(st.event, block_no), settle_sale{id, sold, items});
}

/// What a verdict about a pin or a sale means to checkout.
ec told_to_checkout(outcome x) {
  if (x == outcome::not_pending) return ec::not_payable;
  if (x == outcome::number_used) return ec::busy; // Asked again, with other numbers.
  if (x == outcome::moved) return ec::busy;       // Likewise, by other terms.
  return to_ec(x);
}

void pinned(pointer self, reservation_id id) {
  if (self->state.core->find_hold(id)) self->state.core->set_pinned(id, true);
  else relook(self, id);
  changed(self);
}

void unpinned(pointer self, reservation_id id) {
  auto& st = self->state;
  st.core->set_pinned(id, false);
  auto hold = st.core->find_hold(id);
  if (!hold) return relook(self, id);
  tell_satellites(self, *hold, true);                     // Time ends it again, for them too.
  if (hold->expires_at <= st.now()) return on_tick(self); // Overdue: freed at once.
  changed(self);
}

void sold(pointer self, reservation_id id) {
  auto& st = self->state;
  auto hold = st.core->find_hold(id);
  if (!hold) return relook(self, id);
  auto items = one_version_further(hold->items);
  st.core->apply_sale(id, items);
  tell_of_sale(self, id, true, items);
  changed(self);
}

/// Nobody knows whether the pin has ended. Checkout asks again, unless it finds in the rows that
/// all is done: then this block would never hear of it.
void doubt_pin(pointer self, reservation_id id) {
  auto& st = self->state;
  auto hold = st.core->find_hold(id);
  if (!hold || !hold->pinned) return;
  st.core->postpone(id, st.now() + pinned_again_after);
  changed(self);
}

using items_done = std::function<void(ec, std::vector<held_item>)>;

/// The items of a reservation as its rows have them; `done` hears why there are none.
void load_items(pointer self, reservation_id id, items_done done) {
  auto& st = self->state;
  ++st.open_requests;
  self->request(st.node->reads, reads_budget, load_reservation{id})
    .then(
      [=](const found_reservation& x) {
        --self->state.open_requests;
        if (!x.found || x.row.items.empty()) return done(ec::reservation_unknown, {});
        done(ec::ok, own_first(self, x.row.items));
      },
      [=](caf::error&) {
        --self->state.open_requests;
        done(ec::unavailable, {});
      });
}

void sell(pointer self, const sell_hold& cmd, const std::vector<held_item>& items,
          const reply_ptr<hold_changed>& reply) {
  complete_payment what;
  what.attempt = cmd.attempt;
  what.payment = cmd.payment;
  what.reservation = cmd.id;
  what.amount = cmd.amount;
  what.approved_at = cmd.approved_at;
  what.checkout = cmd.checkout;
  what.request = cmd.request;
  for (auto& x : items)
    what.items.push_back({x.seat, x.type, x.quantity, x.fence, owner_of(self->state, x), {}});
  number_tickets(what.items, self->state.now(), *self->state.node->random);
  auto on_verdict = [=](const verdict& v) {
    if (v.is == outcome::ok || v.is == outcome::done) sold(self, cmd.id);
    else if (to_ec(v.is) == ec::paid_too_late) relook(self, cmd.id);
    else doubt_pin(self, cmd.id);
    if (mutant("silence_is_sold") && (v.is == outcome::unavailable || v.is == outcome::unknown))
      return reply->deliver({ec::ok}); // Nobody heard from the ledger, and the buyer hears yes.
    reply->deliver({told_to_checkout(v.is)});
  };
  submit_op(self, std::move(what), self->state.now() + ledger_budget, on_verdict,
            reply->span.context());
}

void take_back(pointer self, const return_sold& cmd, const std::vector<held_item>& items,
               const reply_ptr<hold_changed>& reply) {
  cancel_paid what;
  what.refund = cmd.refund;
  what.reservation = cmd.id;
  what.actor = cmd.actor;
  what.reason = cmd.reason;
  what.checkout = cmd.checkout;
  what.request = cmd.request;
  what.fee = cmd.fee;
  what.terms = cmd.terms;
  what.until = cmd.until;
  for (auto& x : items)
    what.items.push_back({x.seat, x.type, x.quantity, owner_of(self->state, x)});
  submit_op(self, std::move(what), self->state.now() + ledger_budget, [=](const verdict& v) {
    auto& st = self->state;
    if (v.is == outcome::ok) {
      auto free = one_version_further(items);
      st.core->apply_return(free);
      tell_of_sale(self, cmd.id, false, free);
      st.node->probe.reservations_cancelled++;
      changed(self);
    } else if (v.is == outcome::done) { // By a batch that was lost: the rows know.
      relook(self, cmd.id);
      for (auto block_no : other_blocks(self, items))
        tell<seat_block_actor>(*st.node, key_of(st.event, block_no), look_again{cmd.id});
    }
    reply->deliver({told_to_checkout(v.is)});
  });
}

} // namespace

caf::result<hold_changed> on_pin(pointer self, const pin_hold& cmd, const trace_context& trace) {
  auto& st = self->state;
  if (mutant("sells_without_pin")) return hold_changed{ec::ok}; // Money is asked for, unrecorded.
  auto reply = promise_reply<hold_changed>(self);
  reply->span = open_span::child(st.node->traces, trace, "block pin");
  begin_attempt what;
  what.id = cmd.attempt;
  what.payment = cmd.payment;
  what.reservation = cmd.id;
  what.amount = cmd.amount;
  what.provider = cmd.provider;
  what.payment_key = cmd.payment_key;
  what.method = cmd.method;
  what.checkout = cmd.checkout;
  what.block = st.address;
  submit_op(
    self, std::move(what), st.now() + ledger_budget,
    [=](const verdict& v) {
      switch (v.is) {
      case outcome::ok:
      case outcome::done:
      case outcome::pinned: pinned(self, cmd.id); break;
      case outcome::expired: on_tick(self); break;
      case outcome::not_pending: relook(self, cmd.id); break;
      default: break;
      }
      reply->deliver({told_to_checkout(v.is)});
    },
    reply->span.context());
  return reply->rp;
}

caf::result<hold_changed> on_sell(pointer self, const sell_hold& cmd, const trace_context& trace) {
  auto reply = promise_reply<hold_changed>(self);
  reply->span = open_span::child(self->state.node->traces, trace, "block sale");
  if (auto hold = self->state.core->find_hold(cmd.id); hold && hold->led) {
    sell(self, cmd, own_first(self, hold->items), reply);
    return reply->rp;
  }
  load_items(self, cmd.id, [=](ec is, const std::vector<held_item>& items) {
    if (is == ec::ok) sell(self, cmd, items, reply);
    else reply->deliver({is});
  });
  return reply->rp;
}

caf::result<hold_changed> on_unpin(pointer self, const unpin_hold& cmd) {
  auto& st = self->state;
  auto reply = promise_reply<hold_changed>(self);
  fail_attempt what{cmd.attempt, cmd.payment,  cmd.id,    static_cast<attempt_end>(cmd.how),
                    cmd.error,   cmd.checkout, st.address};
  submit_op(self, std::move(what), st.now() + ledger_budget, [=](const verdict& v) {
    if (v.is == outcome::ok || v.is == outcome::done) unpinned(self, cmd.id);
    else if (v.is == outcome::not_pinned) relook(self, cmd.id);
    else doubt_pin(self, cmd.id);
    reply->deliver({told_to_checkout(v.is)});
  });
  return reply->rp;
}

caf::result<hold_changed> on_cancel_sold(pointer self, const cancel_sold& cmd) {
  return on_return_sold(self, {cmd.id, cmd.refund, cmd.actor, cmd.reason, cmd.checkout, cmd.request,
                               won{}, -1, instant{}});
}

caf::result<hold_changed> on_return_sold(pointer self, const return_sold& cmd) {
  auto reply = promise_reply<hold_changed>(self);
  load_items(self, cmd.id, [=](ec is, const std::vector<held_item>& items) {
    if (is == ec::ok) take_back(self, cmd, items, reply);
    else reply->deliver({is});
  });
  return reply->rp;
}

void on_settle_sale(pointer self, const settle_sale& cmd) {
  auto& core = *self->state.core;
  if (cmd.sold) core.apply_sale(cmd.id, cmd.items);
  else core.apply_return(cmd.items);
  changed(self);
}

} // namespace tk::seat_block
