#include <algorithm>
#include <utility>

#include "actors/base/ticket_number.hpp"
#include "actors/checkout/state.hpp"
#include "supervisors/reservation_forms.hpp"
#include "supervisors/router.hpp"

/// Listings and memberships: what a lead block does for a reservation the checkout does itself, for
/// nobody else decides about them while they are paid for. The ledger judges whether they are still
/// to be had.
namespace tk::checkout {

namespace {

constexpr millis wake_budget{4000};

/// What a verdict about an attempt means to it.
ec outcome_of(const verdict& v) {
  switch (v.is) {
  case outcome::not_pending:
  case outcome::closed: return ec::not_payable;
  case outcome::number_used: return ec::in_flight; // Once more, with other numbers.
  default: return to_ec(v.is);
  }
}

/// The reservation's own checkout has another owner in mind: its rows know.
void wake_seller(pointer self, reservation_id sold) {
  ask<checkout_actor>(self, *self->state.node, key_of(sold), wake_budget, wake_checkout{})
    .then([](const checkout_awake&) {},
          [](const caf::error&) {
            // The ledger does not let a former owner cancel, whatever a memory says.
          });
}

} // namespace

void look_at_subject(pointer self, user_id asker, const wish& x, std::function<void()> then) {
  auto& st = self->state;
  if (st.of == payment_subject::reservation) return then();
  ++st.open_requests;
  auto before = st.endings;
  load_checkout what{st.reservation, st.address, st.of, asker};
  self->request(st.node->reads, reads_budget, what)
    .then(
      [=](const checkout_rows& rows) {
        auto& s = self->state;
        --s.open_requests;
        if (rows.fenced) return x.reply->deliver(refusal(ec::unavailable));
        if (s.endings != before) return look_at_subject(self, asker, x, then);
        s.core->apply_subject(rows);
        then();
      },
      [=](const caf::error&) {
        --self->state.open_requests;
        x.reply->deliver(refusal(ec::unavailable));
      });
}

void pin_subject(pointer self, const live_attempt& x, std::function<void(ec)> then) {
  auto& st = self->state;
  begin_attempt what;
  what.id = x.row.id;
  what.payment = x.row.payment;
  what.reservation = st.reservation;
  what.amount = x.row.amount;
  what.provider = x.row.provider;
  what.payment_key = x.row.payment_key;
  what.method = x.row.method;
  what.checkout = what.block = st.address;
  what.of = st.of;
  submit_op(self, std::move(what), [=](const verdict& v) { then(outcome_of(v)); });
}

void sell_subject(pointer self, const live_attempt& x, std::function<void(ec)> then) {
  auto& st = self->state;
  auto& subject = st.core->rows().subject;
  complete_payment what;
  what.attempt = x.row.id;
  what.payment = x.row.payment;
  what.reservation = st.reservation;
  what.amount = x.row.amount;
  what.approved_at = x.approved_at;
  what.checkout = st.address;
  what.request = x.request;
  what.of = st.of;
  what.listed = subject.listed;
  what.tickets.resize(static_cast<size_t>(subject.units));
  for (auto& ticket : what.tickets)
    ticket = {make_id<ticket_id>(*st.node->random), ticket_number(st.now(), *st.node->random)};
  submit_op(self, std::move(what), [=, sold = subject.listed](const verdict& v) {
    auto is = outcome_of(v);
    if (is == ec::ok && !sold.nil()) wake_seller(self, sold);
    then(is);
  });
}

void unpin_subject(pointer self, const live_attempt& x, std::function<void(ec)> then) {
  auto& st = self->state;
  fail_attempt what{x.row.id, x.row.payment, st.reservation, x.end,
                    x.error,  st.address,    st.address,     st.of};
  submit_op(self, std::move(what), [=](const verdict& v) { then(outcome_of(v)); });
}

} // namespace tk::checkout
