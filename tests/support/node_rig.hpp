#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include <caf/all.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <caf/test/dsl.hpp>

#include "actors/event/port.hpp"
#include "actors/seat_block/port.hpp"
#include "actors/session/port.hpp"
#include "supervisors/boards.hpp"
#include "supervisors/region.hpp"
#include "supervisors/reply_once.hpp"
#include "tests/support/rig_world.hpp"

/// A whole node under CAF's deterministic scheduler: real region and entities; ledger and reads are
/// played from rows in memory, and can be told to fail.
namespace tk::rig {

/// What becomes of one op.
enum class fate : uint8_t {
  normal,      ///< Judged at once.
  lost_before, ///< Not judged; the asker hears `unknown`.
  lost_after,  ///< Judged; the asker hears `unknown`.
  held,        ///< Waits for `node_rig::let_go`.
  silent       ///< Not judged, and nobody hears anything.
};

struct held_op {
  caf::typed_response_promise<verdict> reply;
  op_ptr what;
};

/// What the played ledger and reads share with the test.
struct stage {
  world rows;
  manual_clock clock;
  manual_clock ledger_clock;   ///< Moves with `clock`; a test may shift it.
  std::deque<fate> fates;      ///< Of the next ops; empty = normal.
  std::deque<verdict> answers; ///< Of the next ops, instead of judging; before `fates`.
  std::vector<held_op> held;
  std::vector<op_ptr> ops; ///< All that were submitted.
  std::vector<caf::typed_response_promise<barrier_passed>> barriers;
  bool reads_down = false;
  bool reads_held = false;
  std::vector<std::function<void()>> held_reads;
  int loads = 0;                                ///< Of whole entities.
  std::vector<std::function<void()>> answering; ///< A promise is kept by its own actor only.
  void answer() {
    for (auto& x : std::exchange(answering, {})) x();
  }
};

using played_ledger = ledger_actor::extend<caf::reacts_to<atom::tick>>;
using played_reads = reads_actor::extend<caf::reacts_to<atom::tick>>;

inline played_ledger::behavior_type play_ledger(played_ledger::pointer self, stage* st) {
  return {
    [=](atom::tick) { st->answer(); },
    [=](const submit& x) -> caf::result<verdict> {
      st->ops.push_back(x.what);
      if (!st->answers.empty()) {
        auto out = st->answers.front();
        st->answers.pop_front();
        return out;
      }
      auto what = fate::normal;
      if (!st->fates.empty()) {
        what = st->fates.front();
        st->fates.pop_front();
      }
      switch (what) {
      case fate::normal: return st->rows.judge(*x.what, st->ledger_clock.now());
      case fate::lost_after: st->rows.judge(*x.what, st->ledger_clock.now()); return verdict{};
      case fate::lost_before: return verdict{};
      case fate::held: {
        auto rp = self->make_response_promise<verdict>();
        st->held.push_back({rp, x.what});
        return rp;
      }
      case fate::silent: break;
      }
      return self->make_response_promise<verdict>();
    },
    [=](const barrier& x) -> caf::result<barrier_passed> {
      if (st->held.empty()) return barrier_passed{x.shard};
      auto rp = self->make_response_promise<barrier_passed>();
      st->barriers.push_back(rp);
      return rp;
    },
  };
}

template <class Reply, class Query>
caf::result<Reply> play_read(played_reads::pointer self, stage* st, const Query& x) {
  if (st->reads_down) return make_error(ec::unavailable);
  auto rows = st->rows.read(x); // As they are when they are read, even if they arrive later.
  if (!st->reads_held) return rows;
  auto rp = self->make_response_promise<Reply>();
  st->held_reads.push_back([rp, rows]() mutable { rp.deliver(rows); });
  return rp;
}

inline played_reads::behavior_type play_reads(played_reads::pointer self, stage* st) {
  return {
    [=](atom::tick) { st->answer(); },
    [=](const load_session& x) {
      ++st->loads;
      return play_read<session_rows>(self, st, x);
    },
    [=](const load_block& x) {
      ++st->loads;
      return play_read<block_rows>(self, st, x);
    },
    [=](const load_event& x) {
      ++st->loads;
      return play_read<event_row>(self, st, x);
    },
    [=](const load_reservation& x) { return play_read<found_reservation>(self, st, x); },
    [=](const find_overdue&) { return overdue_rows{}; },
    [=](const find_live_blocks&) { return live_blocks{}; },
    [=](const load_plan&) { return plan_rows{}; },
    [=](const load_checkout&) { return checkout_rows{}; },
    [=](const find_open_checkouts&) { return open_checkouts{}; },
    [=](const load_room&) { return room_rows{}; },
    [=](const load_gate&) { return gate_rows{}; },
    [=](const find_live_rooms&) { return live_rooms{}; },
    [=](const find_open_gates&) { return open_gates{}; },
    [=](const load_inventory&) { return event_inventory{}; },
  };
}

/// What came back for one request.
template <class T> struct answer {
  int count = 0;
  T value;
  ec error = ec::ok; ///< Of an error, as `to_ec` reads it.
  [[nodiscard]] bool came() const { return count > 0; }
};
template <class T> using answer_ptr = std::shared_ptr<answer<T>>;

struct rig_config : caf::actor_system_config {
  rig_config() {
    add_message_types<caf::id_block::tiketi>();
    set("logger.file-verbosity", caf::atom("quiet"));
    set("scheduler.policy", caf::atom("testing"));
  }
};

/// Tests derive from it, as from CAF's own fixture; `expect` and `disallow` work in them.
struct node_rig {
  rig_config cfg;
  caf::actor_system sys{cfg};
  caf::scheduler::test_coordinator& sched =
    dynamic_cast<caf::scheduler::test_coordinator&>(sys.scheduler());
  stage st;
  seeded_entropy random{1};
  board_store boards;
  node_context node;
  std::vector<caf::actor> clients;

