#pragma once

#include <cstdint>
#include <map>

#include "actors/base/time.hpp"

namespace tk {

/// The clock that silence is measured by. It stands still while anything but the people themselves
/// may be the reason for it: an ingress that is not heard of, a batch of signs of life that got
/// lost, a room that was stopped for a while (H-11).
class presence_clock {
public:
  explicit presence_clock(instant now) : last_(now) {
    // nop
  }

  /// To be called before it is read, and at least every `step_max`.
  void advance(instant now);
  [[nodiscard]] uint32_t now_s() const { return static_cast<uint32_t>(total_.count() / 1000); }
  /// An ingress was heard of. False for a batch that was heard before.
  bool hear(int64_t ingress, uint64_t batch, instant now);

  static constexpr millis silent_after{5'000}; ///< Batches come every second.
  static constexpr millis forget_after{
    600'000}; ///< By then everybody behind it has lost the place.
  static constexpr millis step_max{3'000};

private:
  struct ingress {
    uint64_t batch = 0;
    instant heard_at;
  };
  std::map<int64_t, ingress> ingresses_;
  instant last_;
  millis total_{0};
  millis held_back_{0}; ///< Time that is not to count, for batches that were lost.
};

} // namespace tk
