#pragma once

#include "persistence/ledger/batch_table.hpp"
#include "persistence/ledger/queue_ops.hpp"

namespace tk {

/// The arrays of the statement about waiting rooms. A row per turn names its parts of the lists
/// behind: joins, leavers, admissions, ends.
struct queue_columns {
  batch_arrays::table<29> turns;

  queue_columns();
  void clear() { turns.clear(); }
  void add(int no, const room_turn& x, lock_columns& locks);
};

} // namespace tk
