#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <memory>
#include <utility>

#include <caf/all.hpp>

#include "actors/base/lifecycle.hpp"
#include "actors/registry.hpp"
#include "supervisors/boards.hpp"
#include "supervisors/no_timer.hpp"
#include "supervisors/node_context.hpp"
#include "supervisors/reply_once.hpp"

/// How an entity's shell writes what its core gathers into turns, answers when they are on record,
/// and tells its board.
namespace tk {

/// How long somebody waits for a turn: longer than one takes, shorter than the ingress waits.
inline constexpr millis turn_patience{4000};

/// Somebody whose answer waits for a turn.
struct parked_answer {
  int64_t after_turn = 0;
  instant until;
  std::function<void()> again, too_late;
};

/// The state of a shell that writes turns, to be derived from. A derived one has beside it
///
///     void turn_written(const verdict& v);           // Has the core know; v.is is ok or done.
///     [[nodiscard]] millis board_pause() const;      // The least time between two boards.
///     [[nodiscard]] bool board_kept_fresh() const;   // Told once a second, changed or not.
template <class Core> struct turn_state {
  node_context* node = nullptr;
  std::unique_ptr<Core> core;
  std::deque<parked_answer> waiting;
  uint64_t board_version = 0; ///< Of the core, as last told.
  instant board_at;
  bool board_scheduled = false;
  bool write_scheduled = false;
  millis pause{0}; ///< Before the turn is sent again.

  [[nodiscard]] instant now() const { return node->clock->now(); }

  void tell_board() {
    using board = decltype(core->board(instant{}));
    auto at = now();
    board_version = core->version();
    board_at = at;
    node->boards->publish(std::make_shared<const board>(core->board(at)));
  }

  /// Answers those whose turn is on record, and those who have waited too long.
  void answer_waiting() {
    auto at = now();
    auto some = std::exchange(waiting, {});
    for (auto& x : some) {
      if (x.after_turn <= core->written()) x.again();
      else if (x.until <= at) x.too_late();
      else waiting.push_back(std::move(x));
    }
  }
};

/// What such a shell does. `Self` is its pointer; it has the clauses `tick`, to be passed on to
/// `due` but for ticks of the shell's own, and `publish`, to be passed on to `board_due`.
template <class Self> struct turn_writer {
  // What a tick is for. Shells number theirs from `own_ticks`.
  static constexpr uint64_t write_tick = 0, again_tick = 1, own_ticks = 2;
  static constexpr millis ledger_budget{1500};
  static constexpr size_t waiting_max = 20'000;
  static constexpr millis pause_min{100}, pause_max{2000};
  static constexpr millis board_at_least{1000};

  /// To be called after whatever may have changed the core.
  static void changed(Self self) {
    write_next(self);
    tell_change(self);
  }

  /// Has `again` called when the turn is on record; answers `busy` or `unavailable` when that
  /// cannot be waited for.
  template <class Reply>
  static void park(Self self, int64_t after_turn, instant until, const reply_ptr<Reply>& reply,
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

  /// Says `what` when the turn is on record.
  template <class Reply>
  static caf::result<Reply> when_written(Self self, int64_t turn, const Reply& what) {
    auto reply = promise_reply<Reply>(self);
    auto out = reply->rp;
    park(self, turn, self->state.now() + turn_patience, reply, [=] { reply->deliver(what); });
    changed(self);
    return out;
  }

  /// Time goes on. To be called about once a second, or more often.
  static void round(Self self) {
    auto& st = self->state;
    if (!st.node->suspended) st.core->round(st.now()); // H-12: nothing is decided then.
    st.answer_waiting();
    changed(self);
    if (st.now() - st.board_at < board_at_least || !st.board_kept_fresh()) return;
    st.core->renew_board();
    st.tell_board();
  }

  static void due(Self self, uint64_t what) {
    if (what == again_tick) return send_turn(self);
    self->state.write_scheduled = false;
    changed(self);
  }

  static void board_due(Self self) {
    self->state.board_scheduled = false;
    tell_change(self);
  }

  static passivation passivate(Self self) {
    auto& st = self->state;
    bool idle = st.core->idle() && st.waiting.empty();
    // Nobody tells it later: a pass of a slot that ended just now would stay good.
    if (idle && st.core->version() != st.board_version) st.tell_board();
    if (idle) self->quit();
    return {idle};
  }

  /// A turn on the wire is behind the next owner's barrier; what nobody waits for is gathered anew.
  static passivation leave(Self self) {
    auto& st = self->state;
    if (!st.waiting.empty() || st.core->in_flight()) return {false};
    if (st.core->version() != st.board_version) st.tell_board(); // As for `passivate`.
    self->quit();
    return {true};
  }

private:
  static void tell_change(Self self) {
    auto& st = self->state;
    if (st.board_scheduled || st.core->version() == st.board_version) return;
    auto next = st.board_at + st.board_pause();
    if (st.now() >= next) return st.tell_board();
    st.board_scheduled = true;
    self->delayed_send(self, next - st.now(), atom::publish_v);
  }

  static void write_next(Self self) {
    auto& st = self->state;
    if (st.core->take_turn(st.now())) return send_turn(self);
    auto at = st.core->next_turn_at();
    if (at == instant::max() || st.write_scheduled) return;
    st.write_scheduled = true;
    self->delayed_send(self, std::max(millis{1}, at - st.now()), atom::tick_v, write_tick);
  }

  static void send_turn(Self self) {
    auto& st = self->state;
    auto what = std::make_shared<const op>(*st.core->in_flight());
    auto deadline = st.now() + ledger_budget;
    self->request(st.node->ledger, always_answered, submit{std::move(what), deadline})
      .then([=](const verdict& v) { on_verdict(self, v); },
            [=](caf::error&) { on_verdict(self, verdict{}); });
  }

  /// Whatever became of a turn: it is written before anything later is (H-10).
  static void on_verdict(Self self, const verdict& v) {
    auto& st = self->state;
    switch (v.is) {
    case outcome::ok:
    case outcome::done:
      st.pause = millis{0};
      st.turn_written(v);
      st.answer_waiting();
      return changed(self);
    case outcome::fenced: // The entity is somebody else's.
      return self->quit();
    default: break;
    }
    st.pause = std::clamp(st.pause * 2, pause_min, pause_max);
    self->delayed_send(self, st.pause, atom::tick_v, again_tick);
  }
};

} // namespace tk
