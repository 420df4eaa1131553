#include "actors/session/port.hpp"
#include "tests/simulation/crowd.hpp"
#include "tests/simulation/workloads.hpp"

namespace tk::sim {

namespace {

/// Somebody ends all their sessions, and somebody else goes on with what was stolen before (I18).
class sign_outs final : public workload {
public:
  explicit sign_outs(const scene& in) : in_(in) {
    // nop
  }

  void setup() override {
    in_.people.when_leaving([this](const visit_ptr& v) {
      if (v->luck->chance(in_.where.plan.people_do.signs_out * 10'000)) sign_out(v);
    });
  }

private:
  void sign_out(const visit_ptr& v) {
    auto asked = in_.where.time.now();
    auto user = user_of(v->person);
    in_.judge.asked_to_sign_out(user);
    in_.people.ask<session_actor>(in_.where.any_node(*v->luck), key_of(user), revoke_all{asked},
                                  patience, [=, this](const answer<all_revoked>& x) {
                                    in_.judge.heard_sign_out(user, asked, x.is());
                                    if (x.is() != ec::ok) return;
                                    if (v->luck->chance(500'000)) use_old_token(v);
                                  });
  }

  void use_old_token(const visit_ptr& v) {
    auto thief = std::make_shared<visit>(*v);
    in_.people.choose(*thief);
    thief->wish.key.clear();
    in_.where.time.after(v->luck->between(millis{1}, millis{3000}),
                         [=, this] { in_.people.wish_for(thief, false); });
  }

  scene in_;
};

} // namespace

workload_ptr make_sign_outs(const scene& in) { return std::make_unique<sign_outs>(in); }

} // namespace tk::sim
