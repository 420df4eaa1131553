#include "tests/simulation/bank.hpp"

#include <utility>

#include <caf/all.hpp>

namespace tk::sim {

namespace {

using line_actor = payment_actor::extend<caf::reacts_to<errand>>;

/// What an unanswered call looks like to its asker.
template <class Answer> Answer not_reached() {
  Answer out;
  out.is = decltype(out.is)::not_asked;
  out.error = ec::provider_away;
  return out;
}

/// Asks the bank after a while and answers after another; `act` is what moves the money.
template <class Answer, class Act>
caf::result<Answer> call(line_actor::pointer self, bank* to, const std::string& about, Act act) {
  auto reply = self->make_response_promise<Answer>();
  auto tell = [=](Answer x) {
    auto handle = caf::actor_cast<caf::actor>(self);
    auto most = to->faults.strikes(&fault_mix::bank_slow_ppm, to->random)
                  ? millis{9'000}
                  : to->faults.bank_delay_max;
    to->time.after(to->random.between(millis{1}, most), [=] {
      caf::anon_send(handle, errand{[reply, x]() mutable {
                       if (reply.pending()) reply.deliver(x);
                     }});
    });
  };
  if (to->faults.strikes(&fault_mix::bank_away_ppm, to->random)) {
    if (to->on_call) to->on_call(about + ": nobody is there");
    tell(not_reached<Answer>());
    return reply;
  }
  to->time.after(to->random.between(millis{1}, to->faults.bank_delay_max), [=] {
    auto said = act();
    if (to->on_call) to->on_call(about);
    if (to->faults.strikes(&fault_mix::bank_loses_ppm, to->random)) {
      ++to->answers_lost;
      tell(Answer{}); // Unknown.
    } else {
      tell(said);
    }
  });
  return reply;
}

line_actor::behavior_type line(line_actor::pointer self, bank* to) {
  return {
    [](const errand& x) { x.run(); },
    [=](const approve_payment& x) {
      to->core.hear_of(x.order_id, to->time.now());
      return call<payment_approval>(self, to, "takes money for " + x.order_id,
                                    [=] { return to->core.approve(x, to->time.now()); });
    },
    [=](const query_payment& x) {
      return call<payment_report>(self, to, "looks for " + x.order_id,
                                  [=] { return to->core.query(x, to->time.now()); });
    },
    [=](const void_payment& x) {
      return call<payment_report>(self, to, "voids " + x.order_id,
                                  [=] { return to->core.void_order(x, to->time.now()); });
    },
    [=](const refund_payment& x) {
      return call<payment_refund>(self, to, "gives back " + x.payment_key,
                                  [=] { return to->core.refund(x, to->time.now()); });
    },
  };
}

} // namespace

payment_actor spawn_bank_line(caf::actor_system& system, bank& to) {
  return caf::actor_cast<payment_actor>(system.spawn(line, &to));
}

} // namespace tk::sim
