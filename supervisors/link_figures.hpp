#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "supervisors/link.hpp"

namespace tk {

/// What one link counts, which nobody else writes; beside what all of a node's count together.
struct alignas(64) link_figures {
  std::atomic<uint64_t> asked{0}, answered{0}, moved{0}, unreachable{0}, unknown{0};
  std::atomic<int64_t> open{0};                        ///< Requests without an answer, now.
  std::atomic<uint64_t> window{0};                     ///< So many may be open.
  std::atomic<uint64_t> bytes_sent{0}, bytes_heard{0}; ///< Requests and boards; answers.
  std::atomic<uint64_t> answer_ms{0};                  ///< Sum, from a request to its answer.
};
/// By slot.
using link_table = std::array<link_figures, peer_table::links_max>;

/// As the other `spawn_link`; `own` outlives the link.
caf::actor spawn_link(node_context& node, link_probe& probe, int64_t life, link_settings settings,
                      link_figures& own);

} // namespace tk
