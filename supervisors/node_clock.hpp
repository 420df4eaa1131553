#pragma once

#include <atomic>

#include "actors/base/time.hpp"

namespace tk {

/// The machine's clock plus the measured offset to ledger time (H-18). The one place that reads it.
class node_clock final : public wall_clock {
public:
  [[nodiscard]] instant now() const override;
  /// The machine's own clock, without the offset.
  [[nodiscard]] static instant machine_now();
  /// Ledger time minus the machine's, in milliseconds.
  void set_offset(int64_t ms) { offset_ms_.store(ms, std::memory_order_relaxed); }
  [[nodiscard]] int64_t offset_ms() const { return offset_ms_.load(std::memory_order_relaxed); }

private:
  std::atomic<int64_t> offset_ms_{0};
};

} // namespace tk
