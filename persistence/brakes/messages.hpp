#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "supervisors/brakes.hpp"

/// What is written and read of the brakes on sales.
namespace tk {

struct list_brakes {};

/// Sets it, in place of one for another reason. Not when it is on, or was set by this operation.
struct set_brake {
  sales_brake brake; ///< `since` is the database's.
  user_id by;
};

/// Takes off the brake on exactly that, if it is on. Not one that was set after `seen`, when that
/// is given: what is late must not let go what nobody had seen stopped by then.
struct release_brake {
  brake_on what = brake_on::all;
  event_id event;
  std::string method;
  user_id by;
  std::optional<instant> seen{}; ///< By PostgreSQL's clock.
};

/// All that are on, after what was asked.
struct brakes_told {
  bool changed = false;
  bool event_known = true;
  std::vector<sales_brake> rows;
  instant as_of;
  /// Of a set: what its operation was before.
  enum class earlier : uint8_t { none, same, released, other } before = earlier::none;
};

} // namespace tk
