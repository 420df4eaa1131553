#include "actors/checkout/port.hpp"
#include "actors/session/port.hpp"
#include "tests/simulation/crowd.hpp"
#include "tests/simulation/workloads.hpp"

namespace tk::sim {

namespace {

/// People change their minds: before they pay, while they pay, and after it.
class second_thoughts final : public workload {
public:
  explicit second_thoughts(const scene& in)
      : world_(in.where), oracle_(in.judge), people_(in.people) {
    // nop
  }

  void setup() override {
    people_.does(turn::cancels, [this](const visit_ptr& v, millis soon) {
      world_.time.after(soon, [=, this] { cancel(v); });
    });
    people_.does(turn::cancels_paying, [this](const visit_ptr& v, millis soon) {
      // Held weakly: it is the visit that keeps this.
      v->meanwhile = [this, weak = std::weak_ptr<visit>(v)] {
        auto same = weak.lock();
        world_.time.after(same->luck->between(millis{0}, millis{200}), [=, this] { cancel(same); });
      };
      people_.take(turn::pays, v, soon);
    });
    people_.does(turn::cancels_paid, [this](const visit_ptr& v, millis soon) {
      people_.take(turn::pays, v, soon);
      world_.time.after(soon + v->luck->between(millis{100}, millis{6000}),
                        [=, this] { give_back(v); });
    });
  }

private:
  void cancel(const visit_ptr& v) {
    auto asked = world_.time.now();
    cancel_reservation what{v->id, asked, {}};
    people_.ask<session_actor>(world_.any_node(*v->luck), key_of(user_of(v->person)), what,
                               patience, [=, this](const answer<release_reply>& x) {
                                 oracle_.heard_cancel({v->id, x.is(), asked, world_.time.now()});
                                 people_.finish(v);
                               });
  }

  /// For the money.
  void give_back(const visit_ptr& v) {
    auto asked = world_.time.now();
    cancel_payment what{user_of(v->person), "changed my mind", {}};
    people_.ask<checkout_actor>(world_.any_node(*v->luck), key_of(v->id), what, patience,
                                [=, this](const answer<payment_reply>& x) {
                                  oracle_.heard_refund({v->id, x.is(), asked, world_.time.now()});
                                });
  }

  world& world_;
  oracle& oracle_;
  crowd& people_;
};

} // namespace

workload_ptr make_second_thoughts(const scene& in) { return std::make_unique<second_thoughts>(in); }

} // namespace tk::sim
