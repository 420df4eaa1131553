#pragma once

#include <vector>

#include "actors/base/ids.hpp"
#include "actors/base/time.hpp"
#include "persistence/ledger/queue_ops.hpp"

/// What a waiting room and a gate start from.
namespace tk {

struct load_room {
  event_id event;
};

/// How much of an event can still be had, seats and standing tickets alike.
struct load_inventory {
  event_id event;
};
struct event_inventory {
  bool known = false;
  int64_t free = 0, held = 0, total = 0;
  bool operator==(const event_inventory&) const = default;
};

/// A slot that is on record and has neither ended nor reached its hard end.
struct room_slot {
  int32_t number = 0;
  user_id user;
  instant hard_end;
};

/// From `from` up to `to`, which is not of it.
struct number_range {
  uint32_t from = 1, to = 1;
  bool operator==(const number_range&) const = default;
};

/// One snapshot. Of an event without a room: generation 1, turn 0, nobody.
struct room_rows {
  bool known = false; ///< The event.
  int64_t turn = 0;   ///< The last one on record.
  int32_t generation = 1;
  int64_t reserved_to = 1; ///< Direct numbers below have been given, or may have been.
  /// Direct numbers below `reserved_to` that were never written down, ascending: given by an owner
  /// that ended before it could, or not at all.
  std::vector<number_range> unwritten;
  int32_t next_admission = 1;
  room_control control;
  std::vector<room_join> waiting; ///< By place: gated ones first, then direct ones, each ascending.
  std::vector<room_slot> slots;   ///< By number.
  /// Numbers of the gate that were given up for a slot: each is good for one. Ascending.
  std::vector<uint32_t> used_gate_numbers;
};

struct load_gate {
  event_id event;
};

/// Of an event without a gate: turn 0, activation 0.
struct gate_rows {
  bool known = false; ///< The event.
  int64_t turn = 0;   ///< The last one on record.
  gate_state state;
};

/// Rooms that must not sleep: somebody waits or is inside, and something was written within the
/// last hour. Whoever is there longer asks by themselves.
struct find_live_rooms {};
struct live_rooms {
  std::vector<event_id> rows;
};

/// Gates that must not sleep: people are let through as time goes.
struct find_open_gates {};
struct open_gates {
  std::vector<event_id> rows;
};

} // namespace tk
