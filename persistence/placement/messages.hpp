#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "actors/base/ids.hpp"
#include "actors/base/time.hpp"
#include "persistence/ledger/roster_port.hpp"

/// What operators wish of who owns which shards, and what becomes of saying so.
namespace tk {

enum class wish_kind : uint8_t {
  drain = 1, ///< A node gives all its shards away and takes none, until that is taken back.
  move,      ///< A shard is given to a node and stays there, until that is taken back.
  rebalance  ///< Who has more than a fair share gives the rest, once.
};
std::string_view to_string(wish_kind x);

struct placement_wish {
  wish_id id; ///< Of the operation that says it.
  wish_kind what = wish_kind::drain;
  node_id node;       ///< Who is to be empty; whose the shard is to be. Nil for `rebalance`.
  uint16_t shard = 0; ///< Of a `move`.
  std::string key;    ///< By which an operator named the shard.
  std::string reason;
};

/// Who says it, for the record.
struct wish_author {
  user_id id;
  std::string name;
};

/// Puts a wish on record, unless it is already, was put there before by this very operation, or
/// cannot come true. A move takes the place of an earlier one of the same shard.
struct set_wish {
  placement_wish wish;
  wish_author by;
};
/// Takes a wish back: the drain of `node`, or the move of `shard`. Not one that was said after
/// `seen`, when that is given: what is late must not undo what nobody had seen by then.
struct end_wish {
  wish_kind what = wish_kind::drain;
  node_id node;
  uint16_t shard = 0;
  wish_author by;
  std::optional<instant> seen{}; ///< By PostgreSQL's clock.
};

enum class wish_end : uint8_t {
  done = 1,
  nothing,      ///< It was so already.
  taken_back,   ///< This very operation was done before, and somebody has taken it back since.
  other,        ///< This operation was something else.
  unseen,       ///< There is one, and it was said after what the asker had seen.
  node_unknown, ///< No such node has ever been on the roster.
  node_dead,    ///< Nothing can be given to a node that does not live,
  node_drained, ///< or is to be empty.
  last_node     ///< Nobody would be there to take the shards.
};
struct wish_told {
  wish_end is = wish_end::nothing;
};

} // namespace tk
