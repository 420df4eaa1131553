#pragma once

#include <functional>
#include <string>

#include <caf/fwd.hpp>

#include "persistence/losses/port.hpp"

namespace tk {

struct losses_config {
  std::string conninfo; ///< Of role `tiketi_store`.
  std::function<void(const std::string&)> log;
};

/// It connects when it has something to write, so hardly ever.
losses_actor spawn_losses(caf::actor_system& system, const losses_config& config);

} // namespace tk
