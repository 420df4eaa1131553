#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "actors/base/errors.hpp"
#include "actors/base/ids.hpp"
#include "actors/base/time.hpp"
#include "actors/base/wire.hpp"
#include "actors/waiting_room/board.hpp"
#include "actors/waiting_room/people.hpp"

/// What can be said to the waiting room of an event, and its answers. The event is its key.
namespace tk {

/// What the signed ticket of a browser says (C17): proof of a place that may not be on record yet.
struct queue_ticket {
  queue_place place; ///< None: the caller has no ticket.
  int32_t generation = 0;
  int64_t epoch = 0; ///< Of the room when it gave the place.
  bool operator==(const queue_ticket&) const = default;
};

/// Joins, or tells where the user stands. Counts as a sign of life.
struct check_queue {
  user_id user;
  uint32_t gate_number = 0; ///< Verified tier-1 position; 0 = none.
  queue_ticket ticket;
  bool join = true; ///< Else somebody who does not stand here is only told so.
  bool operator==(const check_queue&) const = default;
};

/// `pre_queue`: joined before the opening; who is first will be drawn.
enum class queue_state : uint8_t { absent = 1, queued, active, pre_queue };

/// Where somebody stands.
struct queue_reply {
  ec is = ec::ok;
  queue_state state = queue_state::absent;
  queue_ticket ticket; ///< Of who is queued.
  uint32_t ahead = 0, behind = 0;
  int32_t wait_s = 0;    ///< Estimate.
  int32_t admission = 0; ///< Of who is active: its number.
  instant slot_end;      ///< Of who is active, when nothing more is heard: a pass ends with it.
  uint32_t waiting = 0, active = 0, threshold = 0;
  uint64_t version = 0; ///< A board of this epoch and version knows of it.
  board_draw draw;      ///< Of the event.
  seats_left seats;
  bool operator==(const queue_reply&) const = default;
};

/// Gives up place and slot; answered when that is on record.
struct leave_queue {
  user_id user;
  bool operator==(const leave_queue&) const = default;
};

struct queue_left {
  ec is = ec::ok;
  bool operator==(const queue_left&) const = default;
};

/// Whether somebody waits here. Asked by their session before they may wait elsewhere (C8); a *no*
/// is answered when whatever took them away is on record.
struct find_waiter {
  user_id user;
  bool operator==(const find_waiter&) const = default;
};

struct waiter_found {
  ec is = ec::ok;
  bool waits = false; ///< With a slot nobody waits.
  bool operator==(const waiter_found&) const = default;
};

enum class queue_verb : uint8_t {
  report = 1,
  clear,
  set_threshold,
  set_rate,
  pause,
  resume,
  set_pre_queue,  ///< `at` is the opening. Refused while anybody is here, or when it was drawn.
  drop_pre_queue, ///< Back to the order of arrival; refused when it was drawn.
  follow_inventory,
  ignore_inventory
};

/// An administrator's word; answered when it is on record.
struct steer_queue {
  queue_verb verb = queue_verb::report;
  int32_t value = 0; ///< Of `set_threshold` and `set_rate`.
  instant at;        ///< Of `set_pre_queue`.
  bool operator==(const steer_queue&) const = default;
};

struct queue_report {
  ec is = ec::ok;
  uint32_t waiting = 0, active = 0, threshold = 0, per_second = 0;
  bool paused = false;
  int32_t generation = 0;
  bool follow_inventory = false;
  board_draw draw;
  bool operator==(const queue_report&) const = default;
};

/// Who was heard of at one ingress since its last batch, as far as it answered them from the board.
/// Batches are numbered without gaps: a missing one is unknown, not silence (H-11).
struct heard_people {
  int64_t ingress = 0; ///< One life of it: its node's (`membership::life`).
  uint64_t batch = 0;  ///< From 1.
  int32_t generation = 0;
  std::vector<uint32_t> places;
  bool operator==(const heard_people&) const = default;
};

/// A payment of somebody was completed: their slot may be over. May be lost.
struct look_at_payments {
  bool operator==(const look_at_payments&) const = default;
};

template <class F> wire<F> inspect(F& f, queue_place& x) { return f(x.direct, x.number); }
template <class F> wire<F> inspect(F& f, queue_ticket& x) {
  return f(x.place, x.generation, x.epoch);
}
template <class F> wire<F> inspect(F& f, check_queue& x) {
  return f(x.user, x.gate_number, x.ticket, x.join);
}
template <class F> wire<F> inspect(F& f, queue_reply& x) {
  return f(x.is, x.state, x.ticket, x.ahead, x.behind, x.wait_s, x.admission, x.slot_end, x.waiting,
           x.active, x.threshold, x.version, x.draw, x.seats);
}
template <class F> wire<F> inspect(F& f, leave_queue& x) { return f(x.user); }
template <class F> wire<F> inspect(F& f, queue_left& x) { return f(x.is); }
template <class F> wire<F> inspect(F& f, find_waiter& x) { return f(x.user); }
template <class F> wire<F> inspect(F& f, waiter_found& x) { return f(x.is, x.waits); }
template <class F> wire<F> inspect(F& f, steer_queue& x) { return f(x.verb, x.value, x.at); }
template <class F> wire<F> inspect(F& f, queue_report& x) {
  return f(x.is, x.waiting, x.active, x.threshold, x.per_second, x.paused, x.generation,
           x.follow_inventory, x.draw);
}
template <class F> wire<F> inspect(F& f, heard_people& x) {
  return f(x.ingress, x.batch, x.generation, x.places);
}
template <class F> wire<F> inspect(F& f, look_at_payments&) { return f(); }

} // namespace tk
