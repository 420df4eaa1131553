#define CAF_SUITE moves

// A shard is closed, waits, and is opened again or owned elsewhere: a real region with its
// entities.

#include <vector>

#include "supervisors/link.hpp"
#include "supervisors/region.hpp"
#include "tests/support/node_rig.hpp"

using namespace tk;
using namespace tk::rig;

namespace {

const user_id alice = user_no(1), bob = user_no(2);
const entity_key block0 = key_of(event_no(1), 0);
const uint16_t shard = shard_of(block0);

region_settings tight() {
  region_settings x;
  x.closed_max = 2;
  return x;
}

struct heard {
  std::vector<envelope> asked;
  int looks = 0;
};

caf::behavior play_link(caf::event_based_actor*, heard* st) {
  return {[=](const envelope& x) {
    st->asked.push_back(x);
    return caf::make_message(block_awake{77});
  }};
}

caf::behavior play_supervisor(caf::event_based_actor*, heard* st) {
  return {[](atom::look) {}, [=](atom::look, bool) { ++st->looks; }};
}

struct fixture : node_rig {
  heard far;
  caf::actor supervisor;

  fixture() : node_rig(tight()) {
    node.router = spawn_router(node);
    node.peers.links.push_back(sys.spawn(play_link, &far));
    supervisor = sys.spawn(play_supervisor, &far);
    caf::anon_send(node.router, supervisor);
    open_sale();
  }
  ~fixture() {
    for (auto& x : {node.router, node.peers.links[0], supervisor}) stop(x);
    node.router = nullptr;
    node.peers.links.clear();
  }

