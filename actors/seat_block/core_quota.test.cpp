#define CAF_SUITE quota_core

#include "actors/seat_block/core.hpp"

#include <caf/test/dsl.hpp>

using namespace tk;

namespace {

const instant now = from_ms(1'000'000);
constexpr millis ttl{300'000};
constexpr int32_t block = first_quota_block;
const ticket_type_id standing{0x7e, 1};
using kind = hold_decision::kind;

reservation_id res(uint64_t n) { return {0xb, n}; }

/// Ten of a hundred are sold already.
seat_block_core fresh(int64_t unsold = 90) {
  return {block, quota_facts{standing, {1000}, 100, unsold}};
}

hold_items wish(uint64_t id, int32_t n) {
  hold_items out;
  out.id = res(id);
  out.items = {{{}, block, standing, n}};
  out.deadline = now + millis{3000};
  return out;
}

std::vector<held_item> units(int32_t n) { return {{{}, block, 0, 0, {1000}, standing, n}}; }

hold_record hold(uint64_t id, int32_t n, instant expires_at = now + ttl) {
  hold_record out;
  out.id = res(id);
  out.expires_at = expires_at;
  out.led = true;
  out.items = units(n);
  return out;
}

void claim(seat_block_core& core, uint64_t id, int32_t n) {
  auto what = core.decide_hold(wish(id, n), now);
  CAF_REQUIRE(what.is == kind::claim);
  core.apply_claim(res(id), what.items, now + millis{3000});
}

int64_t free(const seat_block_core& core) { return core.find_quota()->free(); }

} // namespace

CAF_TEST(a free quantity is claimed at the price of the type) {
  auto core = fresh();
  auto what = core.decide_hold(wish(1, 90), now);
  CAF_CHECK(what.is == kind::claim);
  CAF_CHECK(what.items == units(90));
  CAF_CHECK(core.decide_hold(wish(1, 91), now).is == kind::refuse);
}

CAF_TEST(what is sold does not come back by waiting) {
  auto core = fresh();
  claim(core, 1, 90);
  auto more = core.decide_hold(wish(2, 91), now);
  CAF_CHECK(more.why == ec::quantity_short);
  CAF_CHECK_EQUAL(more.retry_after_ms, 0);
  auto claimed = core.decide_hold(wish(2, 1), now);
  CAF_CHECK(claimed.why == ec::quantity_short);
  CAF_CHECK_EQUAL(claimed.retry_after_ms, 3000);
}

CAF_TEST(another type and no quantity at all are refused) {
  auto core = fresh();
  auto x = wish(1, 1);
  x.items[0].type = {0x7e, 2};
  CAF_CHECK(core.decide_hold(x, now).why == ec::ticket_type_unknown);
  CAF_CHECK(core.decide_hold(wish(1, 0), now).why == ec::ticket_type_unknown);
}

CAF_TEST(claim and hold and release count each unit once) {
  auto core = fresh();
  claim(core, 1, 3);
  CAF_CHECK_EQUAL(free(core), 87);
  core.apply_hold(hold(1, 3));
  core.apply_hold(hold(1, 3)); // Told twice.
  CAF_CHECK_EQUAL(free(core), 87);
  CAF_CHECK_EQUAL(core.find_quota()->claimed(), 0);
  core.apply_release(res(1), units(3));
  core.apply_release(res(1), units(3)); // Its end, told twice.
  core.drop_claim(res(1));
  CAF_CHECK_EQUAL(free(core), 90);
  CAF_CHECK(core.idle());
}

CAF_TEST(a sale takes what its hold took and nothing twice) {
  auto core = fresh();
  core.apply_hold(hold(1, 4));
  core.apply_sale(res(1), units(4));
  CAF_CHECK_EQUAL(free(core), 86);
  core.apply_sale(res(1), units(4));
  core.apply_release(res(1), units(4)); // A late message about a hold that is gone.
  CAF_CHECK_EQUAL(free(core), 86);
  CAF_CHECK_EQUAL(core.find_quota()->facts().unsold, 86);
}

CAF_TEST(a sale that is heard of before its hold is counted by its claim) {
  auto core = fresh();
  claim(core, 1, 4);
  core.apply_sale(res(1), units(4));
  CAF_CHECK_EQUAL(free(core), 86);
  CAF_CHECK(core.idle());
}

CAF_TEST(parts of other blocks are not counted here) {
  auto core = fresh();
  auto x = hold(1, 2);
  x.items.push_back({{}, block + 1, 0, 0, {9}, {0x7e, 2}, 5});
  core.apply_hold(x);
  CAF_CHECK_EQUAL(free(core), 88);
  core.apply_release(x.id, x.items);
  CAF_CHECK_EQUAL(free(core), 90);
}

CAF_TEST(P44 holds that ran out are shown as available and freed first) {
  auto core = fresh(5);
  core.apply_hold(hold(1, 4, now));
  core.apply_hold(hold(2, 1));
  CAF_CHECK_EQUAL(core.shown_quantity(now - millis{1}), 0);
  CAF_CHECK_EQUAL(core.shown_quantity(now), 4);
  auto what = core.decide_hold(wish(3, 2), now);
  CAF_CHECK(what.is == kind::free_first);
  CAF_CHECK(what.existing == res(1));
}

CAF_TEST(a pinned hold never runs out) {
  auto core = fresh(5);
  core.apply_hold(hold(1, 5, now));
  core.set_pinned(res(1), true);
  CAF_CHECK_EQUAL(core.shown_quantity(now + ttl), 0);
  CAF_CHECK(core.decide_hold(wish(2, 1), now + ttl).is == kind::refuse);
}

CAF_TEST(the same reservation is replayed and another order is another order) {
  auto core = fresh();
  core.apply_hold(hold(1, 2));
  CAF_CHECK(core.decide_hold(wish(1, 2), now).is == kind::replay);
  CAF_CHECK(core.decide_hold(wish(2, 2), now).is == kind::claim);
}

CAF_TEST(a row that was read is believed exactly when nothing is on its way) {
  auto core = fresh();
  core.apply_hold(hold(1, 10));
  core.apply_quota_row(95, 120); // Somebody added twenty.
  CAF_CHECK_EQUAL(free(core), 95);
  CAF_CHECK_EQUAL(core.find_quota()->facts().total, 120);
  core.apply_quota_row(1, 120);
  CAF_CHECK_EQUAL(free(core), 1);
}

CAF_TEST(beside claims a row that was read can only lower the count) {
  auto core = fresh();
  claim(core, 1, 10);
  core.apply_quota_row(100, 100); // Before the claim's op, or of a bug: nobody knows.
  CAF_CHECK_EQUAL(free(core), 80);
  core.apply_quota_row(30, 100); // The claim may be in it or not: 30 at most are free.
  CAF_CHECK_EQUAL(free(core), 30);
  core.apply_hold(hold(1, 10));
  CAF_CHECK_EQUAL(free(core), 30);
}

CAF_TEST(beside a hold that is led elsewhere a row that was read can only lower the count) {
  auto core = fresh();
  auto x = hold(1, 10);
  x.led = false;
  core.apply_hold(x);
  core.apply_quota_row(90, 100); // It has ended, and the message of it is on its way.
  CAF_CHECK_EQUAL(free(core), 80);
  core.apply_quota_row(110, 120); // Somebody added twenty.
  CAF_CHECK_EQUAL(free(core), 100);
  core.apply_release(res(1), units(10));
  CAF_CHECK_EQUAL(free(core), 110);
}

CAF_TEST(P44 a hold that is led elsewhere and pinned is not shown as available) {
  auto core = fresh(5);
  auto x = hold(1, 4, now);
  x.led = false;
  core.apply_hold(x);
  CAF_CHECK_EQUAL(core.shown_quantity(now), 5);
  core.set_pinned(res(1), true);
  CAF_CHECK_EQUAL(core.shown_quantity(now), 1);
}

CAF_TEST(beside a release on its way a row that was read can only lower the count) {
  auto core = fresh();
  core.apply_hold(hold(1, 10));
  core.set_releasing(res(1), true);
  core.apply_quota_row(90, 100); // The release is in it already.
  CAF_CHECK_EQUAL(free(core), 80);
  core.apply_release(res(1), units(10));
  CAF_CHECK_EQUAL(free(core), 90);
}
