#include "gateways/payment/gateway.hpp"

#include <algorithm>
#include <bit>
#include <functional>
#include <map>
#include <memory>
#include <type_traits>

#include <caf/actor_system.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include "gateways/payment/call_record.hpp"
#include "logging/log.hpp"
#include "supervisors/reply_once.hpp"

namespace tk {

/// The next try of a query, told by the gateway to itself.
struct retry_query {
  uint64_t no = 0;
};

} // namespace tk

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::retry_query)

namespace tk {

namespace {

using gateway_actor = payment_actor::extend<caf::reacts_to<retry_query>>;

struct gateway_state {
  static inline const char* name = "tiketi.payments";
  payment_gateway_config config;
  payment_actor provider;
  const wall_clock* clock = nullptr;
  payment_probe* probe = nullptr;
  std::unique_ptr<breaker> guard;
  size_t calls_open = 0;
  std::map<uint64_t, std::function<void()>> retries; ///< Those that wait for their time.
  uint64_t retry_no = 0;
  /// Whose failure was counted and when: to ask about the same again says nothing new about the
  /// provider, until it has decided.
  std::map<std::string, breaker::moment> counted;
  /// How often a refund came back undone, by its idempotency key.
  std::map<std::string, uint32_t> refunds_undone;
};
using gateway_ptr = gateway_actor::stateful_pointer<gateway_state>;

/// A request being worked on; repeated tries of it included.
template <class Request, class Reply> struct call {
  Request request;
  reply_ptr<Reply> reply;
  breaker::moment ends;
  int tries_left = 1;
};
template <class Request, class Reply> using call_ptr = std::shared_ptr<call<Request, Reply>>;

template <class Reply> Reply not_asked(ec why) {
  Reply out;
  out.is = decltype(out.is)::not_asked;
  out.error = why;
  return out;
}

/// A refusal on the merits says nothing about the provider's health (P-55).
template <class Reply> call_end end_of(const Reply& x) {
  using is = decltype(x.is);
  if (x.is == is::unknown) return call_end::failed;
  if (x.is == is::not_asked)
    return x.error == ec::provider_away ? call_end::failed : call_end::not_counted;
  if constexpr (std::is_same_v<Reply, payment_approval>)
    if (x.is == is::declined) return call_end::not_counted;
  if constexpr (std::is_same_v<Reply, payment_refund>)
    if (x.is == is::refused) return call_end::not_counted;
  return call_end::succeeded;
}

/// The provider has said the last word about the subject.
bool decides(const payment_approval& x) {
  return x.is == approval_outcome::approved || x.is == approval_outcome::declined;
}
bool decides(const payment_report& x) {
  return x.is == payment_state::captured || x.is == payment_state::not_found;
}
bool decides(const payment_refund& x) {
  return x.is == refund_outcome::done || x.is == refund_outcome::refused;
}

const std::string& subject_of(const approve_payment& x) { return x.order_id; }
const std::string& subject_of(const query_payment& x) { return x.order_id; }
const std::string& subject_of(const void_payment& x) { return x.order_id; }
const std::string& subject_of(const refund_payment& x) { return x.payment_key; }

constexpr size_t remembered_max = 1000;

/// One order that stays undecided must not stop everybody's payments: it counts once (P-55),
/// however well the provider answers between its failures that nothing is known yet.
call_end judged_once(gateway_state& st, const std::string& subject, call_end how, bool decided,
                     breaker::moment now) {
  constexpr std::chrono::minutes counts_for{5};
  if (decided) st.counted.erase(subject);
  if (how != call_end::failed) return how;
  if (st.counted.size() >= remembered_max) st.counted.clear();
  auto [i, first] = st.counted.try_emplace(subject, now);
  if (!first && now < i->second + counts_for) return call_end::not_counted;
  i->second = now;
  return how;
}

/// Why a refund is to be asked for again, in a word.
std::string_view code_of(const payment_refund& x) {
  if (x.is == refund_outcome::refused) return x.code;
  return x.is == refund_outcome::not_asked ? to_string(x.error) : "unknown";
}

/// Money that does not get back to its buyer: somebody has to hear of it, the more rarely the
/// longer it lasts.
void note_undone(gateway_state& st, const refund_payment& x, const payment_refund& answer) {
  if (answer.is == refund_outcome::done) {
    st.refunds_undone.erase(x.idempotency_key);
    return;
  }
  if (st.refunds_undone.size() >= remembered_max) st.refunds_undone.clear();
  auto tries = ++st.refunds_undone[x.idempotency_key];
  if (!std::has_single_bit(tries)) return;
  log_line(log_level::warn, "gateways", "refund_put_off")
    .text("refund", x.idempotency_key)
    .text("code", code_of(answer))
    .number("tries", tries);
}

void count(gateway_ptr self, call_end how) {
  auto& probe = *self->state.probe;
  switch (how) {
  case call_end::succeeded: ++probe.calls_succeeded; break;
  case call_end::failed: ++probe.calls_failed; break;
  case call_end::not_counted: ++probe.calls_not_counted; break;
  }
  probe.breaker_state = static_cast<int64_t>(self->state.guard->state());
}

template <class Request, class Reply>
void finish(gateway_ptr self, const call_ptr<Request, Reply>& x, Reply answer) {
  auto& st = self->state;
  st.probe->calls_open = static_cast<int64_t>(--st.calls_open);
  if constexpr (std::is_same_v<Request, refund_payment>) note_undone(st, x->request, answer);
  x->reply->deliver(std::move(answer));
}

template <class Request, class Reply>
void begin(gateway_ptr self, const call_ptr<Request, Reply>& x);

/// Every try that was made leaves a row.
template <class Request, class Reply>
void keep_record(gateway_ptr self, const Request& x, const Reply& y, instant at, millis took) {
  auto& calls = self->state.config.calls;
  if (!calls) return;
  auto record = record_of(x, y);
  record.at = at;
  record.took_ms = static_cast<int32_t>(took.count());
  self->send(calls, std::move(record));
}

/// True when a query is to be asked again; it keeps its place among the open calls meanwhile.
template <class Request, class Reply>
bool ask_again(gateway_ptr self, const call_ptr<Request, Reply>& x) {
  if (--x->tries_left <= 0) return false;
  auto& config = self->state.config;
  auto pause = config.query_pause * (1 << (config.query_tries - x->tries_left - 1));
  if (self->clock().now() + pause >= x->ends) return false;
  auto no = ++self->state.retry_no;
  self->state.retries[no] = [=] { begin(self, x); };
  self->delayed_send(self, pause, retry_query{no});
  return true;
}

void on_retry(gateway_ptr self, uint64_t no) {
  auto next = self->state.retries.extract(no);
  if (next) next.mapped()();
}

/// One try. The breaker judges each; the time limit is for all of them together.
template <class Request, class Reply>
void begin(gateway_ptr self, const call_ptr<Request, Reply>& x) {
  auto& st = self->state;
  auto started = self->clock().now();
  auto began_at = st.clock->now();
  auto permit = st.guard->admit(started);
  // An order is voided when its time is over, whatever others hear: rare, and a buyer waits (G02).
  if (!permit && !std::is_same_v<Request, void_payment>) {
    ++st.probe->calls_not_permitted;
    return finish(self, x, not_asked<Reply>(ec::provider_away));
  }
  auto ended = [=](const Reply& answer) {
    auto& now = self->state;
    auto at = self->clock().now();
    auto took = std::chrono::duration_cast<millis>(at - started);
    auto how = end_of(answer);
    keep_record(self, x->request, answer, began_at, took);
    if (permit)
      now.guard->record(*permit, judged_once(now, subject_of(x->request), how, decides(answer), at),
                        took, at);
    count(self, how);
    if (how == call_end::failed && ask_again(self, x)) return;
    finish(self, x, answer);
  };
  auto left = std::chrono::ceil<millis>(x->ends - started);
  self->request(st.provider, left, x->request)
    .then([=](const Reply& answer) { ended(answer); },
          [=](caf::error&) { ended(Reply{}); }); // Late or gone: unknown.
}

template <class Reply, class Request>
caf::result<Reply> admit(gateway_ptr self, const Request& x, int tries) {
  auto& st = self->state;
  auto left = std::min(st.config.call_max, x.deadline - st.clock->now());
  if (left <= millis{0}) return not_asked<Reply>(ec::late);
  if (st.calls_open >= st.config.calls_max) {
    ++st.probe->calls_busy;
    return not_asked<Reply>(ec::busy);
  }
  st.probe->calls_open = static_cast<int64_t>(++st.calls_open);
  auto reply = promise_reply<Reply>(self);
  begin(self, std::make_shared<call<Request, Reply>>(
                call<Request, Reply>{x, reply, self->clock().now() + left, tries}));
  return reply->rp;
}

gateway_actor::behavior_type gateway(gateway_ptr self, payment_gateway_config config,
                                     const payment_actor& provider, const wall_clock* clock,
                                     payment_probe* probe) {
  self->state.config = config;
  self->state.provider = provider;
  self->state.clock = clock;
  self->state.probe = probe;
  self->state.guard = std::make_unique<breaker>(config.breaker);
  self->attach_functor(
    [provider] { caf::anon_send_exit(provider, caf::exit_reason::user_shutdown); });
  return {
    [=](const approve_payment& x) { return admit<payment_approval>(self, x, 1); },
    [=](const query_payment& x) { return admit<payment_report>(self, x, config.query_tries); },
    [=](const void_payment& x) { return admit<payment_report>(self, x, 1); },
    [=](const refund_payment& x) { return admit<payment_refund>(self, x, 1); },
    [=](retry_query x) { on_retry(self, x.no); },
  };
}

} // namespace

payment_actor spawn_payment_gateway(caf::actor_system& system, payment_gateway_config config,
                                    payment_actor provider, const wall_clock& clock,
                                    payment_probe& probe) {
  return system.spawn(gateway, config, std::move(provider), &clock, &probe);
}

} // namespace tk
