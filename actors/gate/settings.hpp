#pragma once

#include <cstdint>

#include "actors/base/time.hpp"

namespace tk {

/// A gate's numbers (contract 1.13).
struct gate_settings {
  int32_t advance_batch = 500; ///< People who are let through at a time.
  millis advance_every{10'000};
  /// After a crash people are heard of within so long, if they still wait: nobody is told to ask
  /// again later than in 15 s.
  millis settle{20'000};
};

} // namespace tk
