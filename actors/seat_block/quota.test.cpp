// A quota's block under the deterministic scheduler: the shell is the seats', the stock is not.
#define CAF_SUITE quota_block

#include "actors/seat_block/actor.hpp"

#include <set>

#include "tests/support/node_rig.hpp"

using namespace tk;
using namespace tk::rig;

namespace {

const user_id alice = user_no(1), bob = user_no(2);

struct fixture : node_rig {
  fixture() {
    st.rows.add_type(event_no(1), 10);
    st.rows.add_type(event_no(1), 5);
    open_sale();
  }

  [[nodiscard]] int32_t left(int32_t type) const {
    return st.rows.types.at(type_no(type)).row.available;
  }
  /// What the board says; -1 without one.
  [[nodiscard]] int32_t shown_left(int32_t type) const {
    auto board = boards.find_quota(type_no(type));
    return board ? board->available : -1;
  }
  /// Boards are told at most four times a second.
  void settle_boards() { pass(millis{300}); }
};

const millis ttl{300'000};

} // namespace

CAF_TEST_FIXTURE_SCOPE(quota_block_tests, fixture)

CAF_TEST(an order takes its quantity at once and is told with it) {
  auto x = reserve(alice, {units(0, 3)});
  CAF_REQUIRE(x->value.is == ec::ok);
  auto& r = x->value;
  CAF_CHECK_EQUAL(r.total.amount, 3000);
  CAF_CHECK(r.number.starts_with("R18"));
  CAF_CHECK(r.items ==
            (std::vector<held_item>{{{}, first_quota_block, 0, 0, {1000}, type_no(0), 3}}));
  CAF_CHECK_EQUAL(left(0), 7);
  settle_boards();
  CAF_CHECK_EQUAL(shown_left(0), 7);
  CAF_CHECK(st.rows.reservations.at(r.id).operation == "reservations.create");
}

CAF_TEST(who wants more than is left is refused without touching the ledger) {
  reserve(alice, {units(1, 5)});
  auto ops = st.ops.size();
  auto x = reserve(bob, {units(1, 1)});
  CAF_CHECK(x->value.is == ec::quantity_short);
  CAF_CHECK(x->value.refused == std::vector{units(1, 1)});
  CAF_CHECK(x->value.retry_after_ms > 0);
  CAF_CHECK_EQUAL(st.ops.size(), ops);
}

CAF_TEST(an order of two types is all or none) {
  auto x = reserve(alice, {units(0, 2), units(1, 6)});
  CAF_CHECK(x->value.is == ec::quantity_short);
  CAF_CHECK(x->value.refused == std::vector{units(1, 6)});
  CAF_CHECK_EQUAL(left(0), 10);
  auto y = reserve(alice, {units(1, 5), units(0, 10)});
  CAF_REQUIRE(y->value.is == ec::ok);
  CAF_CHECK_EQUAL(left(0) + left(1), 0);
  settle_boards();
  CAF_CHECK_EQUAL(shown_left(0) + shown_left(1), 0);
}

CAF_TEST(P43 opposite orders at once both come through) {
  st.fates = {fate::held, fate::held};
  auto a = send<session_actor>(key_of(alice), wish({units(0, 1), units(1, 1)}));
  auto b = send<session_actor>(key_of(bob), wish({units(1, 1), units(0, 1)}));
  run();
  CAF_REQUIRE_EQUAL(st.held.size(), 2u);
  for (auto& x : st.held) { // Both are led by the lower block, whatever the wish's order was.
    auto& first = std::get<create_reservation>(*x.what).items.front();
    CAF_CHECK_EQUAL(first.block_no, first_quota_block);
  }
  let_go();
  let_go();
  CAF_CHECK(a->value.is == ec::ok);
  CAF_CHECK(b->value.is == ec::ok);
  CAF_CHECK_EQUAL(left(0), 8);
  CAF_CHECK_EQUAL(left(1), 3);
}

CAF_TEST(cancelling gives back once) {
  auto x = reserve(alice, {units(0, 4), units(1, 2)});
  auto one = cancel(alice, x->value.id);
  CAF_CHECK(one->value.is == ec::ok);
  auto two = cancel(alice, x->value.id);
  CAF_CHECK(two->value.is == ec::already_cancelled);
  CAF_CHECK_EQUAL(left(0), 10);
  CAF_CHECK_EQUAL(left(1), 5);
  settle_boards();
  CAF_CHECK_EQUAL(shown_left(0), 10);
  CAF_CHECK_EQUAL(shown_left(1), 5);
}

CAF_TEST(expiry gives back once and the next order is served) {
  reserve(alice, {units(1, 5)});
  CAF_CHECK(reserve(bob, {units(1, 5)})->value.is == ec::quantity_short);
  pass(ttl + millis{1000}, millis{1000});
  CAF_CHECK_EQUAL(left(1), 5);
  CAF_CHECK_EQUAL(st.rows.ends, 1);
  CAF_CHECK(reserve(bob, {units(1, 5)})->value.is == ec::ok);
}

CAF_TEST(P44 what ran out is freed for the one who asks) {
  reserve(alice, {units(1, 2)});
  reserve(bob, {units(1, 3)});
  st.clock.at += ttl; // The timer has not run yet.
  st.ledger_clock.at += ttl;
  auto x = reserve(user_no(3), {units(1, 5)});
  CAF_CHECK(x->value.is == ec::ok);
  CAF_CHECK_EQUAL(left(1), 0);
  CAF_CHECK_EQUAL(st.rows.ends, 2);
}

CAF_TEST(a started block goes on with what reservations hold) {
  auto x = reserve(alice, {units(0, 4), units(1, 5)});
  end_entities();
  open_sale();
  CAF_CHECK(reserve(bob, {units(0, 7)})->value.is == ec::quantity_short);
  CAF_CHECK(reserve(bob, {units(1, 1)})->value.is == ec::quantity_short);
  CAF_CHECK(reserve(bob, {units(0, 6)})->value.is == ec::ok);
  CAF_CHECK(cancel(alice, x->value.id)->value.is == ec::ok);
  CAF_CHECK(reserve(user_no(3), {units(1, 5)})->value.is == ec::ok);
}

CAF_TEST(H04 an unknown outcome keeps its claim until the rows tell) {
  st.fates = {fate::lost_before};
  auto x = reserve(alice, {units(1, 5)});
  CAF_CHECK(x->value.is == ec::unknown);
  CAF_CHECK(reserve(bob, {units(1, 1)})->value.is == ec::quantity_short);
  pass(millis{5000}, millis{100});
  CAF_CHECK(reserve(bob, {units(1, 1)})->value.is == ec::ok);
}

CAF_TEST(an order that was committed unheard is found and counted once) {
  st.fates = {fate::lost_after};
  reserve(alice, {units(1, 2)});
  pass(millis{5000}, millis{100});
  CAF_CHECK_EQUAL(left(1), 3);
  CAF_CHECK_EQUAL(shown_left(1), 3);
  CAF_CHECK(reserve(bob, {units(1, 4)})->value.is == ec::quantity_short);
  CAF_CHECK(reserve(bob, {units(1, 3)})->value.is == ec::ok);
}

CAF_TEST(rows that knew less than the memory are believed) {
  reserve(alice, {units(1, 1)});
  st.rows.types.at(type_no(1)).row.available = 1; // Behind everybody's back.
  auto x = reserve(bob, {units(1, 3)});
  CAF_CHECK(x->value.is == ec::quantity_short);
  CAF_CHECK_EQUAL(left(1), 1);
  CAF_CHECK(reserve(bob, {units(1, 1)})->value.is == ec::ok);
}

CAF_TEST(a paid order is sold for good) {
  auto x = reserve(alice, {units(1, 5)});
  st.rows.confirm(x->value.id);
  request<seat_block_actor>(key_of(event_no(1), first_quota_block + 1), wake_block{{x->value.id}});
  pass(ttl + millis{1000}, millis{1000});
  CAF_CHECK_EQUAL(left(1), 0);
  CAF_CHECK_EQUAL(shown_left(1), 0);
  CAF_CHECK(reserve(bob, {units(1, 1)})->value.is == ec::quantity_short);
}

CAF_TEST(the same key is one order and without a key there are two) {
  auto a = reserve(alice, {units(0, 2)}, "k");
  auto b = reserve(alice, {units(0, 2)}, "k");
  CAF_CHECK(b->value.replayed);
  CAF_CHECK(a->value.id == b->value.id);
  CAF_CHECK(reserve(alice, {units(0, 3)}, "k")->value.is == ec::idempotency_conflict);
  auto c = reserve(alice, {units(0, 2)});
  auto d = reserve(alice, {units(0, 2)});
  CAF_CHECK(c->value.id != d->value.id);
  CAF_CHECK_EQUAL(left(0), 4);
}

CAF_TEST(D18 an order counts as one hold whatever its lines and quantities) {
  CAF_CHECK(reserve(alice, {units(0, 2), units(1, 1)})->value.is == ec::ok);
  for (int i = 0; i < 3; ++i) CAF_CHECK(reserve(alice, {units(0, 2)})->value.is == ec::ok);
  CAF_CHECK(reserve(alice, {units(1, 1)})->value.is == ec::hold_limit);
  CAF_CHECK(reserve(alice, {want(0, 1)})->value.is == ec::hold_limit);
  CAF_CHECK(reserve(bob, {units(1, 4)})->value.is == ec::ok);
}

CAF_TEST(a block with an order does not go to sleep and an idle one does) {
  auto key = key_of(event_no(1), first_quota_block);
  auto x = reserve(alice, {units(0, 1)});
  settle_boards();
  CAF_CHECK(!request<seat_block_actor>(key, passivate{})->value.stopped);
  cancel(alice, x->value.id);
  settle_boards();
  CAF_CHECK(request<seat_block_actor>(key, passivate{})->value.stopped);
}

CAF_TEST_FIXTURE_SCOPE_END()
