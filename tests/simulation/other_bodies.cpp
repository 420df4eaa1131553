#include "tests/simulation/crowd.hpp"
#include "tests/simulation/workloads.hpp"

namespace tk::sim {

namespace {

/// The same key with another body must never have an effect (I6).
class other_bodies final : public workload {
public:
  explicit other_bodies(const scene& in) : in_(in) {
    // nop
  }

  void setup() override {
    in_.people.when_held([this](const visit_ptr& v) {
      auto share = in_.where.plan.people_do.other_body;
      if (v->wish.key.empty() || !v->luck->chance(share * 10'000)) return;
      auto other = std::make_shared<visit>(*v);
      in_.people.choose(*other);
      if (other->wish.digest != v->wish.digest) in_.people.wish_for(other, false);
    });
  }

private:
  scene in_;
};

} // namespace

workload_ptr make_other_bodies(const scene& in) { return std::make_unique<other_bodies>(in); }

} // namespace tk::sim
