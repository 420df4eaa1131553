#define CAF_SUITE presence_clock

#include "actors/waiting_room/presence.hpp"

#include <caf/test/dsl.hpp>

using namespace tk;

namespace {

const instant start = from_ms(1'000'000);
instant at(int64_t seconds) { return start + millis{seconds * 1000}; }

struct room {
  presence_clock clock{start};
  int64_t now_s = 0;
  uint64_t batch = 0;

  /// So many seconds with a batch in each.
  void whole(int seconds) {
    for (int i = 0; i < seconds; ++i) {
      clock.hear(1, ++batch, at(++now_s));
      clock.advance(at(now_s));
    }
  }
  void without_batches(int seconds) {
    for (int i = 0; i < seconds; ++i) clock.advance(at(++now_s));
  }
};

} // namespace

CAF_TEST(without an ingress time passes) {
  room x;
  x.without_batches(100);
  CAF_CHECK_EQUAL(x.clock.now_s(), 100u);
}

CAF_TEST(an ingress that is silent stops the clock) {
  room x;
  x.whole(100);
  x.without_batches(60);
  CAF_CHECK(x.clock.now_s() <= 105);
  x.whole(10);
  CAF_CHECK(x.clock.now_s() <= 116);
  CAF_CHECK(x.clock.now_s() >= 110);
}

CAF_TEST(lost batches are taken off) {
  room x;
  x.whole(100);
  x.batch += 20; // Lost on their way; the ingress went on.
  x.whole(30);
  CAF_CHECK_EQUAL(x.clock.now_s(), 110u);
}

CAF_TEST(a batch counts once) {
  room x;
  CAF_CHECK(x.clock.hear(1, 5, at(1)));
  CAF_CHECK(!x.clock.hear(1, 5, at(2)));
  CAF_CHECK(!x.clock.hear(1, 4, at(2)));
  CAF_CHECK(x.clock.hear(2, 1, at(2)));
}

CAF_TEST(an ingress that never comes back is forgotten) {
  room x;
  x.whole(10);
  x.without_batches(599 + 100);
  CAF_CHECK(x.clock.now_s() >= 100);
  CAF_CHECK(x.clock.now_s() <= 120);
}

CAF_TEST(a room that stood still blames nobody) {
  room x;
  x.whole(10);
  x.clock.advance(at(1000));
  CAF_CHECK(x.clock.now_s() <= 13);
  x.clock.advance(at(999)); // Nor does time go back.
  CAF_CHECK(x.clock.now_s() >= 10);
}

CAF_TEST(H11 a node of the roster that was not heard of stops the clock) {
  room x;
  x.clock.count_on({1, 2}, start);
  x.whole(100);
  CAF_CHECK_EQUAL(x.clock.now_s(), 0u);
  CAF_CHECK(x.clock.hear(2, 7, at(x.now_s)));
  x.whole(5);
  CAF_CHECK_EQUAL(x.clock.now_s(), 5u);
}

CAF_TEST(H11 a new life of a node is to be heard of like a new node) {
  room x;
  x.clock.count_on({1}, start);
  x.whole(10);
  const auto before = x.clock.now_s();
  x.clock.count_on({3}, at(x.now_s));
  x.whole(100);
  CAF_CHECK_EQUAL(x.clock.now_s(), before);
  CAF_CHECK(x.clock.hear(3, 1, at(x.now_s)));
  x.clock.advance(at(x.now_s + 1));
  CAF_CHECK_EQUAL(x.clock.now_s(), before + 1);
}

CAF_TEST(a node that left the roster no longer counts) {
  room x;
  x.clock.count_on({1, 2}, start);
  CAF_CHECK(x.clock.hear(2, 1, at(0)));
  x.whole(50);
  CAF_CHECK(x.clock.now_s() <= 5);
  const auto before = x.clock.now_s();
  x.clock.count_on({1}, at(x.now_s));
  x.whole(50);
  CAF_CHECK_EQUAL(x.clock.now_s(), before + 50);
}

CAF_TEST(a roster that nobody has told changes nothing) {
  room x;
  x.clock.count_on({}, start);
  x.whole(10);
  CAF_CHECK_EQUAL(x.clock.now_s(), 10u);
}

CAF_TEST(where nobody waits an ingress may begin anew) {
  room x;
  x.clock.count_on({1}, start);
  x.whole(10);
  x.clock.rest();
  CAF_CHECK(x.clock.hear(1, 1, at(x.now_s)));
}
