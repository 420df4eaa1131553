#define CAF_SUITE node_among_others

#include "supervisors/supervisor_rig.test.hpp"

using namespace tk;
using namespace tk::rig;

CAF_TEST_FIXTURE_SCOPE(among_others, supervisor_rig)

CAF_TEST(a node takes its share of what is free and knows of it at once) {
  st.peers = {roster_peer{{0, 2}, 1, {"b:1", "1"}, true, false}};
  st.free = 70;
  start_beside_others();
  CAF_REQUIRE_EQUAL(st.takes.size(), 1u);
  CAF_CHECK_EQUAL(st.takes[0], 6); // It has 58 of its 64.
  CAF_CHECK_EQUAL(st.beats, 2);
  CAF_CHECK_EQUAL(st.story, "thaw and reload, thaw and reload"); // What it lost, what it took.
  pass(millis{3000});
  CAF_CHECK_EQUAL(st.takes.size(), 1u); // The rest is for the other one.
}

CAF_TEST(after an outage nobody is judged by what it missed) {
  st.peers = {roster_peer{{0, 2}, 1, {"b:1", "1"}, true, false}};
  start_beside_others();
  st.roster_down = true;
  pass(millis{5000});
  st.roster_down = false;
  st.peers[0].lives = false; // Nobody could beat, and this node is the first.
  st.free = 64;
  pass(millis{2000});
  CAF_CHECK(st.takes.empty());
  pass(millis{3000}); // It does not come back.
  CAF_CHECK_EQUAL(st.takes.size(), 1u);
}

CAF_TEST(who keeps the connections hears when the roster changes) {
  st.peers = {roster_peer{{0, 2}, 1, {"b:1", "1"}, true, false}};
  start_beside_others();
  pass(millis{2000});
  CAF_REQUIRE_EQUAL(st.told.size(), 1u);
  CAF_CHECK(st.told[0].slots.at(0) == (known_node{{0, 2}, 1, "b:1"}));
  st.peers[0].incarnation = 2;
  one_beat();
  CAF_REQUIRE_EQUAL(st.told.size(), 2u);
  CAF_CHECK_EQUAL(st.told[1].slots.at(0)->incarnation, 2);
}

CAF_TEST(the roster hears at once where nobody listens any more) {
  st.peers = {roster_peer{{0, 2}, 1, {"b:1", "1"}, true, false}};
  start_beside_others();
  one_beat();
  CAF_CHECK(st.unreached.empty()); // That no link stands yet says nothing.
  auto before = st.beats;
  caf::anon_send(supervisor, nobody_there{{0, 2}, 1});
  caf::anon_send(supervisor, nobody_there{{0, 7}, 1}); // Whom the roster does not know.
  pass(millis{1});
  CAF_CHECK(st.beats > before);
  CAF_CHECK(st.unreached == std::vector{node_id{0, 2}});
  node.peers.up[0] = true; // Somebody does.
  one_beat();
  CAF_CHECK(st.unreached.empty());
  node.peers.up[0] = false;
  st.peers[0].incarnation = 2; // That was another life.
  one_beat();
  one_beat();
  CAF_CHECK(st.unreached.empty());
}

CAF_TEST(a shard that another node has taken is known by its link and its epoch) {
  st.peers = {roster_peer{{0, 2}, 1, {"b:1", "1"}, true, false}};
  start_beside_others();
  st.lost_shard = true;
  one_beat();
  CAF_CHECK_EQUAL(node.epochs.epochs[7].load(), 0);
  CAF_CHECK_EQUAL(node.peers.owners[7].load(), 0);
  CAF_CHECK_EQUAL(node.peers.epochs[7].load(), 42);
  CAF_CHECK_EQUAL(fatal.size(), 0u);
}

namespace {

seat_board_ptr board_of(int32_t block, int64_t epoch) {
  auto out = std::make_shared<seat_board>();
  out->event = event_no(1);
  out->block_no = block;
  out->epoch = epoch;
  return out;
}

} // namespace

CAF_TEST(blocks of an earlier owner are woken because their boards may show what died with it) {
  st.epoch = 2;
  boards.hear(board_of(3, 1));
  boards.hear(board_of(4, 2)); // Told by whoever owns it now.
  start_beside_others();
  CAF_CHECK_EQUAL(st.story, "thaw and reload, wake 3");
}

CAF_TEST(an old board of another node is asked for anew until there is one) {
  st.peers = {roster_peer{{0, 2}, 1, {"b:1", "1"}, true, false}};
  start_beside_others();
  node.peers.up[0] = true;
  int32_t block = 0;
  while (shard_of(key_of(event_no(1), block)) != 7) ++block;
  auto wakes = [&] { return st.wakes.size(); };
  boards.hear(board_of(block, 41));
  st.lost_shard = true; // It is the other one's in epoch 42.
  one_beat();
  pass(millis{6000});
  CAF_CHECK_EQUAL(wakes(), 1u);
  CAF_CHECK(st.story.ends_with("wake " + std::to_string(block)));
  pass(millis{5000});
  CAF_CHECK_EQUAL(wakes(), 2u); // Nothing was heard.
  boards.hear(board_of(block, 42));
  pass(millis{20'000});
  CAF_CHECK_EQUAL(wakes(), 2u);
}

CAF_TEST(whoever waits for news has the roster read soon and not all the time) {
  start_beside_others();
  auto before = st.beats;
  for (int i = 0; i < 100; ++i) {
    caf::anon_send(supervisor, atom::look_v);
    pass(millis{10});
  }
  auto more = st.beats - before;
  CAF_CHECK(more >= 10 && more <= 22);
}

CAF_TEST_FIXTURE_SCOPE_END()
