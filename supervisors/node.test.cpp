#define CAF_SUITE node

#include "supervisors/supervisor_rig.test.hpp"

using namespace tk;
using namespace tk::rig;

CAF_TEST_FIXTURE_SCOPE(node_tests, supervisor_rig)

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

CAF_TEST(H12 a heartbeat that is read too late is none) {
  start();
  st.roster_silent = true;
  pass(millis{5000});
  CAF_CHECK(suspended(node));
  auto beats = st.beats;
  answer_silent(); // It was asked for more than 2.5 s ago: others may have replaced this node.
  CAF_CHECK(suspended(node));
  CAF_CHECK_EQUAL(st.beats, beats + 1); // Asked again at once.
  st.roster_silent = false;
  answer_silent();
  CAF_CHECK(!suspended(node));
  CAF_CHECK_EQUAL(st.story, "suspend, thaw");
}

CAF_TEST(H12 a heartbeat counts from when it was asked for) {
  start();
  st.roster_silent = true;
  pass(millis{2000});
  answer_silent(); // It is read one second late, in time.
  CAF_CHECK(!suspended(node));
  pass(millis{1000});
  CAF_CHECK(!suspended(node));
  pass(millis{1000}); // 2.5 s after it was asked for, not after it was read.
  CAF_CHECK(suspended(node));
}

CAF_TEST(beats never overlap) {
  start();
  st.roster_silent = true;
  pass(millis{6500}); // Less than the first of them may take.
  CAF_CHECK_EQUAL(st.beats, 2);
  CAF_CHECK_EQUAL(st.silent.size(), 1u);
  st.roster_silent = false;
  answer_silent(); // Late, so it is asked again at once.
  CAF_CHECK_EQUAL(st.beats, 3);
  one_beat();
  CAF_CHECK_EQUAL(st.beats, 4);
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

CAF_TEST(rooms with people and open gates are woken at the start and after a takeover) {
  st.rooms_alive = {event_no(6)};
  st.gates_open = {event_no(7), event_no(8)};
  start();
  one_beat();
  CAF_CHECK_EQUAL(st.gates_asked, 1);
  CAF_CHECK_EQUAL(st.rooms_asked, 1);
  CAF_CHECK_EQUAL(st.story, "wake room 6, wake gate 7, wake gate 8");
  pass(millis{20'000});
  CAF_CHECK_EQUAL(st.gates_asked, 1);
  st.epoch = 2;
  one_beat();
  CAF_CHECK_EQUAL(st.gates_asked, 2);
  CAF_CHECK_EQUAL(st.rooms_asked, 2);
}

CAF_TEST(each sweep wakes rooms and gates by one question for all of them) {
  start();
  one_beat();
  st.rooms_alive = {event_no(5), event_no(6)};
  st.gates_open = {event_no(7)};
  pass(sweep);
  CAF_CHECK_EQUAL(st.rooms_asked, 2);
  CAF_CHECK_EQUAL(st.gates_asked, 2);
  CAF_CHECK_EQUAL(st.story, "wake room 5, wake room 6, wake gate 7");
}

CAF_TEST(rooms and gates of other nodes are theirs to wake) {
  st.rooms_alive = {event_no(6)};
  st.gates_open = {event_no(6)};
  st.elsewhere = shard_of(room_key(event_no(6)));
  start();
  one_beat();
  CAF_CHECK_EQUAL(st.story, "thaw and reload, wake gate 6");
}

CAF_TEST(rooms and gates that could not be looked for are looked for again) {
  st.rooms_alive = {event_no(6)};
  st.gates_open = {event_no(7)};
  st.reads_down = true;
  start();
  one_beat();
  CAF_CHECK_EQUAL(st.story, "");
  st.reads_down = false;
  one_beat();
  CAF_CHECK_EQUAL(st.story, "wake room 6, wake gate 7");
}

CAF_TEST(whoever waits for word of all nodes knows which there are) {
  CAF_CHECK_EQUAL(node.living.own(), 0);
  CAF_CHECK(node.living.all()->empty());
  start();
  CAF_CHECK_EQUAL(node.living.own(), 5);
  std::vector<int64_t> both{3, 5};
  CAF_CHECK(*node.living.all() == both);
  outage(millis{10'000}); // What was heard last counts.
  CAF_CHECK(*node.living.all() == both);
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
