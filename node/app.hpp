#pragma once

#include <memory>
#include <string>

#include <tl/expected.hpp>

#include "node/config.hpp"

namespace tk {

/// A running node: database lanes, actors, ingress. Made by `start_node`, stopped by its destructor
/// in order: ingress first, then actors, then the connections.
class running_node {
public:
  virtual ~running_node() = default;
  /// The port that is listened on.
  [[nodiscard]] virtual uint16_t port() const = 0;
  /// Why the node cannot go on; empty while it can.
  [[nodiscard]] virtual std::string failed() const = 0;
};

/// Starts a node. The error is one line for operators that says what to do.
tl::expected<std::unique_ptr<running_node>, std::string> start_node(const node_config& config);

/// The configured connection with the role's name in it.
std::string conninfo_for(const node_config& config, const char* role);

} // namespace tk
