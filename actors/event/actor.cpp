#include "actors/event/actor.hpp"

#include <algorithm>

#include <caf/all.hpp>

#include "actors/event/core.hpp"
#include "supervisors/boards.hpp"
#include "supervisors/mailbox.hpp"
#include "supervisors/reply_once.hpp"

namespace tk {

namespace {

struct event_state {
  static inline const char* name = "tk.event";
  node_context* node = nullptr;
  event_board board;
  int open_requests = 0; ///< No passivation meanwhile.
  ~event_state() {
    if (node) node->probe.events_active--;
  }
};

using event_shell = event_actor::extend<caf::replies_to<count_mailbox>::with<mailbox_counted>>;
using event_ptr = event_shell::stateful_pointer<event_state>;

event_board board_of(event_id event, participant address, const event_row& row, instant now) {
  event_board out;
  out.event = event;
  out.owner = address;
  out.version = static_cast<uint64_t>(to_ms(now)); // Rises over restarts in one epoch.
  out.sale.cancelled = row.cancelled;
  out.sale.sale_start = row.sale_start;
  out.sale.sale_end = effective_end(row.sale_end, row.event_date);
  out.blocks = row.blocks;
  return out;
}

constexpr millis reads_budget{2000};

caf::result<event_board> look_again(event_ptr self) {
  auto& st = self->state;
  auto reply = promise_reply<event_board>(self);
  ++st.open_requests;
  self->request(st.node->reads, reads_budget, load_event{st.board.event})
    .then(
      [=](const event_row& row) {
        auto& s = self->state;
        --s.open_requests;
        if (!row.known) return reply->fail(ec::event_unknown);
        auto next = board_of(s.board.event, s.board.owner, row, s.node->clock->now());
        next.version = std::max(next.version, s.board.version + 1);
        s.board = std::move(next);
        s.node->boards->publish(std::make_shared<const event_board>(s.board));
        reply->deliver(s.board);
      },
      [=](const caf::error& e) {
        --self->state.open_requests;
        reply->fail(to_ec(e));
      });
  return reply->rp;
}

passivation end(event_ptr self) {
  bool idle = self->state.open_requests == 0;
  if (idle) self->quit();
  return {idle};
}

event_shell::behavior_type event(event_ptr self, node_context* node, event_id id,
                                 participant address, const event_row& row) {
  auto& st = self->state;
  st.node = node;
  st.board = board_of(id, address, row, node->clock->now());
  node->probe.events_active++;
  node->boards->publish(std::make_shared<const event_board>(st.board));
  return {
    [=](describe_event) { return self->state.board; },
    [=](look_at_event) { return look_again(self); },
    [=](passivate) { return end(self); },
    [=](leave) { return end(self); },
    [=](count_mailbox x) { return mailbox_of(self, x); },
  };
}

} // namespace

event_actor spawn_event(node_context& node, event_id id, participant self, const event_row& row) {
  return node.system->spawn(event, &node, id, self, row);
}

} // namespace tk
