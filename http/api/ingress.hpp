#pragma once

#include <atomic>
#include <functional>
#include <memory>

#include <caf/fwd.hpp>

#include "actors/base/time.hpp"

namespace tk::http {

/// Actors that turn requests into messages and replies into JSON. Reactor threads hand work over
/// and go on; what runs here must not block. An actor that ends by an exception is replaced; the
/// exchanges it had in hand answer 500 by themselves.
class ingress_pool {
public:
  using job = std::function<void(caf::event_based_actor*)>;

  ingress_pool(caf::actor_system& system, size_t actors);
  ~ingress_pool();
  ingress_pool(const ingress_pool&) = delete;
  ingress_pool& operator=(const ingress_pool&) = delete;

  /// Runs `what` in one of the actors. Safe from any thread; does nothing after `close`.
  void run(job what);
  /// Runs `what` in the same actor, some time later.
  static void later(caf::event_based_actor* self, millis after, job what);
  /// Ends the actors. What they had in hand answers by itself.
  void close();

private:
  /// Shared with the actors: one may end when the pool has gone.
  struct slots;
  static void start(const std::shared_ptr<slots>& all, size_t slot);

  std::shared_ptr<slots> slots_;
  std::atomic<size_t> next_{0};
};

} // namespace tk::http
