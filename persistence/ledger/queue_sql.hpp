#pragma once

#include "persistence/ledger/batch_table.hpp"
#include "persistence/ledger/queue_ops.hpp"

namespace tk {

/// The arrays of the statements about waiting rooms and gates. A row per turn names its parts of
/// the lists behind: a room's of joins, leavers, admissions, ends, a gate's of holes.
struct queue_columns {
  batch_arrays::table<36> turns;
  batch_arrays::table<15> gates;

  queue_columns();
  void clear() {
    turns.clear();
    gates.clear();
  }
  void add(int no, const room_turn& x, lock_columns& locks);
  void add(int no, const gate_turn& x, lock_columns& locks);
};

} // namespace tk
