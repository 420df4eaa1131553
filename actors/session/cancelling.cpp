#include "actors/checkout/port.hpp"
#include "actors/seat_block/port.hpp"
#include "actors/session/state.hpp"
#include "supervisors/router.hpp"

/// Cancelling, whether the reservation is still a hold or paid already.
namespace tk::session {

namespace {

ec why_not_cancel(reservation_status x) {
  switch (x) {
  case reservation_status::pending: return ec::ok;
  case reservation_status::confirmed: return ec::reservation_confirmed;
  case reservation_status::cancelled: return ec::already_cancelled;
  case reservation_status::expired: return ec::reservation_expired;
  }
  return ec::internal;
}

/// It is paid: its checkout ends it and gives the money back.
void cancel_paid_one(pointer self, const cancel_reservation& cmd,
                     const reply_ptr<release_reply>& reply) {
  auto& st = self->state;
  ++st.open_requests;
  ask<checkout_actor>(self, *st.node, key_of(cmd.id), block_budget,
                      cancel_payment{st.user, "user-request", cmd.request})
    .then(
      [=](const payment_reply& x) {
        --self->state.open_requests;
        bool second = x.repeated || x.is == ec::not_refundable; // Somebody was faster.
        reply->deliver({second ? ec::already_cancelled : x.is});
      },
      [=](const caf::error& e) {
        --self->state.open_requests;
        reply->deliver({to_ec(e)});
      });
}

/// The lead block does not lead it (any more): the row says how it ended.
void explain_no_hold(pointer self, const cancel_reservation& cmd,
                     const reply_ptr<release_reply>& reply) {
  with_own_row(self, cmd.id, reply, [=](const reservation_row& row) {
    auto why = why_not_cancel(row.status);
    if (why != ec::ok) self->state.core.forget(cmd.id);
    if (why == ec::reservation_confirmed) return cancel_paid_one(self, cmd, reply);
    reply->deliver({why == ec::ok ? ec::busy : why}); // Pending: the block is looking, too.
  });
}

void cancel_at(pointer self, const cancel_reservation& cmd, event_id event, int32_t lead_block,
               const reply_ptr<release_reply>& reply) {
  auto& st = self->state;
  ++st.open_requests;
  ask<seat_block_actor>(self, *st.node, key_of(event, lead_block), block_budget,
                        release_hold{cmd.id, st.user, cmd.request})
    .then(
      [=](const release_reply& x) {
        --self->state.open_requests;
        if (x.is == ec::reservation_unknown) return explain_no_hold(self, cmd, reply);
        if (x.is == ec::ok) self->state.core.forget(cmd.id);
        reply->deliver(x);
      },
      [=](const caf::error& e) {
        --self->state.open_requests;
        reply->deliver({to_ec(e)});
      });
}

void cancel(pointer self, const cancel_reservation& cmd, const reply_ptr<release_reply>& reply) {
  auto& st = self->state;
  if (!st.core.accepts(cmd.token_issued_at)) return reply->deliver({ec::not_authenticated});
  if (auto known = st.core.find_pending(cmd.id))
    return cancel_at(self, cmd, known->event, known->lead_block, reply);
  with_own_row(self, cmd.id, reply, [=](const reservation_row& row) {
    auto why = why_not_cancel(row.status);
    if (why == ec::reservation_confirmed) return cancel_paid_one(self, cmd, reply);
    if (why != ec::ok) return reply->deliver({why});
    cancel_at(self, cmd, row.event, row.lead_block, reply);
  });
}

} // namespace

caf::result<release_reply> on_cancel(pointer self, const cancel_reservation& cmd) {
  auto reply = promise_reply<release_reply>(self);
  with_rows(self, reply, [=] { cancel(self, cmd, reply); });
  return reply->rp;
}

} // namespace tk::session
