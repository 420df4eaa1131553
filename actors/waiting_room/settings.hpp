#pragma once

#include <cstdint>

#include "actors/base/time.hpp"

namespace tk {

/// A waiting room's numbers, unless its event has others (contract 1.13, C8).
struct queue_settings {
  int32_t threshold = 1000; ///< Slots at a time.
  int32_t per_second = 100; ///< Admissions.
  int32_t capacity = 0;     ///< Who comes when so many wait is refused; 0 = nobody is.
  millis slot{600'000};     ///< Life of a slot that is not heard of.
  millis slot_max{1'800'000};
  millis stale_after{600'000}; ///< Of silence: the place is lost.
  millis round_every{1000};
  millis sweep_every{30'000};
};

} // namespace tk
