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

/// An answer of the bank that comes after a while, in its actor's own context.
template <class Answer> auto teller(line_actor::pointer self, bank* to) {
  auto reply = self->make_response_promise<Answer>();
  auto tell = [reply, to, handle = caf::actor_cast<caf::actor>(self)](Answer x) {
    auto most = to->faults.strikes(&fault_mix::bank_slow_ppm, to->random)
                  ? millis{9'000}
                  : to->faults.bank_delay_max;
    to->time.after(to->random.between(millis{1}, most), [=] {
      caf::anon_send(handle, errand{[reply, x]() mutable {
                       if (reply.pending()) reply.deliver(x);
                     }});
    });
  };
  return std::pair{reply, tell};
}

/// Asks the bank after a while and answers after another; `act` is what moves the money. `ask` is
/// called as soon as the bank has heard of it.
template <class Answer, class Act>
caf::result<Answer> call(line_actor::pointer self, bank* to, const std::string& verb,
                         const std::string& whom, Act act) {
  auto [reply, tell] = teller<Answer>(self, to);
  auto about = verb + " " + whom;
  if (to->faults.strikes(&fault_mix::bank_away_ppm, to->random)) {
    if (to->on_call) to->on_call(about + ": nobody is there");
    tell(not_reached<Answer>());
    return reply;
  }
  to->time.after(to->random.between(millis{1}, to->faults.bank_delay_max), [=, tell = tell] {
    auto said = act();
    if (to->on_call) to->on_call(about);
    if (to->faults.strikes(&fault_mix::bank_loses_ppm, to->random)) {
      ++to->answers_lost;
      ++to->lost_at[verb];
      tell(Answer{}); // Unknown.
    } else {
      tell(said);
    }
  });
  return reply;
}

void changed(bank* to, const std::string& order_id) {
  if (to->on_change) to->on_change(order_id);
}

/// The money is taken when nobody waits for it any more, perhaps after the order was ended (F47).
caf::result<payment_approval> take_late(line_actor::pointer self, bank* to,
                                        const approve_payment& x) {
  constexpr millis least{5'000}, most{150'000};
  auto [reply, tell] = teller<payment_approval>(self, to);
  bool although_ended = to->random.chance(500'000);
  ++to->under_way[x.idempotency_key];
  to->time.after(to->random.between(least, most), [=] {
    --to->under_way[x.idempotency_key];
    to->approve(x, although_ended);
    if (to->on_call) to->on_call("takes money late for " + x.order_id);
    changed(to, x.order_id);
  });
  tell(payment_approval{}); // Unknown.
  return reply;
}

caf::result<payment_approval> take(line_actor::pointer self, bank* to, const approve_payment& x) {
  to->core.hear_of(x.order_id, to->time.now());
  // Where it is off nothing is drawn for it.
  if (to->faults.bank_late_ppm > 0 && to->faults.strikes(&fault_mix::bank_late_ppm, to->random))
    return take_late(self, to, x);
  return call<payment_approval>(self, to, "takes money for", x.order_id, [=] {
    auto out = to->approve(x);
    changed(to, x.order_id);
    return out;
  });
}

line_actor::behavior_type line(line_actor::pointer self, bank* to) {
  return {
    [](const errand& x) { x.run(); },
    [=](const approve_payment& x) { return take(self, to, x); },
    [=](const query_payment& x) {
      return call<payment_report>(self, to, "looks for", x.order_id,
                                  [=] { return to->core.query(x, to->time.now()); });
    },
    [=](const void_payment& x) {
      return call<payment_report>(self, to, "voids", x.order_id,
                                  [=] { return to->core.void_order(x, to->time.now()); });
    },
    [=](const refund_payment& x) {
      return call<payment_refund>(self, to, "gives back", x.payment_key, [=] {
        auto out = to->core.refund(x, to->time.now());
        changed(to, x.order_id);
        return out;
      });
    },
  };
}

} // namespace

payment_approval bank::approve(const approve_payment& x, bool although_ended) {
  auto out = core.approve(x, time.now(), although_ended);
  if (out.code != "ALREADY_PROCESSED_PAYMENT" || !paid_on_page.contains(x.payment_key)) return out;
  auto found = core.query({x.order_id, "", {}}, time.now());
  bool this_one =
    found.payment_key == x.payment_key && found.amount == x.amount && found.refunded == won{0};
  if (!this_one) return out;
  out = {};
  out.is = approval_outcome::approved;
  out.payment_key = found.payment_key;
  out.method = found.method;
  out.approved_at = found.approved_at;
  return out;
}

bool bank::pay_on_page(const std::string& order_id, const std::string& payment_key, won amount) {
  auto said = core.approve({order_id, payment_key, amount, payment_key, {}}, time.now());
  if (on_call) on_call("somebody pays " + order_id + " on its page");
  if (said.is != approval_outcome::approved) return false;
  paid_on_page.insert(payment_key);
  if (on_change) on_change(order_id);
  return true;
}

bool bank::may_still_take(const std::string& order_id, const std::string& attempt) const {
  auto calls = under_way.find(attempt);
  return calls != under_way.end() && calls->second > 0 &&
         core.can_take(order_id, attempt, time.now());
}

payment_actor spawn_bank_line(caf::actor_system& system, bank& to) {
  return caf::actor_cast<payment_actor>(system.spawn(line, &to));
}

} // namespace tk::sim
