#include "persistence/money/actor.hpp"

#include <caf/stateful_actor.hpp>

namespace tk {

namespace {

constexpr size_t waiting_max = 4; // Each holds a whole list.

struct settlements_state {
  static inline const char* name = "tiketi.settlements";
  pg_pool<settlement_actor::base> pool;
};
using settlements_ptr = settlement_actor::stateful_pointer<settlements_state>;

settlement_actor::behavior_type settlements(settlements_ptr self,
                                            const settlements_config& config) {
  auto& pool = self->state.pool;
  pool.start(self, std::make_shared<pg_pool_config>(
                     pg_pool_config{config.conninfo, 1, waiting_max, "SET timezone = 'UTC'",
                                    settlement_statements(), config.log, nullptr}));
  return {
    [&pool](const take_settlement& x) {
      return pg_answer<settlement_taken>(
        pool, [=](pg::connection& db) { return store_settlement(db, x); });
    },
  };
}

} // namespace

settlement_actor spawn_settlements(caf::actor_system& system, const settlements_config& config) {
  return system.spawn(settlements, config);
}

} // namespace tk
