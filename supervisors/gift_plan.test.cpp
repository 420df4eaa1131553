#define CAF_SUITE gift_plan

#include "supervisors/gift_plan.hpp"

#include <caf/test/dsl.hpp>

using namespace tk;

namespace {

constexpr node_id a{0, 1}, b{0, 2}, here{0, 7};
constexpr wish_id wish{1, 1};
constexpr millis settle{20'000};
const instant start = from_ms(1'000'000);

/// This node beside a and b, which have as many shards each.
struct scene {
  membership of;
  gift_plan plan{settle};
  instant now = start;

  scene(int owned, int of_a, int of_b) {
    of.self = here;
    of.incarnation = 1;
    of.peers = {{a, 1, {}, true, false}, {b, 1, {}, true, false}};
    size_t shard = 0;
    for (int i = 0; i < owned; ++i) of.epochs.at(shard++) = 1;
    for (int i = 0; i < of_a; ++i) of.owners.at(shard++) = 0;
    for (int i = 0; i < of_b; ++i) of.owners.at(shard++) = 1;
  }
  std::optional<wanted_move> next() { return plan.next(of, now); }
  std::optional<wanted_move> later(millis by) {
    now += by;
    return next();
  }
  /// As long as there is something to give.
  int give_at_once() {
    int count = 0;
    for (auto x = next(); x && count < shard_count; x = next()) {
      give(*x);
      ++count;
    }
    return count;
  }
  void give(const wanted_move& x) {
    of.epochs.at(x.shard) = 0;
    of.owners.at(x.shard) = x.to == a ? 0 : 1;
    plan.ended(x.shard, true, now);
  }
  /// How many are given until it is done.
  int give_all() {
    int count = 0;
    next();
    for (auto x = later(settle); x && count < shard_count; x = later(millis{1000})) {
      give(*x);
      ++count;
    }
    return count;
  }
};

} // namespace

CAF_TEST(nothing is given while nothing is wanted) {
  scene x{43, 43, 42};
  CAF_CHECK(!x.next());
  CAF_CHECK(!x.later(settle * 10));
}

CAF_TEST(who is drained gives everything to whoever has the fewest) {
  scene x{3, 63, 62};
  x.of.draining = true;
  CAF_CHECK(x.next() == (wanted_move{0, b}));
  for (int i = 0; i < 3; ++i) {
    auto one = x.next();
    CAF_REQUIRE(one.has_value());
    CAF_CHECK(!gift_plan::drained(x.of));
    x.give(*one);
  }
  CAF_CHECK(!x.next());
  CAF_CHECK(gift_plan::drained(x.of));
}

CAF_TEST(nothing is given to the dead or to who is drained) {
  scene x{3, 63, 62};
  x.of.draining = true;
  x.of.peers[1].draining = true;
  CAF_CHECK(x.next() == (wanted_move{0, a}));
  x.of.peers[0].lives = false;
  CAF_CHECK(!x.next());
  CAF_CHECK(gift_plan::drained(x.of)); // There is nobody to wait for.
}

CAF_TEST(what could not be given is tried again after the others) {
  scene x{2, 63, 63};
  x.of.draining = true;
  CAF_CHECK(x.next()->shard == 0);
  x.plan.ended(0, false, x.now);
  CAF_CHECK(x.next()->shard == 1);
  CAF_CHECK(!gift_plan::drained(x.of));
  CAF_CHECK(x.later(millis{1000})->shard == 0);
}

CAF_TEST(who joins gets a fair share and everybody keeps theirs) {
  scene x{64, 64, 0};
  CAF_CHECK_EQUAL(x.give_all(), 21);
  CAF_CHECK_EQUAL(x.of.owned(), 43);
  scene alone{128, 0, 0};
  CAF_CHECK_EQUAL(alone.give_all(), 85);
}

CAF_TEST(H34 a roster that changes all the time moves nothing for balance) {
  scene x{64, 64, 0};
  for (int i = 0; i < 60; ++i) {
    x.of.peers[1].lives = i % 2 == 0;
    CAF_CHECK(!x.later(millis{10'000}));
  }
}

CAF_TEST(for balance there is a pause between two) {
  scene x{64, 64, 0};
  x.next();
  auto one = x.later(settle);
  CAF_REQUIRE(one.has_value());
  x.give(*one);
  CAF_CHECK(!x.later(millis{50}));
  CAF_CHECK(x.later(millis{200}).has_value());
}

CAF_TEST(what an operator has moved after that stays where it is) {
  scene x{43, 43, 42};
  x.next();
  CAF_CHECK(!x.later(settle));
  x.of.wanted = {{5, a}};
  CAF_CHECK(x.next() == (wanted_move{5, a}));
  x.give({5, a});
  CAF_CHECK(!x.next());
  x.of.wanted = {{6, node_id{0, 9}}, {100, a}}; // To a stranger; what is not ours.
  CAF_CHECK(!x.next());
  scene rich{50, 39, 39}; // By an operator's wish.
  rich.plan = gift_plan{millis{0}};
  CAF_CHECK(!rich.later(settle));
}

CAF_TEST(an operator has shards evened out at once and once) {
  scene x{64, 64, 0};
  CAF_CHECK(!x.next());
  x.of.even_wish = wish;
  CAF_CHECK(!gift_plan::even(x.of));
  CAF_CHECK_EQUAL(x.give_at_once(), 21);
  CAF_CHECK(!gift_plan::even(x.of)); // The other one has more than its share still.
  for (int i = 0; i < 21; ++i) x.of.owners.at(64 + static_cast<size_t>(i)) = 1;
  CAF_CHECK(gift_plan::even(x.of));
  scene never{64, 64, 0};
  never.plan = gift_plan{millis{0}}; // Nothing is moved for balance unless somebody says so.
  CAF_CHECK(!never.later(settle));
  never.of.even_wish = wish;
  CAF_CHECK_EQUAL(never.give_at_once(), 21);
  never.of.even_wish = {};
  never.of.epochs.at(127) = 1;
  CAF_CHECK(!never.later(settle));
}

CAF_TEST(what is free is taken before shards are evened out) {
  scene x{64, 64, 0};
  x.of.even_wish = wish;
  x.of.free = 1;
  CAF_CHECK(!x.next());
  CAF_CHECK(!gift_plan::even(x.of));
}

CAF_TEST(a shard that an operator has moved here stays but for a drain) {
  scene x{64, 64, 0};
  for (uint16_t shard = 0; shard < 60; ++shard) x.of.wanted.push_back({shard, here});
  x.of.even_wish = wish;
  CAF_CHECK(x.next() == (wanted_move{60, b}));
  CAF_CHECK_EQUAL(x.give_at_once(), 4);
  for (int i = 0; i < 21; ++i) x.of.owners.at(64 + static_cast<size_t>(i)) = 1;
  CAF_CHECK(gift_plan::even(x.of)); // As far as it goes.
  x.of.draining = true;
  CAF_CHECK(x.next() == (wanted_move{0, b}));
  CAF_CHECK(!gift_plan::even(x.of));
}

CAF_TEST(a shard that is to be elsewhere is given although nothing else moves) {
  scene x{43, 43, 42};
  x.of.wanted = {{5, a}, {6, here}, {50, a}, {50, b}, {200, a}};
  CAF_CHECK(x.next() == (wanted_move{5, a}));
  x.give({5, a});
  CAF_CHECK(!x.next());
  x.of.peers[0].draining = true;
  x.of.wanted = {{7, a}};
  CAF_CHECK(!x.next()); // Not while it takes none.
}

CAF_TEST(nothing is even while somebody who is drained has something) {
  scene x{43, 43, 42};
  CAF_CHECK(gift_plan::even(x.of));
  x.of.peers[1].draining = true;
  CAF_CHECK(!gift_plan::even(x.of));
  for (size_t shard = 86; shard < shard_count; ++shard) x.of.owners.at(shard) = 0;
  CAF_CHECK(!gift_plan::even(x.of)); // One has more than half.
  scene half{64, 64, 0};
  half.of.peers[1].draining = true;
  CAF_CHECK(gift_plan::even(half.of));
  half.of.draining = half.of.peers[0].draining = true; // Nobody takes any.
  CAF_CHECK(!gift_plan::even(half.of));
}
