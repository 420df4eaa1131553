#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "supervisors/region.hpp"

namespace tk {

/// What a region counts of one shard, alone; worth something while the shard is this node's.
struct shard_figures {
  std::atomic<uint64_t> asked{0}; ///< Messages for its entities.
  std::atomic<int64_t> awake{0};  ///< Its entities in memory.
};
using shard_table = std::array<shard_figures, shard_count>;

/// As the other `spawn_region`; `shards` outlives the region.
caf::actor spawn_region(node_context& node, region_settings settings, shard_table& shards);

} // namespace tk
