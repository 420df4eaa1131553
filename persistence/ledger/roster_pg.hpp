#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "actors/base/ids.hpp"
#include "actors/base/placement.hpp"
#include "actors/base/time.hpp"
#include "persistence/ledger/roster_port.hpp"

namespace tk {

struct roster_config {
  std::string conninfo; ///< Of the lanes' role: it must be able to end their backends.
  int lanes = 8; ///< Elements of `nodes.backend_pids`; one more behind them is the roster's own.
  millis call_limit{5000};
};

/// A node's place in `nodes` and `shard_owners` (ledger.md section 8), on a connection of its own.
/// Every call blocks, for `call_limit` at most; one thread at a time.
class roster_pg {
public:
  explicit roster_pg(roster_config config);
  ~roster_pg();

  /// Starts a new incarnation: ends what is left of the node's earlier one and takes its shards,
  /// with new epochs. A node that counts shards otherwise is refused by the database. An earlier
  /// one that was seen in the last 3 s (by ledger time) and still has a database backend keeps its
  /// name: `namesake_seen`, or, when it has beaten since the last call, `namesake_lives`. A node
  /// that was killed loses its backends at once, so its name is free.
  tl::expected<membership, roster_error> join(node_id node, const node_facts& facts = {});

  /// Speaks for an incarnation that another object has begun; instead of `join`.
  void act_as(node_id node, int64_t incarnation);

  /// The heartbeat, once a second. With `drain` the node is marked as one that takes no shards and
  /// gives away its own, until it joins again. `evened`: the wish that shards be evened out has
  /// come true. `unreached`: nodes that nobody is left of where they listened; those that have
  /// no backend either are dead from now on, unless they beat again.
  tl::expected<membership, roster_error> beat(bool drain = false, wish_id evened = {},
                                              const std::vector<node_id>& unreached = {});

  /// Who owns what now, without a heartbeat.
  tl::expected<membership, roster_error> read();

  /// Takes up to `most` shards that nobody owns, or whose owner was not seen for 3 s by ledger
  /// time; the answer is how many. Ends the backends of dead owners first; each shard's epoch rises
  /// by one under its exclusive lock, so older ops have committed before or are fenced.
  tl::expected<int64_t, roster_error> take(int32_t most = shard_count);

  /// Takes one shard under the same rules; true when it is ours now by this call.
  tl::expected<bool, roster_error> take_one(uint16_t shard);

  /// Gives a shard of this node to one that lives and takes shards: its epoch rises by one under
  /// its exclusive lock. Without `to` it only looks, behind whatever holds the lock. Only when a
  /// COMMIT got no answer, or nobody could look, is the end unknown.
  given give(const give_shard& what);

  /// What no other database has: shops never mix.
  tl::expected<std::string, roster_error> database();

  /// Gives all shards back and ends the incarnation, for an orderly stop.
  tl::expected<void, roster_error> leave();

  /// Makes the outbox's partitions of the next days; at the start and once a day.
  tl::expected<void, roster_error> ensure_partitions(int days);

  /// What went wrong last, for the log.
  [[nodiscard]] const std::string& last_error() const;

  struct impl;

private:
  std::unique_ptr<impl> impl_;
};

} // namespace tk
