#define CAF_SUITE moves_of_node

#include "supervisors/link.hpp"
#include "supervisors/supervisor_rig.test.hpp"

using namespace tk;
using namespace tk::rig;

namespace {

constexpr uint16_t shard = 7;
const node_id other{0, 2};

struct fixture : supervisor_rig {
  std::vector<bool> ends;

  fixture() { st.peers = {roster_peer{other, 1, {"b:1", "1"}, true, false}}; }

  void give() {
    auto client = [this](caf::event_based_actor* self, int) {
      self->request(supervisor, caf::infinite, move_shard{shard, other})
        .then([this](const shard_given& x) { ends.push_back(x.moved); },
              [](caf::error&) { CAF_FAIL("no answer"); });
    };
    others.push_back(sys.spawn(client, 0));
    run();
  }
  void started() {
    node.peers.up[0] = true;
    start_beside_others();
    st.story.clear();
  }
  [[nodiscard]] int64_t own_epoch() const { return node.epochs.epochs[shard].load(); }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(moves_of_node, fixture)

CAF_TEST(a shard is closed then given and what has waited goes to its new owner) {
  started();
  auto beats = st.beats;
  st.lost_shard = true; // As the roster says from then on.
  give();
  CAF_REQUIRE_EQUAL(st.gives.size(), 1u);
  CAF_CHECK(st.gives[0].to == other && st.gives[0].epoch == 1 && st.gives[0].shard == shard);
  CAF_CHECK_EQUAL(st.story.find("close 7, open 7"), 0u);
  CAF_CHECK_EQUAL(own_epoch(), 0);
  CAF_CHECK_EQUAL(node.peers.owners[shard].load(), 0);
  CAF_CHECK_EQUAL(st.beats, beats + 1); // What else has changed is read at once.
  CAF_CHECK(ends == std::vector<bool>{true});
}

CAF_TEST(a shard that cannot be closed stays) {
  started();
  st.never_closes = true;
  auto asked = st.live_asked;
  give();
  CAF_CHECK_EQUAL(st.gives.size(), 0u);
  CAF_CHECK_EQUAL(st.live_asked, asked + 1); // Some may have left for nothing.
  CAF_CHECK_EQUAL(own_epoch(), 1);
  CAF_CHECK(ends == std::vector<bool>{false});
  st.never_closes = false;
  give(); // The next one is not in its way.
  CAF_CHECK(ends == (std::vector<bool>{false, true}));
}

CAF_TEST(a shard that the other one cannot take is opened again) {
  started();
  st.gives_end = {given{given::end::kept, {}, 0}};
  give();
  CAF_CHECK_EQUAL(st.story, "close 7, open 7");
  CAF_CHECK_EQUAL(own_epoch(), 1);
  CAF_CHECK(ends == std::vector<bool>{false});
}

CAF_TEST(while nobody knows whose a shard is it stays closed) {
  started();
  st.gives_end = {given{}, given{}, given{given::end::gone, other, 2}};
  give();
  CAF_REQUIRE_EQUAL(st.gives.size(), 2u); // It was looked at once.
  CAF_CHECK(st.gives[1].to.nil());
  CAF_CHECK_EQUAL(st.story, "close 7");
  CAF_CHECK(ends.empty());
  st.lost_shard = true;
  pass(millis{1100}); // And with every beat.
  CAF_CHECK_EQUAL(st.gives.size(), 3u);
  CAF_CHECK_EQUAL(own_epoch(), 0);
  CAF_CHECK(ends == std::vector<bool>{true});
}

CAF_TEST(a gift whose outcome was unknown may not have happened) {
  started();
  st.gives_end = {given{}, given{given::end::kept, {}, 0}};
  give();
  CAF_CHECK_EQUAL(st.story, "close 7, open 7");
  CAF_CHECK_EQUAL(own_epoch(), 1);
  CAF_CHECK(ends == std::vector<bool>{false});
}

CAF_TEST(a heartbeat that was sent before the gift does not bring the shard back) {
  started();
  st.roster_silent = true;
  one_beat(); // On its way.
  give();
  CAF_CHECK_EQUAL(own_epoch(), 0);
  st.roster_silent = false;
  auto beats = st.beats;
  st.story.clear();
  answer_silent();                                     // It says what was before.
  CAF_CHECK(st.beats > beats);                         // So the roster is read once more.
  CAF_CHECK_EQUAL(node.peers.epochs[shard].load(), 0); // By what that one says.
}

CAF_TEST(one shard at a time and none while the node decides nothing) {
  st.roster_down = true;
  started();
  pass(millis{3000});
  CAF_REQUIRE(suspended(node));
  give();
  CAF_CHECK(ends == std::vector<bool>{false});
  CAF_CHECK_EQUAL(st.gives.size(), 0u);
}

CAF_TEST(a node that is to be drained says so and gives shard after shard away) {
  started();
  int done = 0;
  st.gives_as_told = true;
  caf::anon_send(supervisor, drain_node{[&done] { ++done; }});
  pass(millis{3000});
  CAF_CHECK(st.draining);
  CAF_CHECK_EQUAL(st.gives.size(), 128u);
  CAF_CHECK_EQUAL(done, 1);
  CAF_CHECK(std::ranges::all_of(node.epochs.epochs, [](auto& x) { return x.load() == 0; }));
  CAF_CHECK(st.takes.empty());
}

CAF_TEST(a node that nobody relieves does not wait) {
  st.peers.clear();
  started();
  int done = 0;
  caf::anon_send(supervisor, drain_node{[&done] { ++done; }});
  run();
  CAF_CHECK_EQUAL(done, 1);
  CAF_CHECK(st.gives.empty());
}

CAF_TEST(what cannot be closed does not hold up the others) {
  started();
  st.gives_as_told = true;
  st.never_closes = true;
  st.draining = true; // An operator wants it.
  pass(millis{1000});
  CAF_CHECK(st.gives.empty());
  st.never_closes = false;
  pass(millis{3000});
  CAF_CHECK_EQUAL(st.gives.size(), 128u);
}

CAF_TEST(nothing is given to who cannot be reached although the roster has not seen it die) {
  started();
  st.gives_as_told = true;
  node.peers.up[0] = false;
  st.wanted = {{9, other}};
  st.draining = true;
  int done = 0;
  caf::anon_send(supervisor, drain_node{[&done] { ++done; }});
  pass(millis{2500});
  CAF_CHECK(st.gives.empty());
  CAF_CHECK_EQUAL(done, 0); // It is waited for: perhaps it has started just now.
  node.peers.up[0] = true;
  pass(millis{3000});
  CAF_CHECK_EQUAL(st.gives.size(), 128u);
  CAF_CHECK_EQUAL(done, 1);
}

CAF_TEST(what an operator wants is given) {
  started();
  st.gives_as_told = true;
  st.wanted = {{9, other}};
  pass(millis{2000});
  CAF_REQUIRE_EQUAL(st.gives.size(), 1u);
  CAF_CHECK_EQUAL(st.gives[0].shard, 9);
}

CAF_TEST(shards are evened out at once when an operator wants it and the roster hears so) {
  started();
  st.gives_as_told = true;
  pass(millis{2000});
  CAF_CHECK(st.gives.empty()); // Balance is off.
  st.even_wish = {1, 1};
  pass(millis{3000});
  CAF_CHECK_EQUAL(st.gives.size(), 64u);
  CAF_REQUIRE(!st.evened.empty());
  CAF_CHECK(st.evened.front() == st.even_wish);
  st.even_wish = {};
  pass(millis{1100});
  auto told = st.evened.size();
  pass(millis{3000});
  CAF_CHECK_EQUAL(st.evened.size(), told); // Once it is no wish any more nothing is told.
  CAF_CHECK_EQUAL(st.gives.size(), 64u);
}

CAF_TEST(people hear whom the links lead to and that a node is drained) {
  started();
  CAF_CHECK(node.names.of(0) == other);
  CAF_CHECK(node.names.of(1).nil() && node.names.of(-1).nil());
  CAF_CHECK(!node.draining);
  st.never_closes = true;
  st.draining = true;
  pass(millis{1100});
  CAF_CHECK(node.draining);
  st.draining = false;
  pass(millis{1100});
  CAF_CHECK(!node.draining);
}

CAF_TEST(news of a move are read at once) {
  started();
  auto beats = st.beats;
  caf::anon_send(supervisor, atom::look_v, true);
  run();
  CAF_CHECK_EQUAL(st.beats, beats + 1);
}

CAF_TEST_FIXTURE_SCOPE_END()
