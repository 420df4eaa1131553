#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

namespace tk {

/// Lines on their way to the log's thread, in chunks that are written at once. Bounded: when there
/// are too many bytes the oldest chunk goes. Not thread-safe.
class pending_lines {
public:
  static constexpr size_t chunk_bytes = 64 * 1024;

  explicit pending_lines(size_t bytes_max) : chunks_max_(bytes_max / chunk_bytes + 1) {
    // nop
  }

  void add(std::string_view line);
  /// The oldest chunk; empty when nothing waits.
  std::string take();
  [[nodiscard]] bool empty() const { return chunks_.empty(); }
  /// Lines that went without being taken.
  [[nodiscard]] uint64_t dropped() const { return dropped_; }

private:
  struct chunk {
    std::string text;
    uint64_t lines = 0;
  };
  size_t chunks_max_;
  std::deque<chunk> chunks_;
  uint64_t dropped_ = 0;
};

} // namespace tk
