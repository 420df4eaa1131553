#pragma once

#include <vector>

#include "supervisors/brakes.hpp"

/// What is written and read of the brakes on sales.
namespace tk {

struct list_brakes {};

/// Sets it, unless it is on, was set before by this very operation, or its event is unknown.
struct set_brake {
  sales_brake brake; ///< `since` is the database's.
  user_id by;
};

/// Takes off the brake on exactly that, if it is on.
struct release_brake {
  brake_on what = brake_on::all;
  event_id event;
  std::string method;
  user_id by;
};

/// All that are on, after what was asked.
struct brakes_told {
  bool changed = false;
  bool event_known = true;
  std::vector<sales_brake> rows;
  instant as_of;
};

} // namespace tk
