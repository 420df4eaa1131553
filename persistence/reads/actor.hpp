#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include <caf/fwd.hpp>

#include "persistence/pool/probe.hpp"
#include "persistence/reads/port.hpp"

namespace tk {

struct reads_config {
  std::string conninfo;        ///< Of role `tiketi_read`.
  size_t connections = 2;      ///< Each with a thread of its own.
  size_t waiting_max = 20'000; ///< Of either kind, sessions and others; beyond it `ec::busy`.
  std::function<void(const std::string&)> log; ///< Failures; called on the workers' threads.
  pg_probe* probe = nullptr;
};

/// Starts the read pool. `load_session` requests that wait become one statement of up to 256 users.
reads_actor spawn_reads(caf::actor_system& system, const reads_config& config);

} // namespace tk