  explicit node_rig(region_settings settings = {}) {
    sched.clock().current_time += std::chrono::hours(1);
    node.system = &sys;
    node.clock = &st.clock;
    node.random = &random;
    node.boards = &boards;
    node.ledger = sys.spawn(play_ledger, &st);
    node.reads = sys.spawn(play_reads, &st);
    for (auto& x : node.epochs.epochs) x = 1;
    st.ledger_clock.at = st.clock.at;
    st.rows.add_event(event_no(1), 3, 10, now());
    for (uint64_t n = 1; n <= 5; ++n) st.rows.users[user_no(n)] = instant{};
    node.region = spawn_region(node, settings);
    run();
  }

  ~node_rig() {
    // The region's timer re-arms itself, so nothing may run until no timer is left: stop by hand.
    end_entities();
    stop(node.region);
    for (auto& x : clients) stop(x);
    stop(caf::actor_cast<caf::actor>(node.ledger));
    stop(caf::actor_cast<caf::actor>(node.reads));
    node.region = nullptr;
    st.held.clear();
    st.barriers.clear();
    st.held_reads.clear();
    st.answering.clear();
    run();
  }

  /// Every entity ends; who is asked next starts from its rows.
  void end_entities() {
    std::vector<int64_t> owned;
    owned.reserve(node.epochs.epochs.size());
    for (auto& x : node.epochs.epochs) owned.push_back(x.exchange(0));
    caf::anon_send(node.region, atom::thaw_v, true);
    run();
    std::ranges::copy(owned, node.epochs.epochs.begin());
  }

  void stop(const caf::actor& x) {
    caf::anon_send_exit(x, caf::exit_reason::kill);
    run();
  }

  // -- time -------------------------------------------------------------------------------------

  [[nodiscard]] instant now() const { return st.clock.at; }
  /// Everything that can happen without time passing.
  void run() {
    while (sched.try_run_once()) {
      // nop
    }
  }
  /// Lets time pass in steps of `step`, timers included.
  void pass(millis total, millis step = millis{10}) {
    for (millis done{0}; done < total; done += step) {
      auto by = std::min(step, total - done);
      st.clock.at += by;
      st.ledger_clock.at += by;
      sched.advance_time(by);
      run();
    }
  }

  // -- asking -----------------------------------------------------------------------------------

