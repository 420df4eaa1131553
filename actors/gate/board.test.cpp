#define CAF_SUITE gate_board

#include "actors/gate/board.hpp"

#include <caf/test/unit_test.hpp>

using namespace tk;

CAF_TEST(the wait is a fiftieth of who is ahead rounded up) {
  for (auto [ahead, wait] : {std::pair{-3, 0}, {0, 0}, {1, 1}, {50, 1}, {51, 2}, {5000, 100}})
    CAF_CHECK_EQUAL(gate_wait_s(ahead), wait);
  CAF_CHECK(gate_wait_s(int64_t{1} << 60) > 0);
}

CAF_TEST(whoever is far back asks seldom) {
  for (auto [ahead, poll] :
       {std::pair{1, 2}, {500, 2}, {501, 5}, {2000, 5}, {2001, 10}, {10'000, 10}, {10'001, 15}})
    CAF_CHECK_EQUAL(gate_poll_s(ahead), poll);
}

CAF_TEST(positions that nobody has are no people) {
  gate_state x;
  x.active = true;
  x.told = 100;
  x.serving = 10;
  x.holes = {{5, 12}, {20, 30}, {90, 100}};
  CAF_CHECK_EQUAL(people_to(x, 9), 0);
  CAF_CHECK_EQUAL(people_to(x, 10), 0);
  CAF_CHECK_EQUAL(people_to(x, 12), 0);
  CAF_CHECK_EQUAL(people_to(x, 13), 1);
  CAF_CHECK_EQUAL(people_to(x, 20), 8);
  CAF_CHECK_EQUAL(people_to(x, 25), 8);
  CAF_CHECK_EQUAL(people_to(x, 31), 9);
  CAF_CHECK_EQUAL(people_to(x, 100), 68);
}

CAF_TEST(a closed gate lets everybody through) {
  gate_board x;
  x.state.serving = 10;
  CAF_CHECK(x.passes(11));
  x.state.active = true;
  CAF_CHECK(!x.passes(11));
  CAF_CHECK(x.passes(10));
}
