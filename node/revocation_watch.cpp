#include "node/revocation_watch.hpp"

#include <utility>

#include <caf/actor_system.hpp>
#include <caf/stateful_actor.hpp>

#include "actors/registry.hpp"
#include "supervisors/no_timer.hpp"

namespace tk {

namespace {

struct watch_state {
  static inline const char* name = "tiketi.revocation-watch";
  store_actor store;
  revocation_list* list = nullptr;
  const wall_clock* clock = nullptr;
  revocation_watch_config config;
  std::function<void()> loaded; ///< Empty once it was told.
  instant since;                ///< Whatever was revoked before is known.
};
using watch_ptr = caf::stateful_actor<watch_state>*;

void later(watch_ptr self) { self->delayed_send(self, self->state.config.interval, atom::tick_v); }

/// The next page of the look that began at `began`.
void look(watch_ptr self, instant began, const list_revocations& from) {
  self->request(self->state.store, always_answered, from)
    .then(
      [=](const revocation_page& page) {
        auto& st = self->state;
        for (auto& x : page.rows) st.list->note(x.user, x.revoked_before, st.clock->now());
        if (page.rows.size() >= static_cast<size_t>(from.limit)) {
          auto& last = page.rows.back();
          return look(self, began, {last.revoked_before, last.user, from.limit});
        }
        st.since = began - st.config.overlap;
        if (auto loaded = std::exchange(st.loaded, nullptr)) loaded();
        later(self);
      },
      [=](caf::error&) { later(self); }); // The next look begins where this one did.
}

caf::behavior watch(watch_ptr self, store_actor store, revocation_list* list,
                    const wall_clock* clock, revocation_watch_config config,
                    std::function<void()> loaded) {
  auto& st = self->state;
  st.store = std::move(store);
  st.list = list;
  st.clock = clock;
  st.config = config;
  st.loaded = std::move(loaded);
  st.since = clock->now() - config.token_life - config.overlap;
  self->send(self, atom::tick_v);
  return {[=](atom::tick) {
    auto& now = self->state;
    look(self, now.clock->now(), {now.since, {}, now.config.page_max});
  }};
}

} // namespace

caf::actor spawn_revocation_watch(caf::actor_system& system, store_actor store,
                                  revocation_list& list, const wall_clock& clock,
                                  revocation_watch_config config, std::function<void()> loaded) {
  return system.spawn(watch, std::move(store), &list, &clock, config, std::move(loaded));
}

} // namespace tk
