#include "actors/waiting_room/actor.hpp"

#include <algorithm>
#include <cstring>
#include <deque>
#include <functional>
#include <memory>

#include <caf/all.hpp>

#include "actors/waiting_room/core.hpp"
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

struct room_state {
  static inline const char* name = "tk.waiting-room";
  node_context* node = nullptr;
  std::unique_ptr<waiting_room_core> core;
  std::deque<parked> waiting;
  uint64_t board_version = 0; ///< Of the core, as last told.
  instant board_at;
  bool board_scheduled = false;
  bool write_scheduled = false;
  bool asks_inventory = false;
  event_id event;
  millis pause{0}; ///< Before the turn is sent again.
  ~room_state() {
    if (node) node->probe.rooms_active--;
  }
  [[nodiscard]] instant now() const { return node->clock->now(); }
};

using room_actor =
  waiting_room_actor::extend<caf::reacts_to<atom::tick, uint64_t>, caf::reacts_to<atom::publish>>;
using room_ptr = room_actor::stateful_pointer<room_state>;

// What a tick is for.
constexpr uint64_t round_tick = 0, write_tick = 1, again_tick = 2;

/// Longer than a turn takes, shorter than the ingress waits.
constexpr millis patience{4000};
constexpr millis ledger_budget{1500};
constexpr millis reads_budget{3000};
constexpr size_t waiting_max = 20'000;
constexpr millis pause_min{100}, pause_max{2000};
/// A small room tells at once what has changed, a large one a few times a second; and each tells
/// once a second that it is alive.
constexpr millis board_soon{20}, board_seldom{200}, board_at_least{1000};
constexpr size_t large = 10'000;

void changed(room_ptr self);

// -- boards ---------------------------------------------------------------------------------------

void tell_board(room_ptr self) {
  auto& st = self->state;
  auto now = st.now();
  st.board_version = st.core->version();
  st.board_at = now;
  st.node->boards->publish(std::make_shared<const room_board>(st.core->board(now)));
}

void tell_change(room_ptr self) {
  auto& st = self->state;
  if (st.board_scheduled || st.core->version() == st.board_version) return;
  auto pause = st.core->waiting() > large ? board_seldom : board_soon;
  auto next = st.board_at + pause;
  if (st.now() >= next) return tell_board(self);
  st.board_scheduled = true;
  self->delayed_send(self, next - st.now(), atom::publish_v);
}

// -- the record -----------------------------------------------------------------------------------

void answer_waiting(room_ptr self) {
  auto& st = self->state;
  auto now = st.now();
  auto some = std::exchange(st.waiting, {});
  for (auto& x : some) {
    if (x.after_turn <= st.core->written()) x.again();
    else if (x.until <= now) x.too_late();
    else st.waiting.push_back(std::move(x));
  }
}

void on_verdict(room_ptr self, const verdict& v);

void count(sales_probe& probe, const room_turn& x) {
  auto direct = std::ranges::count(x.admissions, 0u, &room_admission::place);
  auto left = std::ranges::count(x.ends, slot_end::left, &room_slot_end::why);
  probe.queue_joined += x.joins.size() + static_cast<uint64_t>(direct);
  probe.queue_admitted += x.admissions.size();
  probe.queue_left += x.leavers.size() + static_cast<uint64_t>(left);
}

void send_turn(room_ptr self) {
  auto& st = self->state;
  auto what = std::make_shared<const op>(*st.core->in_flight());
  self->request(st.node->ledger, always_answered, submit{std::move(what), st.now() + ledger_budget})
    .then([=](const verdict& v) { on_verdict(self, v); },
          [=](caf::error&) { on_verdict(self, verdict{}); });
}

/// Whatever became of a turn: it is written before anything later is (H-10).
void on_verdict(room_ptr self, const verdict& v) {
  auto& st = self->state;
  switch (v.is) {
  case outcome::ok:
  case outcome::done:
    st.pause = millis{0};
    count(st.node->probe, *st.core->in_flight());
    st.core->turn_written(v.at, v.paid, st.now());
    answer_waiting(self);
    return changed(self);
  case outcome::fenced: // The room is somebody else's.
    return self->quit();
  default: break;
  }
  st.pause = std::clamp(st.pause * 2, pause_min, pause_max);
  self->delayed_send(self, st.pause, atom::tick_v, again_tick);
}

void write_next(room_ptr self) {
  auto& st = self->state;
  if (st.core->take_turn(st.now())) return send_turn(self);
  auto at = st.core->next_turn_at();
  if (at == instant::max() || st.write_scheduled) return;
  st.write_scheduled = true;
  self->delayed_send(self, std::max(millis{1}, at - st.now()), atom::tick_v, write_tick);
}

