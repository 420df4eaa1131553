#include "actors/base/mutants.hpp"
#include "actors/checkout/state.hpp"
#include "actors/seat_block/port.hpp"
#include "actors/waiting_room/port.hpp"
#include "supervisors/boards.hpp"
#include "supervisors/reservation_forms.hpp"
#include "supervisors/router.hpp"

/// The steps of the live attempt: pin, ask the provider, then sell or unpin. Each may be done again
/// under the same id, so nothing is lost when an answer is.
namespace tk::checkout {

namespace {

/// Where a buyer is sent when the provider was not reached.
ec why_untried(ec x) { return x == ec::busy || x == ec::late ? x : ec::provider_away; }

provider_said said(const payment_approval& x) {
  provider_said out;
  out.error = x.code;
  switch (x.is) {
  case approval_outcome::approved:
    out.is = provider_word::taken;
    out.approved_at = x.approved_at;
    break;
  case approval_outcome::declined:
    out.is = provider_word::not_taken;
    out.why = ec::payment_declined;
    break;
  case approval_outcome::not_asked:
    out.is = provider_word::untried;
    out.why = why_untried(x.error);
    break;
  case approval_outcome::unknown:
    if (mutant("silence_is_no")) { // The money may have been taken, and the buyer hears no.
      out.is = provider_word::not_taken;
      out.why = ec::payment_declined;
    }
    if (mutant("silence_is_yes")) out.is = provider_word::taken; // Tickets for nothing, perhaps.
    break;
  }
  return out;
}

/// What the provider has of an attempt for `amount`.
provider_said said(const payment_report& x, won amount) {
  provider_said out;
  switch (x.is) {
  case payment_state::captured:
    if (x.refunded >= x.amount) { // By hand, or by one whose rows are lost: nothing is left of it.
      out.is = provider_word::not_taken;
      out.why = ec::payment_declined;
      out.error = "GIVEN_BACK";
      break;
    }
    if (x.amount != amount) break; // Not what this attempt asked for: nothing is sold for it.
    out.is = provider_word::taken;
    out.approved_at = x.approved_at;
    break;
  case payment_state::pending: out.is = provider_word::open; break;
  case payment_state::not_found:
    out.is = provider_word::not_taken;
    out.why = ec::payment_declined;
    out.error = "NOT_FOUND";
    break;
  case payment_state::not_asked: out.is = provider_word::untried; break;
  case payment_state::unknown: break;
  }
  return out;
}

void done(pointer self) {
  self->state.working = false;
  run(self);
}

/// Asks the lead block; `then` hears `unknown` when no answer came.
template <class Message> void ask_block(pointer self, Message what, std::function<void(ec)> then) {
  auto& st = self->state;
  ++st.open_requests;
  ask<seat_block_actor>(self, *st.node, lead_block(self), block_budget, std::move(what), st.trace)
    .then(
      [=](const hold_changed& x) {
        --self->state.open_requests;
        then(x.is);
        done(self);
      },
      [=](const caf::error& e) {
        --self->state.open_requests;
        then(to_ec(e));
        done(self);
      });
}

bool of_reservation(const state& x) { return x.of == payment_subject::reservation; }

/// Ends a step that no block has taken.
std::function<void(ec)> step_done(pointer self, void (checkout_core::*heard)(ec, instant)) {
  return [=](ec is) {
    (self->state.core.get()->*heard)(is, self->state.now());
    done(self);
  };
}

void pin(pointer self, const live_attempt& x) {
  auto& st = self->state;
  if (!of_reservation(st)) return pin_subject(self, x, step_done(self, &checkout_core::on_pinned));
  pin_hold cmd{st.reservation, x.row.id,          x.row.payment, x.row.amount,
               x.row.provider, x.row.payment_key, x.row.method,  st.address};
  ask_block(self, std::move(cmd),
            [=](ec is) { self->state.core->on_pinned(is, self->state.now()); });
}

void take_money(pointer self, const live_attempt& x) {
  approve_payment what{x.order_id, x.row.payment_key, x.row.amount, to_string(x.row.id),
                       {},         x.row.provider};
  if (mutant("charges_another_sum")) // Here a little more, there a little less.
    what.amount += won{x.row.id.lo % 2 == 0 ? 1000 : -1000};
  ask_provider<payment_approval>(
    self, std::move(what),
    [=](const payment_approval& answer) {
      self->state.core->on_asked(said(answer), self->state.now());
      done(self);
    },
    self->state.trace);
}

void query(pointer self, const live_attempt& x) {
  query_payment what{x.order_id, to_string(x.row.id), {}, x.row.provider, x.row.started_at};
  ask_provider<payment_report>(
    self, std::move(what),
    [=, amount = x.row.amount](const payment_report& answer) {
      self->state.core->on_queried(said(answer, amount), self->state.now());
      done(self);
    },
    self->state.trace);
}

void void_order(pointer self, const live_attempt& x) {
  if (mutant("closes_without_cancelling")) { // It has not taken anything yet, so it never will.
    self->state.core->on_queried({provider_word::not_taken, {}, ec::payment_declined, {}},
                                 self->state.now());
    return done(self);
  }
  void_payment what{x.order_id, {}, x.row.provider, x.row.started_at};
  ask_provider<payment_report>(
    self, std::move(what), [=, amount = x.row.amount](const payment_report& answer) {
      self->state.core->on_queried(said(answer, amount), self->state.now());
      done(self);
    });
}

void sell(pointer self, const live_attempt& x) {
  auto& st = self->state;
  if (!of_reservation(st)) return sell_subject(self, x, step_done(self, &checkout_core::on_sold));
  sell_hold cmd{st.reservation, x.row.id,   x.row.payment, x.row.amount,
                x.approved_at,  st.address, x.request};
  ask_block(self, cmd, [=](ec is) {
    auto& s = self->state;
    s.core->on_sold(is, s.now());
    auto event = s.core->rows().event;
    // Whoever has bought leaves the slot to the next one. Should this be lost, the room looks at
    // the rows by itself.
    if (is == ec::ok && s.node->boards->find_room(event))
      tell<waiting_room_actor>(*s.node, room_key(event), look_at_payments{});
  });
}

void unpin(pointer self, const live_attempt& x) {
  auto& st = self->state;
  if (mutant("voids_without_record")) { // Over for us, and the rows wait for ever.
    st.core->on_failed(ec::ok, st.now());
    return done(self);
  }
  if (!of_reservation(st))
    return unpin_subject(self, x, step_done(self, &checkout_core::on_failed));
  unpin_hold cmd{st.reservation, x.row.id,  x.row.payment, static_cast<uint8_t>(x.end),
                 x.error,        st.address};
  ask_block(self, std::move(cmd),
            [=](ec is) { self->state.core->on_failed(is, self->state.now()); });
}

/// Paid for what cannot be had: the money goes back. The lead block looks at its pin again.
void claim(pointer self, const live_attempt& x) {
  auto& st = self->state;
  auto attempt = x.row.id;
  refund_row row{make_id<refund_id>(*st.node->random), attempt, x.row.amount, false, 0, st.now()};
  claim_refund what{row.id, attempt, st.reservation, "paid too late", st.address, st.of};
  submit_op(self, std::move(what), [=](const verdict& v) {
    auto& s = self->state;
    auto is = v.is == outcome::ok ? ec::ok : to_ec(v.is);
    // A refund of another id: put there by an op whose answer was lost.
    if (v.is == outcome::done) is = ec::not_refundable;
    s.core->on_claimed(is, row, s.now());
    if (of_reservation(s))
      tell<seat_block_actor>(*s.node, lead_block(self), look_again{s.reservation});
    done(self);
  });
}

} // namespace

void work(pointer self, const checkout_step& x) {
  auto& live = *self->state.core->live();
  self->state.working = true;
  switch (x.is) {
  case checkout_step::kind::pin: return pin(self, live);
  case checkout_step::kind::ask: return take_money(self, live);
  case checkout_step::kind::query: return query(self, live);
  case checkout_step::kind::void_order: return void_order(self, live);
  case checkout_step::kind::sell: return sell(self, live);
  case checkout_step::kind::fail: return unpin(self, live);
  case checkout_step::kind::claim: return claim(self, live);
  case checkout_step::kind::refund:
  case checkout_step::kind::late:
  case checkout_step::kind::wait: break;
  }
  self->state.working = false;
}

} // namespace tk::checkout
