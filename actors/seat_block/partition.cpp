#include "actors/seat_block/partition.hpp"

#include <algorithm>
#include <cassert>

namespace tk {

std::vector<int32_t> block_numbers(const std::vector<section_rows>& sections, int32_t seats_max) {
  assert(seats_max > 0);
  std::vector<int32_t> out;
  int32_t block = 0, room = 0;
  auto start_block = [&] {
    ++block;
    room = seats_max;
  };
  for (const auto& section : sections) {
    room = 0;
    for (auto left : section.seats_per_row) {
      if (left > room && room < seats_max) room = 0; // Does not fit behind the rows before it.
      while (left > 0) {
        if (room == 0) start_block();
        auto n = std::min(left, room);
        out.insert(out.end(), static_cast<size_t>(n), block);
        left -= n;
        room -= n;
      }
    }
  }
  return out;
}

} // namespace tk
