#define CAF_SUITE seat_block_core

#include "actors/seat_block/core.hpp"

#include <caf/test/dsl.hpp>

using namespace tk;

namespace {

const instant now = from_ms(1'000'000);
constexpr millis ttl{300'000};
const user_id alice{0xa, 1}, bob{0xa, 2};
using kind = hold_decision::kind;

seat_id seat(uint64_t n) { return {0, n}; }
reservation_id res(uint64_t n) { return {0xb, n}; }

/// Block 3 with seats 1..6, free, version 10, fence 20.
seat_block_core fresh() {
  std::vector<seat_facts> seats;
  for (uint64_t n = 6; n >= 1; --n) // In any order.
    seats.push_back({seat(n), 10, 20, seat_state::available, {}, {1000}});
  return {3, std::move(seats)};
}

std::vector<wanted_item> wanted(std::vector<uint64_t> seats) {
  std::vector<wanted_item> out;
  out.reserve(seats.size());
  for (auto n : seats) out.push_back({seat(n), 3});
  return out;
}

hold_items wish(uint64_t id, std::vector<uint64_t> seats, user_id user = alice) {
  hold_items out;
  out.id = res(id);
  out.user = user;
  out.items = wanted(std::move(seats));
  out.deadline = now + millis{3000};
  return out;
}

std::vector<held_item> held(std::vector<uint64_t> seats, int32_t version = 11, int64_t fence = 21) {
  std::vector<held_item> out;
  out.reserve(seats.size());
  for (auto n : seats) out.push_back({seat(n), 3, version, fence, {1000}});
  return out;
}

hold_record hold(uint64_t id, std::vector<uint64_t> seats, user_id user = alice,
                 instant expires_at = now + ttl) {
  hold_record out;
  out.id = res(id);
  out.user = user;
  out.expires_at = expires_at;
  out.led = true;
  out.items = held(std::move(seats));
  return out;
}

void claim(seat_block_core& core, uint64_t id, std::vector<uint64_t> seats) {
  auto x = wish(id, std::move(seats));
  auto what = core.decide_hold(x, now);
  CAF_REQUIRE(what.is == kind::claim);
  core.apply_claim(x.id, what.items, x.deadline);
}

} // namespace

// -- free seats -----------------------------------------------------------------------------------

CAF_TEST(a free seat is claimed with its version and the next fence) {
  auto what = fresh().decide_hold(wish(1, {2, 5}), now);
  CAF_REQUIRE(what.is == kind::claim);
  CAF_CHECK(what.items == held({2, 5}, 10, 21));
  CAF_CHECK(what.why == ec::ok);
}

CAF_TEST(only the own seats of a wish are judged) {
  auto x = wish(1, {2});
  x.items.push_back({seat(77), 4});
  auto what = fresh().decide_hold(x, now);
  CAF_REQUIRE(what.is == kind::claim);
  CAF_CHECK(what.items == held({2}, 10, 21));
}

CAF_TEST(an unknown seat refuses the whole wish) {
  auto what = fresh().decide_hold(wish(1, {2, 9}), now);
  CAF_CHECK(what.is == kind::refuse);
  CAF_CHECK(what.why == ec::seat_unknown);
  CAF_CHECK(what.refused == wanted({9}));
}

CAF_TEST(a wish at its deadline is late) {
  auto x = wish(1, {2});
  CAF_CHECK(fresh().decide_hold(x, x.deadline).why == ec::late);
  CAF_CHECK(fresh().decide_hold(x, x.deadline - millis{1}).is == kind::claim);
}

// -- claimed seats --------------------------------------------------------------------------------

CAF_TEST(H22e a claimed seat is contested and says until when) {
  auto core = fresh();
  claim(core, 1, {2});
  auto what = core.decide_hold(wish(2, {2, 3}, bob), now + millis{1000});
  CAF_CHECK(what.is == kind::refuse);
  CAF_CHECK(what.why == ec::seat_contested);
  CAF_CHECK(what.refused == wanted({2}));
  CAF_CHECK_EQUAL(what.retry_after_ms, 2000);
}

CAF_TEST(R12 a claim is never a yes) {
  auto core = fresh();
  claim(core, 1, {2});
  CAF_CHECK(core.decide_hold(wish(1, {2}), now).why == ec::in_flight);
  core.mark_unsettled(res(1));
  CAF_CHECK(core.decide_hold(wish(1, {2}), now).why == ec::unknown);
}

CAF_TEST(a dropped claim gives its seats back and an unknown one is no error) {
  auto core = fresh();
  claim(core, 1, {2, 3});
  CAF_CHECK(!core.idle());
  core.drop_claim(res(1));
  core.drop_claim(res(1));
  core.drop_claim(res(99));
  CAF_CHECK(core.idle());
  CAF_CHECK(!core.next_due());
  CAF_CHECK(core.decide_hold(wish(2, {2, 3}), now).is == kind::claim);
}

CAF_TEST(a claim told twice is one claim) {
  auto core = fresh();
  claim_items x{res(1), alice, wanted({2}), now + millis{3000}};
  auto first = core.decide_claim(x, now);
  CAF_REQUIRE(first.is == kind::claim);
  core.apply_claim(x.id, first.items, x.until);
  auto second = core.decide_claim(x, now);
  CAF_CHECK(second.is == kind::claim);
  CAF_CHECK(second.items == first.items);
  CAF_CHECK(core.decide_claim({res(2), bob, wanted({2}), now + millis{3000}}, now).why ==
            ec::seat_contested);
  CAF_CHECK(core.decide_claim({res(3), bob, wanted({3}), now}, now).why == ec::late);
}

CAF_TEST(a claim past its end is doubtful and never freed by the clock) {
  auto core = fresh();
  claim(core, 1, {2});
  auto end = now + millis{3000};
  CAF_CHECK(core.next_due() == end);
  CAF_CHECK(core.doubtful(end - millis{1}).empty());
  CAF_CHECK(core.doubtful(end) == std::vector{res(1)});
  CAF_CHECK(core.overdue(end).empty());
  CAF_CHECK(core.decide_hold(wish(2, {2}, bob), end - millis{1}).why == ec::seat_contested);
  auto late_wish = wish(2, {2}, bob);
  late_wish.deadline = end + millis{60'000};
  CAF_CHECK(core.decide_hold(late_wish, end + millis{50'000}).why == ec::seat_contested);
  core.postpone(res(1), end + millis{500});
  CAF_CHECK(core.doubtful(end + millis{499}).empty());
  CAF_CHECK(core.doubtful(end + millis{500}) == std::vector{res(1)});
}

// -- held seats -----------------------------------------------------------------------------------

CAF_TEST(a held seat is refused until its end) {
  auto core = fresh();
  core.apply_hold(hold(1, {2}));
  auto what = core.decide_hold(wish(2, {2}, bob), now + millis{1});
  CAF_CHECK(what.why == ec::seat_held);
  CAF_CHECK_EQUAL(what.retry_after_ms, 299'999);
}

CAF_TEST(a hold consumes its claim) {
  auto core = fresh();
  claim(core, 1, {2});
  core.apply_hold(hold(1, {2}));
  CAF_CHECK(!core.find_claim(res(1)));
  CAF_REQUIRE(core.find_hold(res(1)));
  CAF_CHECK(core.find_seat(seat(2))->state == seat_state::locked);
  CAF_CHECK_EQUAL(core.find_seat(seat(2))->version, 11);
  CAF_CHECK(core.next_due() == now + ttl);
}

CAF_TEST(G14 choosing own seats again replays the hold) {
  auto core = fresh();
  core.apply_hold(hold(1, {2, 3}));
  for (auto& seats : {std::vector<uint64_t>{2, 3}, {3}, {2}}) {
    auto what = core.decide_hold(wish(2, seats), now);
    CAF_CHECK(what.is == kind::replay);
    CAF_CHECK(what.existing == res(1));
  }
  CAF_CHECK(core.decide_hold(wish(2, {2, 4}), now).why == ec::seat_held);
  CAF_CHECK(core.decide_hold(wish(2, {4, 2}), now).why == ec::seat_held);
  CAF_CHECK(core.decide_hold(wish(2, {2}, bob), now).why == ec::seat_held);
  CAF_CHECK(core.decide_hold(wish(1, {2, 3}), now).is == kind::replay);
}

CAF_TEST(own seats that ran out are not replayed) {
  auto core = fresh();
  core.apply_hold(hold(1, {2}, alice, now));
  CAF_CHECK(core.decide_hold(wish(2, {2}), now).is == kind::free_first);
}

CAF_TEST(P44 a hold ends at its millisecond) {
  auto core = fresh();
  core.apply_hold(hold(1, {2}, alice, now + millis{100}));
  auto end = now + millis{100}, before = end - millis{1};
  CAF_CHECK(core.overdue(before).empty());
  CAF_CHECK(core.shown(1, before) == seat_state::locked);
  CAF_CHECK(core.decide_hold(wish(2, {2}, bob), before).why == ec::seat_held);
  CAF_CHECK(core.overdue(end) == std::vector{res(1)});
  CAF_CHECK(core.shown(1, end) == seat_state::available);
  auto what = core.decide_hold(wish(2, {2, 3}, bob), end);
  CAF_CHECK(what.is == kind::free_first);
  CAF_CHECK(what.existing == res(1));
}

CAF_TEST(a hold that ran out does not help beside a seat that is really taken) {
  auto core = fresh();
  core.apply_hold(hold(1, {2}, alice, now));
  core.apply_hold(hold(2, {3}, alice));
  auto what = core.decide_hold(wish(3, {2, 3}, bob), now);
  CAF_CHECK(what.is == kind::refuse);
  CAF_CHECK(what.why == ec::seat_held);
  CAF_CHECK(what.refused == wanted({3}));
}

CAF_TEST(a pinned hold is not ended by time) {
  auto core = fresh();
  core.apply_hold(hold(1, {2}, alice, now));
  core.set_pinned(res(1), true);
  CAF_CHECK(core.overdue(now + ttl).empty());
  CAF_CHECK(!core.next_due());
  CAF_CHECK(core.shown(1, now + ttl) == seat_state::locked);
  CAF_CHECK(core.decide_hold(wish(2, {2}, bob), now).why == ec::seat_held);
  core.set_pinned(res(1), false);
  CAF_CHECK(core.overdue(now) == std::vector{res(1)});
}

CAF_TEST(what is being released is not released again) {
  auto core = fresh();
  core.apply_hold(hold(1, {2}, alice, now));
  core.set_releasing(res(1), true);
  CAF_CHECK(core.overdue(now).empty());
  CAF_CHECK(!core.next_due());
  core.set_releasing(res(1), false);
  CAF_CHECK(core.overdue(now) == std::vector{res(1)});
}

CAF_TEST(an expiry that moved is obeyed both ways) {
  auto core = fresh();
  core.apply_hold(hold(1, {2}, alice, now));
  core.set_expiry(res(1), now + millis{50});
  CAF_CHECK(core.overdue(now + millis{49}).empty());
  CAF_CHECK(core.next_due() == now + millis{50});
  core.set_expiry(res(1), now);
  CAF_CHECK(core.overdue(now) == std::vector{res(1)});
}

CAF_TEST(a postponed hold is left alone until then) {
  auto core = fresh();
  core.apply_hold(hold(1, {2}, alice, now));
  core.postpone(res(1), now + millis{500});
  CAF_CHECK(core.overdue(now + millis{499}).empty());
  CAF_CHECK(core.overdue(now + millis{500}) == std::vector{res(1)});
  CAF_CHECK(core.decide_hold(wish(2, {2}, bob), now).is == kind::free_first);
}

CAF_TEST(H02 a hold led elsewhere is doubted and never ended) {
  auto core = fresh();
  auto foreign = hold(1, {2}, alice, now);
  foreign.led = false;
  core.apply_hold(foreign);
  CAF_CHECK(core.overdue(now + ttl).empty());
  CAF_CHECK(core.doubtful(now) == std::vector{res(1)});
  auto what = core.decide_hold(wish(2, {2}, bob), now);
  CAF_CHECK(what.is == kind::refuse);
  CAF_CHECK(what.why == ec::seat_contested);
}

// -- the end of a hold ----------------------------------------------------------------------------

CAF_TEST(a release frees the seats one version further) {
  auto core = fresh();
  core.apply_hold(hold(1, {2, 3}));
  core.apply_release(res(1), held({2, 3}, 12));
  CAF_CHECK(core.idle());
  CAF_CHECK(!core.next_due());
  auto what = core.decide_hold(wish(2, {2, 3}, bob), now);
  CAF_REQUIRE(what.is == kind::claim);
  CAF_CHECK(what.items == held({2, 3}, 12, 22));
}

CAF_TEST(H01 older versions are ignored whether the claim is known or not) {
  auto core = fresh();
  core.apply_hold(hold(2, {2}, bob)); // Version 11.
  core.apply_release(res(1), held({2}, 10));
  CAF_CHECK(core.find_seat(seat(2))->holder == res(2));
  core.apply_row({seat(2), 10, 30, seat_state::reserved, res(9), {}});
  CAF_CHECK(core.find_seat(seat(2))->state == seat_state::locked);
  core.apply_row({seat(2), 12, 21, seat_state::reserved, res(2), {}});
  CAF_CHECK(core.find_seat(seat(2))->state == seat_state::reserved);
  CAF_CHECK_EQUAL(core.find_seat(seat(2))->price.amount, 1000);
  core.apply_row({seat(99), 12, 21, seat_state::reserved, res(2), {}}); // Not ours.
}

CAF_TEST(a settle for further seats changes nothing here) {
  auto core = fresh();
  auto foreign = hold(1, {2});
  foreign.items.push_back({seat(3), 4, 99, 99, {1}});
  core.apply_hold(foreign);
  CAF_CHECK(core.find_seat(seat(3))->state == seat_state::available);
  CAF_CHECK_EQUAL(core.find_seat(seat(3))->version, 10);
}

CAF_TEST(a seat locked for somebody nobody told us of is contested) {
  auto core = fresh();
  core.apply_row({seat(2), 11, 21, seat_state::locked, res(7), {}});
  CAF_CHECK(core.decide_hold(wish(2, {2}, bob), now).why == ec::seat_contested);
  CAF_CHECK(core.shown(1, now + ttl) == seat_state::locked);
}

CAF_TEST(a sold seat is refused for ever without a word about waiting) {
  auto core = fresh();
  core.apply_row({seat(2), 12, 21, seat_state::reserved, res(7), {}});
  auto what = core.decide_hold(wish(2, {2}, bob), now);
  CAF_CHECK(what.why == ec::seat_sold);
  CAF_CHECK_EQUAL(what.retry_after_ms, 0);
  CAF_CHECK(core.shown(1, now) == seat_state::reserved);
}

CAF_TEST(G01 a refusal names the seats that it is true of) {
  auto core = fresh();
  core.apply_hold(hold(2, {2}));
  core.apply_row({seat(3), 12, 21, seat_state::reserved, res(7), {}});
  for (auto& seats : {std::vector<uint64_t>{2, 3}, {3, 2}, {1, 3, 2}})
    CAF_CHECK(core.decide_hold(wish(9, seats, bob), now).refused == wanted({3}));
}

CAF_TEST(what is paid for past the end of its hold is asked for again in a second) {
  auto core = fresh();
  core.apply_hold(hold(1, {2}, alice, now));
  core.set_pinned(res(1), true);
  CAF_CHECK_EQUAL(core.decide_hold(wish(9, {2}, bob), now).retry_after_ms, 1000);
}

CAF_TEST(the worst obstacle names the refusal) {
  auto core = fresh();
  claim(core, 1, {1});
  core.apply_hold(hold(2, {2}));
  core.apply_row({seat(3), 12, 21, seat_state::reserved, res(7), {}});
  auto why = [&](std::vector<uint64_t> seats) {
    return core.decide_hold(wish(9, std::move(seats), bob), now).why;
  };
  CAF_CHECK(why({1}) == ec::seat_contested);
  CAF_CHECK(why({1, 2}) == ec::seat_held);
  CAF_CHECK(why({3, 1, 2}) == ec::seat_sold);
  CAF_CHECK(why({1, 9, 3, 2}) == ec::seat_unknown);
  CAF_CHECK_EQUAL(core.decide_hold(wish(9, {1, 2, 3}, bob), now).retry_after_ms, 0);
  CAF_CHECK_EQUAL(core.decide_hold(wish(9, {1, 2}, bob), now).retry_after_ms, 300'000);
}

CAF_TEST(a claimed seat is shown as locked and a free one as available) {
  auto core = fresh();
  CAF_CHECK(core.shown(1, now) == seat_state::available);
  claim(core, 1, {2});
  CAF_CHECK(core.shown(1, now) == seat_state::locked);
  CAF_CHECK(core.shown(0, now) == seat_state::available);
}

CAF_TEST(next due is the earliest of all) {
  auto core = fresh();
  core.apply_hold(hold(1, {1}, alice, now + millis{9000}));
  core.apply_hold(hold(2, {2}, alice, now + millis{8000}));
  CAF_CHECK(core.next_due() == now + millis{8000});
  claim(core, 3, {3});
  CAF_CHECK(core.next_due() == now + millis{3000});
  core.drop_claim(res(3));
  core.forget(res(2));
  CAF_CHECK(core.next_due() == now + millis{9000});
  core.forget(res(1));
  CAF_CHECK(!core.next_due());
}
