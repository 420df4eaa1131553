#pragma once

#include "inspector/node_client.hpp"
#include "inspector/report.hpp"

namespace tk::inspector {

struct top_options {
  node_options nodes{{}, {}, {}, 3}; ///< One that is silent does not stop the picture for long.
  std::string event;                 ///< Empty: those with the hottest blocks.
  int every_s = 2;
};

/// A live view of the sale, as large as the terminal, until a signal. The exit code of the last
/// look: 0 every node told, 1 some did, 2 none.
int watch_top(top_options options, const text_style& style);

} // namespace tk::inspector