void changed(room_ptr self) {
  write_next(self);
  tell_change(self);
}

// -- clauses --------------------------------------------------------------------------------------

/// Has `again` called when the turn is on record; answers `busy` or `unavailable` when that cannot
/// be waited for.
template <class Reply>
void park(room_ptr self, int64_t after_turn, instant until, const reply_ptr<Reply>& reply,
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

void check(room_ptr self, const check_queue& x, instant until,
           const reply_ptr<queue_reply>& reply) {
  auto& st = self->state;
  auto out = st.core->check(x, st.now());
  if (out.after_turn == 0) return reply->deliver(out.reply);
  park(self, out.after_turn, until, reply, [=] { check(self, x, until, reply); });
}

caf::result<queue_reply> on_check(room_ptr self, const check_queue& x) {
  auto reply = promise_reply<queue_reply>(self);
  auto out = reply->rp;
  check(self, x, self->state.now() + patience, reply);
  changed(self);
  return out;
}

caf::result<queue_left> on_leave(room_ptr self, const leave_queue& x) {
  auto& st = self->state;
  auto turn = st.core->leave(x.user, st.now());
  if (turn == 0) return queue_left{};
  auto reply = promise_reply<queue_left>(self);
  auto out = reply->rp;
  park(self, turn, st.now() + patience, reply, [=] { reply->deliver({}); });
  changed(self);
  return out;
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
  self->request(st.node->reads, reads_budget, load_inventory{st.event})
    .then(
      [=](const event_inventory& x) {
        self->state.asks_inventory = false;
        self->state.core->note_inventory(x);
        changed(self);
      },
      [=](caf::error&) { self->state.asks_inventory = false; }); // What was seen last still counts.
}

caf::result<queue_report> on_steer(room_ptr self, const steer_queue& x) {
  auto& st = self->state;
  auto told = st.core->steer(x, st.now(), fresh_seed(*st.node->random));
  ask_inventory(self);
  if (told.after_turn == 0) return told.reply;
  auto reply = promise_reply<queue_report>(self);
  auto out = reply->rp;
  park(self, told.after_turn, st.now() + patience, reply,
       [reply, what = told.reply] { reply->deliver(what); });
  changed(self);
  return out;
}

void on_round(room_ptr self, millis every) {
  auto& st = self->state;
  self->delayed_send(self, every, atom::tick_v, round_tick);
  ask_inventory(self);
  if (!st.node->suspended) st.core->round(st.now()); // H-12: nothing is decided then.
  answer_waiting(self);
  changed(self);
  if (st.now() - st.board_at < board_at_least || st.core->idle()) return;
  st.core->renew_board();
  tell_board(self);
}

void on_tick(room_ptr self, millis every, uint64_t what) {
  auto& st = self->state;
  if (what == round_tick) return on_round(self, every);
  if (what == again_tick) return send_turn(self);
  st.write_scheduled = false;
  changed(self);
}

passivation on_passivate(room_ptr self) {
  auto& st = self->state;
  bool idle = st.core->idle() && st.waiting.empty();
  if (idle) self->quit();
  return {idle};
}

room_actor::behavior_type behave(room_ptr self, node_context* node, event_id event,
                                 participant address, const room_rows& rows) {
  auto& st = self->state;
  st.node = node;
  st.event = event;
  st.core =
    std::make_unique<waiting_room_core>(event, address, node->queue, rows, node->clock->now());
  node->probe.rooms_active++;
  auto every = node->queue.round_every;
  self->delayed_send(self, every, atom::tick_v, round_tick);
  ask_inventory(self);
  tell_board(self);
  return {
    [=](const check_queue& x) { return on_check(self, x); },
    [=](const leave_queue& x) { return on_leave(self, x); },
    [=](const steer_queue& x) { return on_steer(self, x); },
    [=](const heard_people& x) {
      auto& s = self->state;
      s.core->hear(x, s.now());
    },
    [=](const look_at_payments&) {
      self->state.core->look_at_payments();
      changed(self);
    },
    [=](passivate) { return on_passivate(self); },
    [=](atom::tick, uint64_t what) { on_tick(self, every, what); },
    [=](atom::publish) {
      self->state.board_scheduled = false;
      tell_change(self);
    },
  };
}

} // namespace

waiting_room_actor spawn_waiting_room(node_context& node, event_id event, participant self,
                                      const room_rows& rows) {
  return node.system->spawn(behave, &node, event, self, rows);
}

} // namespace tk
