#pragma once

#include <cstddef>
#include <vector>

#include <caf/fwd.hpp>

#include "gateways/password/hasher.hpp"
#include "gateways/password/port.hpp"

namespace tk {

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
/// ends itself.
password_actor spawn_password_front(caf::actor_system& system, size_t waiting_max,
                                    std::vector<password_actor> workers);

} // namespace tk
