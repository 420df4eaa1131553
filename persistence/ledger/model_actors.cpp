#include "persistence/ledger/model_actors.hpp"

#include <memory>

#include <caf/actor_system.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

namespace tk {

namespace {

ledger_driver_actor::behavior_type model_driver(ledger_driver_actor::pointer,
                                                batch_executor* executor) {
  return {
    [=](const execute_batch& x) {
      return batch_executed{x.ticket,
                            std::make_shared<const batch_result>(executor->execute(*x.what))};
    },
  };
}

reads_actor::behavior_type model_reads(reads_actor::pointer, const ledger_model* model) {
  return {
    [=](const load_session& x) { return model->read(x); },
    [=](const load_block& x) { return model->read(x); },
    [=](const load_event& x) { return model->read(x); },
    [=](const load_reservation& x) { return model->read(x); },
    [=](const find_overdue& x) { return model->read(x); },
    [=](const find_live_blocks& x) { return model->read(x); },
    [=](const load_plan& x) { return model->read(x); },
    [=](const load_checkout& x) { return model->read(x); },
    [=](const find_open_checkouts& x) { return model->read(x); },
    [=](const load_room& x) { return model->read(x); },
    [=](const load_gate& x) { return model->read(x); },
    [=](const find_live_rooms& x) { return model->read(x); },
    [=](const find_open_gates& x) { return model->read(x); },
    [=](const load_inventory& x) { return model->read(x); },
  };
}

} // namespace

ledger_driver_actor spawn_model_driver(caf::actor_system& system, batch_executor& executor) {
  return system.spawn(model_driver, &executor);
}

reads_actor spawn_model_reads(caf::actor_system& system, const ledger_model& model) {
  return system.spawn(model_reads, &model);
}

} // namespace tk
