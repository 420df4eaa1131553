#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

#include "actors/base/time.hpp"

namespace tk {

/// When a breaker opens and for how long (G37).
struct breaker_config {
  size_t window = 10;   ///< Calls that are looked back at.
  size_t calls_min = 5; ///< Fewer prove nothing.
  size_t failed_percent = 50;
  size_t slow_percent = 80;
  millis slow_after{3000};
  millis open_for{10'000};
  size_t trials = 3; ///< Calls let through to see whether the other side is back.
};

/// How a call ended, for the breaker.
enum class call_end : uint8_t {
  succeeded,
  failed,     ///< No answer, or one that says that the other side is broken.
  not_counted ///< Refused on its merits (4xx): says nothing about the other side's health.
};

enum class breaker_state : uint8_t { closed = 0, half_open, open };

/// Handed out per call; belongs to the state the breaker was in.
struct breaker_permit {
  uint64_t generation = 0;
};

/// Stops calling a dependency that does not answer, so that nobody waits for it and it can recover.
/// Pure: time is an argument, and every permit must come back through `record`.
class breaker {
public:
  using moment = std::chrono::steady_clock::time_point;

  explicit breaker(breaker_config config);

  /// A permit for one call now, or nothing: do not call.
  std::optional<breaker_permit> admit(moment now);
  /// What came of it. A call from before the last change of state changes nothing.
  void record(breaker_permit permit, call_end how, millis took, moment now);

  [[nodiscard]] breaker_state state() const { return state_; }
  /// Until calls are tried again; zero unless open.
  [[nodiscard]] millis retry_after(moment now) const;

private:
  struct past_call {
    bool failed, slow;
  };
  [[nodiscard]] bool tripped() const;
  void enter(breaker_state next);

  breaker_config config_;
  breaker_state state_ = breaker_state::closed;
  uint64_t generation_ = 1;
  std::deque<past_call> calls_; ///< Since the last change of state, `window` at most.
  size_t trials_out_ = 0;       ///< Permits of this half-open state, given back ones taken off.
  moment open_until_{};
};

} // namespace tk
