#include "persistence/operators/actor.hpp"

#include <caf/stateful_actor.hpp>

namespace tk {

namespace {

/// A look that takes longer than its asker waits is not worth its work.
constexpr const char* settings = "SET default_transaction_read_only = on; "
                                 "SET statement_timeout = '3s'; SET jit = off";
constexpr size_t waiting_max = 32;

struct rows_state {
  static inline const char* name = "tiketi.operator-rows";
  pg_pool<operator_rows_actor::base> pool;
};
using rows_ptr = operator_rows_actor::stateful_pointer<rows_state>;

pg_result<rows_told> read_rows(pg::connection& db, const ask_rows& x) {
  static const auto statements = operator_statements();
  auto index = static_cast<size_t>(x.what) - 1;
  pg::params values;
  values.add_id(id<struct operator_subject>{x.hi, x.lo});
  if (x.what == operator_question::last_steps_of_block) values.add_int4(x.block);
  auto rows = db.exec(statements.at(index).name, values);
  if (!rows.ok()) return read_failed(rows);
  if (rows.rows() == 0) return rows_told{};
  return rows_told{true, std::string{rows.text(0, 0)}, rows.time(0, 1)};
}

operator_rows_actor::behavior_type rows(rows_ptr self, const operator_rows_config& config) {
  auto& pool = self->state.pool;
  pool.start(self, std::make_shared<pg_pool_config>(pg_pool_config{config.conninfo, 1, waiting_max,
                                                                   settings, operator_statements(),
                                                                   config.log, nullptr}));
  return {[&pool](const ask_rows& x) {
    return pg_answer<rows_told>(pool, [=](pg::connection& to) { return read_rows(to, x); });
  }};
}

} // namespace

operator_rows_actor spawn_operator_rows(caf::actor_system& system,
                                        const operator_rows_config& config) {
  return system.spawn(rows, config);
}

} // namespace tk
