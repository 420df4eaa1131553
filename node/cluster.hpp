#pragma once

#include <optional>
#include <string>
#include <vector>

#include <caf/actor_system_config.hpp>
#include <tl/expected.hpp>

#include "cluster/connections.hpp"
#include "http/metrics.hpp"
#include "node/config.hpp"
#include "supervisors/link_figures.hpp"
#include "supervisors/node_context.hpp"

/// What a node has beside others: ways to them, and theirs to it. A node that is alone has none of
/// it.
namespace tk {

/// Where it takes links, as configured.
struct cluster_settings {
  cluster::endpoint listen;
  std::string address; ///< As the roster tells others.
  cluster::tls_files tls;
  size_t links = 0; ///< Other nodes that it can speak with.
};

/// None when the node is alone.
std::optional<cluster_settings> cluster_settings_of(const node_config& config);

/// What is wrong with these options, in one line; empty when nothing is.
std::string check_cluster(const node_config& config);

/// CAF's thread for sockets; before the actor system is made.
void prepare_network(const node_config& config, caf::actor_system_config& actors);

/// The parts, in the order in which they can be made. It outlives their actors.
class cluster_parts {
public:
  explicit cluster_parts(cluster_settings settings) : settings_(std::move(settings)) {
    // nop
  }

  /// Links and router, before anything asks by key. Adds what is to be ended to `parts`.
  void spawn_ways(node_context& node, int64_t life, std::vector<caf::actor>& parts);
  /// Listens and dials; the error is one line. `own` is what it says of itself.
  tl::expected<caf::actor, std::string> spawn_connections(node_context& node, cluster::hello own,
                                                          std::vector<caf::actor>& parts);
  /// `node` says who is at the end of which link.
  void add_metrics(http::metrics& meters, const node_context& node) const;
  [[nodiscard]] const cluster_settings& settings() const { return settings_; }

private:
  void add_link_metrics(http::metrics& meters, const node_context& node) const;

  cluster_settings settings_;
  link_probe links_;
  link_table by_slot_;
  cluster::connection_probe connections_;
  std::optional<instant> certificate_ends_; ///< None without one.
};

} // namespace tk
