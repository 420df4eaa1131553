#pragma once

#include <functional>
#include <string>

#include <caf/fwd.hpp>

#include "persistence/reconciliation/port.hpp"

namespace tk {

struct reconciliation_config {
  std::string conninfo; ///< Of role `tiketi_books`.
  std::function<void(const std::string&)> log;
};

/// One connection, made when there is something to do.
reconciliation_actor spawn_reconciliation(caf::actor_system& system,
                                          const reconciliation_config& config);

} // namespace tk
