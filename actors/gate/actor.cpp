#include "actors/gate/actor.hpp"

#include <algorithm>
#include <deque>
#include <functional>
#include <memory>

#include <caf/all.hpp>

#include "actors/gate/core.hpp"
#include "supervisors/boards.hpp"
#include "supervisors/no_timer.hpp"
#include "supervisors/reply_once.hpp"

namespace tk {

namespace {

/// Somebody whose answer waits for a turn.
struct parked {
  int64_t after_turn = 0;
  instant until;
  std::function<void()> again, too_late;
};

struct gate_actor_state {
  static inline const char* name = "tk.gate";
  node_context* node = nullptr;
  std::unique_ptr<gate_core> core;
  std::deque<parked> waiting;
  uint64_t board_version = 0; ///< Of the core, as last told.
  instant board_at;
  bool board_scheduled = false;
  bool write_scheduled = false;
  millis pause{0}; ///< Before the turn is sent again.
  ~gate_actor_state() {
    if (node) node->probe.gates_active--;
  }
  [[nodiscard]] instant now() const { return node->clock->now(); }
};

using gate_shell =
  gate_actor::extend<caf::reacts_to<atom::tick, uint64_t>, caf::reacts_to<atom::publish>>;
using gate_ptr = gate_shell::stateful_pointer<gate_actor_state>;

// What a tick is for.
constexpr uint64_t round_tick = 0, write_tick = 1, again_tick = 2;

/// Longer than a turn takes, shorter than the ingress waits.
constexpr millis patience{4000};
constexpr millis ledger_budget{1500};
constexpr size_t waiting_max = 20'000;
constexpr millis pause_min{100}, pause_max{2000};
constexpr millis round_most{1000};
/// How often a board goes out while positions are told; and at least, while the gate is open.
constexpr millis board_pause{100}, board_at_least{1000};

void changed(gate_ptr self);

// -- boards ---------------------------------------------------------------------------------------

void tell_board(gate_ptr self) {
  auto& st = self->state;
  auto now = st.now();
  st.board_version = st.core->version();
  st.board_at = now;
  st.node->boards->publish(std::make_shared<const gate_board>(st.core->board(now)));
}

void tell_change(gate_ptr self) {
  auto& st = self->state;
  if (st.board_scheduled || st.core->version() == st.board_version) return;
  auto next = st.board_at + board_pause;
  if (st.now() >= next) return tell_board(self);
  st.board_scheduled = true;
  self->delayed_send(self, next - st.now(), atom::publish_v);
}

// -- the record -----------------------------------------------------------------------------------

void answer_waiting(gate_ptr self) {
  auto& st = self->state;
  auto now = st.now();
  auto some = std::exchange(st.waiting, {});
  for (auto& x : some) {
    if (x.after_turn <= st.core->written()) x.again();
    else if (x.until <= now) x.too_late();
    else st.waiting.push_back(std::move(x));
  }
}

void on_verdict(gate_ptr self, const verdict& v);

void send_turn(gate_ptr self) {
  auto& st = self->state;
  auto what = std::make_shared<const op>(*st.core->in_flight());
  self->request(st.node->ledger, always_answered, submit{std::move(what), st.now() + ledger_budget})
    .then([=](const verdict& v) { on_verdict(self, v); },
          [=](caf::error&) { on_verdict(self, verdict{}); });
}

/// Whatever became of a turn: it is written before anything later is (H-10).
void on_verdict(gate_ptr self, const verdict& v) {
  auto& st = self->state;
  switch (v.is) {
  case outcome::ok:
  case outcome::done:
    st.pause = millis{0};
    st.core->turn_written(st.now());
    tell_board(self); // Before anybody hears: who asks next is told the same.
    answer_waiting(self);
    return changed(self);
  case outcome::fenced: // The gate is somebody else's.
    return self->quit();
  default: break;
  }
  st.pause = std::clamp(st.pause * 2, pause_min, pause_max);
  self->delayed_send(self, st.pause, atom::tick_v, again_tick);
}

void write_next(gate_ptr self) {
  auto& st = self->state;
  if (st.core->take_turn(st.now())) return send_turn(self);
  auto at = st.core->next_turn_at();
  if (at == instant::max() || st.write_scheduled) return;
  st.write_scheduled = true;
  self->delayed_send(self, std::max(millis{1}, at - st.now()), atom::tick_v, write_tick);
}

void changed(gate_ptr self) {
  write_next(self);
  tell_change(self);
}

// -- clauses --------------------------------------------------------------------------------------

/// Has `again` called when the turn is on record; answers `busy` or `unavailable` when that cannot
/// be waited for.
template <class Reply>
void park(gate_ptr self, int64_t after_turn, instant until, const reply_ptr<Reply>& reply,
          std::function<void()> again) {
  auto& st = self->state;
  auto refuse = [reply](ec why) {
    Reply out;
    out.is = why;
    reply->deliver(std::move(out));
  };
  if (st.waiting.size() >= waiting_max) return refuse(ec::busy);
  st.waiting.push_back(
    {after_turn, until, std::move(again), [refuse] { refuse(ec::unavailable); }});
}

void assign(gate_ptr self, instant until, const reply_ptr<assigned_position>& reply) {
  auto out = self->state.core->assign();
  if (out.after_turn != 0)
    return park(self, out.after_turn, until, reply, [=] { assign(self, until, reply); });
  if (out.reply.is == ec::ok) self->state.node->probe.gate_positions++;
  reply->deliver(out.reply);
}

caf::result<assigned_position> on_assign(gate_ptr self) {
  auto reply = promise_reply<assigned_position>(self);
  auto out = reply->rp;
  assign(self, self->state.now() + patience, reply);
  changed(self);
  return out;
}

caf::result<gate_report> on_steer(gate_ptr self, const steer_gate& x) {
  auto& st = self->state;
  auto told = st.core->steer(x);
  if (told.after_turn == 0) return told.reply;
  auto reply = promise_reply<gate_report>(self);
  auto out = reply->rp;
  park(self, told.after_turn, st.now() + patience, reply,
       [reply, what = told.reply] { reply->deliver(what); });
  changed(self);
  return out;
}

void next_round(gate_ptr self) {
  auto every = std::min(round_most, self->state.node->gate.advance_every);
  self->delayed_send(self, every, atom::tick_v, round_tick);
}

void on_round(gate_ptr self) {
  auto& st = self->state;
  next_round(self);
  if (!st.node->suspended) st.core->round(st.now()); // H-12: nothing is decided then.
  answer_waiting(self);
  changed(self);
  if (st.now() - st.board_at < board_at_least || !st.core->open()) return;
  st.core->renew_board();
  tell_board(self);
}

void on_tick(gate_ptr self, uint64_t what) {
  auto& st = self->state;
  if (what == round_tick) return on_round(self);
  if (what == again_tick) return send_turn(self);
  st.write_scheduled = false;
  changed(self);
}

passivation on_passivate(gate_ptr self) {
  auto& st = self->state;
  bool idle = st.core->idle() && st.waiting.empty();
  if (idle) self->quit();
  return {idle};
}

gate_shell::behavior_type behave(gate_ptr self, node_context* node, event_id event,
                                 participant address, const gate_rows& rows) {
  auto& st = self->state;
  st.node = node;
  st.core = std::make_unique<gate_core>(event, address, node->gate, rows, node->clock->now());
  node->probe.gates_active++;
  next_round(self);
  tell_board(self);
  changed(self);
  return {
    [=](const assign_position&) { return on_assign(self); },
    [=](const steer_gate& x) { return on_steer(self, x); },
    [=](const look_at_gate&) {
      auto& s = self->state;
      return s.core->board(s.now());
    },
    [=](const heard_position& x) {
      self->state.core->hear(x);
      changed(self);
    },
    [=](passivate) { return on_passivate(self); },
    [=](atom::tick, uint64_t what) { on_tick(self, what); },
    [=](atom::publish) {
      self->state.board_scheduled = false;
      tell_change(self);
    },
  };
}

} // namespace

gate_actor spawn_gate(node_context& node, event_id event, participant self, const gate_rows& rows) {
  return node.system->spawn(behave, &node, event, self, rows);
}

} // namespace tk
