#define CAF_SUITE seat_block_actor

#include "actors/seat_block/actor.hpp"

#include "supervisors/reservation_forms.hpp"
#include "tests/support/node_rig.hpp"

using namespace tk;
using namespace tk::rig;

namespace {

const user_id alice = user_no(1), bob = user_no(2);

struct fixture : node_rig {
  fixture() { open_sale(); }

  auto wake(int32_t block, std::vector<reservation_id> overdue = {}) {
    return request<seat_block_actor>(key_of(event_no(1), block), wake_block{std::move(overdue)});
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(seat_block_actor_tests, fixture)

CAF_TEST(a free seat is held durably before the answer) {
  auto x = reserve(alice, {want(0, 1)});
  CAF_REQUIRE_EQUAL(x->count, 1);
  auto& r = x->value;
  CAF_CHECK(r.is == ec::ok);
  CAF_CHECK(!r.replayed);
  CAF_CHECK_EQUAL(r.total.amount, 50'001);
  CAF_CHECK_EQUAL(r.status, 1); // Pending.
  CAF_CHECK(r.expires_at == now() + millis{300'000});
  CAF_REQUIRE_EQUAL(r.items.size(), 1u); // C20: the seat after the change.
  CAF_CHECK(r.items[0] == (held_item{seat_no(0, 1), 0, 1, 1, {50'001}}));
  CAF_CHECK_EQUAL(r.number.substr(0, 16), "TK1800000000000-");
  CAF_CHECK_EQUAL(r.number.size(), 24u);
  CAF_CHECK_EQUAL(status(seat_no(0, 1)), 'l');
  CAF_CHECK(st.rows.reservations.at(r.id).user == alice);
}

CAF_TEST(nobody hears of a hold before its commit) {
  st.fates = {fate::held};
  auto x = reserve(alice, {want(0, 1)});
  CAF_CHECK(!x->came());
  let_go();
  CAF_CHECK_EQUAL(x->count, 1);
  CAF_CHECK(x->value.is == ec::ok);
}

CAF_TEST(the second buyer is refused without touching the ledger) {
  reserve(alice, {want(0, 1)});
  auto ops = st.ops.size();
  auto x = reserve(bob, {want(0, 1)});
  CAF_CHECK(x->value.is == ec::seat_held);
  CAF_CHECK(x->value.refused == std::vector{want(0, 1)});
  CAF_CHECK_EQUAL(x->value.retry_after_ms, 300'000);
  CAF_CHECK_EQUAL(st.ops.size(), ops);
  CAF_CHECK_EQUAL(node.probe.seat_conflicts.load(), 1u);
}

CAF_TEST(H22e while the first is undecided the second hears contested) {
  st.fates = {fate::held};
  auto x = reserve(alice, {want(0, 1)});
  auto y = reserve(bob, {want(0, 1)});
  CAF_CHECK(y->value.is == ec::seat_contested);
  CAF_CHECK_EQUAL(st.ops.size(), 1u);
  let_go();
  CAF_CHECK(x->value.is == ec::ok);
}

CAF_TEST(seats of one block go in one op without any claim) {
  auto x = reserve(alice, {want(1, 1), want(1, 2), want(1, 3)});
  CAF_CHECK(x->value.is == ec::ok);
  CAF_CHECK_EQUAL(x->value.items.size(), 3u);
  CAF_CHECK_EQUAL(x->value.total.amount, 150'006);
  CAF_CHECK_EQUAL(st.ops.size(), 1u);
  CAF_CHECK_EQUAL(node.probe.blocks_active.load(), 1);
}

CAF_TEST(G14 the same seat again returns the same reservation and moves nothing) {
  auto first = reserve(alice, {want(0, 1), want(0, 2)});
  auto ops = st.ops.size();
  pass(millis{5000}, millis{500});
  auto again = reserve(alice, {want(0, 1), want(0, 2)});
  CAF_CHECK(again->value.is == ec::ok);
  CAF_CHECK(again->value.replayed);
  CAF_CHECK(again->value.id == first->value.id);
  CAF_CHECK(again->value.expires_at == first->value.expires_at);
  CAF_CHECK(again->value.number == first->value.number);
  CAF_CHECK_EQUAL(st.ops.size(), ops);
}

CAF_TEST(definite refusals give the seat back at once) {
  for (auto [is, told] : {std::pair{outcome::closed, ec::sale_closed},
                          {outcome::late, ec::late},
                          {outcome::busy, ec::busy},
                          {outcome::fenced, ec::fenced},
                          {outcome::unavailable, ec::unavailable},
                          {outcome::broken, ec::internal}}) {
    verdict v;
    v.is = is;
    st.answers = {v};
    auto x = reserve(alice, {want(0, 1)});
    CAF_CHECK(x->value.is == told);
    CAF_CHECK_EQUAL(x->count, 1);
    auto y = reserve(bob, {want(0, 1)});
    CAF_CHECK(y->value.is == ec::ok);
    cancel(bob, y->value.id);
  }
}

// -- the end of a hold ----------------------------------------------------------------------------

CAF_TEST(a hold is released at its millisecond and not before) {
  auto x = reserve(alice, {want(0, 1)});
  pass(millis{299'900}, millis{100});
  pass(millis{99}, millis{1});
  CAF_CHECK_EQUAL(status(seat_no(0, 1)), 'l');
  CAF_CHECK_EQUAL(count_ops<release_reservation>(), 0);
  pass(millis{1});
  CAF_CHECK_EQUAL(status(seat_no(0, 1)), 'a');
  CAF_CHECK(st.rows.reservations.at(x->value.id).status == reservation_status::expired);
  CAF_CHECK_EQUAL(node.probe.reservations_expired.load(), 1u);
  CAF_CHECK(reserve(bob, {want(0, 1)})->value.is == ec::ok);
}

CAF_TEST(an early verdict arms the timer again by the clock of the ledger) {
  st.ledger_clock.at -= millis{400}; // Ours is ahead.
  reserve(alice, {want(0, 1)});
  pass(millis{299'950}, millis{50});
  CAF_CHECK_EQUAL(count_ops<release_reservation>(), 1);
  CAF_CHECK_EQUAL(status(seat_no(0, 1)), 'l');
  pass(millis{50});
  CAF_CHECK_EQUAL(status(seat_no(0, 1)), 'a');
  CAF_CHECK(count_ops<release_reservation>() <= 3);
  CAF_CHECK_EQUAL(st.rows.ends, 1);
}

CAF_TEST(a release that nobody answered is sent again by its id) {
  auto x = reserve(alice, {want(0, 1)});
  pass(millis{299'900}, millis{100});
  st.fates = {fate::lost_before, fate::lost_after};
  pass(millis{2000});
  CAF_CHECK(st.rows.reservations.at(x->value.id).status == reservation_status::expired);
  CAF_CHECK_EQUAL(st.rows.ends, 1);
  CAF_CHECK_EQUAL(count_ops<release_reservation>(), 3);
  CAF_CHECK(reserve(bob, {want(0, 1)})->value.is == ec::ok);
}

CAF_TEST(a pinned hold is left alone by time and by cancel) {
  auto x = reserve(alice, {want(0, 1)});
  st.rows.reservations.at(x->value.id).pinned = true;
  pass(millis{310'000}, millis{100});
  CAF_CHECK_EQUAL(status(seat_no(0, 1)), 'l');
  CAF_CHECK_EQUAL(count_ops<release_reservation>(), 1);
  CAF_CHECK(reserve(bob, {want(0, 1)})->value.is == ec::seat_held);
  CAF_CHECK(cancel(alice, x->value.id)->value.is == ec::reservation_pinned);
}

CAF_TEST(H20 the sweep hears that a pin has ended) {
  auto x = reserve(alice, {want(0, 1)});
  st.rows.reservations.at(x->value.id).pinned = true;
  pass(millis{301'000}, millis{100});
  st.rows.reservations.at(x->value.id).pinned = false;
  wake(0, {x->value.id});
  pass(millis{10});
  CAF_CHECK_EQUAL(status(seat_no(0, 1)), 'a');
}

CAF_TEST(H20 the sweep wakes a sleeping block and what is overdue ends) {
  reservation_row row;
  row.id = {0xb, 77};
  row.user = alice;
  row.event = event_no(1);
  row.expires_at = now() - millis{5000};
  row.items.push_back({seat_no(0, 4), 0, 1, 1, won{1}});
  st.rows.reservations[row.id] = row;
  st.rows.seats.at(seat_no(0, 4)).row = {seat_no(0, 4),  1,    1, 'l', row.id, alice,
                                         row.expires_at, false};
  auto x = wake(0, {row.id});
  CAF_CHECK_EQUAL(x->value.seats, 10);
  pass(millis{10});
  CAF_CHECK_EQUAL(status(seat_no(0, 4)), 'a');
}

CAF_TEST(H20 a row written behind the back of an awake block ends too) {
  wake(0);
  reservation_row row;
  row.id = {0xb, 77};
  row.user = alice;
  row.event = event_no(1);
  row.expires_at = now() - millis{5000};
  row.items.push_back({seat_no(0, 4), 0, 1, 1, won{1}});
  st.rows.reservations[row.id] = row;
  st.rows.seats.at(seat_no(0, 4)).row = {seat_no(0, 4),  1,    1, 'l', row.id, alice,
                                         row.expires_at, false};
  wake(0, {row.id});
  pass(millis{10});
  CAF_CHECK_EQUAL(status(seat_no(0, 4)), 'a');
  CAF_CHECK(reserve(bob, {want(0, 4)})->value.is == ec::ok);
}

CAF_TEST(P44 a hold that ran out is available and reservable at once) {
  reserve(alice, {want(0, 1)});
  pass(millis{299'900}, millis{100});
  // The timer's own release is refused, so only the next buyer can free the seat.
  verdict busy;
  busy.is = outcome::busy;
  st.answers = {busy};
  pass(millis{100});
  CAF_CHECK_EQUAL(count_ops<release_reservation>(), 1);
  CAF_CHECK_EQUAL(status(seat_no(0, 1)), 'l');
  pass(millis{250});
  CAF_CHECK_EQUAL(shown(0, 1), 0);
  auto x = reserve(bob, {want(0, 1), want(0, 2)});
  CAF_CHECK(x->value.is == ec::ok);
  CAF_CHECK_EQUAL(count_ops<release_reservation>(), 2);
}

CAF_TEST(a hold that was sold behind the back is believed from its row) {
  auto x = reserve(alice, {want(0, 1)});
  st.rows.confirm(x->value.id);
  pass(millis{300'500}, millis{100});
  CAF_CHECK_EQUAL(status(seat_no(0, 1)), 'r');
  CAF_CHECK(reserve(bob, {want(0, 1)})->value.is == ec::seat_sold);
  CAF_CHECK_EQUAL(shown(0, 1), 2);
}

CAF_TEST(rows that cannot be read at the moment are read later) {
  auto x = reserve(alice, {want(0, 1)});
  st.rows.end(st.rows.reservations.at(x->value.id), reservation_status::cancelled);
  pass(millis{299'900}, millis{100});
  verdict refused, busy;
  refused.is = outcome::not_pending;
  busy.is = outcome::busy;
  st.answers = {refused, busy}; // The release, then the re-read after it.
  pass(millis{200});
  pass(millis{1500});
  CAF_CHECK(reserve(bob, {want(0, 1)})->value.is == ec::ok);
}

// -- the map --------------------------------------------------------------------------------------

CAF_TEST(the board follows within a quarter of a second) {
  reserve(alice, {want(0, 1)});
  pass(millis{250});
  CAF_CHECK_EQUAL(shown(0, 1), 1);
  CAF_CHECK_EQUAL(shown(0, 2), 0);
  CAF_CHECK_EQUAL(boards.find_seats(event_no(1), 0)->seat_count, 10u);
}

CAF_TEST(H27 a thousand changes in a quarter of a second are one board) {
  wake(0);
  pass(millis{300});
  auto before = boards.seats_version(event_no(1));
  for (int i = 0; i < 500; ++i) {
    auto x = reserve(alice, {want(0, 1)});
    CAF_REQUIRE(x->value.is == ec::ok);
    CAF_REQUIRE(cancel(alice, x->value.id)->value.is == ec::ok);
  }
  pass(millis{249});
  CAF_CHECK(boards.seats_version(event_no(1)) - before <= 1);
  pass(millis{1000});
  CAF_CHECK(boards.seats_version(event_no(1)) - before <= 2);
  CAF_CHECK_EQUAL(shown(0, 1), 0);
}

CAF_TEST(timers do not pile up) {
  reserve(bob, {want(1, 9)});    // Ends at 300 s.
  for (int i = 0; i < 40; ++i) { // Each claim arms an earlier timer.
    auto x = reserve(alice, {want(0, 1), want(1, 1)});
    CAF_REQUIRE(x->value.is == ec::ok);
    CAF_REQUIRE(cancel(alice, x->value.id)->value.is == ec::ok);
    pass(millis{4000}, millis{100});
  }
  reserve(bob, {want(1, 8)}); // Ends at 460 s.
  pass(millis{299'000}, millis{100});
  CAF_CHECK_EQUAL(status(seat_no(1, 8)), 'l');
  CAF_CHECK_EQUAL(status(seat_no(1, 9)), 'a');
  auto fired = sched.advance_time(std::chrono::seconds(2));
  CAF_CHECK(fired <= 4);
}

CAF_TEST_FIXTURE_SCOPE_END()
