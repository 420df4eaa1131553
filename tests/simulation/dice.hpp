#pragma once

#include <cstdint>
#include <string_view>

#include "actors/base/entropy.hpp"
#include "actors/base/time.hpp"

namespace tk::sim {

/// A stream of random numbers (splitmix64) with distributions of its own: those of the standard
/// library differ from library to library. One root seed is split by name, so that a draw more in
/// one stream does not move the others.
class dice final : public entropy {
public:
  dice(uint64_t seed, std::string_view stream) : state_(seed) {
    for (auto c : stream) state_ = mix(state_ ^ static_cast<unsigned char>(c));
  }

  uint64_t next() override {
    state_ += 0x9e3779b97f4a7c15ull;
    return mix(state_);
  }
  /// 0 .. n-1; `n` is at least 1.
  uint64_t below(uint64_t n) { return next() % n; }
  /// `from` .. `to`, both included.
  int64_t between(int64_t from, int64_t to) {
    return from + static_cast<int64_t>(below(static_cast<uint64_t>(to - from + 1)));
  }
  millis between(millis from, millis to) { return millis{between(from.count(), to.count())}; }
  /// True `ppm` times in a million.
  bool chance(uint32_t ppm) { return below(1'000'000) < ppm; }
  /// Small numbers are the popular ones: 0 .. n-1, number k in proportion to 1 / (k + 1).
  uint64_t zipf(uint64_t n) {
    uint64_t sum = 0;
    for (uint64_t k = 0; k < n; ++k) sum += weight(k);
    auto x = below(sum);
    for (uint64_t k = 0; k < n; ++k) {
      if (x < weight(k)) return k;
      x -= weight(k);
    }
    return n - 1;
  }

private:
  static uint64_t weight(uint64_t k) { return 1'000'000 / (k + 1); }
  static uint64_t mix(uint64_t x) {
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
    return x ^ (x >> 31);
  }
  uint64_t state_;
};

} // namespace tk::sim
