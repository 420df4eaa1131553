#include "actors/session/state.hpp"
#include "actors/waiting_room/port.hpp"
#include "supervisors/reservation_forms.hpp"
#include "supervisors/router.hpp"
#include "supervisors/turn_writer.hpp"

/// One person waits for one event at a time (C8). The event is on record, under a key of the user's
/// own, before its room hears of the join; the rooms alone know who waits. So nothing has to be
/// told when a place is given up, lost, or changed for a slot: the room of the event on record is
/// asked.
namespace tk::session {

namespace {

// The key, of which there is one per user: what it names is the event.
constexpr char queue_operation[] = "queue.join";
constexpr char queue_key[] = "event", queue_digest[] = "queue";

/// Beyond it they hear `busy`.
constexpr size_t joiners_max = 16;
constexpr millis join_budget{6000};
/// A join is dropped when its room has not begun with it by then: before another node can take over
/// the session, which would know nothing of it.
constexpr millis room_budget{2500};
/// A join that was begun in time may wait so long for a turn.
constexpr millis join_lasts = room_budget + turn_patience + millis{500};

void next_joiner(pointer self);

/// The first of `joining` has its answer.
void tell(pointer self, const queue_reply& x) {
  auto& all = self->state.joining;
  all.front().reply->deliver(x);
  all.erase(all.begin());
  next_joiner(self);
}

void refuse(pointer self, ec why) { tell(self, refusal<queue_reply>(why)); }

/// Asks the room of `event`; `then(const Reply&)` or `failed(ec)` runs once.
template <class Message, class Then, class Failed>
void ask_room(pointer self, event_id event, Message what, Then then, Failed failed) {
  auto& st = self->state;
  ++st.open_requests;
  using reply = typename reply_to<waiting_room_actor, Message>::type;
  ask<waiting_room_actor>(self, *st.node, room_key(event), room_budget, std::move(what))
    .then(
      [=](const reply& x) {
        --self->state.open_requests;
        if (x.is == ec::ok) then(x);
        else failed(x.is);
      },
      [=](const caf::error& e) {
        --self->state.open_requests;
        failed(to_ec(e));
      });
}

/// Whether a join for `event` whose answer got lost may still happen.
bool may_still_join(state& st, event_id event) {
  auto now = st.node->clock->now();
  std::erase_if(st.unsure_joins, [now](auto& x) { return x.second <= now; });
  return st.unsure_joins.contains(event);
}

/// The event is the user's: asks its room for what was asked of the session.
void join(pointer self) {
  const auto what = self->state.joining.front().what;
  auto lost = [=](ec why) {
    auto& st = self->state;
    if (why == ec::unknown && !may_still_join(st, what.event))
      st.unsure_joins[what.event] = st.node->clock->now() + join_lasts;
    refuse(self, why);
  };
  ask_room(
    self, what.event, check_queue{self->state.user, what.gate_number, what.ticket, what.join},
    [=](const queue_reply& x) { tell(self, x); }, lost);
}

/// Puts the event on record as the user's, instead of `before`, for which they do not wait.
/// `absent` is what its room has said.
void claim(pointer self, const queue_reply& absent, event_id before);

/// Another event is on record: its room says whether the user waits there.
void look_elsewhere(pointer self, const queue_reply& absent, event_id other) {
  auto waits = [=] {
    // Who does not join has the answer already.
    if (self->state.joining.front().what.join) refuse(self, ec::queue_elsewhere);
    else tell(self, absent);
  };
  if (may_still_join(self->state, other)) return waits();
  ask_room(
    self, other, find_waiter{self->state.user},
    [=](const waiter_found& x) {
      if (x.waits) waits();
      else claim(self, absent, other);
    },
    [=](ec why) {
      if (why == ec::event_unknown) claim(self, absent, other);
      else refuse(self, why);
    });
}

void claim(pointer self, const queue_reply& absent, event_id before) {
  auto& st = self->state;
  const auto& x = st.joining.front();
  if (st.node->clock->now() >= x.until) return refuse(self, ec::late);
  const auto event = x.what.event;
  claim_key what{st.user,      queue_operation,      queue_key,
                 queue_digest, {event.hi, event.lo}, {before.hi, before.lo}};
  submit_op(self, std::move(what), [=](outcome is, const verdict& v) {
    if (is == outcome::ok) return join(self);
    if (is == outcome::not_pending) return refuse(self, ec::not_authenticated); // No such user.
    if (is != outcome::replayed) return refuse(self, to_ec(is));
    look_elsewhere(self, absent, {v.effect.hi, v.effect.lo});
  });
}

/// Whoever stands there already is told so: only who would join is asked where else they wait.
/// Without the ticket, which may give a place, too.
void look(pointer self) {
  const auto event = self->state.joining.front().what.event;
  ask_room(
    self, event, check_queue{self->state.user, 0, {}, false},
    [=](const queue_reply& x) {
      if (x.state == queue_state::absent) claim(self, x, {});
      else tell(self, x);
    },
    [=](ec why) { refuse(self, why); });
}

void next_joiner(pointer self) {
  if (!self->state.joining.empty()) look(self);
}

} // namespace

caf::result<queue_reply> on_join_queue(pointer self, const join_queue& cmd) {
  auto& st = self->state;
  auto reply = promise_reply<queue_reply>(self);
  auto out = reply->rp;
  if (st.joining.size() >= joiners_max) {
    reply->deliver(refusal<queue_reply>(ec::busy));
    return out;
  }
  st.joining.push_back({cmd, reply, st.node->clock->now() + join_budget});
  if (st.joining.size() == 1) look(self);
  return out;
}

} // namespace tk::session
