#pragma once

#include <cstdint>

namespace tk {

/// A source of random bits, given as an argument (R10). Production: the kernel's CSPRNG;
/// simulation: a seeded engine.
struct entropy {
  virtual ~entropy() = default;
  /// 64 unpredictable bits. Safe to call from any thread.
  virtual uint64_t next() = 0;
};

} // namespace tk
