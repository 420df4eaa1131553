#include "actors/gate/actor.hpp"

#include <algorithm>
#include <memory>

#include <caf/all.hpp>

#include "actors/gate/core.hpp"
#include "supervisors/mailbox.hpp"
#include "supervisors/turn_writer.hpp"

namespace tk {

namespace {

/// How often a board goes out while positions are told.
constexpr millis board_every{100};
constexpr millis round_most{1000};

struct gate_actor_state : turn_state<gate_core> {
  static inline const char* name = "tk.gate";
  ~gate_actor_state() {
    if (node) node->probe.gates_active--;
  }
  void turn_written(const verdict&) {
    core->turn_written(now());
    tell_board(); // Before anybody hears: who asks next is told the same.
  }
  [[nodiscard]] millis board_pause() const { return board_every; }
  [[nodiscard]] bool board_kept_fresh() const { return core->open(); }
};

using gate_shell =
  gate_actor::extend<caf::reacts_to<atom::tick, uint64_t>, caf::reacts_to<atom::publish>,
                     caf::replies_to<count_mailbox>::with<mailbox_counted>>;
using gate_ptr = gate_shell::stateful_pointer<gate_actor_state>;
using turns = turn_writer<gate_ptr>;

constexpr uint64_t round_tick = turns::own_ticks;

void assign(gate_ptr self, instant until, const reply_ptr<assigned_position>& reply) {
  auto out = self->state.core->assign();
  if (out.after_turn != 0)
    return turns::park(self, out.after_turn, until, reply, [=] { assign(self, until, reply); });
  if (out.reply.is == ec::ok) self->state.node->probe.gate_positions++;
  reply->deliver(out.reply);
}

caf::result<assigned_position> on_assign(gate_ptr self) {
  auto reply = promise_reply<assigned_position>(self);
  auto out = reply->rp;
  assign(self, self->state.now() + turn_patience, reply);
  turns::changed(self);
  return out;
}

caf::result<gate_report> on_steer(gate_ptr self, const steer_gate& x) {
  auto told = self->state.core->steer(x);
  if (told.after_turn == 0) return told.reply;
  return turns::when_written(self, told.after_turn, told.reply);
}

void next_round(gate_ptr self) {
  auto every = std::min(round_most, self->state.node->gate.advance_every);
  self->delayed_send(self, every, atom::tick_v, round_tick);
}

void on_tick(gate_ptr self, uint64_t what) {
  if (what != round_tick) return turns::due(self, what);
  next_round(self);
  turns::round(self);
}

gate_shell::behavior_type behave(gate_ptr self, node_context* node, event_id event,
                                 participant address, const gate_rows& rows) {
  auto& st = self->state;
  st.node = node;
  st.core = std::make_unique<gate_core>(event, address, node->gate, rows, node->clock->now());
  node->probe.gates_active++;
  next_round(self);
  st.tell_board();
  turns::changed(self);
  return {
    [=](const assign_position&) { return on_assign(self); },
    [=](const steer_gate& x) { return on_steer(self, x); },
    [=](const look_at_gate&) {
      auto& s = self->state;
      return s.core->board(s.now());
    },
    [=](const heard_position& x) {
      self->state.core->hear(x);
      turns::changed(self);
    },
    [=](count_mailbox x) { return mailbox_of(self, x); },
    [=](passivate) { return turns::passivate(self); },
    [=](leave) { return turns::leave(self); },
    [=](atom::tick, uint64_t what) { on_tick(self, what); },
    [=](atom::publish) { turns::board_due(self); },
  };
}

} // namespace

gate_actor spawn_gate(node_context& node, event_id event, participant self, const gate_rows& rows) {
  return node.system->spawn(behave, &node, event, self, rows);
}

} // namespace tk
