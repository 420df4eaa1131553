#include "actors/gate/board.hpp"

#include <algorithm>
#include <limits>

namespace tk {

int32_t gate_wait_s(int64_t ahead) {
  constexpr int64_t per_second = 50, most = std::numeric_limits<int32_t>::max();
  return static_cast<int32_t>(
    std::min(most, (std::max<int64_t>(0, ahead) + per_second - 1) / per_second));
}

int32_t gate_poll_s(int64_t ahead) {
  if (ahead <= 500) return 2;
  if (ahead <= 2000) return 5;
  return ahead <= 10'000 ? 10 : 15;
}

int64_t people_to(const gate_state& x, int64_t position) {
  auto out = std::max<int64_t>(0, position - x.serving);
  for (const auto& hole : x.holes)
    out -= std::max<int64_t>(0, std::min(hole.to, position) - std::max(hole.from, x.serving));
  return out;
}

} // namespace tk
