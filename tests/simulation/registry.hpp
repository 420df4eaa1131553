#pragma once

#include <algorithm>
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
  /// All nodes that live, with what they own in their own eyes. To be called every so often; tells
  /// how many shards have two owners, and names one, whenever that has changed.
  std::string look(instant now, const std::vector<std::pair<int32_t, const epoch_table*>>& nodes) {
    auto before = std::exchange(shared_, 0);
    std::string example;
    for (size_t s = 0; s < since_.size(); ++s) {
      auto owns = [s](auto& x) { return x.second->epochs[s].load(std::memory_order_relaxed) != 0; };
      if (std::ranges::count_if(nodes, owns) < 2) {
        since_[s] = {};
        continue;
      }
      auto owners = owners_of(s, nodes);
      ++shared_;
      if (since_[s] == instant{}) {
        since_[s] = now;
        ++overlaps_;
      }
      longest_ = std::max(longest_, now - since_[s]);
      if (example.empty()) example = in_words(s, owners);
    }
    if (shared_ == before) return {};
    return std::to_string(shared_) + " shards have two owners" + example;
  }
  /// Empty = nothing.
  [[nodiscard]] const std::string& wrong() const { return wrong_; }
  [[nodiscard]] uint64_t overlaps() const { return overlaps_; }
  [[nodiscard]] millis longest() const { return longest_; }

private:
  using claims = std::vector<std::pair<int32_t, int64_t>>; ///< Node and epoch.

  claims owners_of(size_t shard, const std::vector<std::pair<int32_t, const epoch_table*>>& nodes) {
    claims out;
    for (auto& [node, table] : nodes) {
      auto epoch = table->epochs[shard].load(std::memory_order_relaxed);
      if (epoch == 0) continue;
      if (std::ranges::find(out, epoch, &claims::value_type::second) != out.end())
        wrong_ = "I8: two nodes own shard " + std::to_string(shard) + " in one epoch";
      out.emplace_back(node, epoch);
    }
    return out;
  }
  static std::string in_words(size_t shard, const claims& owners) {
    std::string out = ", shard " + std::to_string(shard) + " among them:";
    for (auto& [node, epoch] : owners)
      out += " node " + std::to_string(node) + " in epoch " + std::to_string(epoch);
    return out;
  }

  size_t shared_ = 0;                        ///< Shards with two owners when last looked at.
  std::array<instant, shard_count> since_{}; ///< The epoch = no overlap.
  std::string wrong_;
  uint64_t overlaps_ = 0;
  millis longest_{0};
};

} // namespace tk::sim
