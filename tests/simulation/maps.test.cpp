#define CAF_SUITE maps

#include <caf/test/dsl.hpp>

#include "tests/simulation/history.hpp"
#include "tests/simulation/names.hpp"

using namespace tk;
using namespace tk::sim;

namespace {

constexpr millis ttl{1'000}, old{0};
constexpr uint8_t free_ = 0, held = 1, sold = 2;

told_map shown(uint64_t version, int64_t at, uint8_t seat, int32_t client = 1) {
  told_map out;
  out.client = client;
  out.node = 1;
  out.epoch = 1;
  out.version = version;
  out.seats = {seat};
  out.at = from_ms(at);
  out.current = true;
  return out;
}

told_hold granted(uint64_t id, int64_t asked, int64_t answered) {
  told_hold out;
  out.user = user_of(static_cast<int32_t>(id));
  out.items = {{seat_of(0, 1), 0}};
  out.asked = from_ms(asked);
  out.answered = from_ms(answered);
  out.is = ec::ok;
  out.id = {0, id};
  out.pending = true;
  out.expires_at = from_ms(asked) + ttl;
  held_item item;
  item.seat = seat_of(0, 1);
  out.made = {item};
  return out;
}

told_hold refused(ec why, int64_t asked, int64_t answered) {
  auto out = granted(9, asked, answered);
  out.is = why;
  out.id = {};
  out.made.clear();
  return out;
}

told_change change(uint64_t id, int64_t asked, int64_t answered) {
  return {{0, id}, ec::ok, from_ms(asked), from_ms(answered)};
}

/// Maps exactly as young as `old` says.
struct fixture {
  fixture() { x.maps_behind = millis{0}; }
  void saw(const told_map& what) { CAF_CHECK(x.saw(what).empty()); }
  [[nodiscard]] bool explained(millis may_be_old = old) { return x.check(may_be_old).empty(); }
  history x{ttl};
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(maps_tests, fixture)

CAF_TEST(a map shows what happened) {
  x.heard(granted(1, 10, 20));
  x.heard_payment(change(1, 30, 40));
  saw(shown(1, 5, free_));
  saw(shown(2, 25, held));
  saw(shown(3, 45, sold));
  CAF_CHECK(explained());
}

CAF_TEST(a held seat is not shown as free) {
  x.heard(granted(1, 10, 20));
  saw(shown(1, 25, free_));
  CAF_CHECK(!explained());
  CAF_CHECK(explained(millis{10}));
}

CAF_TEST(a seat that nobody wanted is not shown as held) {
  x.heard(granted(1, 10, 20));
  saw(shown(1, 5, held));
  CAF_CHECK(!explained());
}

CAF_TEST(a seat that is not paid for is not shown as sold) {
  x.heard(granted(1, 10, 20));
  saw(shown(1, 25, sold));
  CAF_CHECK(!explained());
}

CAF_TEST(who wants a seat in vain may be shown as its holder) {
  x.heard(refused(ec::hold_limit, 10, 20));
  saw(shown(1, 15, held));
  CAF_CHECK(explained());
  saw(shown(2, 21, held));
  CAF_CHECK(!explained());
}

CAF_TEST(a version that is shown again is as old as it looks) {
  saw(shown(1, 5, free_));
  x.heard(granted(1, 10, 20));
  saw(shown(1, 30, free_, 2));
  CAF_CHECK(!explained(millis{9}));
  CAF_CHECK(explained(millis{10}));
}

CAF_TEST(what is marked stale may be of any age) {
  x.heard(granted(1, 10, 20));
  auto stale = shown(1, 900, free_);
  stale.current = false;
  saw(stale);
  CAF_CHECK(explained());
  auto made_up = shown(2, 900, sold);
  made_up.current = false;
  saw(made_up);
  CAF_CHECK(!explained());
}

CAF_TEST(I24 a map never goes back) {
  saw(shown(2, 5, free_));
  CAF_CHECK(!x.saw(shown(1, 6, free_)).empty());
}

CAF_TEST(I24 another node may be behind) {
  saw(shown(2, 5, free_));
  auto other = shown(1, 6, free_);
  other.node = 2;
  saw(other);
}

CAF_TEST(I24 a node that has died begins without maps) {
  saw(shown(2, 5, free_));
  auto next_life = shown(1, 6, free_);
  next_life.life = 2;
  saw(next_life);
}

CAF_TEST(I24 a version shows one thing) {
  saw(shown(1, 5, free_, 1));
  CAF_CHECK(!x.saw(shown(1, 6, held, 2)).empty());
}

CAF_TEST(sold is final unless it is given back) {
  x.heard(granted(1, 10, 20));
  x.heard_payment(change(1, 30, 40));
  saw(shown(1, 50, sold));
  saw(shown(2, 60, free_));
  CAF_CHECK(!explained(millis{1'000'000}));
  x.heard_refund(change(1, 52, 58));
  CAF_CHECK(explained());
}

CAF_TEST_FIXTURE_SCOPE_END()
