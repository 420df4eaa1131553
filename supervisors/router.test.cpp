#define CAF_SUITE router

// Envelopes without a way, on a node whose only link is played.

#include "supervisors/router.hpp"

#include <algorithm>
#include <ranges>
#include <vector>

#include "supervisors/boards.hpp"
#include "supervisors/link.hpp"
#include "supervisors/spreader.hpp"
#include "tests/support/node_rig.hpp"

using namespace tk;
using namespace tk::rig;

namespace {

const entity_key block0 = key_of(event_no(1), 0);
const uint16_t shard = shard_of(block0);
const user_id alice = user_no(1);

struct script {
  std::vector<envelope> got;
  std::vector<board_frame> boards;
  int looks = 0;
};

caf::behavior play_link(caf::event_based_actor*, script* st) {
  return {
    [=](const envelope& x) {
      st->got.push_back(x);
      return caf::make_message(block_awake{77});
    },
    [=](const board_frame& x) { st->boards.push_back(x); },
  };
}

caf::behavior play_supervisor(caf::event_based_actor*, script* st) {
  return {[=](atom::look) { ++st->looks; }};
}

struct fixture : node_rig {
  script played;
  caf::actor supervisor;

  fixture() {
    router_settings tight;
    tight.waiting_max = 3;
    node.router = spawn_router(node, tight);
    node.spreader = spawn_spreader(node);
    node.peers.links.push_back(sys.spawn(play_link, &played));
    supervisor = sys.spawn(play_supervisor, &played);
    caf::anon_send(node.router, supervisor);
    run();
  }
  ~fixture() {
    for (auto& x : {node.router, node.spreader, node.peers.links[0], supervisor}) stop(x);
    node.router = node.spreader = nullptr;
    node.peers.links.clear();
  }

  void lose_shard() { node.epochs.epochs[shard] = 0; }
  void other_owns(int64_t epoch) {
    node.peers.owners[shard] = 0;
    node.peers.epochs[shard] = epoch;
  }
  void link_stands(bool x) { node.peers.up[0] = x; }

