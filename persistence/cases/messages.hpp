#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "actors/base/ids.hpp"
#include "actors/base/time.hpp"

/// What staff read of operator cases (G18), and how they close one.
namespace tk {

using case_id = id<struct case_tag>;

struct operator_case {
  case_id id;
  std::string kind, subject, status; ///< As on record: `case_kind`; open or closed.
  reservation_id reservation;        ///< Nil: of none.
  payment_id payment;
  std::string says, against, next_step;
  int32_t attempts = 0;
  instant detected_at, seen_at;
  instant closed_at;     ///< Epoch: it is open.
  std::string closed_by; ///< Empty: it was repaired, or is open.
  std::string reason;
};

/// The newest first.
struct list_cases {
  std::string kind, status; ///< Empty: all.
  int32_t page = 1, limit = 20;
};

/// Closes one although nothing has repaired it. A closed one stays as it is.
struct close_case_by_hand {
  case_id id;
  std::string reason;
  user_id by;
  std::string by_name;
};

struct cases_told {
  std::vector<operator_case> rows; ///< Of a change: the one it is about; none when there is none.
  int64_t total = 0;
  bool changed = false;
};

} // namespace tk
