#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "actors/base/digest.hpp"
#include "actors/base/ids.hpp"
#include "actors/base/placement.hpp"
#include "actors/base/time.hpp"

/// What waiting rooms and gates make durable. Each has one op on its way at a time, its *turn*:
/// everything that has come together since the one before.
namespace tk {

/// Somebody took a place (`queue_place::code`).
struct room_join {
  uint32_t place = 0;
  user_id user;
  bool operator==(const room_join&) const = default;
};

/// Somebody got a slot. Numbers rise by one within a generation.
struct room_admission {
  int32_t number = 0;
  user_id user;
  uint32_t place = 0; ///< That was given up for it; 0 = came in without waiting.
  bool operator==(const room_admission&) const = default;
};

enum class slot_end : uint8_t { left = 1, expired, paid, cleared };

struct room_slot_end {
  int32_t number = 0;
  slot_end why = slot_end::left;
  bool operator==(const room_slot_end&) const = default;
};

/// A pre-queue: everybody who comes before the opening is shuffled once, by a seed to which the
/// room has committed before it let anybody join (C5, H-21).
struct room_draw {
  sha256_digest seed{};
  instant opens_at;
  uint32_t from = 0;    ///< The first number that may be of it.
  uint32_t cutoff = 0;  ///< Numbers below are shuffled; 0 = not drawn yet.
  int64_t turn = 0;     ///< That drew it, with the last of its joins.
  sha256_digest list{}; ///< Of everybody who has joined, in the order of the record.
  bool operator==(const room_draw&) const = default;
};

/// What organisers set for one event. Empty fields follow the node's settings.
struct room_control {
  std::optional<int32_t> threshold;  ///< Slots at a time.
  std::optional<int32_t> per_second; ///< Admissions.
  bool paused = false;
  bool follow_inventory = false; ///< Nobody is let in for whom there will be no seat.
  std::optional<room_draw> draw; ///< Without one the order is that of arrival.
  bool operator==(const room_control&) const = default;
};

/// Writes one turn, or nothing. Turns of a room are numbered from 1 without gaps over all its
/// lives: `done` when this one is on record, `fenced` when the room has another owner. A turn with
/// another generation than the one on record ends every slot of the old one (C36).
struct room_turn {
  event_id event;
  participant room;
  int64_t turn = 0;
  int32_t generation = 1;
  int64_t reserved_to = 0; ///< Direct numbers below are the room's to give; never falls.
  std::vector<room_join> joins;
  std::vector<uint32_t> leavers; ///< Places given up without a slot.
  std::vector<room_admission> admissions;
  std::vector<room_slot_end> ends;
  int32_t slot_max_s = 1800; ///< Hard end of a slot, from ledger time (D32).
  room_control control;
  /// Ends the slots of those who have paid since they got them, and tells all that ended so since
  /// this moment. The epoch = does not look.
  instant paid_since;
};

/// Positions behind `from` up to `to`, `to` included, that a gate reserved and perhaps never told:
/// its owner ended in between.
struct gate_hole {
  int64_t from = 0, to = 0;
  bool operator==(const gate_hole&) const = default;
};

/// Everything that is on record of a gate: full state, nothing grows with the crowd.
struct gate_state {
  int32_t activation = 0; ///< From 1, one more each time the gate is opened; 0 = it never was.
  bool active = false;
  int64_t order_base = 0;       ///< The positions of all earlier activations, which come first.
  int64_t told = 0;             ///< Positions told, at least.
  int64_t reserved_to = 0;      ///< Positions up to here may have been told.
  int64_t serving = 0;          ///< Positions up to here are let through.
  std::vector<gate_hole> holes; ///< Ascending, at most 64.
  bool operator==(const gate_state&) const = default;
};

/// Writes one turn of a gate, or nothing: numbered, `done` and `fenced` as a room's. Within an
/// activation nothing falls.
struct gate_turn {
  event_id event;
  participant gate;
  int64_t turn = 0;
  gate_state state;
};

} // namespace tk
