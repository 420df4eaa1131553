#include "persistence/ledger/driver.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <utility>

namespace tk {

ledger_driver_actor::behavior_type ledger_driver(ledger_driver_actor::pointer,
                                                 std::shared_ptr<batch_executor> executor) {
  return {
    [executor = std::move(executor)](const execute_batch& x) {
      return batch_executed{x.ticket, std::make_shared<batch_result>(executor->execute(*x.what))};
    },
  };
}

} // namespace tk
