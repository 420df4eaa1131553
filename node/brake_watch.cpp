#include "node/brake_watch.hpp"

#include <utility>

#include <caf/actor_system.hpp>
#include <caf/stateful_actor.hpp>

#include "actors/registry.hpp"
#include "supervisors/no_timer.hpp"

namespace tk {

namespace {

constexpr millis between_looks{1000};

struct watch_state {
  static inline const char* name = "tiketi.brake-watch";
  brakes_actor rows;
  brake_list* list = nullptr;
  std::function<void()> loaded; ///< Empty once it was told.
};
using watch_ptr = caf::stateful_actor<watch_state>*;

void later(watch_ptr self) { self->delayed_send(self, between_looks, atom::tick_v); }

void look(watch_ptr self) {
  self->request(self->state.rows, always_answered, list_brakes{})
    .then(
      [=](const brakes_told& x) {
        auto& st = self->state;
        st.list->take(x.rows, x.as_of);
        if (auto loaded = std::exchange(st.loaded, nullptr)) loaded();
        later(self);
      },
      [=](caf::error&) { later(self); });
}

caf::behavior watch(watch_ptr self, brakes_actor rows, brake_list* list,
                    std::function<void()> loaded) {
  self->state.rows = std::move(rows);
  self->state.list = list;
  self->state.loaded = std::move(loaded);
  self->send(self, atom::tick_v);
  return {[=](atom::tick) { look(self); }};
}

} // namespace

caf::actor spawn_brake_watch(caf::actor_system& system, brakes_actor rows, brake_list& list,
                             std::function<void()> loaded) {
  return system.spawn(watch, std::move(rows), &list, std::move(loaded));
}

} // namespace tk
