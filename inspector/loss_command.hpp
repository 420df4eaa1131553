#pragma once

#include <string>

#include "inspector/node_client.hpp"
#include "inspector/report.hpp"

namespace tk::inspector {

struct loss_options {
  node_options nodes;
  std::string key;       ///< Of what was seen; empty: look, and accept nothing.
  std::string reason;    ///< For the record.
  std::string operation; ///< A uuid; empty: a fresh one.
  bool json = false;
};

/// Without a key tells what each node has answered and the database does not have: 0 nothing, 1
/// something is or may be missing, 2 nobody could be asked. With one it goes on without that: says
/// so to the node whose loss it names, and to no other. 0 accepted, or no node misses anything; 2
/// refused, or the outcome is not known.
int accept_loss(loss_options options, const text_style& style);

} // namespace tk::inspector
