#include "gateways/payment/portone.hpp"

#include <algorithm>
#include <functional>

#include <caf/actor_system.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include "logging/log.hpp"
#include "supervisors/reply_once.hpp"

namespace tk {

namespace {

struct portone_state {
  static inline const char* name = "tiketi.portone";
  portone::settings settings;
  web_actor web;
  const wall_clock* clock = nullptr;
};
using portone_ptr = payment_actor::stateful_pointer<portone_state>;
using web_done = std::function<void(const web_response&)>;

/// What the worker may take beyond a call's own time before it counts as gone.
constexpr millis way_back{1000};

millis time_left(portone_ptr self, instant deadline) {
  auto left = deadline - self->state.clock->now();
  return std::min<millis>(left, payment_call_max);
}

/// `then` hears "sent, and no answer" for whatever went wrong on the way: unknown.
void call(portone_ptr self, web_request what, instant deadline, const char* step, web_done then) {
  what.time_max = std::max(millis{1}, time_left(self, deadline));
  auto patience = what.time_max + way_back;
  auto heard = [step, then = std::move(then)](const web_response& x) {
    if (portone::refuses_us(x))
      log_line(log_level::error, "gateways", "payment_provider_refuses_us")
        .text("provider", "portone")
        .text("step", step)
        .text("code", portone::code_of(x));
    then(x);
  };
  self->request(self->state.web, patience, std::move(what)).then(heard, [heard](caf::error&) {
    heard({0, true, "", "the web worker is gone"});
  });
}

template <class Reply> Reply late() {
  Reply out;
  out.is = decltype(out.is)::not_asked;
  out.error = ec::late;
  return out;
}

caf::result<payment_approval> on_approve(portone_ptr self, const approve_payment& x) {
  if (!portone::is_name(x.order_id)) return payment_approval{};
  if (time_left(self, x.deadline) <= millis{0}) return late<payment_approval>();
  auto reply = promise_reply<payment_approval>(self);
  auto& own = self->state.settings;
  call(self, portone::confirm(own, x), x.deadline, "confirm", [=](const web_response& got) {
    auto made = portone::approval_of(got);
    if (!made.look) return reply->deliver(std::move(made.what));
    call(self, portone::find(self->state.settings, x.order_id), x.deadline, "look",
         [=](const web_response& found) {
           auto now = portone::payment_of(self->state.settings, found);
           reply->deliver(portone::approval_of(x, got, now));
         });
  });
  return reply->rp;
}

/// Nobody can confirm any more what began so long ago.
template <class Question> bool lapsed(portone_ptr self, const Question& x) {
  auto& st = self->state;
  return x.begun_at != instant{} && st.clock->now() >= x.begun_at + st.settings.attempt_life;
}

caf::result<payment_report> on_query(portone_ptr self, const query_payment& x) {
  if (!portone::is_name(x.order_id)) return payment_report{}; // It knows orders only.
  if (time_left(self, x.deadline) <= millis{0}) return late<payment_report>();
  auto reply = promise_reply<payment_report>(self);
  call(self, portone::find(self->state.settings, x.order_id), x.deadline, "query",
       [=](const web_response& got) {
         auto found = portone::payment_of(self->state.settings, got);
         reply->deliver(portone::report_of(got, found, lapsed(self, x)));
       });
  return reply->rp;
}

/// A payment that waits for a deposit is closed, then looked at again: only what it is then counts.
void close(portone_ptr self, const void_payment& x, const reply_ptr<payment_report>& reply) {
  call(self, portone::close(self->state.settings, x.order_id), x.deadline, "close",
       [=](const web_response&) {
         call(self, portone::find(self->state.settings, x.order_id), x.deadline, "look",
              [=](const web_response& got) {
                auto found = portone::payment_of(self->state.settings, got);
                reply->deliver(portone::report_of(got, found, lapsed(self, x)));
              });
       });
}

/// There is no call that ends an order: what is not confirmed ends by itself.
caf::result<payment_report> on_void(portone_ptr self, const void_payment& x) {
  if (!portone::is_name(x.order_id)) return payment_report{};
  if (time_left(self, x.deadline) <= millis{0}) return late<payment_report>();
  auto reply = promise_reply<payment_report>(self);
  call(self, portone::find(self->state.settings, x.order_id), x.deadline, "query",
       [=](const web_response& got) {
         auto found = portone::payment_of(self->state.settings, got);
         if (found.is == portone::standing::deposit) return close(self, x, reply);
         reply->deliver(portone::report_of(got, found, lapsed(self, x)));
       });
  return reply->rp;
}

caf::result<payment_refund> on_refund(portone_ptr self, const refund_payment& x) {
  if (!portone::is_name(x.order_id)) {
    payment_refund out;
    out.is = refund_outcome::refused;
    out.code = "PAYMENT_NOT_FOUND";
    return out;
  }
  if (time_left(self, x.deadline) <= millis{0}) return late<payment_refund>();
  auto reply = promise_reply<payment_refund>(self);
  call(self, portone::cancel(self->state.settings, x), x.deadline, "cancel",
       [=](const web_response& got) {
         auto made = portone::refund_of(x, got);
         if (!made.look) return reply->deliver(std::move(made.what));
         call(self, portone::find(self->state.settings, x.order_id), x.deadline, "look",
              [=](const web_response& found) {
                auto now = portone::payment_of(self->state.settings, found);
                reply->deliver(portone::refund_of(x, now));
              });
       });
  return reply->rp;
}

payment_actor::behavior_type portone_payments(portone_ptr self, const portone::settings& settings,
                                              const web_actor& web, const wall_clock* clock) {
  self->state.settings = settings;
  self->state.web = web;
  self->state.clock = clock;
  self->attach_functor([web] { caf::anon_send_exit(web, caf::exit_reason::user_shutdown); });
  return {
    [=](const approve_payment& x) { return on_approve(self, x); },
    [=](const query_payment& x) { return on_query(self, x); },
    [=](const void_payment& x) { return on_void(self, x); },
    [=](const refund_payment& x) { return on_refund(self, x); },
  };
}

} // namespace

payment_actor spawn_portone_payments(caf::actor_system& system, portone::settings settings,
                                     web_actor web, const wall_clock& clock) {
  return system.spawn(portone_payments, std::move(settings), std::move(web), &clock);
}

} // namespace tk
