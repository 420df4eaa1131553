#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "supervisors/node_context.hpp"

namespace tk::sim {

/// Who believes to own which shard, seen from outside (I8). Two nodes may believe it at once, after
/// a takeover and before the old owner has heard of it; but never of one epoch.
class registry {
public:
  /// All nodes that live, with what they own in their own eyes. To be called every so often.
  void look(instant now, const std::vector<std::pair<int32_t, const epoch_table*>>& nodes) {
    for (size_t s = 0; s < since_.size(); ++s) {
      int64_t owned = 0;
      size_t owners = 0;
      for (auto& [node, table] : nodes) {
        auto epoch = table->epochs[s].load(std::memory_order_relaxed);
        if (epoch == 0) continue;
        ++owners;
        if (epoch == owned)
          wrong_ = "I8: two nodes own shard " + std::to_string(s) + " in one epoch";
        owned = epoch;
      }
      if (owners < 2) {
        since_[s] = {};
        continue;
      }
      if (since_[s] == instant{}) {
        since_[s] = now;
        ++overlaps_;
      }
      longest_ = std::max(longest_, now - since_[s]);
    }
  }
  /// Empty = nothing.
  [[nodiscard]] const std::string& wrong() const { return wrong_; }
  [[nodiscard]] uint64_t overlaps() const { return overlaps_; }
  [[nodiscard]] millis longest() const { return longest_; }

private:
  std::array<instant, shard_count> since_{}; ///< The epoch = no overlap.
  std::string wrong_;
  uint64_t overlaps_ = 0;
  millis longest_{0};
};

} // namespace tk::sim
