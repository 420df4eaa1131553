#pragma once

#include <memory>

#include "persistence/ledger/port.hpp"

namespace tk {

/// The shell around an executor. It blocks, so it is spawned detached: one thread per lane.
ledger_driver_actor::behavior_type ledger_driver(ledger_driver_actor::pointer self,
                                                 std::shared_ptr<batch_executor> executor);

} // namespace tk
