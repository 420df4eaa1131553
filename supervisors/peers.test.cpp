#define CAF_SUITE peers

#include "supervisors/peers.hpp"

#include <algorithm>

#include <caf/test/dsl.hpp>

using namespace tk;

namespace {

constexpr node_id a{0, 1}, b{0, 2}, c{0, 3};

roster_peer peer(node_id node, int64_t incarnation = 1, bool lives = true) {
  return {node, incarnation, {"10.0.0." + std::to_string(node.lo) + ":3301", "1"}, lives, false};
}

membership with(std::vector<roster_peer> peers, int owned, int free) {
  membership out;
  out.peers = std::move(peers);
  std::fill_n(out.epochs.begin(), owned, 1);
  out.free = free;
  return out;
}

} // namespace

CAF_TEST(a node keeps its slot as long as the roster has it) {
  peer_slots x{3};
  CAF_CHECK(x.update({peer(a), peer(b)}));
  auto slot_of_b = x.slot_of(b);
  CAF_CHECK(slot_of_b != membership::nobody && slot_of_b != x.slot_of(a));
  CAF_CHECK(!x.update({peer(b), peer(a)}));
  CAF_CHECK(x.update({peer(b)}));
  CAF_CHECK_EQUAL(x.slot_of(a), membership::nobody);
  CAF_CHECK(x.update({peer(c), peer(b)}));
  CAF_CHECK_EQUAL(x.slot_of(b), slot_of_b);
  CAF_CHECK(x.slot_of(c) != membership::nobody && x.slot_of(c) != slot_of_b);
}

CAF_TEST(another life of a node or another address is news) {
  peer_slots x{3};
  x.update({peer(a)});
  auto slot = x.slot_of(a);
  CAF_CHECK(x.update({peer(a, 2)}));
  CAF_CHECK_EQUAL(x.slot_of(a), slot);
  CAF_CHECK_EQUAL(x.known().at(static_cast<size_t>(slot))->incarnation, 2);
  auto moved = peer(a, 2);
  moved.facts.address = "10.9.9.9:3301";
  CAF_CHECK(x.update({moved}));
}

CAF_TEST(who finds no slot and who takes no links cannot be spoken with) {
  peer_slots x{1};
  auto shy = peer(b);
  shy.facts.address = "";
  x.update({peer(a), shy, peer(c)});
  CAF_CHECK_EQUAL(x.slot_of(b), membership::nobody);
  CAF_CHECK_EQUAL(x.slot_of(c), membership::nobody);
  CAF_CHECK_EQUAL(x.left_out(), 1u);
  x.update({peer(c)});
  CAF_CHECK_EQUAL(x.slot_of(c), 0);
  CAF_CHECK_EQUAL(x.left_out(), 0u);
}

CAF_TEST(free shards are taken up to a fair share) {
  CAF_CHECK_EQUAL(shards_to_take(with({}, 0, 128)), 128);
  CAF_CHECK_EQUAL(shards_to_take(with({peer(a)}, 0, 128)), 64);
  CAF_CHECK_EQUAL(shards_to_take(with({peer(a), peer(b)}, 43, 42)), 0);
  // One of three has died: its shards are shared by the other two.
  CAF_CHECK_EQUAL(shards_to_take(with({peer(a), peer(b, 1, false)}, 43, 42)), 21);
  CAF_CHECK_EQUAL(shards_to_take(with({peer(a)}, 60, 3)), 3);
  CAF_CHECK_EQUAL(shards_to_take(with({peer(a)}, 100, 28)), 0);
}

CAF_TEST(who is drained takes nothing and its share goes to the others) {
  auto drained = with({peer(a)}, 10, 60);
  drained.draining = true;
  CAF_CHECK_EQUAL(shards_to_take(drained), 0);
  auto other = peer(a);
  other.draining = true;
  CAF_CHECK_EQUAL(shards_to_take(with({other}, 64, 64)), 64);
}
