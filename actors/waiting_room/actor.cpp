#include "actors/waiting_room/actor.hpp"

#include <algorithm>
#include <cstring>
#include <memory>

#include <caf/all.hpp>

#include "actors/waiting_room/core.hpp"
#include "supervisors/brakes.hpp"
#include "supervisors/mailbox.hpp"
#include "supervisors/turn_writer.hpp"

namespace tk {

namespace {

constexpr millis reads_budget{3000};
/// A small room tells at once what has changed, a large one a few times a second; and each tells
/// once a second that it is alive.
constexpr millis board_soon{20}, board_seldom{200};

void count(sales_probe& probe, const room_turn& x) {
  auto direct = std::ranges::count(x.admissions, 0u, &room_admission::place);
  auto left = std::ranges::count(x.ends, slot_end::left, &room_slot_end::why);
  probe.queue_joined += x.joins.size() + static_cast<uint64_t>(direct);
  probe.queue_admitted += x.admissions.size();
  probe.queue_left += x.leavers.size() + static_cast<uint64_t>(left);
}

struct room_state : turn_state<waiting_room_core> {
  static inline const char* name = "tk.waiting-room";
  event_id event;
  bool asks_inventory = false;
  ~room_state() {
    if (node) node->probe.rooms_active--;
  }
  void turn_written(const verdict& v) {
    count(node->probe, *core->in_flight());
    core->turn_written(v.at, v.paid, now());
  }
  [[nodiscard]] millis board_pause() const {
    return core->waiting() > room_board::crowded_from ? board_seldom : board_soon;
  }
  [[nodiscard]] bool board_kept_fresh() const { return !core->idle(); }
};

using room_actor =
  waiting_room_actor::extend<caf::reacts_to<atom::tick, uint64_t>, caf::reacts_to<atom::publish>,
                             caf::replies_to<count_mailbox>::with<mailbox_counted>>;
using room_ptr = room_actor::stateful_pointer<room_state>;
using turns = turn_writer<room_ptr>;

constexpr uint64_t round_tick = turns::own_ticks;

/// Whether sales are stopped is known to the node, and may change at any time.
void note_brakes(room_state& st) {
  auto* brakes = st.node->brakes;
  st.core->brake(brakes != nullptr && brakes->stops(brake_on::queue, st.event));
}

void check(room_ptr self, const check_queue& x, instant until,
           const reply_ptr<queue_reply>& reply) {
  auto& st = self->state;
  note_brakes(st);
  auto out = st.core->check(x, st.now());
  if (out.after_turn == 0) return reply->deliver(out.reply);
  turns::park(self, out.after_turn, until, reply, [=] { check(self, x, until, reply); });
}

caf::result<queue_reply> on_check(room_ptr self, const check_queue& x) {
  auto reply = promise_reply<queue_reply>(self);
  auto out = reply->rp;
  check(self, x, self->state.now() + turn_patience, reply);
  turns::changed(self);
  return out;
}

caf::result<queue_left> on_leave(room_ptr self, const leave_queue& x) {
  auto& st = self->state;
  return turns::when_written(self, st.core->leave(x.user, st.now()), queue_left{});
}

caf::result<waiter_found> on_find(room_ptr self, const find_waiter& x) {
  auto found = self->state.core->find(x.user);
  if (found.after_turn == 0) return found.reply;
  return turns::when_written(self, found.after_turn, found.reply);
}

sha256_digest fresh_seed(entropy& random) {
  sha256_digest out{};
  for (size_t i = 0; i < out.size(); i += sizeof(uint64_t)) {
    auto word = random.next();
    std::memcpy(out.data() + i, &word, sizeof word);
  }
  return out;
}

/// Looks at what is left, while that decides who is let in.
void ask_inventory(room_ptr self) {
  auto& st = self->state;
  if (st.asks_inventory || !st.core->follows_inventory()) return;
  st.asks_inventory = true;
  auto ended = st.core->ended();
  self->request(st.node->reads, reads_budget, load_inventory{st.event})
    .then(
      [=](const event_inventory& x) {
        self->state.asks_inventory = false;
        self->state.core->note_inventory(x, ended);
        turns::changed(self);
      },
      [=](caf::error&) { self->state.asks_inventory = false; }); // What was seen last still counts.
}

caf::result<queue_report> on_steer(room_ptr self, const steer_queue& x) {
  auto& st = self->state;
  auto told = st.core->steer(x, st.now(), fresh_seed(*st.node->random));
  ask_inventory(self);
  if (told.after_turn == 0) return told.reply;
  return turns::when_written(self, told.after_turn, told.reply);
}

void on_tick(room_ptr self, millis every, uint64_t what) {
  if (what != round_tick) return turns::due(self, what);
  self->delayed_send(self, every, atom::tick_v, round_tick);
  ask_inventory(self);
  note_brakes(self->state);
  auto& st = self->state;
  st.core->count_on(*st.node->living.all(), st.now());
  turns::round(self);
}

room_actor::behavior_type behave(room_ptr self, node_context* node, event_id event,
                                 participant address, const room_rows& rows) {
  auto& st = self->state;
  st.node = node;
  st.event = event;
  st.core =
    std::make_unique<waiting_room_core>(event, address, node->queue, rows, node->clock->now());
  st.core->count_on(*node->living.all(), node->clock->now());
  node->probe.rooms_active++;
  auto every = node->queue.round_every;
  self->delayed_send(self, every, atom::tick_v, round_tick);
  ask_inventory(self);
  st.tell_board();
  return {
    [=](const check_queue& x) { return on_check(self, x); },
    [=](const leave_queue& x) { return on_leave(self, x); },
    [=](const find_waiter& x) { return on_find(self, x); },
    [=](const steer_queue& x) { return on_steer(self, x); },
    [=](const heard_people& x) {
      auto& s = self->state;
      s.core->hear(x, s.now());
    },
    [=](const look_at_payments&) {
      self->state.core->look_at_payments();
      turns::changed(self);
    },
    [=](count_mailbox x) { return mailbox_of(self, x); },
    [=](passivate) { return turns::passivate(self); },
    [=](leave) { return turns::leave(self); },
    [=](atom::tick, uint64_t what) { on_tick(self, every, what); },
    [=](atom::publish) { turns::board_due(self); },
  };
}

} // namespace

waiting_room_actor spawn_waiting_room(node_context& node, event_id event, participant self,
                                      const room_rows& rows) {
  return node.system->spawn(behave, &node, event, self, rows);
}

} // namespace tk
