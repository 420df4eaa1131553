#include <array>
#include <utility>

#include "actors/session/port.hpp"
#include "tests/simulation/crowd.hpp"
#include "tests/simulation/told.hpp"
#include "tests/simulation/workloads.hpp"

namespace tk::sim {

namespace {

constexpr int32_t bots_count = 3, storms = 4, wishes_at_once = 40;
/// Beyond all people and latecomers.
constexpr int32_t first_bot = 1'000'000;

/// F48: machines that want everything at once. Each asks for dozens of things in the same
/// millisecond at all nodes, does not wait for answers, and pays for nothing. They are bound by the
/// same limits as everybody, and what they let go must be had by people.
class bots final : public workload {
public:
  explicit bots(const scene& in)
      : world_(in.where),
        oracle_(in.judge),
        people_(in.people),
        luck_{dice{in.where.seed, "bot0"}, dice{in.where.seed, "bot1"},
              dice{in.where.seed, "bot2"}} {
    // nop
  }

  void setup() override {
    for (int32_t b = 0; b < bots_count; ++b)
      world_.db.model.rows.users[user_of(first_bot + b)] = instant{};
  }
  void start() override {
    for (int32_t b = 0; b < bots_count; ++b)
      for (int32_t n = 0; n < storms; ++n)
        world_.time.after(luck_of(b).between(millis{0}, world_.plan.length),
                          [this, b] { storm(b); });
  }
  void close() override { open_ = false; }
  [[nodiscard]] int64_t waiting() const override { return waiting_; }

private:
  [[nodiscard]] dice& luck_of(int32_t bot) { return luck_.at(static_cast<size_t>(bot)); }

  void storm(int32_t bot) {
    for (int32_t n = 0; open_ && n < wishes_at_once; ++n) wish(bot);
  }

  void wish(int32_t bot) {
    visit v;
    v.luck = &luck_of(bot);
    v.wish.event = sale_event;
    v.wish.token_issued_at = world_.time.now();
    people_.choose(v);
    auto user = user_of(first_bot + bot);
    auto asked = world_.time.now();
    oracle_.asked(user, v.wish.digest, v.wish.items);
    ++waiting_;
    world_.ask_at<session_actor>(world_.any_node(luck_of(bot)), key_of(user), v.wish, patience,
                                 [=, this, what = v.wish](const answer<hold_reply>& x) {
                                   --waiting_;
                                   oracle_.heard(told_of(user, what, asked, world_.time.now(), x));
                                 });
  }

  world& world_;
  oracle& oracle_;
  crowd& people_;
  std::array<dice, bots_count> luck_;
  bool open_ = true;
  int64_t waiting_ = 0;
};

} // namespace

workload_ptr make_bots(const scene& in) { return std::make_unique<bots>(in); }

} // namespace tk::sim
