#include "actors/waiting_room/board.hpp"

#include <algorithm>
#include <limits>

namespace tk {

int32_t estimated_wait_s(const admission_pace& pace, uint32_t position) {
  if (position == 0) return 0;
  constexpr millis enough{5000};
  constexpr uint32_t usual_per_second = 50, least_s = 5;
  if (pace.over < enough || pace.admitted == 0)
    return static_cast<int32_t>(std::max(position / usual_per_second, least_s));
  // ceil(position / (admitted / seconds))
  const auto over_ms = static_cast<uint64_t>(pace.over.count());
  const auto per_ms = uint64_t{pace.admitted} * 1000;
  const auto seconds = (uint64_t{position} * over_ms + per_ms - 1) / per_ms;
  return static_cast<int32_t>(std::min<uint64_t>(seconds, std::numeric_limits<int32_t>::max()));
}

int32_t next_poll_s(uint32_t position) {
  if (position == 0) return 3;
  if (position <= 1000) return 1;
  if (position <= 5000) return 5;
  if (position <= 10'000) return 10;
  return position <= 100'000 ? 30 : 60;
}

outlook seats_left::for_position(uint32_t position) const {
  if (!known) return outlook::unknown;
  if (free + held == 0) return outlook::sold_out;
  return int64_t{position} * a_person <= for_line() ? outlook::likely : outlook::unlikely;
}

bool room_board::tells_of_slots(instant now) const {
  // A room with open slots tells every second that it is alive; an older board may be of one that
  // has ended, or moved. What a crowded one tells may be as old as the pause between two boards.
  constexpr millis age_max{10'000};
  return now - made_at <= age_max && waiting() <= crowded_from;
}

bool room_board::ended(int32_t of_generation, int32_t admission) const {
  if (of_generation != generation) return of_generation < generation;
  if (admission >= next_slot) return false;
  if (admission < first_slot) return true;
  const auto index = static_cast<uint32_t>(admission - first_slot);
  const auto word = index / 64;
  return word >= open_slots.size() || (open_slots[word] >> (index % 64) & 1) == 0;
}

} // namespace tk
