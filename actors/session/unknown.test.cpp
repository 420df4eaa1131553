/// Wishes whose outcome nobody has heard, and those who join them.
#define CAF_SUITE session_unknown

#include <algorithm>

#include "actors/session/actor.hpp"

#include "tests/support/node_rig.hpp"

using namespace tk;
using namespace tk::rig;

namespace {

const user_id alice = user_no(1);

struct fixture : node_rig {
  fixture() { open_sale(); }

  /// The entity ends as by an exception.
  void fail(const entity_key& key) {
    auto until = now() + millis{1000};
    caf::exit_msg end{node.region.address(), caf::sec::runtime_error};
    caf::anon_send(node.region, envelope{key, until, caf::make_message(std::move(end))});
    run();
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(session_unknown_tests, fixture)

CAF_TEST(an unknown outcome keeps the attempt and a repeat with its key waits for it) {
  st.fates = {fate::lost_after};
  auto x = reserve(alice, {want(0, 1)}, "k");
  CAF_CHECK(x->value.is == ec::unknown);
  auto y = reserve(alice, {want(0, 1)}, "k");
  CAF_CHECK(!y->came());
  pass(millis{1100});
  CAF_CHECK_EQUAL(y->count, 1);
  CAF_CHECK(y->value.is == ec::ok);
  CAF_CHECK_EQUAL(count_ops<create_reservation>(), 1);
  CAF_CHECK(y->value.id == st.rows.reservations.begin()->first);
}

CAF_TEST(an unknown outcome that never was is given up and counts no more) {
  st.fates = {fate::lost_before};
  auto x = reserve(alice, {want(0, 1), want(0, 2), want(0, 3), want(0, 4)}, "k");
  CAF_CHECK(x->value.is == ec::unknown);
  CAF_CHECK(reserve(alice, {want(1, 1)})->value.is == ec::hold_limit);
  pass(millis{20'000}, millis{100});
  CAF_CHECK(reserve(alice, {want(1, 1)})->value.is == ec::ok);
  CAF_CHECK(reserve(alice, {want(0, 1)}, "k")->value.is == ec::ok);
}

CAF_TEST(who wants the seats of an attempt that has ended unheard is decided anew) {
  node.sale.reservation_ttl_s = 2;
  for (std::string key : {"", "other"}) {
    st.fates = {fate::lost_after};
    CAF_REQUIRE(reserve(alice, {want(0, 1)}, "k" + key)->value.is == ec::unknown);
    auto made = std::ranges::find_if(st.rows.reservations,
                                     [&](auto& x) { return x.second.key == "k" + key; });
    CAF_REQUIRE(made != st.rows.reservations.end());
    auto first = made->first;
    auto twin = reserve(alice, {want(0, 1)}, key); // Both join what is being found out.
    auto again = reserve(alice, {want(0, 1)}, "k" + key);
    st.reads_down = true;
    pass(millis{4200}); // Until it has run out.
    CAF_REQUIRE(!twin->came() && !again->came());
    st.reads_down = false;
    pass(millis{1500});
    CAF_CHECK(again->value.id == first); // Its key made it.
    CAF_CHECK_EQUAL(again->value.status, static_cast<uint8_t>(reservation_status::expired));
    CAF_CHECK(twin->value.is == ec::ok);
    CAF_CHECK(twin->value.id != first);
    CAF_CHECK_EQUAL(twin->value.status, static_cast<uint8_t>(reservation_status::pending));
    cancel(alice, twin->value.id);
  }
}

CAF_TEST(who joins an attempt whose first asker heard unknown hears that it was made before) {
  st.fates = {fate::lost_after};
  CAF_REQUIRE(reserve(alice, {want(0, 1)})->value.is == ec::unknown);
  auto twin = reserve(alice, {want(0, 1)});
  CAF_REQUIRE(!twin->came());
  pass(millis{1500});
  CAF_CHECK(twin->value.is == ec::ok);
  CAF_CHECK(twin->value.replayed);
}

CAF_TEST(I15 the key of an attempt that has ended unheard is known) {
  node.sale.reservation_ttl_s = 2;
  cancel(alice, {1, 2}); // Its rows are read.
  st.fates = {fate::lost_after};
  CAF_REQUIRE(reserve(alice, {want(0, 1)}, "k")->value.is == ec::unknown);
  st.reads_down = true;
  pass(millis{4200}); // Until it has run out.
  st.reads_down = false;
  pass(millis{1500});
  auto again = reserve(alice, {want(0, 1)}, "k");
  CAF_CHECK(again->value.is == ec::ok);
  CAF_CHECK(again->value.replayed);
  CAF_CHECK_EQUAL(count_ops<create_reservation>(), 1); // The ledger was not asked again.
}

CAF_TEST(I15 an end of tokens that nobody heard of ends them) {
  auto stolen = wish({want(0, 1)});
  pass(millis{5});
  st.fates = {fate::lost_after};
  auto x = request<session_actor>(key_of(alice), revoke_all{now()});
  CAF_REQUIRE(x->value.is == ec::unknown);
  CAF_CHECK(request<session_actor>(key_of(alice), stolen)->value.is == ec::not_authenticated);
  pass(millis{1}, millis{1});
  CAF_CHECK(reserve(alice, {want(0, 1)})->value.is == ec::ok);
}

CAF_TEST(I15 an end of tokens that comes late ends them) {
  auto stolen = wish({want(0, 1)});
  pass(millis{5});
  st.fates = {fate::lost_before};
  auto x = request<session_actor>(key_of(alice), revoke_all{now()});
  CAF_REQUIRE(x->value.is == ec::unknown);
  CAF_CHECK(reserve(alice, {want(1, 1)}, "k")->value.is == ec::ok);
  CAF_CHECK(reserve(alice, {want(1, 1)}, "k")->value.replayed); // Rows without it were read.
  st.rows.users.at(alice) = now();                              // It commits after all.
  pass(millis{20'000}, millis{100});
  CAF_CHECK(request<session_actor>(key_of(alice), stolen)->value.is == ec::not_authenticated);
}

CAF_TEST(I10 a wish that outlives its session counts) {
  st.reads_held = true;
  auto first = send<session_actor>(key_of(alice), wish({want(0, 1), want(0, 2), want(0, 3)}, "k"));
  run(); // It waits for its block, which waits for its rows.
  auto block = std::exchange(st.held_reads, {});
  CAF_REQUIRE_EQUAL(block.size(), 1u);
  st.reads_held = false;
  fail(key_of(alice));
  cancel(alice, {1, 2}); // The next life reads its rows.
  deliver(std::move(block));
  CAF_REQUIRE_EQUAL(count_ops<create_reservation>(), 1);
  CAF_REQUIRE_EQUAL(first->count, 1);
  CAF_CHECK(reserve(alice, {want(1, 1), want(1, 2)})->value.is == ec::hold_limit);
  CAF_CHECK(reserve(alice, {want(1, 1)})->value.is == ec::busy);
  auto same = reserve(alice, {want(0, 1), want(0, 2), want(0, 3)}, "k");
  CAF_CHECK(same->value.replayed); // What its key made is told all the same.
  pass(millis{20'000}, millis{100});
  CAF_CHECK(reserve(alice, {want(1, 1)})->value.is == ec::ok);
  CAF_CHECK_EQUAL(count_ops<create_reservation>(), 2);
}

CAF_TEST(I10 a wish that outlives its session and is granted late counts) {
  st.reads_held = true;
  auto first = send<session_actor>(key_of(alice), wish({want(0, 1), want(0, 2), want(0, 3)}));
  run();
  auto block = std::exchange(st.held_reads, {});
  st.reads_held = false;
  fail(key_of(alice));
  for (bool known : {false, true}) { // Whether or not the next life has read its rows.
    if (known) cancel(alice, {1, 2});
    CAF_CHECK(reserve(alice, {want(1, 1), want(1, 2)})->value.is == ec::busy);
  }
  deliver(std::move(block));
  CAF_REQUIRE_EQUAL(first->count, 1);
  pass(millis{20'000}, millis{100});
  CAF_CHECK(reserve(alice, {want(1, 1), want(1, 2)})->value.is == ec::hold_limit);
  CAF_CHECK(reserve(alice, {want(1, 1)})->value.is == ec::ok);
}

CAF_TEST_FIXTURE_SCOPE_END()