  answer_ptr<block_awake> wake_by(const caf::actor& whom, int64_t moved_epoch = 0,
                                  millis budget = millis{1000}, int32_t tries = 1) {
    envelope x{block0, now() + budget, caf::make_message(wake_block{})};
    x.moved_epoch = moved_epoch;
    x.tries = tries;
    auto out = ask_actor<block_awake>(whom, caf::infinite, x);
    run();
    return out;
  }
  auto wake() { return wake_by(node.way_to(block0)); }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(router_tests, fixture)

CAF_TEST(what is ours never comes to the router) {
  CAF_CHECK(node.way_to(block0) == node.region);
  CAF_CHECK_EQUAL(wake()->value.seats, 10);
  CAF_CHECK_EQUAL(played.looks, 0);
}

CAF_TEST(what is another node s goes there while its connection stands) {
  lose_shard();
  other_owns(5);
  link_stands(true);
  CAF_CHECK(node.way_to(block0) == node.peers.links[0]);
  link_stands(false);
  CAF_CHECK(node.way_to(block0) == node.router);
}

CAF_TEST(whose owner is not known waits for one) {
  lose_shard();
  auto x = wake();
  CAF_CHECK(!x->came());
  CAF_CHECK_EQUAL(played.looks, 1); // The roster is to be read soon.
  pass(millis{200});
  CAF_CHECK(!x->came());
  other_owns(5);
  link_stands(true);
  pass(millis{40});
  CAF_CHECK_EQUAL(x->value.seats, 77);
}

CAF_TEST(what becomes ours meanwhile is answered here) {
  lose_shard();
  auto x = wake();
  node.epochs.epochs[shard] = 9;
  pass(millis{40});
  CAF_CHECK_EQUAL(x->value.seats, 10);
}

CAF_TEST(an owner that has refused is asked again when there is a newer one) {
  lose_shard();
  other_owns(5);
  link_stands(true);
  auto x = wake_by(node.router, 5, millis{1000}, 9);
  pass(millis{60});
  CAF_CHECK(!x->came());
  other_owns(6);
  pass(millis{40});
  CAF_CHECK_EQUAL(x->value.seats, 77);
}

CAF_TEST(an owner that has refused may not have known yet) {
  lose_shard();
  other_owns(5);
  link_stands(true);
  auto x = wake_by(node.router, 5);
  pass(millis{140});
  CAF_CHECK_EQUAL(x->value.seats, 77);
  CAF_CHECK_EQUAL(played.got.size(), 1u);
}

CAF_TEST(who refuses at first is asked soon and then ever more rarely) {
  lose_shard();
  other_owns(5);
  link_stands(true);
  auto soon = wake_by(node.router, 5, millis{1000}, 1);
  auto rare = wake_by(node.router, 5, millis{1000}, 9);
  pass(millis{40});
  CAF_CHECK_EQUAL(soon->value.seats, 77);
  CAF_CHECK(!rare->came());
  pass(millis{80});
  CAF_CHECK_EQUAL(rare->value.seats, 77);
}

CAF_TEST(whose time is up hears that nothing happened) {
  lose_shard();
  auto x = wake_by(node.router, 0, millis{300});
  pass(millis{280});
  CAF_CHECK(!x->came());
  pass(millis{60});
  CAF_CHECK(x->error == ec::late);
  CAF_CHECK_EQUAL(x->count, 1);
  CAF_CHECK(wake_by(node.router, 0, millis{-1})->error == ec::late);
}

CAF_TEST(no more wait than may) {
  lose_shard();
  for (int i = 0; i < 3; ++i) CAF_CHECK(!wake()->came());
  CAF_CHECK(wake()->error == ec::busy);
}

CAF_TEST(H13 what a region has no more goes on by the router and back to who is far) {
  lose_shard();
  other_owns(5);
  link_stands(true);
  CAF_CHECK_EQUAL(wake_by(node.region)->value.seats, 77);
  envelope far{block0, now() + millis{1000}, caf::make_message(wake_block{})};
  far.far = true;
  auto x = ask_actor<block_awake>(node.region, caf::infinite, far);
  run();
  CAF_CHECK(x->error == ec::moved);
  CAF_CHECK_EQUAL(played.got.size(), 1u);
}

// -- boards ---------------------------------------------------------------------------------------

CAF_TEST(new boards are told to who is there a few times a second) {
  link_stands(true);
  wake();
  reserve(alice, {want(0, 1)});
  reserve(alice, {want(0, 2)});
  pass(millis{800}); // Blocks tell a change within a quarter of a second.
  CAF_REQUIRE(!played.boards.empty());
  auto count = std::ranges::count(played.boards, block0, &board_frame::key);
  CAF_CHECK(count >= 1 && count <= 4);
  auto last = std::ranges::find(played.boards | std::views::reverse, block0, &board_frame::key);
  auto newest = boards.find_seats(event_no(1), 0);
  CAF_CHECK(last->board.get_as<seat_board>(0).version == newest->version);
  auto told = played.boards.size();
  pass(millis{1000});
  CAF_CHECK_EQUAL(played.boards.size(), told);
}

CAF_TEST(who connects is told everything that is ours and nothing else) {
  wake();
  pass(millis{300});
  CAF_CHECK(played.boards.empty()); // Nobody was there.
  auto of_others = std::make_shared<seat_board>();
  of_others->event = event_no(2);
  of_others->epoch = 50;
  boards.hear(seat_board_ptr{of_others});
  link_stands(true);
  caf::anon_send(node.spreader, peer_up{0});
  run();
  CAF_CHECK_EQUAL(std::ranges::count(played.boards, block0, &board_frame::key), 1);
  CAF_CHECK_EQUAL(std::ranges::count(played.boards, key_of(event_no(2), 0), &board_frame::key), 0);
}

CAF_TEST_FIXTURE_SCOPE_END()
