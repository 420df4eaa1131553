#pragma once

#include <caf/fwd.hpp>

#include "persistence/ledger/model_driver.hpp"
#include "persistence/ledger/port.hpp"
#include "persistence/reads/port.hpp"

/// Ordinary actors in front of the model, for simulations and tests: no thread, no waiting.
namespace tk {

/// A driver that executes in its own message handler. `executor` must outlive it and must not
/// block.
ledger_driver_actor spawn_model_driver(caf::actor_system& system, batch_executor& executor);

/// Serves the reads port from the rows of `model`, which must outlive it.
reads_actor spawn_model_reads(caf::actor_system& system, const ledger_model& model);

} // namespace tk
