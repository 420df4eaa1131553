#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <caf/actor_system.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

#include "actors/base/time.hpp"

namespace tk::cluster {

/// A socket that is closed unless somebody takes it.
class open_socket {
public:
  explicit open_socket(int fd) : fd_(fd) {
    // nop
  }
  open_socket(const open_socket&) = delete;
  open_socket& operator=(const open_socket&) = delete;
  ~open_socket();
  /// The caller closes it from now on.
  int take();

private:
  int fd_;
};

/// Where a node listens.
struct endpoint {
  std::string host; ///< A name or an address; IPv6 addresses in brackets as text.
  uint16_t port = 0;
  auto operator<=>(const endpoint&) const = default;
};

/// "host:port" or "[v6]:port" as an endpoint; port 0 for what is neither.
endpoint parse_endpoint(const std::string& text);

struct dial_node {
  endpoint where;
};
struct dialled {
  std::shared_ptr<open_socket> socket; ///< Null when there is none.
  std::string error;
  bool refused = false; ///< By every address: its machine says that nobody listens there.
};

/// DIALER: makes connections, because CAF's own way to make one would block its only thread for
/// sockets for as long as a dead machine does not answer.
using dialer_actor = caf::typed_actor<
  /// Connects, or says why not. Blocks its own thread, for its limit at most (and for as long as
  /// the machine's resolver takes).
  caf::replies_to<dial_node>::with<dialled>>;

/// On a thread of its own.
dialer_actor spawn_dialer(caf::actor_system& system, millis limit);

} // namespace tk::cluster

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::cluster::dial_node)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::cluster::dialled)
