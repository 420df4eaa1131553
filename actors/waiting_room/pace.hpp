#pragma once

#include <array>
#include <cstdint>

#include "actors/base/time.hpp"
#include "actors/waiting_room/board.hpp"

namespace tk {

/// A room lets in no more in one round: what is written at once stays small beside a batch of
/// sales.
inline constexpr uint32_t admissions_a_round = 1000;

/// Admissions of the last minute, second by second: an estimate from it does not jump when a window
/// ends (P-61).
class pace_meter {
public:
  void note(uint32_t admitted, instant now);
  [[nodiscard]] admission_pace at(instant now) const;

private:
  static constexpr int64_t window_s = 60;
  struct second {
    int64_t at = -1;
    uint32_t admitted = 0;
  };
  std::array<second, window_s> seconds_{};
  instant first_; ///< Of the current run of admissions; the epoch = none yet.
};

} // namespace tk
