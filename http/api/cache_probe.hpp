#pragma once

#include <atomic>
#include <cstdint>

namespace tk::http {

/// How often a cache had what it was asked for.
struct cache_probe {
  std::atomic<uint64_t> hits{0};
  std::atomic<uint64_t> misses{0}; // Loaded, or waited for somebody's load.
  std::atomic<uint64_t> stale{0};  // Answers older than they should be, for want of better.
};

} // namespace tk::http
