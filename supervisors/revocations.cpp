#include "supervisors/revocations.hpp"

#include <algorithm>
#include <mutex>
#include <utility>

namespace tk {

void revocation_list::keep_for(millis token_life) { life_ms_ = token_life.count(); }

void revocation_list::note(user_id user, instant at, instant now) {
  auto life = millis{life_ms_.load(std::memory_order_relaxed)};
  if (at + life < now) return; // What it refuses has run out by itself.
  marks outdated;              // Goes after the lock.
  auto& to = shards_[shard_of(user)];
  std::unique_lock guard{to.mutex};
  if (now >= to.young_since + life || to.young.size() >= users_max / shard_count) {
    outdated = std::exchange(to.old, std::exchange(to.young, {}));
    to.young_since = now;
  }
  auto& mark = to.young[user];
  mark = std::max(mark, at);
}

bool revocation_list::refuses(user_id user, instant issued_at) const {
  auto& in = shards_[shard_of(user)];
  std::shared_lock guard{in.mutex};
  auto known = [&](const marks& x) {
    auto i = x.find(user);
    return i != x.end() && issued_at <= i->second;
  };
  return known(in.young) || known(in.old);
}

size_t revocation_list::size() const {
  size_t sum = 0;
  for (auto& x : shards_) {
    std::shared_lock guard{x.mutex};
    sum += x.young.size();
    for (auto& [user, at] : x.old) sum += x.young.contains(user) ? 0 : 1;
  }
  return sum;
}

} // namespace tk
