#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include <caf/fwd.hpp>

#include "persistence/pii/vault.hpp"
#include "persistence/pool/probe.hpp"
#include "persistence/store/port.hpp"

namespace tk {

struct store_config {
  std::string conninfo;      ///< Of role `tiketi_store`.
  size_t connections = 2;    ///< Each with a thread of its own.
  size_t waiting_max = 4096; ///< Beyond it `ec::busy`.
  std::shared_ptr<const pii_vault> vault;
  std::function<void(const std::string&)> log; ///< Failures; called on the workers' threads.
  pg_probe* probe = nullptr;
};

/// Starts the store. Errors: `ec::busy` (full), `ec::late` (waited too long), `ec::unavailable`
/// (not done), `ec::bad_request` (a value PostgreSQL cannot take), `ec::internal` (personal data
/// cannot be read), anything else: a write may have happened.
store_actor spawn_store(caf::actor_system& system, const store_config& config);

} // namespace tk
