#pragma once

#include <atomic>
#include <functional>
#include <vector>

#include <caf/actor.hpp>
#include <caf/fwd.hpp>

namespace tk::http {

/// Actors that turn requests into messages and replies into JSON. Reactor threads hand work over
/// and go on; what runs here must not block.
class ingress_pool {
public:
  using job = std::function<void(caf::event_based_actor*)>;

  ingress_pool(caf::actor_system& system, size_t actors);

  /// Runs `what` in one of the actors. Safe from any thread. An exception is logged and ends the
  /// job alone; its exchange answers 500 by itself.
  void run(job what);

private:
  std::vector<caf::actor> actors_;
  std::atomic<size_t> next_{0};
};

} // namespace tk::http