  auto wake() { return send<seat_block_actor>(block0, wake_block{}); }
  auto close() { return ask_actor<shard_closed>(node.region, caf::infinite, close_shard{shard}); }
  void open() {
    caf::anon_send(node.region, open_shard{shard});
    run();
  }
  void given_away() {
    node.epochs.epochs[shard] = 0;
    node.peers.owners[shard] = 0;
    node.peers.epochs[shard] = 2;
    node.peers.up[0] = true;
    open();
  }
  auto claim(reservation_id id, user_id user, int32_t seat) {
    return send<seat_block_actor>(block0,
                                  claim_items{id, user, {want(0, seat)}, now() + millis{3000}});
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(moves, fixture)

CAF_TEST(who has nothing open leaves and nobody is left behind) {
  reserve(alice, {want(0, 1)}); // A hold is on record: no reason to stay.
  CAF_CHECK_EQUAL(node.probe.blocks_active.load(), 1);
  auto x = close();
  run();
  CAF_CHECK(x->value.ok);
  CAF_CHECK_EQUAL(node.probe.blocks_active.load(), 0);
}

CAF_TEST(a block that has left for nothing is there again although nobody asks) {
  reserve(alice, {want(0, 1)});
  close();
  run();
  CAF_CHECK_EQUAL(node.probe.blocks_active.load(), 0);
  open(); // It could not be given: the hold on its board ends here.
  CAF_CHECK_EQUAL(node.probe.blocks_active.load(), 1);
}

CAF_TEST(a block that leaves has told its board) {
  reserve(alice, {want(0, 1)});
  reserve(bob, {want(0, 2)}); // Too soon after the first for a board of its own.
  auto before = boards.find_seats(event_no(1), 0)->version;
  close();
  run();
  CAF_CHECK(boards.find_seats(event_no(1), 0)->version > before);
}

CAF_TEST(what comes for a closed shard waits and goes on when it is opened) {
  close();
  run();
  auto x = wake();
  run();
  CAF_CHECK(!x->came());
  CAF_CHECK_EQUAL(node.probe.blocks_active.load(), 0);
  open();
  CAF_CHECK_EQUAL(x->value.seats, 10);
}

CAF_TEST(what has waited goes to the new owner) {
  close();
  run();
  auto x = wake();
  run();
  given_away();
  CAF_CHECK_EQUAL(x->value.seats, 77);
  CAF_CHECK_EQUAL(far.asked.size(), 1u);
}

CAF_TEST(who is far hears that it has moved) {
  close();
  run();
  envelope what{block0, now() + millis{1000}, caf::make_message(wake_block{})};
  what.far = true;
  auto x = ask_actor<block_awake>(node.region, caf::infinite, what);
  run();
  CAF_CHECK(!x->came());
  given_away();
  CAF_CHECK(x->error == ec::moved);
  CAF_CHECK(far.asked.empty());
}

CAF_TEST(a block stays while somebody counts on a claim of it and hears of its end) {
  claim({0xb, 1}, alice, 1);
  run();
  auto x = close();
  run();
  CAF_CHECK(!x->came());
  tell<seat_block_actor>(node, block0, abandon_claim{{0xb, 1}});
  pass(millis{20});
  CAF_CHECK(x->value.ok);
  CAF_CHECK_EQUAL(node.probe.blocks_active.load(), 0);
}

CAF_TEST(a shard that is not free in time is opened again) {
  claim({0xb, 1}, alice, 1);
  run();
  auto x = close(), y = close();
  run();
  CAF_CHECK(x->came() != y->came()); // One at a time.
  auto z = wake();
  pass(millis{480});
  CAF_CHECK(!z->came());
  pass(millis{40});
  CAF_CHECK(x->came() && y->came() && !x->value.ok && !y->value.ok);
  CAF_CHECK_EQUAL(z->value.seats, 10);
}

CAF_TEST(a session stays until its wish is decided) {
  auto of_alice = shard_of(key_of(alice));
  CAF_REQUIRE(of_alice != shard);
  st.fates = {fate::held};
  auto wished = send<session_actor>(key_of(alice), wish({want(0, 1)}));
  run();
  auto x = ask_actor<shard_closed>(node.region, caf::infinite, close_shard{of_alice});
  pass(millis{50});
  CAF_CHECK(!x->came());
  let_go();
  pass(millis{20});
  CAF_CHECK(wished->value.is == ec::ok);
  CAF_CHECK(x->value.ok);
}

CAF_TEST(H13 a shard is not closed before its ops have verdicts) {
  st.fates = {fate::held}; // It names alice, whose session is of another shard than her block.
  auto wished = send<session_actor>(key_of(alice), wish({want(1, 1)}));
  run();
  CAF_REQUIRE_EQUAL(st.held.size(), 1u);
  CAF_CHECK_EQUAL(node.probe.blocks_active.load(), 1); // That of block 1.
  auto x = close();
  pass(millis{100});
  CAF_CHECK(!x->came());
  let_go();
  pass(millis{20});
  CAF_CHECK(x->value.ok);
  CAF_CHECK_EQUAL(wished->count, 1);
}

CAF_TEST(when too much waits the shard is opened again rather than anybody refused) {
  claim({0xb, 1}, alice, 1);
  run();
  auto x = close();
  run();
  auto a = wake(), b = wake(), c = wake();
  run();
  CAF_CHECK(!x->value.ok && x->came());
  CAF_CHECK_EQUAL(a->value.seats + b->value.seats + c->value.seats, 30);
}

CAF_TEST(beyond the bound a closed shard is busy) {
  close();
  run();
  auto a = wake(), b = wake(), c = wake();
  run();
  CAF_CHECK_EQUAL((a->error == ec::busy) + (b->error == ec::busy) + (c->error == ec::busy), 1);
  open();
  CAF_CHECK_EQUAL(a->count + b->count + c->count, 3);
}

CAF_TEST(H12 what waits for a closed shard is refused when the node is suspended) {
  close();
  run();
  auto x = wake();
  run();
  caf::anon_send(node.region, atom::suspend_v);
  run();
  CAF_CHECK(x->error == ec::unavailable);
  caf::anon_send(node.region, atom::thaw_v, false);
  auto y = wake();
  run();
  CAF_CHECK(!y->came()); // It is still on its way.
  open();
  CAF_CHECK_EQUAL(y->value.seats, 10);
}

CAF_TEST(what is not ours cannot be closed) {
  node.epochs.epochs[shard] = 0;
  auto x = close();
  run();
  CAF_CHECK(x->came() && !x->value.ok);
}

CAF_TEST(what was fenced by somebody else s move is asked again) {
  reserve(alice, {want(0, 1)});
  verdict fenced;
  fenced.is = outcome::fenced;
  st.answers = {fenced};
  auto out = std::make_shared<answer<hold_reply>>();
  auto client = [=, this](caf::event_based_actor* self, int) {
    ask<session_actor>(self, node, key_of(bob), millis{8000}, wish({want(0, 2)}))
      .then([=](const hold_reply& x) { ++out->count, out->value = x; },
            [=](const caf::error& e) { ++out->count, out->error = to_ec(e); });
  };
  clients.push_back(sys.spawn(client, 0));
  run();
  CAF_CHECK(!out->came());
  pass(millis{100});
  CAF_CHECK_EQUAL(out->count, 1);
  CAF_CHECK(out->value.is == ec::ok);
  st.answers = {fenced, fenced, fenced, fenced, fenced}; // Not for ever.
  clients.push_back(sys.spawn(client, 0));
  pass(millis{500});
  CAF_CHECK_EQUAL(out->count, 2);
}

CAF_TEST(word of a move lets the roster be read at once) {
  link_probe probe;
  auto door = spawn_door(node, probe);
  link_frame frame;
  caf::binary_serializer sink{sys, frame.bytes};
  entity_key key{entity_kind::session, 0, shard};
  auto body = caf::make_message(shard_moved{shard, 2});
  int64_t life = 1;
  uint64_t no = 0;
  auto until = now() + millis{1000};
  CAF_REQUIRE(!sink(life, no, key, until, body));
  caf::anon_send(door, request_frame{std::move(frame), nullptr});
  run();
  CAF_CHECK_EQUAL(far.looks, 1);
  CAF_CHECK_EQUAL(probe.refused.load(), 0u);
  stop(door);
}

CAF_TEST_FIXTURE_SCOPE_END()
