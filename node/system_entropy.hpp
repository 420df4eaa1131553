#pragma once

#include "actors/base/entropy.hpp"

namespace tk {

/// The kernel's CSPRNG by libsodium, read in blocks per thread.
class system_entropy final : public entropy {
public:
  uint64_t next() override;
};

} // namespace tk
