#pragma once

#include <string>

#include "actors/base/ids.hpp"

/// What is written of a loss that an operator has accepted.
namespace tk {

/// Puts it on record, unless this very operation has done so before.
struct note_accepted_loss {
  request_id id; ///< Of the operation.
  node_id node;
  std::string key, suspicion;
  std::string missing; ///< A JSON array.
  bool more = false;   ///< Older ones may be missing, too.
  std::string reason;
  user_id by;
  std::string by_name;
};

struct accepted_loss_noted {};

} // namespace tk
