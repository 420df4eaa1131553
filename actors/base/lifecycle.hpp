#pragma once

#include "actors/base/wire.hpp"

/// What a region says to every entity.
namespace tk {

/// Asks an idle entity to stop. It refuses while anything is open, because what is open would be
/// forgotten.
struct passivate {
  bool operator==(const passivate&) const = default;
};
struct passivation {
  bool stopped = false;
  bool operator==(const passivation&) const = default;
};

template <class F> wire<F> inspect(F& f, passivate&) { return f(); }
template <class F> wire<F> inspect(F& f, passivation& x) { return f(x.stopped); }

} // namespace tk
