#include "tests/simulation/crowd.hpp"
#include "tests/simulation/hall.hpp"
#include "tests/simulation/workloads.hpp"

namespace tk::sim {

namespace {

/// People come some time within the sale, half of them in the first second: it is an on-sale.
class arrivals final : public workload {
public:
  explicit arrivals(const scene& in) : in_(in) {
    // nop
  }

  void setup() override { register_people(in_.where.plan.people, in_.where.db.model); }

  void start() override {
    auto& plan = in_.where.plan;
    for (int32_t n = 0; n < plan.people; ++n) {
      if (!in_.people.only.empty() && !in_.people.only.contains(n)) continue;
      auto& d = in_.people.dice_of(n);
      auto most = d.chance(500'000) ? millis{1000} : plan.length;
      in_.where.time.after(millis{3000} + d.between(millis{0}, most),
                           [this, n] { in_.people.come(n, in_.where.plan.visits - 1); });
    }
  }

private:
  scene in_;
};

} // namespace

workload_ptr make_arrivals(const scene& in) { return std::make_unique<arrivals>(in); }

} // namespace tk::sim
