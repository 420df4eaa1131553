#pragma once

#include <array>
#include <atomic>
#include <optional>
#include <string>
#include <vector>

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include "cluster/dialer.hpp"
#include "cluster/hello.hpp"
#include "cluster/tls.hpp"
#include "supervisors/link.hpp"
#include "supervisors/peers.hpp"

namespace tk::cluster {

struct connection_settings {
  std::string bind_address; ///< Empty: every interface.
  uint16_t port = 0;        ///< 0: any that is free.
  hello own;
  std::optional<tls_context> tls; ///< None: only for the loopback, which the node's start checks.
  millis tick{250};               ///< Beats, looks and new attempts.
  int silent_ticks = 10;          ///< Nothing was heard for so long: the connection is lost.
  int greeting_ticks = 12;        ///< Whoever has not said who it is by then is sent away.
  size_t unsent_max = 8 << 20;    ///< Bytes that wait for one connection; more is not taken.
  /// Of one connection: frames and bytes that came and are not done with, requests until they are
  /// answered. Beyond either nothing is read of it until half is. Four times what an honest link
  /// may have open (link_settings::open_max), and twice what may wait at its other end.
  size_t taken_max = 32'768, taken_bytes_max = 16 << 20;
  int stuck_ticks = 40; ///< Nothing of that was done with for so long: the connection is ended.
  /// Connections whose other side has not said who it is. When one more comes, the address with
  /// most of them loses one.
  size_t strangers_max = 64;
};

/// Loads CAF's part for sockets; before the actor system is made.
void prepare(caf::actor_system_config& actors);

struct connection_probe {
  std::atomic<int64_t> standing{0}; ///< Links that are up, now.
  std::atomic<uint64_t> accepted{0}, refused{0}, lost{0};
  std::atomic<uint64_t> paused{0};   ///< Times that a peer was not read for a while.
  std::atomic<uint64_t> replaced{0}; ///< Connections of nodes that came again.
  std::atomic<uint64_t> crowded{0};  ///< Strangers that made room for others.
  /// Of the connection that this node made to each slot, as of the last tick.
  struct way_figures {
    std::atomic<int64_t> silent_ms{0}; ///< Since anything was heard.
    std::atomic<uint64_t> unsent{0};   ///< Bytes that wait.
  };
  std::array<way_figures, peer_table::links_max> ways;
};

struct listening {
  /// Understands `nodes_known`; who sends it hears `nobody_there` after every refused attempt.
  caf::actor broker;
  uint16_t port = 0; ///< Where it listens.
};

/// Starts what keeps a connection to every node of the roster and takes theirs; or says why it
/// cannot listen. Requests go on connections that this node made, their answers come back on the
/// same; what others ask comes on theirs. `links[n]` hears when the way to slot n stands or is
/// lost. Frames of anybody who has not shown a certificate and said a fitting hello reach nobody
/// (S27, S28). Both probes and the door outlive the broker.
tl::expected<listening, std::string> spawn_connections(
  caf::actor_system& system, connection_settings settings, caf::actor door,
  std::vector<caf::actor> links, const dialer_actor& dialer, connection_probe& probe);

} // namespace tk::cluster
