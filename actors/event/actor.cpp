#include "actors/event/actor.hpp"

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

event_shell::behavior_type event(event_ptr self, node_context* node, event_id id,
                                 participant address, const event_row& row) {
  auto& st = self->state;
  st.node = node;
  st.board = board_of(id, address, row, node->clock->now());
  node->probe.events_active++;
  node->boards->publish(std::make_shared<const event_board>(st.board));
  return {
    [=](describe_event) { return self->state.board; },
    [=](passivate) {
      self->quit();
      return passivation{true};
    },
    [=](leave) {
      self->quit();
      return passivation{true};
    },
    [=](count_mailbox x) { return mailbox_of(self, x); },
  };
}

} // namespace

event_actor spawn_event(node_context& node, event_id id, participant self, const event_row& row) {
  return node.system->spawn(event, &node, id, self, row);
}

} // namespace tk
