#pragma once

#include <cstdint>

#include "actors/base/errors.hpp"
#include "actors/base/ids.hpp"
#include "actors/base/wire.hpp"
#include "actors/gate/board.hpp"

/// What can be said to the gate of an event, and its answers. The event is its key.
namespace tk {

/// Asks for the next position.
struct assign_position {
  bool operator==(const assign_position&) const = default;
};

/// A position that nobody else was ever told in this activation. The gate keeps nothing of it.
struct assigned_position {
  ec is = ec::ok;
  int64_t position = 0; ///< From 1.
  int32_t activation = 0;
  int64_t order = 0;   ///< Of the position among those of all activations.
  int64_t serving = 0; ///< Positions up to here are let through.
  int64_t ahead = 0;   ///< People before it, itself included; 0 = it is let through.
  bool operator==(const assigned_position&) const = default;
};

enum class gate_verb : uint8_t { report = 1, open, close, advance };

/// An administrator's word; answered when it is on record.
struct steer_gate {
  gate_verb verb = gate_verb::report;
  int32_t batch = 0; ///< Of `advance`: people to let through.
  bool operator==(const steer_gate&) const = default;
};

struct gate_report {
  ec is = ec::ok;
  bool changed = false; ///< False: it was so already, or there was nobody to let through.
  gate_state state;
  int64_t waiting = 0;
  bool operator==(const gate_report&) const = default;
};

/// Asks for the board; starts a gate that sleeps.
struct look_at_gate {
  bool operator==(const look_at_gate&) const = default;
};

/// Somebody who waits has shown this position, the greatest that an ingress has seen lately among
/// those that the gate is not sure of. May be lost.
struct heard_position {
  int32_t activation = 0;
  int64_t position = 0;
  bool operator==(const heard_position&) const = default;
};

template <class F> wire<F> inspect(F& f, assign_position&) { return f(); }
template <class F> wire<F> inspect(F& f, assigned_position& x) {
  return f(x.is, x.position, x.activation, x.order, x.serving, x.ahead);
}
template <class F> wire<F> inspect(F& f, steer_gate& x) { return f(x.verb, x.batch); }
template <class F> wire<F> inspect(F& f, gate_report& x) {
  return f(x.is, x.changed, x.state, x.waiting);
}
template <class F> wire<F> inspect(F& f, look_at_gate&) { return f(); }
template <class F> wire<F> inspect(F& f, heard_position& x) { return f(x.activation, x.position); }

} // namespace tk
