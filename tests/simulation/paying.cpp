#include "actors/checkout/port.hpp"
#include "tests/simulation/crowd.hpp"
#include "tests/simulation/workloads.hpp"

namespace tk::sim {

namespace {

constexpr millis patience_of_payers{12'000};

/// One way to pay, as often as it is tried.
struct payment {
  std::string key; ///< The provider's.
  bool last_word = false;
  int32_t tries = 0;
};

/// Holds are paid: in time, from two tabs at once, around the end of the hold, and asked again.
class paying final : public workload {
public:
  explicit paying(const scene& in) : world_(in.where), oracle_(in.judge), people_(in.people) {
    // nop
  }

  void setup() override {
    people_.does(turn::pays, [this](const visit_ptr& v, millis soon) { later(v, soon, false); });
    people_.does(turn::pays_twice,
                 [this](const visit_ptr& v, millis soon) { later(v, soon, true); });
    people_.does(turn::pays_late, [this](const visit_ptr& v, millis) {
      auto end = millis{1000 * world_.plan.hold_s};
      later(v, end + v->luck->between(millis{-400}, millis{400}), false);
    });
  }

private:
  void later(const visit_ptr& v, millis when, bool twice) {
    world_.time.after(when, [=, this] { prepare(v, twice); });
  }

  void prepare(const visit_ptr& v, bool twice) {
    prepare_payment what{user_of(v->person), v->price, {}};
    auto told = wish_to_pay(v, "", {});
    oracle_.asked_to_pay(told);
    auto then = [=, this](const answer<payment_reply>& x) {
      hear(told, x.is());
      if (x.is() != ec::ok) return people_.finish(v);
      v->order = x.value.order_id;
      auto refused = v->luck->chance(world_.plan.people_do.payment_declined * 10'000);
      auto key = (refused ? "fail-" : "") + people_.new_key(v->person);
      if (v->luck->chance(600'000)) v->pay_key = people_.new_key(v->person);
      confirm(v, {key, true, 0});
      if (twice) confirm(v, {people_.new_key(v->person), false, 0});
      if (v->meanwhile) v->meanwhile();
    };
    people_.ask<checkout_actor>(world_.any_node(*v->luck), key_of(v->id), what, patience, then);
  }

  [[nodiscard]] told_wish_to_pay wish_to_pay(const visit_ptr& v, const std::string& provider_key,
                                             const request_key& key) const {
    auto now = world_.time.now();
    return {user_of(v->person), v->id, provider_key, key, v->price, now, now, ec::unknown};
  }

  void hear(told_wish_to_pay x, ec is) {
    x.answered = world_.time.now();
    x.is = is;
    oracle_.heard_wish_to_pay(x);
  }

  /// As the ingress finds it: with what is on record for just this, if anything. That it was used
  /// for something else is left to the checkout to find out, as when the look at it came too early.
  [[nodiscard]] request_key key_of_payment(const visit_ptr& v, const payment& by) const {
    request_key out{"payments.confirm", v->pay_key, v->order + by.key, {}};
    auto& known = world_.db.model.rows.request_keys;
    auto row = known.find({user_of(v->person), out.operation, out.key});
    if (row != known.end() && row->second.digest == out.digest) out.effect = row->second.effect;
    return out;
  }

  void confirm(const visit_ptr& v, const payment& by) {
    confirm_payment what{user_of(v->person), v->order, by.key, v->price, millis{10'000}, {}};
    auto node = world_.any_node(*v->luck);
    auto asked = world_.time.now();
    auto key = v->pay_key.empty() ? request_key{} : key_of_payment(v, by);
    auto told = wish_to_pay(v, by.key, key);
    oracle_.asked_to_pay(told);
    auto then = [=, this](const answer<payment_reply>& x) {
      hear(told, x.is());
      on_paid(v, by, key, asked, x);
    };
    if (key.key.empty())
      people_.ask<checkout_actor>(node, key_of(v->id), what, patience_of_payers, then);
    else
      people_.ask<checkout_actor>(node, key_of(v->id), once<confirm_payment>{what, key},
                                  patience_of_payers, then);
  }

  void on_paid(const visit_ptr& v, const payment& by, const request_key& key, instant asked,
               const answer<payment_reply>& x) {
    oracle_.heard_payment(
      {{v->id, x.is(), asked, world_.time.now()}, user_of(v->person), key, x.value.payment});
    if (!by.last_word) return;
    // With a key whatever left them in doubt is asked again, at any node; sometimes for no reason.
    bool in_doubt = x.is() == ec::unknown || x.is() == ec::payment_pending || retryable(x.is());
    bool again = !key.key.empty() && by.tries < 4 && (in_doubt || v->luck->chance(200'000));
    if (!again) return people_.finish(v);
    world_.time.after(v->luck->between(millis{10}, millis{4000}), [=, this] {
      confirm(v, {by.key, true, by.tries + 1});
    });
  }

  world& world_;
  oracle& oracle_;
  crowd& people_;
};

} // namespace

workload_ptr make_paying(const scene& in) { return std::make_unique<paying>(in); }

} // namespace tk::sim
