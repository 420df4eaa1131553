#pragma once

#include <cstddef>
#include <vector>

#include <caf/fwd.hpp>

#include "gateways/password/hasher.hpp"
#include "gateways/password/port.hpp"

namespace tk {

/// How long a hash takes nowadays: at once longer after a slow one, by and by shorter again. Pure.
class hashing_pace {
public:
  /// One was made, or given up, after `spent`.
  void took(millis spent);
  /// Would one that is begun now be ready before an asker has gone who waits for `left` more?
  [[nodiscard]] bool in_time(millis left) const { return left > typical_; }

private:
  millis typical_{0};
};

/// Of the pool in front of the workers (H-31).
struct password_pool_config {
  size_t workers = 1;      ///< Threads; see `password_workers_for`.
  size_t waiting_max = 32; ///< Requests that may wait; one more is answered `ec::busy`.
};

/// One thread per two cores, at least one.
size_t password_workers_for(size_t cores);

/// Starts the pool with workers on threads of their own, at low priority.
/// @param hasher must outlive the actors.
password_actor spawn_password_pool(caf::actor_system& system, password_pool_config config,
                                   const password_hasher& hasher);

/// Starts the front alone; it gives each of `workers` one request at a time and ends them when it
/// ends itself. First come, first served, but for those whose asker would be gone by then: they
/// hear `ec::busy` when their turn comes, or when their place is wanted by somebody else.
password_actor spawn_password_front(caf::actor_system& system, size_t waiting_max,
                                    std::vector<password_actor> workers);

} // namespace tk
