#include "persistence/losses/actor.hpp"

#include <caf/stateful_actor.hpp>

#include "persistence/pool/pool.hpp"

namespace tk {

namespace {

constexpr size_t waiting_max = 8;

std::vector<pg_statement> statements() {
  return {{"loss_accepted",
           "INSERT INTO accepted_losses (id, node, key, suspicion, missing, more, reason, "
           "accepted_by, accepted_by_name) VALUES ($1::uuid, $2::uuid, $3::text, $4::text, "
           "$5::text::jsonb, $6::bool, $7::text, $8::uuid, $9::text) ON CONFLICT DO NOTHING"}};
}

pg_result<accepted_loss_noted> note(pg::connection& db, const note_accepted_loss& x) {
  pg::params values;
  values.add_id(x.id).add_id(x.node).add_text(x.key).add_text(x.suspicion).add_text(x.missing);
  values.add_bool(x.more).add_text(x.reason).add_id(x.by).add_text(x.by_name);
  auto done = db.exec("loss_accepted", values);
  if (!done.ok()) return write_failed(done);
  return accepted_loss_noted{};
}

struct losses_state {
  static inline const char* name = "tiketi.losses";
  pg_pool<losses_actor::base> pool;
};
using losses_ptr = losses_actor::stateful_pointer<losses_state>;

losses_actor::behavior_type losses(losses_ptr self, const losses_config& config) {
  auto& pool = self->state.pool;
  pool.start(self, std::make_shared<pg_pool_config>(pg_pool_config{
                     config.conninfo, 1, waiting_max, "", statements(), config.log, nullptr}));
  return {
    [&pool](const note_accepted_loss& x) {
      return pg_answer<accepted_loss_noted>(pool, [=](pg::connection& db) { return note(db, x); });
    },
  };
}

} // namespace

losses_actor spawn_losses(caf::actor_system& system, const losses_config& config) {
  return system.spawn(losses, config);
}

} // namespace tk
