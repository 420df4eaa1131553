#include "tests/simulation/crowd.hpp"
#include "tests/simulation/hall.hpp"
#include "tests/simulation/queue_crowd.hpp"
#include "tests/simulation/queue_judge.hpp"
#include "tests/simulation/workloads.hpp"

namespace tk::sim {

namespace {

queue_limits limits_of(const sale_plan& plan, const fault_mix& faults) {
  queue_limits out;
  out.event = sale_event;
  out.threshold = plan.queue.threshold;
  // Two nodes that are wrong in opposite ways, and measurements in between.
  out.clocks_err = millis{int64_t{faults.skew_max_ms} * 4 + 300};
  out.stale_after = millis{int64_t{plan.queue.stale_s} * 1000};
  out.said_twice = faults.duplicate_ppm > 0 || faults.old_frames_ppm > 0 || faults.slow_ppm > 0;
  if (faults.none()) out.old_news = out.way = millis{4'000};
  if (faults.deaf_room_ppm > 0) out.way = millis{100'000};
  return out;
}

/// An opening night: its people, who runs it, and a judge of its room.
class opening_night final : public workload {
public:
  explicit opening_night(const scene& in)
      : in_(in),
        judge_(in.where.time, in.where.db.model, in.judge,
               limits_of(in.where.plan, in.where.faults)),
        gate_(in.where),
        people_(in.where, in.judge, judge_, gate_) {
    judge_.gate = &gate_.judge;
  }

  void setup() override { register_people(in_.where.plan.people, in_.where.db.model); }

  void start() override {
    in_.where.db.listener = &judge_;
    in_.where.watch = [this, others = in_.where.watch] {
      return judge_.wrong().empty() ? others() : judge_.wrong();
    };
    people_.only = in_.people.only;
    people_.start();
  }

  void close() override {
    people_.close();
    judge_.heals();
  }

  /// L1: everybody ends. Who still waits or is inside keeps the world from rest.
  [[nodiscard]] int64_t waiting() const override {
    return people_.waiting() + (people_.all_ended() && judge_.at_rest() ? 0 : 1);
  }

  std::string check() override {
    for (auto& [what, n] : judge_.answers()) in_.where.covered.count("queue: " + what, n);
    return judge_.wrong();
  }

private:
  scene in_;
  queue_judge judge_;
  gate_crowd gate_;
  queue_crowd people_;
};

} // namespace

workload_ptr make_opening_night(const scene& in) { return std::make_unique<opening_night>(in); }

} // namespace tk::sim
