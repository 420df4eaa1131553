#include "node/system_entropy.hpp"

#include <array>

#include <sodium.h>

namespace tk {

uint64_t system_entropy::next() {
  thread_local std::array<uint64_t, 64> block;
  thread_local size_t used = block.size();
  if (used == block.size()) {
    randombytes_buf(block.data(), sizeof block);
    used = 0;
  }
  auto out = block[used];
  block[used++] = 0; // What was handed out cannot be read here again.
  return out;
}

} // namespace tk
