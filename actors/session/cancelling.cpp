#include "actors/checkout/port.hpp"
#include "actors/seat_block/port.hpp"
#include "actors/session/state.hpp"
#include "supervisors/reservation_forms.hpp"
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

/// Beyond it they hear `busy`.
constexpr size_t cancellers_max = 16;

void cancel(pointer self, const canceller& x);

/// Tells what came of it, and looks at what the next one wants.
void tell_end(pointer self, const canceller& x, ec is) {
  x.reply->deliver({is});
  auto& all = self->state.cancelling;
  auto i = all.find(x.what.id);
  if (i->second.empty()) {
    all.erase(i);
    return;
  }
  auto next = std::move(i->second.front());
  i->second.erase(i->second.begin());
  cancel(self, next);
}

/// Whether the key is on record; else it is put there, and the wish looked at again.
bool on_record(pointer self, const canceller& x) {
  auto& st = self->state;
  if (x.key.key.empty() || !x.key.effect.nil()) return true;
  claim_key what{
    st.user, x.key.operation, x.key.key, x.key.digest, make_id<effect_id>(*st.node->random), {}};
  submit_op(self, std::move(what), [=](outcome is, const verdict& v) {
    if (is != outcome::ok && is != outcome::replayed) return tell_end(self, x, to_ec(is));
    auto next = x;
    next.key.effect = v.effect;
    cancel(self, next);
  });
  return false;
}

/// What came of it. Who has a key on record for this hears that it is cancelled as often as asked.
void answer(pointer self, const canceller& x, ec is) {
  bool again = is == ec::already_cancelled && !x.key.effect.nil();
  tell_end(self, x, again ? ec::ok : is);
}

template <class Message> void ask_checkout(pointer self, const canceller& x, Message cmd) {
  auto& st = self->state;
  ++st.open_requests;
  ask<checkout_actor>(self, *st.node, key_of(x.what.id), block_budget, std::move(cmd))
    .then(
      [=](const payment_reply& r) {
        --self->state.open_requests;
        bool second = r.repeated || r.is == ec::not_refundable; // Somebody was faster.
        answer(self, x, second ? ec::already_cancelled : r.is);
      },
      [=](const caf::error& e) {
        --self->state.open_requests;
        tell_end(self, x, to_ec(e));
      });
}

/// It is paid: its checkout ends it and gives the money back, under the id that the key names.
void cancel_paid_one(pointer self, const canceller& x) {
  if (!on_record(self, x)) return;
  cancel_payment cmd{self->state.user, "user-request", x.what.request};
  if (x.key.effect.nil()) ask_checkout(self, x, std::move(cmd));
  else ask_checkout(self, x, once<cancel_payment>{std::move(cmd), {"", "", "", x.key.effect}});
}

/// Where a row that cannot be read is told.
auto refused(pointer self, const canceller& x) {
  return [=](ec why) { tell_end(self, x, why); };
}

/// The lead block does not lead it (any more): the row says how it ended.
void explain_no_hold(pointer self, const canceller& x) {
  with_own_row(self, x.what.id, refused(self, x), [=](const reservation_row& row) {
    auto why = why_not_cancel(row.status);
    if (why != ec::ok) self->state.core.forget(x.what.id);
    if (why == ec::reservation_confirmed) return cancel_paid_one(self, x);
    answer(self, x, why == ec::ok ? ec::busy : why); // Pending: the block is looking, too.
  });
}

void cancel_at(pointer self, const canceller& x, event_id event, int32_t lead_block) {
  auto& st = self->state;
  if (!on_record(self, x)) return;
  ++st.open_requests;
  ask<seat_block_actor>(self, *st.node, key_of(event, lead_block), block_budget,
                        release_hold{x.what.id, st.user, x.what.request})
    .then(
      [=](const release_reply& r) {
        --self->state.open_requests;
        if (r.is == ec::reservation_unknown) return explain_no_hold(self, x);
        if (r.is == ec::ok) self->state.core.forget(x.what.id);
        answer(self, x, r.is);
      },
      [=](const caf::error& e) {
        --self->state.open_requests;
        tell_end(self, x, to_ec(e));
      });
}

void cancel(pointer self, const canceller& x) {
  auto& st = self->state;
  if (!st.core.accepts(x.what.token_issued_at)) return tell_end(self, x, ec::not_authenticated);
  if (auto known = st.core.find_pending(x.what.id))
    return cancel_at(self, x, known->event, known->lead_block);
  with_own_row(self, x.what.id, refused(self, x), [=](const reservation_row& row) {
    auto why = why_not_cancel(row.status);
    if (why == ec::reservation_confirmed) return cancel_paid_one(self, x);
    if (why != ec::ok) return answer(self, x, why);
    cancel_at(self, x, row.event, row.lead_block);
  });
}

} // namespace

caf::result<release_reply> on_cancel(pointer self, const cancel_reservation& cmd,
                                     const request_key& key) {
  canceller x{cmd, promise_reply<release_reply>(self), key};
  auto out = x.reply->rp;
  with_rows(self, x.reply, [=] {
    auto [i, first] = self->state.cancelling.try_emplace(cmd.id);
    if (first) cancel(self, x);
    else if (i->second.size() < cancellers_max) i->second.push_back(x);
    else x.reply->deliver({ec::busy});
  });
  return out;
}

} // namespace tk::session
