#include "persistence/store/keeper.hpp"

#include <caf/actor_system.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/stateful_actor.hpp>

#include "actors/registry.hpp"
#include "logging/log.hpp"

namespace tk {

namespace {

constexpr auto work_timeout = std::chrono::seconds(30);

struct keeper_state {
  static inline const char* name = "tiketi.keeper";
  store_actor store;
  upkeep_config config;
  upkeep_probe* probe = nullptr;
};
using keeper_ptr = caf::stateful_actor<keeper_state>*;

void later(keeper_ptr self, millis pause) { self->delayed_send(self, pause, atom::sweep_v); }

void note(keeper_ptr self, const accounts_cleared& x) {
  auto& st = self->state;
  st.probe->accounts_erased += static_cast<uint64_t>(x.erased);
  st.probe->sessions_cleared += static_cast<uint64_t>(x.sessions);
  if (x.erased > 0)
    log_line(log_level::info, "persistence", "accounts_erased")
      .text("actor", keeper_state::name)
      .number("count", x.erased);
  bool more = x.erased >= st.config.batch_max || x.sessions >= st.config.batch_max;
  later(self, more ? millis{1000} : st.config.interval);
}

void look(keeper_ptr self) {
  auto& st = self->state;
  self
    ->request(st.store, work_timeout, clear_accounts{st.config.erase_after_s, st.config.batch_max})
    .then([=](const accounts_cleared& x) { note(self, x); },
          [=](caf::error&) {
            self->state.probe->failures++; // The next look finds the same rows.
            later(self, self->state.config.interval);
          });
}

void look_at_outbox(keeper_ptr self) {
  auto& st = self->state;
  auto again = [self] {
    self->delayed_send(self, self->state.config.outbox_interval, atom::tick_v);
  };
  self->request(st.store, work_timeout, measure_outbox{})
    .then(
      [self, again](const outbox_backlog& x) {
        self->state.probe->outbox_pending = x.pending;
        self->state.probe->outbox_oldest_ms = x.oldest_ms;
        again();
      },
      [again](caf::error&) { again(); }); // The last picture stays; the pools tell what is wrong.
}

caf::behavior keeper(keeper_ptr self, store_actor store, upkeep_config config,
                     upkeep_probe* probe) {
  self->state.store = std::move(store);
  self->state.config = config;
  self->state.probe = probe;
  self->send(self, atom::sweep_v);
  self->send(self, atom::tick_v);
  return {[=](atom::sweep) { look(self); }, [=](atom::tick) { look_at_outbox(self); }};
}

} // namespace

caf::actor spawn_keeper(caf::actor_system& system, store_actor store, upkeep_config config,
                        upkeep_probe& probe) {
  return system.spawn(keeper, std::move(store), config, &probe);
}

} // namespace tk
