#include "gateways/traces/sampling.hpp"

namespace tk {

bool sampled(uint64_t trace_hi, uint64_t trace_lo, int percent) {
  // The last steps of splitmix64: ids of clients need not be evenly spread.
  auto x = trace_hi ^ (trace_lo + 0x9e3779b97f4a7c15);
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  x ^= x >> 31;
  constexpr uint64_t hundred = 100;
  return x % hundred < static_cast<uint64_t>(percent);
}

} // namespace tk
