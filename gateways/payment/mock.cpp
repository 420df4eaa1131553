#include "gateways/payment/mock.hpp"

#include <functional>
#include <map>
#include <memory>

#include <caf/actor_system.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include "supervisors/reply_once.hpp"

namespace tk {

/// What the mock does some time later, told by it to itself.
struct mock_step {
  uint64_t no = 0;
};

} // namespace tk

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::mock_step)

namespace tk {

namespace {

using self_actor = mock_payment_actor::extend<caf::reacts_to<mock_step>>;

struct mock_state {
  static inline const char* name = "tiketi.mock-payments";
  const wall_clock* clock = nullptr;
  std::unique_ptr<mock_provider> core;
  unknown_refund unknown = unknown_refund::refused;
  std::map<uint64_t, std::function<void()>> steps; ///< Those that wait for their time.
  uint64_t step_no = 0;
};
using mock_ptr = self_actor::stateful_pointer<mock_state>;

void after(mock_ptr self, millis delay, std::function<void()> act) {
  if (delay <= millis{0}) return act();
  auto no = ++self->state.step_no;
  self->state.steps[no] = std::move(act);
  self->delayed_send(self, delay, mock_step{no});
}

void on_step(mock_ptr self, uint64_t no) {
  auto step = self->state.steps.extract(no);
  if (step) step.mapped()();
}

caf::result<payment_approval> on_approve(mock_ptr self, const approve_payment& x) {
  auto script = script_of(x.payment_key);
  auto delay = self->state.core->settings().delay + script.slow;
  auto reply = promise_reply<payment_approval>(self);
  if (script.away) { // As a host that takes no connection.
    payment_approval away;
    away.is = approval_outcome::not_asked;
    away.error = ec::provider_away;
    after(self, payment_connect_max, [=] { reply->deliver(away); });
    return reply->rp;
  }
  self->state.core->hear_of(x.order_id, self->state.clock->now());
  auto capture = [=] { return self->state.core->approve(x, self->state.clock->now()); };
  if (script.late > millis{0}) {
    after(self, delay, [=] { reply->deliver(payment_approval{}); });
    after(self, delay + script.late, capture);
    return reply->rp;
  }
  after(self, delay, [=, lost = script.answer_lost] {
    auto made = capture();
    reply->deliver(lost ? payment_approval{} : made);
  });
  return reply->rp;
}

caf::result<payment_refund> on_refund(mock_ptr self, const refund_payment& x) {
  auto reply = promise_reply<payment_refund>(self);
  after(self, self->state.core->settings().delay, [=] {
    auto& core = *self->state.core;
    bool trusted = self->state.unknown == unknown_refund::trusted && x.amount > won{0} &&
                   !core.knows(x.payment_key) && !script_of(x.payment_key).declines;
    if (trusted) core.enter_capture(x.payment_key, x.amount, self->state.clock->now());
    auto made = core.refund(x, self->state.clock->now());
    bool lost = made.is == refund_outcome::done && core.loses_refund_answer(x.payment_key);
    reply->deliver(lost ? payment_refund{} : made);
  });
  return reply->rp;
}

/// A question about an order, or its end.
template <class Ask> caf::result<payment_report> on_order(mock_ptr self, Ask ask) {
  auto reply = promise_reply<payment_report>(self);
  after(self, self->state.core->settings().delay,
        [=] { reply->deliver(ask(*self->state.core, self->state.clock->now())); });
  return reply->rp;
}

self_actor::behavior_type mock(mock_ptr self, mock_settings settings, const wall_clock* clock,
                               unknown_refund unknown) {
  self->state.clock = clock;
  self->state.core = std::make_unique<mock_provider>(settings);
  self->state.unknown = unknown;
  return {
    [=](const approve_payment& x) { return on_approve(self, x); },
    [=](const query_payment& x) {
      return on_order(self, [x](mock_provider& core, instant now) { return core.query(x, now); });
    },
    [=](const void_payment& x) {
      return on_order(self,
                      [x](mock_provider& core, instant now) { return core.void_order(x, now); });
    },
    [=](const refund_payment& x) { return on_refund(self, x); },
    [=](read_mock_books) { return self->state.core->books(); },
    [=](mock_step x) { on_step(self, x.no); },
  };
}

} // namespace

mock_payment_actor spawn_mock_payments(caf::actor_system& system, mock_settings settings,
                                       const wall_clock& clock, unknown_refund unknown) {
  return system.spawn(mock, settings, &clock, unknown);
}

} // namespace tk
