#include "actors/waiting_room/presence.hpp"

#include <algorithm>

namespace tk {

void presence_clock::advance(instant now) {
  if (now <= last_) return;
  auto step = std::min(now - last_, step_max);
  last_ = now;
  std::erase_if(ingresses_, [&](auto& x) { return now - x.second.heard_at >= forget_after; });
  for (auto& [id, x] : ingresses_)
    if (now - x.heard_at > silent_after) return;
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
