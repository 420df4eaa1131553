#include "node/cluster.hpp"

#include <utility>

#include <caf/actor_system.hpp>

#include "node/certificate_watch.hpp"
#include "node/loopback.hpp"
#include "supervisors/link.hpp"
#include "supervisors/router.hpp"
#include "supervisors/spreader.hpp"

namespace tk {

namespace {

constexpr millis dial_limit{2000};

} // namespace

std::optional<cluster_settings> cluster_settings_of(const node_config& config) {
  auto& listen = config.text("CLUSTER_LISTEN");
  if (listen.empty()) return std::nullopt;
  cluster_settings out;
  out.listen = cluster::parse_endpoint(listen);
  auto& address = config.text("CLUSTER_ADDRESS");
  out.address = address.empty() ? listen : address;
  out.tls = {config.text("CLUSTER_CERTIFICATE"), config.text("CLUSTER_KEY"),
             config.text("CLUSTER_AUTHORITY")};
  out.links = static_cast<size_t>(config.number("CLUSTER_NODES_MAX")) - 1;
  return out;
}

std::string check_cluster(const node_config& config) {
  auto x = cluster_settings_of(config);
  if (!x) return "";
  if (x->listen.port == 0)
    return "CLUSTER_LISTEN: must be host:port, or [v6 address]:port, with a port";
  auto reached_at = cluster::parse_endpoint(x->address);
  if (reached_at.port == 0)
    return "CLUSTER_ADDRESS: must be host:port, where other nodes reach this one";
  if (x->tls.empty()) {
    if (is_loopback(x->listen.host) && is_loopback(reached_at.host)) return "";
    return "CLUSTER_CERTIFICATE: nodes that can be reached from other machines need certificates; "
           "cluster-config/certificates makes them";
  }
  if (auto loaded = cluster::tls_context::load(x->tls); !loaded)
    return "CLUSTER_CERTIFICATE: " + loaded.error();
  return "";
}

void prepare_network(const node_config& config, caf::actor_system_config& actors) {
  if (cluster_settings_of(config)) cluster::prepare(actors);
}

void cluster_parts::spawn_ways(node_context& node, int64_t life, std::vector<caf::actor>& parts) {
  node.router = spawn_router(node);
  node.spreader = spawn_spreader(node);
  parts.insert(parts.end(), {node.router, node.spreader});
  node.peers.links.reserve(settings_.links);
  for (size_t i = 0; i < settings_.links; ++i) {
    link_settings how;
    how.slot = i;
    node.peers.links.push_back(spawn_link(node, links_, life, how, by_slot_.at(i)));
    parts.push_back(node.peers.links.back());
  }
}

tl::expected<caf::actor, std::string> cluster_parts::spawn_connections(
  node_context& node, cluster::hello own, std::vector<caf::actor>& parts) {
  cluster::connection_settings how;
  how.bind_address = settings_.listen.host;
  how.port = settings_.listen.port;
  how.own = std::move(own);
  if (!settings_.tls.empty()) {
    auto tls = cluster::tls_context::load(settings_.tls);
    if (!tls) return tl::unexpected("CLUSTER_CERTIFICATE: " + tls.error());
    how.tls = std::move(*tls);
    certificate_ends_ = how.tls->ends_at();
    parts.push_back(
      spawn_certificate_watch(*node.system, *node.clock, *certificate_ends_, log_certificate_end));
  }
  auto dialer = cluster::spawn_dialer(*node.system, dial_limit);
  auto door = spawn_door(node, links_);
  auto there = cluster::spawn_connections(*node.system, std::move(how), door, node.peers.links,
                                          dialer, connections_);
  parts.insert(parts.end(), {caf::actor_cast<caf::actor>(dialer), door});
  if (!there) return tl::unexpected("CLUSTER_LISTEN: " + there.error());
  parts.push_back(there->broker);
  return there->broker;
}

/// A row for each other node that the roster knows, named by its id. Counts go on when a link gets
/// another node.
void cluster_parts::add_link_metrics(http::metrics& meters, const node_context& node) const {
  auto add = [&](const char* name, const char* help, auto read) {
    meters.add_rows(name, help, [&node, read, links = settings_.links] {
      std::vector<http::metric_row> out;
      for (size_t i = 0; i < links; ++i) {
        auto peer = node.names.of(static_cast<int32_t>(i));
        if (!peer.nil()) out.push_back({{{"peer", to_string(peer)}}, static_cast<double>(read(i))});
      }
      return out;
    });
  };
  auto count = [&](const char* name, const char* help, auto what) {
    add(name, help, [this, what](size_t i) { return (by_slot_.at(i).*what).load(); });
  };
  constexpr double second_ms = 1000;
  auto& ways = connections_.ways;
  add("cluster_link_standing", "1: a connection to this node stands.",
      [&node](size_t i) { return node.peers.up.at(i).load() ? 1 : 0; });
  add("cluster_link_silent_seconds", "Since anything was heard of it; beats come twice a second.",
      [&ways](size_t i) { return static_cast<double>(ways.at(i).silent_ms) / second_ms; });
  add("cluster_link_unsent_bytes", "Waiting to be sent to it.",
      [&ways](size_t i) { return ways.at(i).unsent.load(); });
  count("cluster_link_requests_open", "Without an answer, now.", &link_figures::open);
  count("cluster_link_window", "So many may be open; more are refused.", &link_figures::window);
  count("cluster_link_requests_total", "Sent to it.", &link_figures::asked);
  count("cluster_link_answers_total", "That came of them.", &link_figures::answered);
  add("cluster_link_answer_seconds_total", "From requests to what came of them, its work included.",
      [this](size_t i) { return static_cast<double>(by_slot_.at(i).answer_ms) / second_ms; });
  count("cluster_link_moved_total", "Requests for shards that it had no more.",
        &link_figures::moved);
  count("cluster_link_unknown_total", "Requests that got no answer in time.",
        &link_figures::unknown);
  count("cluster_link_unreachable_total", "Requests that could not be sent to it at once.",
        &link_figures::unreachable);
  count("cluster_link_sent_bytes_total", "Requests and boards for it.", &link_figures::bytes_sent);
  count("cluster_link_heard_bytes_total", "Its answers.", &link_figures::bytes_heard);
}

void cluster_parts::add_metrics(http::metrics& meters, const node_context& node) const {
  add_link_metrics(meters, node);
  auto add = [&](const char* name, const char* help, const auto& x) {
    meters.add_gauge(name, help,
                     [&x] { return static_cast<double>(x.load(std::memory_order_relaxed)); });
  };
  add("cluster_links_standing", "Other nodes with which a connection stands.",
      connections_.standing);
  add("cluster_connections_lost_total", "Connections with other nodes that ended.",
      connections_.lost);
  add("cluster_connections_refused_total", "Connections of strangers, or that spoke wrongly.",
      connections_.refused);
  add("cluster_connections_paused_total", "Times that a node sent more than could be done.",
      connections_.paused);
  add("cluster_connections_replaced_total", "Connections of nodes that came again.",
      connections_.replaced);
  add("cluster_strangers_dropped_total",
      "Connections that made room before they said who they are.", connections_.crowded);
  if (certificate_ends_)
    meters.add_gauge("cluster_certificate_ends_seconds",
                     "Until other nodes do not believe this one's certificate any more.",
                     [ends = *certificate_ends_, &node] {
                       constexpr double second_ms = 1000;
                       auto left = (ends - node.clock->now()).count();
                       return static_cast<double>(left) / second_ms;
                     });
  add("cluster_requests_open", "Requests to other nodes without an answer, now.", links_.open);
  add("cluster_requests_total", "Requests sent to other nodes.", links_.asked);
  add("cluster_requests_moved_total", "Requests that went on to a shard's new owner.",
      links_.moved);
  add("cluster_requests_unknown_total", "Requests sent that got no answer in time.",
      links_.unknown);
  add("cluster_requests_unreachable_total", "Requests that could not be sent at once.",
      links_.unreachable);
  add("cluster_boards_sent_total", "Boards told to other nodes.", links_.boards);
}

} // namespace tk
