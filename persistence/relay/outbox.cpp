#include "persistence/relay/outbox.hpp"

#include <utility>

#include <caf/stateful_actor.hpp>

#include "persistence/relay/rows.hpp"

namespace tk {

namespace {

constexpr size_t waiting_max = 16;

struct outbox_state {
  static inline const char* name = "tiketi.outbox";
  pg_pool<outbox_actor::base> pool;
};
using outbox_ptr = outbox_actor::stateful_pointer<outbox_state>;

pg_result<outbox_fetched> fetch(pg::connection& db, const relay_read& x) {
  auto rows = read_outbox(db, x);
  if (!rows) return tl::unexpected(std::move(rows.error()));
  return outbox_fetched{std::make_shared<const outbox_rows>(std::move(*rows))};
}

outbox_actor::behavior_type outbox(outbox_ptr self, const std::string& conninfo,
                                   const std::function<void(const std::string&)>& log) {
  auto& pool = self->state.pool;
  pool.start(self, std::make_shared<pg_pool_config>(pg_pool_config{
                     conninfo, 1, waiting_max, relay_session, relay_statements(), log, nullptr}));
  return {
    [&pool](const fetch_outbox& x) {
      return pg_answer<outbox_fetched>(pool, [x](pg::connection& db) { return fetch(db, x.what); });
    },
    [&pool](const put_cursors& x) {
      return pg_answer<cursors_moved>(
        pool, [x](pg::connection& db) { return move_cursors(db, x.moves, *x.rows, x.consumer); });
    },
    [&pool](const clear_outbox& x) {
      return pg_answer<cleared_away>(pool,
                                     [x](pg::connection& db) { return clear_away(db, x.keep); });
    },
  };
}

} // namespace

outbox_actor spawn_outbox(caf::actor_system& system, const std::string& conninfo,
                          std::function<void(const std::string&)> log) {
  return caf::actor_cast<outbox_actor>(system.spawn(outbox, conninfo, std::move(log)));
}

} // namespace tk
