#pragma once

#include <string>

/// What the environment says: where the answer goes to, and who asks.
namespace tk::inspector {

/// Somebody reads it on a terminal, and has not asked for plain text (https://no-color.org).
bool wants_colour();

/// Of nodes: who is asked and by whom, where the command line does not say it. No command line
/// shows the token itself.
struct node_environment {
  std::string nodes;      ///< INSPECT_NODES, with commas.
  std::string token_file; ///< INSPECT_TOKEN_FILE.
  std::string token;      ///< INSPECT_TOKEN.
};
node_environment environment_of_nodes();

} // namespace tk::inspector