  /// Asks any actor without running; every answer is counted.
  template <class Reply, class Handle, class Limit, class Message>
  answer_ptr<Reply> ask_actor(const Handle& whom, Limit limit, const Message& what) {
    auto out = std::make_shared<answer<Reply>>();
    // CAF dereferences a null pointer for a function without arguments, so there is one.
    auto client = [=](caf::event_based_actor* self, int) {
      self->request(whom, limit, what)
        .then(
          [=](const Reply& x) {
            ++out->count;
            out->value = x;
          },
          [=](caf::error& e) {
            ++out->count;
            out->error = to_ec(e);
          });
    };
    clients.push_back(sys.spawn(client, 0));
    return out;
  }
  /// The same of an entity, by its key.
  template <class Port, class Message>
  auto send(const entity_key& key, Message what, millis budget = millis{8000}) {
    using reply = typename reply_to<Port, Message>::type;
    return ask_actor<reply>(node.region, budget,
                            envelope{key, now() + budget, caf::make_message(std::move(what))});
  }
  template <class Port, class Message> auto request(const entity_key& key, Message what) {
    auto out = send<Port>(key, std::move(what));
    run();
    return out;
  }

  // -- the story of a sale ----------------------------------------------------------------------

  /// Starts the event, so that its board is known.
  void open_sale() { request<event_actor>(key_of(event_no(1)), describe_event{}); }

  [[nodiscard]] reserve_items wish(const std::vector<wanted_item>& items,
                                   const std::string& key = {}) const {
    reserve_items out;
    out.event = event_no(1);
    out.items = items;
    out.key = key;
    for (auto& x : items)
      out.digest += to_string(x.seat) + to_string(x.type) + std::to_string(x.quantity);
    out.token_issued_at = now();
    return out;
  }
  auto reserve(user_id user, const std::vector<wanted_item>& seats, const std::string& key = {}) {
    return request<session_actor>(key_of(user), wish(seats, key));
  }
  auto cancel(user_id user, reservation_id id) {
    return request<session_actor>(key_of(user), cancel_reservation{id, now(), {}});
  }

  /// Judges the oldest op that is held and tells, or keeps silent about it.
  void let_go(fate how = fate::normal) {
    auto x = std::move(st.held.front());
    st.held.erase(st.held.begin());
    verdict v;
    if (how == fate::normal || how == fate::lost_after)
      v = st.rows.judge(*x.what, st.ledger_clock.now());
    auto told = how == fate::normal ? v : verdict{};
    st.answering.push_back([rp = x.reply, told]() mutable { rp.deliver(told); });
    if (st.held.empty())
      for (auto& b : std::exchange(st.barriers, {}))
        st.answering.push_back([b]() mutable { b.deliver(barrier_passed{}); });
    caf::anon_send(caf::actor_cast<caf::actor>(node.ledger), atom::tick_v);
    run();
  }

  /// Delivers rows that were held, as they were when they were read.
  void deliver(std::vector<std::function<void()>> rows) {
    st.answering = std::move(rows);
    caf::anon_send(caf::actor_cast<caf::actor>(node.reads), atom::tick_v);
    run();
  }

  template <class Op> [[nodiscard]] int count_ops() const {
    int n = 0;
    for (auto& x : st.ops) n += std::holds_alternative<Op>(*x);
    return n;
  }

  // -- looking ----------------------------------------------------------------------------------

  [[nodiscard]] char status(seat_id x) const { return st.rows.seats.at(x).row.status; }
  /// What the map shows: 0 available, 1 locked, 2 reserved.
  [[nodiscard]] int shown(int32_t block, uint64_t n) const {
    auto board = boards.find_seats(event_no(1), block);
    auto i = n - 1;
    return board ? (board->bits[i / 4] >> (2 * (i % 4))) & 3 : -1;
  }
};

/// `n` of the quota `type` as a wish.
inline wanted_item units(int32_t type, int32_t n) {
  return {{}, first_quota_block + type, type_no(type), n};
}
/// Seat `n` of block `b` as a wish.
inline wanted_item want(int32_t block, uint64_t n) { return {seat_no(block, n), block}; }

} // namespace tk::rig
