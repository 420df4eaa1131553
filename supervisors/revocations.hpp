#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <shared_mutex>
#include <unordered_map>

#include "actors/base/ids.hpp"
#include "actors/base/time.hpp"

namespace tk {

/// Whose access tokens were revoked of late, and up to which moment of issue (C1, C32), as far as
/// this node has heard: so that no route serves a token whose owner has logged out. Sessions note
/// what is on record, whoever asks for it; what other nodes' sessions did is read from the rows.
/// The rows stay the judge of what changes anything. Any thread may call; a look-up holds one of
/// several locks, shared. What no living token can be younger than is forgotten.
class revocation_list {
public:
  /// For how long a token lives at most. To be told before the first `note`.
  void keep_for(millis token_life);
  /// Tokens of `user` that were issued up to `at` are worthless.
  void note(user_id user, instant at, instant now);
  /// A token of `user` that was issued then is known to be worthless.
  [[nodiscard]] bool refuses(user_id user, instant issued_at) const;
  /// How many users are known; for tests and metrics.
  [[nodiscard]] size_t size() const;

  /// More than so many in one token's life push out the oldest of them.
  static constexpr size_t users_max = 1u << 19;

private:
  using marks = std::unordered_map<user_id, instant, id_hash>;
  /// Two generations: whatever is noted stays for one life of a token at least, for two at most,
  /// and to forget costs no search.
  struct shard {
    mutable std::shared_mutex mutex;
    marks young, old;
    instant young_since;
  };
  static constexpr size_t shard_count = 16;
  static size_t shard_of(user_id user) { return id_hash{}(user) % shard_count; }

  std::array<shard, shard_count> shards_;
  std::atomic<int64_t> life_ms_{1'800'000};
};

} // namespace tk
