#pragma once

#include <atomic>
#include <cstdint>
#include <functional>

namespace tk {

/// What a pool tells of itself; outlives it.
struct pg_probe {
  /// Workers with a job in hand.
  std::atomic<int64_t> in_use{0};
  /// Told how long a prepared statement took, on the workers' threads. Set before the start; may be
  /// empty.
  std::function<void(const char* name, double seconds)> timed;
};

} // namespace tk
