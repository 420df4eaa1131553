#include "node/notice_watch.hpp"

#include <utility>

#include <caf/actor_system.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/stateful_actor.hpp>

#include "actors/registry.hpp"
#include "supervisors/no_timer.hpp"

namespace tk {

namespace {

constexpr millis between_looks{1000};

struct watch_state {
  static inline const char* name = "tiketi.notice-watch";
  notices_actor rows;
  http::notice_board* board = nullptr;
};
using watch_ptr = caf::stateful_actor<watch_state>*;

void later(watch_ptr self) { self->delayed_send(self, between_looks, atom::tick_v); }

void look(watch_ptr self) {
  self->request(self->state.rows, always_answered, list_notices{})
    .then(
      [=](const notices_told& x) {
        self->state.board->take(x.rows, x.as_of);
        later(self);
      },
      [=](caf::error&) { later(self); });
}

caf::behavior watch(watch_ptr self, notices_actor rows, http::notice_board* board) {
  self->state.rows = std::move(rows);
  self->state.board = board;
  self->send(self, atom::tick_v);
  return {[=](atom::tick) { look(self); }};
}

} // namespace

caf::actor spawn_notice_watch(caf::actor_system& system, notices_actor rows,
                              http::notice_board& board) {
  return system.spawn(watch, std::move(rows), &board);
}

} // namespace tk
