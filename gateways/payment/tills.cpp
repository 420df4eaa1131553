#include "gateways/payment/tills.hpp"

#include <caf/actor_system.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include "supervisors/reply_once.hpp"

namespace tk {

namespace {

struct tills_state {
  static inline const char* name = "tiketi.tills";
  std::map<std::string, payment_actor> tills;
};
using tills_ptr = payment_actor::stateful_pointer<tills_state>;

/// Beyond what a gateway takes: it always answers.
constexpr auto patience = payment_call_max + std::chrono::seconds(5);

template <class Reply, class Question>
caf::result<Reply> pass_on(tills_ptr self, const Question& x) {
  auto& tills = self->state.tills;
  auto till = tills.find(x.provider);
  if (till == tills.end()) {
    Reply out;
    out.is = decltype(out.is)::not_asked;
    out.error = ec::provider_away;
    return out;
  }
  auto reply = promise_reply<Reply>(self);
  self->request(till->second, patience, x)
    .then([reply](const Reply& y) { reply->deliver(y); },
          [reply](caf::error&) { reply->deliver(Reply{}); }); // Unknown.
  return reply->rp;
}

payment_actor::behavior_type all_tills(tills_ptr self,
                                       const std::map<std::string, payment_actor>& tills) {
  self->state.tills = tills;
  self->attach_functor([tills] {
    for (auto& [name, x] : tills) caf::anon_send_exit(x, caf::exit_reason::user_shutdown);
  });
  return {
    [=](const approve_payment& x) { return pass_on<payment_approval>(self, x); },
    [=](const query_payment& x) { return pass_on<payment_report>(self, x); },
    [=](const void_payment& x) { return pass_on<payment_report>(self, x); },
    [=](const refund_payment& x) { return pass_on<payment_refund>(self, x); },
  };
}

} // namespace

payment_actor spawn_payment_tills(caf::actor_system& system,
                                  std::map<std::string, payment_actor> tills) {
  return system.spawn(all_tills, std::move(tills));
}

} // namespace tk
