#define CAF_SUITE node

#include "supervisors/node.hpp"

#include <algorithm>
#include <string>

#include "tests/support/node_rig.hpp"

using namespace tk;
using namespace tk::rig;

namespace {

/// What the played roster, region and reads share with the test.
struct script {
  // Of the next heartbeats.
  bool roster_down = false;
  bool roster_silent = false;
  bool displaced = false;
  bool lost_shard = false;
  bool measured = true;
  int64_t offset_ms = 0;
  int64_t epoch = 1; ///< Of every shard.
  std::vector<caf::typed_response_promise<beaten>> silent;
  int beats = 0;
  // Of the reads.
  bool reads_down = false;
  std::vector<overdue> overdue_now, live_now;
  std::vector<event_id> gates_open;
  int sweeps = 0, live_asked = 0, payments_asked = 0, gates_asked = 0;
  // Of the region.
  std::string story; ///< All it was told, in order.
  std::vector<wake_block> wakes;

  void tell(const std::string& what) {
    if (!story.empty()) story += ", ";
    story += what;
  }
  [[nodiscard]] beaten heartbeat() const {
    beaten out;
    out.displaced = displaced;
    if (roster_down || displaced) return out;
    out.ok = true;
    out.offset_ms = offset_ms;
    out.measured = measured;
    out.of.epochs.fill(epoch);
    if (lost_shard) out.of.epochs[7] = 0;
    return out;
  }
};

using played_roster = roster_driver_actor::extend<caf::reacts_to<atom::tick>>;

played_roster::behavior_type play_roster(played_roster::pointer self, script* st) {
  return {
    [=](beat_once) -> caf::result<beaten> {
      ++st->beats;
      if (!st->roster_silent) return st->heartbeat();
      auto rp = self->make_response_promise<beaten>();
      st->silent.push_back(rp);
      return rp;
    },
    [=](atom::tick) {
      for (auto& x : std::exchange(st->silent, {})) x.deliver(st->heartbeat());
    },
  };
}

caf::behavior play_region(caf::event_based_actor*, script* st) {
  return {
    [=](envelope& x) -> caf::result<caf::message> {
      if (x.key.kind == entity_kind::gate) {
        st->tell("wake gate " + std::to_string(x.key.lo));
        return caf::make_message(gate_board{});
      }
      st->tell("wake " + std::to_string(x.key.block_no));
      st->wakes.push_back(x.body.get_as<wake_block>(0));
      return caf::make_message(block_awake{});
    },
    [=](atom::suspend) { st->tell("suspend"); },
    [=](atom::thaw, bool reload) { st->tell(reload ? "thaw and reload" : "thaw"); },
  };
}

reads_actor::behavior_type play_sweeps(reads_actor::pointer, script* st) {
  return {
    [](const load_session&) { return session_rows{}; },
    [](const load_block&) { return block_rows{}; },
    [](const load_event&) { return event_row{}; },
    [](const load_reservation&) { return found_reservation{}; },
    [=](const find_overdue&) -> caf::result<overdue_rows> {
      ++st->sweeps;
      if (st->reads_down) return make_error(ec::unavailable);
      return overdue_rows{st->overdue_now};
    },
    [=](const find_live_blocks&) -> caf::result<live_blocks> {
      ++st->live_asked;
      if (st->reads_down) return make_error(ec::unavailable);
      return live_blocks{st->live_now};
    },
    [](const load_plan&) { return plan_rows{}; },
    [](const load_checkout&) { return checkout_rows{}; },
    [=](const find_open_checkouts&) {
      ++st->payments_asked;
      return open_checkouts{};
    },
    [](const load_room&) { return room_rows{}; },
    [](const load_gate&) { return gate_rows{}; },
    [=](const find_open_gates&) -> caf::result<open_gates> {
      ++st->gates_asked;
      if (st->reads_down) return make_error(ec::unavailable);
      return open_gates{st->gates_open};
    },
    [](const load_inventory&) { return event_inventory{}; },
  };
}

constexpr millis sweep{30'000}; // As the contract has it (1.13).

overdue row(uint64_t reservation, int32_t block_no) {
  return {reservation == 0 ? reservation_id{} : reservation_id{0xb, reservation}, event_no(1),
          block_no};
}

/// A supervisor under CAF's deterministic scheduler; whatever it talks to is played.
struct fixture {
  rig_config cfg;
  caf::actor_system sys{cfg};
  caf::scheduler::test_coordinator& sched =
    dynamic_cast<caf::scheduler::test_coordinator&>(sys.scheduler());
  script st;
  stage ledger_stage;
  manual_clock clock;
  board_store boards;
  node_context node;
  roster_driver_actor roster;
  caf::actor supervisor;
  std::vector<int64_t> offsets;
  std::vector<std::string> fatal;

  fixture() {
    sched.clock().current_time += std::chrono::hours(1);
    node.system = &sys;
    node.clock = &clock;
    node.boards = &boards;
    node.ledger = sys.spawn(play_ledger, &ledger_stage);
    node.reads = sys.spawn(play_sweeps, &st);
    node.region = sys.spawn(play_region, &st);
    for (auto& x : node.epochs.epochs) x = 1;
    roster = sys.spawn(play_roster, &st);
  }

  ~fixture() {
    if (supervisor) stop(supervisor);
    stop(caf::actor_cast<caf::actor>(roster));
    stop(node.region);
    stop(caf::actor_cast<caf::actor>(node.ledger));
    stop(caf::actor_cast<caf::actor>(node.reads));
    st.silent.clear();
    run();
  }

  void start() {
    node_supervision settings;
    settings.roster = roster;
    settings.set_clock_offset = [this](int64_t ms) { offsets.push_back(ms); };
    settings.fatal = [this](const char* why) { fatal.emplace_back(why); };
    supervisor = spawn_node_supervisor(node, std::move(settings));
    run();
  }
  void stop(const caf::actor& x) {
    caf::anon_send_exit(x, caf::exit_reason::kill);
    run();
  }
  void run() {
    while (sched.try_run_once()) {
      // nop
    }
  }
  void pass(millis total) {
    constexpr millis step{10};
    for (millis done{0}; done < total; done += step) {
      clock.at += step;
      sched.advance_time(step);
      run();
    }
  }
  void outage(millis total) {
    st.roster_down = true;
    pass(total);
    st.roster_down = false;
  }
  void one_beat() { pass(millis{1000}); }
  void answer_silent() {
    caf::anon_send(caf::actor_cast<caf::actor>(roster), atom::tick_v);
    run();
  }
  [[nodiscard]] bool all_epochs_are(int64_t x) const {
    return std::ranges::all_of(node.epochs.epochs, [x](auto& e) { return e.load() == x; });
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(node_tests, fixture)

// -- heartbeat ------------------------------------------------------------------------------------

CAF_TEST(a node whose heart beats decides) {
  start();
  pass(millis{10'000});
  CAF_CHECK_EQUAL(st.beats, 11);
  CAF_CHECK(!suspended(node));
  CAF_CHECK(!boards.stale());
  CAF_CHECK_EQUAL(st.story, "");
  CAF_CHECK_EQUAL(fatal.size(), 0u);
}

CAF_TEST(H12 without a heartbeat the node is suspended and its boards are stale) {
  start();
  outage(millis{2400});
  CAF_CHECK(!suspended(node));
  CAF_CHECK_EQUAL(st.story, "");
  outage(millis{1000});
  CAF_CHECK(suspended(node));
  CAF_CHECK(boards.stale());
  CAF_CHECK_EQUAL(st.story, "suspend");
  outage(millis{10'000}); // It is told once.
  CAF_CHECK_EQUAL(st.story, "suspend");
  CAF_CHECK_EQUAL(fatal.size(), 0u);
}

CAF_TEST(H12 a heartbeat that gets no answer suspends as one that fails) {
  start();
  st.roster_silent = true;
  pass(millis{3500});
  CAF_CHECK(suspended(node));
  CAF_CHECK_EQUAL(st.story, "suspend");
}

CAF_TEST(H12 a node that never heard of the roster is suspended) {
  st.roster_down = true;
  start();
  pass(millis{3000});
  CAF_CHECK(suspended(node));
  CAF_CHECK_EQUAL(st.live_asked, 0);
}

CAF_TEST(H12 when the epochs are the same the node goes on with what it knows) {
  start();
  outage(millis{10'000});
  one_beat();
  CAF_CHECK(!suspended(node));
  CAF_CHECK(!boards.stale());
  CAF_CHECK_EQUAL(st.story, "suspend, thaw");
  CAF_CHECK(all_epochs_are(1));
}

CAF_TEST(H12 when an epoch moved everything is loaded again) {
  start();
  outage(millis{10'000});
  st.epoch = 2;
  one_beat();
  CAF_CHECK(!suspended(node));
  CAF_CHECK(!boards.stale());
  CAF_CHECK_EQUAL(st.story, "suspend, thaw and reload");
  CAF_CHECK(all_epochs_are(2));
  pass(millis{5000}); // Once.
  CAF_CHECK_EQUAL(st.story, "suspend, thaw and reload");
}

CAF_TEST(an epoch that moves under a beating heart reloads too) {
  start();
  st.epoch = 2;
  one_beat();
  CAF_CHECK_EQUAL(st.story, "thaw and reload");
  CAF_CHECK(all_epochs_are(2));
}

CAF_TEST(beats never overlap) {
  start();
  st.roster_silent = true;
  pass(millis{6500}); // Less than the first of them may take.
  CAF_CHECK_EQUAL(st.beats, 2);
  CAF_CHECK_EQUAL(st.silent.size(), 1u);
  st.roster_silent = false;
  answer_silent();
  one_beat();
  CAF_CHECK_EQUAL(st.beats, 3);
  CAF_CHECK(!suspended(node));
}

CAF_TEST(a beat that was given up is followed by another) {
  start();
  st.roster_silent = true;
  pass(millis{9000});
  CAF_CHECK_EQUAL(st.beats, 3);
  st.roster_silent = false;
  answer_silent();
  one_beat();
  CAF_CHECK(!suspended(node));
  CAF_CHECK_EQUAL(st.story, "suspend, thaw");
}

// -- ends -----------------------------------------------------------------------------------------

CAF_TEST(a displaced node ends) {
  start();
  CAF_CHECK_EQUAL(fatal.size(), 0u);
  st.displaced = true;
  one_beat();
  CAF_REQUIRE_EQUAL(fatal.size(), 1u);
  CAF_CHECK_EQUAL(fatal[0], "another incarnation of this node lives");
}

CAF_TEST(a node that has lost a shard ends) {
  start();
  st.lost_shard = true;
  one_beat();
  CAF_CHECK_EQUAL(fatal.size(), 1u);
}

CAF_TEST(the death of the ledger ends the node) {
  start();
  stop(caf::actor_cast<caf::actor>(node.ledger));
  CAF_CHECK_EQUAL(fatal.size(), 1u);
}

CAF_TEST(the death of the region ends the node) {
  start();
  stop(node.region);
  CAF_CHECK_EQUAL(fatal.size(), 1u);
}

CAF_TEST(the death of the reads does not end the node) {
  start();
  stop(caf::actor_cast<caf::actor>(node.reads));
  pass(millis{6000});
  CAF_CHECK_EQUAL(fatal.size(), 0u);
  CAF_CHECK_EQUAL(st.beats, 7);
}

// -- clock ----------------------------------------------------------------------------------------

CAF_TEST(H18 every measured offset is handed on) {
  st.offset_ms = 5000; // The first one is no jump.
  start();
  st.offset_ms = 5250;
  one_beat();
  st.offset_ms = 5000;
  one_beat();
  CAF_REQUIRE_EQUAL(offsets.size(), 3u);
  CAF_CHECK_EQUAL(offsets[0], 5000);
  CAF_CHECK_EQUAL(offsets[1], 5250);
  CAF_CHECK_EQUAL(offsets[2], 5000);
  CAF_CHECK_EQUAL(st.story, "");
}

CAF_TEST(H18 an offset that could not be measured does not count) {
  start();
  st.measured = false;
  st.offset_ms = 1000;
  one_beat();
  CAF_CHECK_EQUAL(st.story, "");
  CAF_REQUIRE_EQUAL(offsets.size(), 1u);
  CAF_CHECK_EQUAL(offsets[0], 0);
}

CAF_TEST(H18 a jump of the clock suspends for one beat) {
  start();
  st.offset_ms = -251;
  one_beat();
  CAF_CHECK(suspended(node));
  CAF_CHECK(boards.stale());
  CAF_CHECK_EQUAL(offsets.back(), -251);
  one_beat();
  CAF_CHECK(!suspended(node));
  CAF_CHECK_EQUAL(st.story, "suspend, thaw");
}

CAF_TEST(H18 while the clock jumps the node stays suspended) {
  start();
  for (auto ms : {1000, 2000, 1000}) {
    st.offset_ms = ms;
    one_beat();
    CAF_CHECK(suspended(node));
  }
  one_beat();
  CAF_CHECK_EQUAL(st.story, "suspend, thaw");
}

CAF_TEST(H18 an epoch that moves in the beat of a jump is not forgotten) {
  start();
  st.offset_ms = 1000;
  st.epoch = 2;
  one_beat();
  CAF_CHECK(suspended(node));
  one_beat();
  CAF_CHECK_EQUAL(st.story, "suspend, thaw and reload");
}

// -- waking ---------------------------------------------------------------------------------------

CAF_TEST(blocks that must not sleep are woken once after the start) {
  st.live_now = {row(0, 0), row(0, 0), row(0, 2)};
  start();
  pass(millis{20'000});
  CAF_CHECK_EQUAL(st.live_asked, 1);
  CAF_CHECK_EQUAL(st.story, "wake 0, wake 2");
  for (auto& x : st.wakes) CAF_CHECK(x.overdue.empty());
}

CAF_TEST(blocks that must not sleep are woken again after a reload and only then) {
  st.live_now = {row(0, 1)};
  start();
  outage(millis{5000});
  one_beat();
  CAF_CHECK_EQUAL(st.story, "wake 1, suspend, thaw");
  outage(millis{5000});
  st.epoch = 2;
  one_beat();
  CAF_CHECK_EQUAL(st.story, "wake 1, suspend, thaw, suspend, thaw and reload, wake 1");
  pass(millis{5000});
  CAF_CHECK_EQUAL(st.live_asked, 2);
}

CAF_TEST(what could not be read is asked for again) {
  st.live_now = {row(0, 1)};
  st.reads_down = true;
  start();
  one_beat();
  one_beat();
  CAF_CHECK_EQUAL(st.live_asked, 3);
  CAF_CHECK_EQUAL(st.story, "");
  st.reads_down = false;
  one_beat();
  CAF_CHECK_EQUAL(st.story, "wake 1");
  one_beat();
  CAF_CHECK_EQUAL(st.live_asked, 4);
}

// -- sweep ----------------------------------------------------------------------------------------

CAF_TEST(H20 the sweep counts what is overdue and wakes its blocks) {
  start();
  st.overdue_now = {row(1, 0), row(2, 2), row(3, 0)};
  pass(sweep);
  CAF_CHECK_EQUAL(node.probe.reservations_overdue.load(), 3);
  CAF_CHECK_EQUAL(st.story, "wake 0, wake 2");
  CAF_REQUIRE_EQUAL(st.wakes.size(), 2u);
  CAF_CHECK(st.wakes[0].overdue == (std::vector<reservation_id>{{0xb, 1}, {0xb, 3}}));
  CAF_CHECK(st.wakes[1].overdue == (std::vector<reservation_id>{{0xb, 2}}));
  pass(sweep); // As long as anything is overdue.
  CAF_CHECK_EQUAL(st.story, "wake 0, wake 2, wake 0, wake 2");
}

CAF_TEST(H20 a sweep that finds nothing wakes nobody) {
  start();
  st.overdue_now = {row(1, 0)};
  pass(sweep);
  st.overdue_now.clear();
  pass(sweep);
  CAF_CHECK_EQUAL(node.probe.reservations_overdue.load(), 0);
  CAF_CHECK_EQUAL(st.sweeps, 2);
  CAF_CHECK_EQUAL(st.story, "wake 0");
}

CAF_TEST(H20 a sweep that cannot read leaves the number and looks again) {
  start();
  st.overdue_now = {row(1, 0)};
  pass(sweep);
  st.reads_down = true;
  pass(sweep);
  CAF_CHECK_EQUAL(node.probe.reservations_overdue.load(), 1);
  st.reads_down = false;
  st.overdue_now.clear();
  pass(sweep);
  CAF_CHECK_EQUAL(node.probe.reservations_overdue.load(), 0);
}

CAF_TEST(a suspended node does not sweep) {
  start();
  outage(millis{40'000});
  CAF_CHECK_EQUAL(st.sweeps, 0);
  pass(sweep);
  CAF_CHECK_EQUAL(st.sweeps, 1);
}

CAF_TEST(open gates are woken at the start and after a takeover) {
  st.gates_open = {event_no(7), event_no(8)};
  start();
  one_beat();
  CAF_CHECK_EQUAL(st.gates_asked, 1);
  CAF_CHECK_EQUAL(st.story, "wake gate 7, wake gate 8");
  pass(millis{60'000});
  CAF_CHECK_EQUAL(st.gates_asked, 1);
  st.epoch = 2;
  one_beat();
  CAF_CHECK_EQUAL(st.gates_asked, 2);
}

CAF_TEST(gates that could not be looked for are looked for again) {
  st.gates_open = {event_no(7)};
  st.reads_down = true;
  start();
  one_beat();
  CAF_CHECK_EQUAL(st.story, "");
  st.reads_down = false;
  one_beat();
  CAF_CHECK_EQUAL(st.story, "wake gate 7");
}

CAF_TEST(payments are looked for more often than overdue holds but not while suspended) {
  start();
  one_beat(); // The first heartbeat wakes what must not sleep.
  auto woken = st.payments_asked;
  pass(millis{10'000});
  CAF_CHECK_EQUAL(st.payments_asked, woken + 2);
  CAF_CHECK_EQUAL(st.sweeps, 0);
  outage(millis{4000});
  CAF_REQUIRE(suspended(node));
  woken = st.payments_asked;
  st.roster_down = true;
  pass(millis{20'000});
  CAF_CHECK_EQUAL(st.payments_asked, woken);
}

CAF_TEST_FIXTURE_SCOPE_END()
