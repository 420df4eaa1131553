#include "node/certificate_watch.hpp"

#include <utility>

#include <caf/actor_system.hpp>
#include <caf/stateful_actor.hpp>

#include "actors/registry.hpp"
#include "logging/log.hpp"

namespace tk {

namespace {

constexpr millis hour{3'600'000}, day{24 * hour};

struct watch_state {
  static inline const char* name = "tiketi.certificate-watch";
  const wall_clock* clock = nullptr;
  instant ends_at, next; ///< The next warning: not before.
  std::function<void(millis)> warn;
};
using watch_ptr = caf::stateful_actor<watch_state>*;

/// Hourly, so that a clock that is set does not put a warning off for long.
void look(watch_ptr self) {
  auto& st = self->state;
  self->delayed_send(self, hour, atom::tick_v);
  auto now = st.clock->now();
  if (st.ends_at - now >= certificate_warning || now < st.next) return;
  st.next = now + day;
  st.warn(st.ends_at - now);
}

caf::behavior watch(watch_ptr self, const wall_clock* clock, instant ends_at,
                    std::function<void(millis)> warn) {
  self->state.clock = clock;
  self->state.ends_at = ends_at;
  self->state.warn = std::move(warn);
  self->send(self, atom::tick_v);
  return {[=](atom::tick) { look(self); }};
}

} // namespace

caf::actor spawn_certificate_watch(caf::actor_system& system, const wall_clock& clock,
                                   instant ends_at, std::function<void(millis left)> warn) {
  return system.spawn(watch, &clock, ends_at, std::move(warn));
}

void log_certificate_end(millis left) {
  auto over = left <= millis{0};
  log_line(over ? log_level::error : log_level::warn, "cluster", "certificate_ends")
    .text("why", over ? "it has ended: no other node believes this one any more"
                      : "other nodes will not believe this one after its end")
    .text("remedy", "new certificates, then a rolling restart; docs/cluster.md")
    .number("hours_left", left / hour);
}

} // namespace tk
