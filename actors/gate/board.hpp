#pragma once

#include <cstdint>

#include "actors/base/ids.hpp"
#include "actors/base/time.hpp"
#include "actors/base/wire.hpp"
#include "persistence/ledger/queue_ops.hpp"

/// A gate as everybody may see it: full state, versioned, latest wins. With it and a signed request
/// id an ingress answers everybody who waits; what it says of opening, closing and letting through
/// is on record.
namespace tk {

/// Seconds that `ahead` people take (contract 4.2).
int32_t gate_wait_s(int64_t ahead);
/// Seconds after which whoever has `ahead` people before them is to ask again (contract 4.2).
int32_t gate_poll_s(int64_t ahead);

/// People who are let through before `position` or with it; positions that nobody has are left out.
int64_t people_to(const gate_state& x, int64_t position);

struct gate_board {
  event_id event;
  int64_t epoch = 0;
  uint64_t version = 0;
  instant made_at;
  /// `told` is what the gate knows, which may be more than is on record.
  gate_state state;
  bool operator==(const gate_board&) const = default;

  [[nodiscard]] bool passes(int64_t position) const {
    return !state.active || position <= state.serving;
  }
  [[nodiscard]] int64_t waiting() const { return people_to(state, state.told); }
};

template <class F> wire<F> inspect(F& f, gate_hole& x) { return f(x.from, x.to); }
template <class F> wire<F> inspect(F& f, gate_state& x) {
  return f(x.activation, x.active, x.order_base, x.told, x.reserved_to, x.serving, x.holes);
}
template <class F> wire<F> inspect(F& f, gate_board& x) {
  return f(x.event, x.epoch, x.version, x.made_at, x.state);
}

} // namespace tk
