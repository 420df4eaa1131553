#include <algorithm>
#include <utility>

#include "actors/base/cancellation.hpp"
#include "actors/base/mutants.hpp"
#include "actors/checkout/state.hpp"
#include "actors/seat_block/port.hpp"
#include "supervisors/reservation_forms.hpp"
#include "supervisors/router.hpp"

/// Ending what is paid: by its buyer, on the terms of the event as they are now; by the house, for
/// nothing. The lead block ends the reservation and puts the refund on record.
namespace tk::checkout {

namespace {

/// By what a cancellation is decided, and what of the money goes back.
struct decision {
  won fee;
  int64_t terms = -1;
  instant until;
};

/// The first asker hears how it went, and so does who came with its key; others who joined come
/// second.
void answer_cancels(pointer self, const payment_reply& first) {
  auto second = first;
  second.repeated = first.is == ec::ok;
  for (auto& x : std::exchange(self->state.cancelling, {}))
    x.reply->deliver(x.own ? first : second);
}

void on_cancelled(pointer self, ec is, const refund_row& row) {
  auto& st = self->state;
  if (is == ec::ok) {
    st.core->apply_cancel(row);
    answer_cancels(self, st.core->told_back(row.id));
    return run(self);
  }
  answer_cancels(self, refusal(is == ec::not_payable ? ec::not_refundable : is));
  // Perhaps it has happened, or the memory is wrong about it: the rows know.
  if (is != ec::ticket_used) st.core->doubt();
  run(self);
}

template <class Message> void ask_block(pointer self, Message what, const refund_row& row) {
  auto& st = self->state;
  ++st.open_requests;
  ask<seat_block_actor>(self, *st.node, lead_block(self), block_budget, std::move(what))
    .then(
      [=](const hold_changed& x) {
        --self->state.open_requests;
        on_cancelled(self, x.is, row);
      },
      [=](const caf::error& e) {
        --self->state.open_requests;
        on_cancelled(self, to_ec(e), row);
      });
}

/// Has the lead block end the reservation, with `row` as its refund.
void give_back(pointer self, const cancel_payment& cmd, refund_row row, const decision& by) {
  auto& st = self->state;
  row.amount = won{row.amount.amount - by.fee.amount};
  auto& address = st.address;
  if (by.terms < 0) // As nodes of the release before know it.
    return ask_block(
      self, cancel_sold{st.reservation, row.id, cmd.user, cmd.reason, address, cmd.request}, row);
  return_sold out{st.reservation, row.id, cmd.user, cmd.reason, address,
                  cmd.request,    by.fee, by.terms, by.until};
  ask_block(self, std::move(out), row);
}

/// The terms are read anew: an organiser may have changed them since this one was started.
void by_terms(pointer self, const cancel_payment& cmd, const refund_row& row) {
  auto& st = self->state;
  ++st.open_requests;
  auto stop = [=](ec why) {
    answer_cancels(self, refusal(why));
    run(self);
  };
  self->request(st.node->reads, reads_budget, load_event{st.core->rows().event})
    .then(
      [=](const event_row& event) {
        auto& s = self->state;
        --s.open_requests;
        if (!event.known) return stop(ec::unavailable);
        // What is cancelled by the house is given back whole, and so is what was free to cancel.
        if (event.cancelled || event.cancellation.is_free()) return give_back(self, cmd, row, {});
        auto terms = terms_at(event.cancellation, event.event_date, row.amount, s.now());
        if (mutant("forgets_fees")) terms.fee = {};
        if (mutant("forgets_the_last_hour")) // It is cancelled when nobody may any more.
          return give_back(self, cmd, row, {terms.fee, event.terms_version, {}});
        if (!terms.allowed) return stop(ec::cancellation_closed);
        auto until = terms.until == instant::max() ? instant{} : terms.until;
        give_back(self, cmd, row, {terms.fee, event.terms_version, until});
      },
      [=](caf::error&) {
        --self->state.open_requests;
        stop(ec::unavailable);
      });
}

refund_row new_refund(pointer self, refund_id id) {
  auto& core = *self->state.core;
  auto& attempts = core.rows().attempts;
  // A resold reservation has two: by its pin the owner has it.
  auto attempt = core.find_attempt(core.rows().pin);
  if (!attempt || attempt->status != attempt_status::approved)
    attempt = &*std::ranges::find(attempts, attempt_status::approved, &attempt_row::status);
  refund_row row;
  row.id = id;
  row.attempt = attempt->id;
  row.amount = attempt->amount;
  row.next_try_at = self->state.now();
  return row;
}

/// Somebody is faster, or a twin of this one. False: nobody is.
bool joined(pointer self, const wish& x, refund_id as) {
  auto& all = self->state.cancelling;
  if (all.empty()) return false;
  constexpr size_t cancellers_max = 64;
  auto under_way = all.front().as;
  if (all.size() < cancellers_max) all.push_back({x.reply, under_way, as == under_way});
  else x.reply->deliver(refusal(ec::busy));
  return true;
}

void cancel(pointer self, const cancel_payment& cmd, const wish& x) {
  auto& st = self->state;
  if (st.uncertain()) return x.reply->deliver(refusal(ec::busy));
  auto what = st.core->decide_cancel(cmd, x.key.effect);
  if (what.is == pay_decision::kind::refuse) return x.reply->deliver(refusal(what.why));
  if (what.is == pay_decision::kind::tell)
    return x.reply->deliver(st.core->told_back(same_id<refund_id>(what.effect)));
  auto effect = effect_of(self, what);
  if (x.key.must_name(effect))
    return name_effect(self, cmd.user, x, effect, [=](const wish& y) { cancel(self, cmd, y); });
  auto id = same_id<refund_id>(effect);
  if (joined(self, x, id)) return;
  st.cancelling.push_back({x.reply, id, true});
  by_terms(self, cmd, new_refund(self, id));
}

} // namespace

caf::result<payment_reply> on_cancel(pointer self, const cancel_payment& cmd,
                                     const request_key& key) {
  auto x = wish_of(self, key);
  auto out = x.reply->rp;
  cancel(self, cmd, x);
  return out;
}

caf::result<payment_reply> on_recall(pointer self, const recall_sale& cmd) {
  auto& st = self->state;
  auto x = wish_of(self, {});
  auto out = x.reply->rp;
  auto why = st.uncertain() ? ec::busy : st.core->why_no_recall();
  if (why != ec::ok) {
    x.reply->deliver(refusal(why));
    return out;
  }
  auto id = make_id<refund_id>(*st.node->random);
  if (joined(self, x, id)) return out;
  st.cancelling.push_back({x.reply, id, true});
  give_back(self, {cmd.actor, cmd.reason, cmd.request}, new_refund(self, id), {});
  return out;
}

} // namespace tk::checkout
