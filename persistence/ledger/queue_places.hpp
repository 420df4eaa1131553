#pragma once

#include <cstdint>
#include <vector>

#include "actors/waiting_room/people.hpp"
#include "persistence/reads/queue_rows.hpp"

namespace tk {

// How rows hold a place, whose code (`queue_place::code`) has the top bit set when it is direct:
// the number of who came directly as it is, that of the gate 2^31 lower. The order stays.
constexpr int32_t place_to_row(uint32_t code) { return static_cast<int32_t>(code ^ 0x80000000u); }
constexpr uint32_t place_of_row(int32_t x) { return static_cast<uint32_t>(x) ^ 0x80000000u; }

/// The direct numbers from 1 up to `reserved_to` that are not among `places`, which are codes,
/// ascending.
template <class Places>
std::vector<number_range> unwritten_numbers(const Places& places, int64_t reserved_to) {
  std::vector<number_range> out;
  uint32_t next = 1;
  for (auto code : places) {
    const auto place = queue_place::of(code);
    if (!place.direct || place.number < next) continue;
    if (place.number > next) out.push_back({next, place.number});
    next = place.number + 1;
  }
  if (int64_t{next} < reserved_to) out.push_back({next, static_cast<uint32_t>(reserved_to)});
  return out;
}

} // namespace tk
