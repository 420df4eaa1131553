#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "inspector/node_client.hpp"
#include "inspector/report.hpp"

/// The sale on one screen. Pure.
namespace tk::inspector {

/// What nodes answered in one round.
struct top_look {
  struct asked_node {
    node_answer nodes, ledger;
  };
  std::vector<asked_node> nodes;
  node_answer brakes, hot;
  std::vector<node_answer> events; ///< The hottest, or the one that was named: it is in `node`.
  int64_t at_ms = 0;               ///< By a clock that does not jump.
};

struct screen_size {
  size_t lines = 24, columns = 80;
};

/// The events whose blocks are the hottest, no more than `max`.
std::vector<std::string> hottest_events(const node_answer& hot, size_t max);

/// Lines of sales, gaps, ledger, nodes, events, and the hottest blocks in what is left, with ages.
/// Rates are told when there is a look before. It never has more lines or columns than `size`.
std::string top_text(const top_look& now, const top_look* before, screen_size size,
                     const text_style& style);

} // namespace tk::inspector
