#include "actors/waiting_room/pace.hpp"

#include <algorithm>

namespace tk {

namespace {

int64_t second_of(instant x) {
  return std::chrono::floor<std::chrono::seconds>(x.time_since_epoch()).count();
}

} // namespace

void pace_meter::note(uint32_t admitted, instant now) {
  if (admitted == 0) return;
  if (at(now).admitted == 0) first_ = now; // Nobody for a minute: a new run.
  auto at_s = second_of(now);
  auto& slot = seconds_[static_cast<size_t>(at_s % window_s)];
  if (slot.at != at_s) slot = {at_s, 0};
  slot.admitted += admitted;
}

admission_pace pace_meter::at(instant now) const {
  admission_pace out;
  if (first_ == instant{}) return out;
  auto now_s = second_of(now);
  for (auto& x : seconds_)
    if (x.at > now_s - window_s && x.at <= now_s) out.admitted += x.admitted;
  if (out.admitted > 0) out.over = std::clamp(now - first_, millis{0}, millis{window_s * 1000});
  return out;
}

} // namespace tk
