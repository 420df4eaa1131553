#include <algorithm>
#include <utility>

#include "tests/simulation/queue_judge.hpp"

/// Whether a room lets people in for whom there are seats, and goes on.
namespace tk::sim {

namespace {

/// A room may know the inventory as it was so long ago: reads fail for a while.
constexpr millis stock_age{40'000};
/// A line that should move and does not for so long is stuck.
constexpr millis stuck_after{35'000};
constexpr millis present_gap{25'000};
/// As many as somebody takes who gets in, as far as can be told before.
constexpr int64_t seats_a_person = 2;

} // namespace

void queue_judge::has_number(user_id x, uint32_t number) {
  if (number != 0) numbers_[number] = x;
}

int64_t queue_judge::inside() const {
  if (room() == nullptr) return 0;
  return std::ranges::count_if(room()->slots, [this](auto& x) {
    return x.second.ended_at == instant{} && x.second.hard_end > time_.now();
  });
}

void queue_judge::note_stock() {
  stock now{time_.now(), 0, 0};
  for (auto& [id, seat] : model_.rows.seats) {
    if (seat.event != limits_.event) continue;
    now.free += seat.status == 'a' ? 1 : 0;
    now.held += seat.status == 'l' ? 1 : 0;
  }
  if (!stock_.empty() && stock_.back().free == now.free && stock_.back().held == now.held) return;
  stock_.push_back(now);
}

/// Nobody is let in while seats, with all that could still fall back, cannot serve those inside.
/// Whatever the room may have seen lately counts for it.
void queue_judge::check_seats(const room_turn& x) {
  if (!std::exchange(followed_, x.control.follow_inventory) || !followed_) return;
  auto since = std::min(decided_since(), time_.now() - stock_age);
  int64_t most = 0, held = 0;
  for (auto i = stock_.rbegin(); i != stock_.rend(); ++i) {
    most = std::max(most, i->free + i->held);
    held = std::max(held, i->held);
    if (i->at <= since) break;
  }
  auto before = inside() - static_cast<int64_t>(x.admissions.size());
  for (size_t n = 0; n < x.admissions.size(); ++n) {
    auto holding = (held + seats_a_person - 1) / seats_a_person;
    auto choosing = std::max<int64_t>(0, before + static_cast<int64_t>(n) - holding);
    if (most - choosing * seats_a_person <= 0)
      fail("I12: user " + std::to_string(x.admissions[n].user.lo - 1) +
           " was let in, and of seats there are " + std::to_string(most) + " for " +
           std::to_string(choosing) + " inside");
  }
}

/// Somebody is there and waits, nobody is inside, there are seats, and nothing forbids it.
bool queue_judge::line_should_move() const {
  if (room() == nullptr || !healed_at_ || stock_.empty()) return false;
  auto& control = room()->now.control;
  bool drawing = control.draw && control.draw->cutoff == 0 &&
                 control.draw->opens_at + limits_.clocks_err > time_.now();
  if (control.paused || drawing || inside() > 0 || stock_.back().free == 0 ||
      control.threshold.value_or(1) < 1)
    return false;
  return std::ranges::any_of(waiting_, [this](auto& x) {
    return !x.second.empty() &&
           present(people_.at(x.first), time_.now() - stuck_after, time_.now(), present_gap);
  });
}

void queue_judge::look_at_the_line() {
  if (!line_should_move()) return stuck_since_.reset();
  if (!stuck_since_) stuck_since_ = time_.now();
  if (time_.now() - *stuck_since_ > stuck_after)
    fail("I12: somebody waits, nobody is inside, there are seats, and nobody is let in");
}

} // namespace tk::sim
