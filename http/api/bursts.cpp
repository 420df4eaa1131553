#include "http/api/bursts.hpp"

#include <algorithm>

namespace tk::http {

namespace {

constexpr int64_t second_us = 1'000'000, ms_us = 1000;

/// Microseconds until a bucket that is full at `full_at` has one to give; 0 = now.
int64_t wait_us(int64_t full_at, uint32_t burst, uint32_t per_second, int64_t now) {
  const auto each = second_us / per_second;
  return std::max<int64_t>(0, std::max(full_at, now) + each - (now + each * burst));
}

void take_one(int64_t& full_at, uint32_t per_second, int64_t now) {
  full_at = std::max(full_at, now) + second_us / per_second;
}

} // namespace

int64_t burst_limiter::take(std::string_view address, int64_t now_ms) {
  const auto now = now_ms * ms_us;
  std::unique_lock guard{mutex_};
  if (addresses_.size() >= limits_.addresses_max) {
    std::erase_if(addresses_, [now](const auto& x) { return x.second <= now; });
    if (addresses_.size() >= limits_.addresses_max) addresses_.clear();
  }
  auto& one = addresses_[std::string{address}];
  const auto wait = std::max(wait_us(one, limits_.burst, limits_.per_second, now),
                             wait_us(all_, limits_.burst_all, limits_.per_second_all, now));
  if (wait > 0) return (wait + ms_us - 1) / ms_us;
  take_one(one, limits_.per_second, now);
  take_one(all_, limits_.per_second_all, now);
  return 0;
}

size_t burst_limiter::size() const {
  std::unique_lock guard{mutex_};
  return addresses_.size();
}

} // namespace tk::http
