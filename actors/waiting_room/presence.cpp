#include "actors/waiting_room/presence.hpp"

#include <algorithm>

#include "actors/base/mutants.hpp"

namespace tk {

void presence_clock::count_on(const std::vector<int64_t>& ingresses, instant now) {
  advance(now); // Until now those counted that were expected before.
  if (ingresses.empty()) return;
  expected_ = ingresses;
  std::erase_if(ingresses_,
                [&](auto& x) { return std::ranges::find(ingresses, x.first) == ingresses.end(); });
}

void presence_clock::rest() {
  ingresses_.clear();
  held_back_ = {};
}

bool presence_clock::whole(instant now) const {
  auto heard = [&](int64_t id) { return ingresses_.contains(id); };
  // Planted: whom it has not heard of since it started is taken for not there.
  if (!std::ranges::all_of(expected_, heard) && !mutant("forgets_the_roster")) return false;
  return std::ranges::none_of(ingresses_,
                              [&](auto& x) { return now - x.second.heard_at > silent_after; });
}

void presence_clock::advance(instant now) {
  if (now <= last_) return;
  auto step = std::min(now - last_, step_max);
  last_ = now;
  if (expected_.empty())
    std::erase_if(ingresses_, [&](auto& x) { return now - x.second.heard_at >= forget_after; });
  if (!whole(now)) return;
  auto held = std::min(step, held_back_);
  held_back_ -= held;
  total_ += step - held;
}

bool presence_clock::hear(int64_t ingress_id, uint64_t batch, instant now) {
  advance(now);
  auto [i, is_new] = ingresses_.try_emplace(ingress_id, ingress{batch, now});
  auto& x = i->second;
  if (is_new) return true;
  if (batch <= x.batch) return false;
  constexpr millis batch_interval{1000};
  auto missing = std::min<uint64_t>(batch - x.batch - 1, 600);
  held_back_ = std::min(held_back_ + batch_interval * static_cast<int64_t>(missing), forget_after);
  x = {batch, now};
  return true;
}

} // namespace tk
