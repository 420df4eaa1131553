#include "persistence/reconciliation/actor.hpp"

#include <caf/stateful_actor.hpp>

#include "persistence/pool/pool.hpp"
#include "persistence/reconciliation/rows.hpp"

namespace tk {

namespace {

constexpr size_t waiting_max = 64;

struct reconciliation_state {
  static inline const char* name = "tiketi.reconciliation-rows";
  pg_pool<reconciliation_actor::base> pool;
};
using reconciliation_ptr = reconciliation_actor::stateful_pointer<reconciliation_state>;

template <class Reply, class Question>
auto clause(pg_pool<reconciliation_actor::base>& pool,
            pg_result<Reply> (*run)(pg::connection&, const Question&)) {
  return [&pool, run](const Question& x) {
    return pg_answer<Reply>(pool, [=](pg::connection& db) { return run(db, x); });
  };
}

reconciliation_actor::behavior_type rows(reconciliation_ptr self,
                                         const reconciliation_config& config) {
  auto& pool = self->state.pool;
  pool.start(self, std::make_shared<pg_pool_config>(pg_pool_config{config.conninfo, 1, waiting_max,
                                                                   "", reconciling::statements(),
                                                                   config.log, nullptr}));
  return {
    clause(pool, &reconciling::begin),   clause(pool, &reconciling::find),
    clause(pool, &reconciling::touch),   clause(pool, &reconciling::ask),
    clause(pool, &reconciling::open),    clause(pool, &reconciling::close),
    clause(pool, &reconciling::compare), clause(pool, &reconciling::end),
    clause(pool, &reconciling::look),
  };
}

} // namespace

reconciliation_actor spawn_reconciliation(caf::actor_system& system,
                                          const reconciliation_config& config) {
  return system.spawn(rows, config);
}

} // namespace tk
