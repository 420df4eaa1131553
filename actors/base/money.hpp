#pragma once

#include <compare>
#include <cstdint>

#include "actors/base/wire.hpp"

namespace tk {

/// An amount in whole Korean won; never a fraction (contract 1.6). 64 bits: sums of a large hall
/// pass 2^31 (G21).
struct won {
  int64_t amount = 0;
  auto operator<=>(const won&) const = default;
  won& operator+=(won x) {
    amount += x.amount;
    return *this;
  }
  friend won operator+(won a, won b) { return {a.amount + b.amount}; }
  friend won operator*(won a, int64_t n) { return {a.amount * n}; }
  template <class F> friend wire<F> inspect(F& f, won& x) { return f(x.amount); }
};

} // namespace tk
