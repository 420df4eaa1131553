#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "actors/base/ids.hpp"
#include "actors/base/placement.hpp"
#include "actors/base/time.hpp"
#include "actors/base/wire.hpp"

/// What can be said to an event, and its board.
namespace tk {

/// When an event may be booked.
struct sale_window {
  bool cancelled = false;
  instant sale_start; ///< The epoch = none: not open.
  instant sale_end;   ///< The contract's end, or the event's own date when that is earlier.
  bool operator==(const sale_window&) const = default;
};

/// Starts the event when it sleeps, and asks for its board.
struct describe_event {
  bool operator==(const describe_event&) const = default;
};

/// The event's row was changed: reads it again, and tells its board.
struct look_at_event {
  bool operator==(const look_at_event&) const = default;
};

/// The event's board: what is on sale when, and who owns it. Full state, versioned, latest wins.
struct event_board {
  event_id event;
  participant owner;
  uint64_t version = 0;
  sale_window sale;
  std::vector<int32_t> blocks;
  bool operator==(const event_board&) const = default;
};

template <class F> wire<F> inspect(F& f, sale_window& x) {
  return f(x.cancelled, x.sale_start, x.sale_end);
}
template <class F> wire<F> inspect(F& f, describe_event&) { return f(); }
template <class F> wire<F> inspect(F& f, look_at_event&) { return f(); }
template <class F> wire<F> inspect(F& f, event_board& x) {
  return f(x.event, x.owner, x.version, x.sale, x.blocks);
}

} // namespace tk
