#include "actors/checkout/port.hpp"
#include "tests/simulation/crowd.hpp"
#include "tests/simulation/workloads.hpp"

namespace tk::sim {

namespace {

/// Somebody changes the price on the way: in what they prepare, and in what they confirm. Both must
/// be refused, and the money must not be taken (I11).
class wrong_amounts final : public workload {
public:
  explicit wrong_amounts(const scene& in) : in_(in), dice_(in.where.seed, "wrong amounts") {
    // nop
  }

  void setup() override {
    auto share = in_.where.plan.people_do.wrong_amounts * 10'000;
    if (share == 0) return; // Nothing is drawn, and nothing moves.
    in_.people.when_held([this, share](const visit_ptr& v) {
      if (!dice_.chance(share)) return;
      auto off = won{dice_.chance(500'000) ? 1000 : -1000};
      bool at_once = dice_.chance(500'000);
      in_.where.time.after(dice_.between(millis{10}, millis{3000}),
                           [=, this] { prepare(v, v->price + (at_once ? off : won{0}), off); });
    });
  }

private:
  void prepare(const visit_ptr& v, won amount, won off) {
    auto told = wish_of(v, "", amount);
    in_.judge.asked_to_pay(told);
    prepare_payment what{told.user, amount, {}};
    in_.people.ask<checkout_actor>(node(), key_of(v->id), what, patience,
                                   [=, this](const answer<payment_reply>& x) {
                                     hear(told, x.is());
                                     if (x.is() == ec::ok) confirm(v, x.value.order_id, off);
                                   });
  }

  void confirm(const visit_ptr& v, const std::string& order, won off) {
    auto told = wish_of(v, "wrong-" + std::to_string(++keys_), v->price + off);
    in_.judge.asked_to_pay(told);
    confirm_payment what{told.user, order, told.provider_key, told.amount, millis{10'000}, {}};
    in_.people.ask<checkout_actor>(
      node(), key_of(v->id), what, patience,
      [=, this](const answer<payment_reply>& x) { hear(told, x.is()); });
  }

  [[nodiscard]] told_wish_to_pay wish_of(const visit_ptr& v, const std::string& key,
                                         won amount) const {
    auto now = in_.where.time.now();
    return {user_of(v->person), v->id, key, {}, amount, now, now, ec::unknown};
  }

  void hear(told_wish_to_pay x, ec is) {
    x.answered = in_.where.time.now();
    x.is = is;
    in_.judge.heard_wish_to_pay(x);
  }

  int32_t node() { return in_.where.any_node(dice_); }

  scene in_;
  dice dice_;
  uint64_t keys_ = 0;
};

} // namespace

workload_ptr make_wrong_amounts(const scene& in) { return std::make_unique<wrong_amounts>(in); }

} // namespace tk::sim
