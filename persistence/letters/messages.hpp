#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "actors/base/ids.hpp"
#include "actors/base/time.hpp"
#include "persistence/relay/messages.hpp"

/// Domain events that somebody could not take (G18), for those who see to them.
namespace tk {

using letter_id = id<struct letter_tag>;

/// What became of a dead letter. `waiting`: nothing yet.
enum class letter_state : uint8_t { waiting = 1, replayed, discarded };

struct letter_row {
  letter_id id;
  std::string consumer; ///< Who could not take it.
  outbox_row event;
  std::string why; ///< The last reason.
  int32_t tries = 0;
  instant at; ///< Since when it is dead.
  letter_state is = letter_state::waiting;
  instant ended_at;
  std::string ended_why; ///< What whoever ended it said.
};

/// A page of them, the newest first.
struct list_letters {
  bool waiting_only = true;
  int32_t limit = 20;
  int64_t offset = 0;
};
struct letter_page {
  std::vector<letter_row> rows;
  int64_t total = 0;
};

/// Hands it to its consumer once more; to repeat it does no harm.
struct replay_letter {
  letter_id id;
  user_id by;
  std::string why;
};
/// Nobody shall take it any more.
struct discard_letter {
  letter_id id;
  user_id by;
  std::string why;
};

enum class letter_end : uint8_t {
  done = 1,  ///< Now, or by an earlier word of the same kind.
  unknown,   ///< There is no such letter.
  other_end, ///< It has ended the other way.
  refused,   ///< Its consumer cannot take it still; `row.why` tells.
  not_here,  ///< This node has no such consumer.
  not_told   ///< Nobody knows whether it arrived: say it again.
};
struct letter_reply {
  letter_end is = letter_end::unknown;
  letter_row row; ///< As it is now.
};

} // namespace tk
