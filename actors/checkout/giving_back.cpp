#include "actors/base/mutants.hpp"
#include "actors/checkout/state.hpp"
#include "supervisors/reservation_forms.hpp"

/// Money on its way back, and failed attempts that are asked about again: what a provider took late
/// goes back from a durable row, once.
namespace tk::checkout {

namespace {

constexpr millis provider_pause{60'000};

void done(pointer self) {
  self->state.on_chore = false;
  run(self);
}

/// Puts the provider's answer about a refund on record.
void settle(pointer self, refund_row row, bool given_back, const std::string& error) {
  auto& st = self->state;
  auto pause_s = refund_pause_s(row.tries);
  settle_refund what{row.id, st.reservation, given_back, error, pause_s, st.address, st.of};
  submit_op(self, std::move(what), [=](const verdict& v) {
    auto& s = self->state;
    bool noted = v.is == outcome::ok || v.is == outcome::done;
    if (noted) ++(given_back ? s.node->probe.refunds_done : s.node->probe.refunds_put_off);
    auto again = s.now() + (noted ? std::chrono::seconds{pause_s} : again_after);
    bool over = given_back || v.is == outcome::done;
    s.core->on_refund(row.id, noted ? ec::ok : to_ec(v.is), over, again);
    done(self);
  });
}

/// The one who took it gives it back, whoever takes money by now.
void give_back(pointer self, const refund_row& row, const std::string& provider,
               const std::string& order_id, const std::string& payment_key) {
  refund_payment what{payment_key, row.amount, to_string(row.id), {}, provider, order_id};
  auto attempt = self->state.core->find_attempt(row.attempt);
  what.captured = attempt ? attempt->amount : row.amount;
  if (mutant("refunds_as_new")) // Every try is another refund to the provider.
    what.idempotency_key += std::to_string(row.tries);
  ask_provider<payment_refund>(self, std::move(what), [=](const payment_refund& x) {
    settle(self, row, x.is == refund_outcome::done, x.code);
  });
}

/// The provider knows by which key an order was paid; an attempt's is only what was to be tried.
/// The money may have been captured by an attempt that the database has lost in a fail-over, or on
/// the provider's page before anybody asked for it. An order has one capture, so this is it. A part
/// of it that was asked for before may have gone back without an answer, longer ago than the
/// provider knows keys: it would take a second part for another one.
void find_capture(pointer self, const refund_row& row, const attempt_row& attempt,
                  const std::string& order_id) {
  auto provider = attempt.provider;
  query_payment what{order_id, to_string(row.attempt), {}, provider, attempt.started_at};
  bool late = attempt.status == attempt_status::late;
  bool part = row.amount < attempt.amount;
  ask_provider<payment_report>(self, std::move(what), [=](const payment_report& report) {
    if (report.is != payment_state::captured) return settle(self, row, false, "CAPTURE_NOT_FOUND");
    bool back = report.refunded >= (part ? row.amount : report.amount);
    if (back && (late || part)) // By a callback or a try that came before, or by hand.
      return settle(self, row, true, "");
    give_back(self, row, provider, order_id, report.payment_key);
  });
}

void refund(pointer self, refund_id id) {
  auto& core = *self->state.core;
  auto row = *core.find_refund(id);
  auto attempt = core.find_attempt(row.attempt);
  if (!attempt || row.amount == won{0}) return settle(self, row, true, "");
  auto order = core.find_order(attempt->payment);
  // What could not be given back under the attempt's key perhaps has another one.
  if (order && (attempt->status == attempt_status::late || row.tries > 0))
    return find_capture(self, row, *attempt, order->order_id);
  give_back(self, row, attempt->provider, order ? order->order_id : "", attempt->payment_key);
}

void put_off(pointer self, attempt_id id, ec is, millis pause) {
  auto& st = self->state;
  st.core->on_late(id, is, false, {}, st.now() + pause);
  done(self);
}

void claim_late(pointer self, const attempt_row& x) {
  auto& st = self->state;
  refund_row row{make_id<refund_id>(*st.node->random), x.id, x.amount, false, 0, st.now()};
  claim_refund what{row.id, x.id, st.reservation, "captured too late", st.address, st.of};
  submit_op(self, std::move(what), [=](const verdict& v) {
    auto& s = self->state;
    if (v.is != outcome::ok) // `done`: by an op whose answer was lost; the rows know its id.
      return put_off(self, x.id, v.is == outcome::done ? ec::not_refundable : to_ec(v.is),
                     again_after);
    s.node->probe.payments.late++;
    s.core->on_late(x.id, ec::ok, true, row, {});
    done(self);
  });
}

void note(pointer self, const attempt_row& x) {
  auto& st = self->state;
  note_asked what{x.id, st.reservation, x.asked + 1, st.address, st.of};
  submit_op(self, what, [=](const verdict& v) {
    bool noted = v.is == outcome::ok || v.is == outcome::done;
    put_off(self, x.id, noted ? ec::ok : to_ec(v.is), again_after);
  });
}

void ask_late(pointer self, attempt_id id) {
  auto& core = *self->state.core;
  auto x = *core.find_attempt(id);
  auto order = core.find_order(x.payment);
  query_payment what{order ? order->order_id : "", to_string(id), {}, x.provider, x.started_at};
  ask_provider<payment_report>(self, std::move(what), [=](const payment_report& report) {
    bool given_back = report.refunded >= x.amount; // By hand, at the provider.
    switch (report.is) {
    case payment_state::captured: return given_back ? note(self, x) : claim_late(self, x);
    case payment_state::pending:
    case payment_state::not_found: return note(self, x);
    case payment_state::not_asked:
    case payment_state::unknown: break;
    }
    put_off(self, id, ec::unavailable, provider_pause);
  });
}

} // namespace

void do_chore(pointer self, const checkout_step& x) {
  self->state.on_chore = true;
  if (x.is == checkout_step::kind::refund) refund(self, x.refund);
  else ask_late(self, x.attempt);
}

} // namespace tk::checkout
