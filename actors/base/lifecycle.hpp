#pragma once

#include <cstdint>

#include "actors/base/wire.hpp"

/// What a region says to every entity, and what nodes tell each other of shards.
namespace tk {

/// Asks an idle entity to stop. It refuses while anything is open, because what is open would be
/// forgotten.
struct passivate {
  bool operator==(const passivate&) const = default;
};
/// Asks an entity to stop because its shard is to be another node's. It refuses as long as somebody
/// waits for its answer or another entity counts on its memory. What the rows tell the next owner,
/// holds and payments under way for instance, is no reason to stay.
struct leave {
  bool operator==(const leave&) const = default;
};
struct passivation {
  bool stopped = false;
  bool operator==(const passivation&) const = default;
};

template <class F> wire<F> inspect(F& f, passivate&) { return f(); }
template <class F> wire<F> inspect(F& f, leave&) { return f(); }
template <class F> wire<F> inspect(F& f, passivation& x) { return f(x.stopped); }

/// To every node, from who gave a shard away: whose it is now is on the roster.
struct shard_moved {
  uint16_t shard = 0;
  int64_t epoch = 0; ///< Of the new owner.
  bool operator==(const shard_moved&) const = default;
};
template <class F> wire<F> inspect(F& f, shard_moved& x) { return f(x.shard, x.epoch); }

} // namespace tk
