#pragma once

#include <string>

#include "actors/base/ids.hpp"
#include "actors/base/wire.hpp"

/// How a request that moves money happens once, however often it arrives (C4): its key is put on
/// record with the id of what it is to make (an order, an attempt, a refund) before that is made,
/// and what it made is found by that id (docs/adr/0012).
namespace tk {

/// Of an order, an attempt or a refund, whichever a request makes.
using effect_id = id<struct effect_tag>;

/// The same uuid as the id of something else.
template <class To, class Tag> To same_id(const id<Tag>& x) { return To{x.hi, x.lo}; }

struct request_key {
  std::string operation; ///< Its scope beside the user, e.g. "payments.confirm".
  std::string key;       ///< Empty = none.
  std::string digest;    ///< Of what is asked for: the same key with another one is a conflict.
  effect_id effect;      ///< On record for it; nil = none, as far as the sender knows.
  bool operator==(const request_key&) const = default;

  /// The record has to be made, or moved, before what `x` names is made or told.
  [[nodiscard]] bool must_name(effect_id x) const { return !key.empty() && effect != x; }
};

/// A message that came with a key.
template <class What> struct once {
  What what;
  request_key key;
  bool operator==(const once&) const = default;
};

template <class F> wire<F> inspect(F& f, request_key& x) {
  return f(x.operation, x.key, x.digest, x.effect);
}
template <class F, class What> wire<F> inspect(F& f, once<What>& x) { return f(x.what, x.key); }

} // namespace tk
