#define CAF_SUITE room_board

#include "actors/waiting_room/board.hpp"

#include <caf/test/dsl.hpp>

#include "actors/waiting_room/pace.hpp"

using namespace tk;

namespace {
const instant start = from_ms(1'700'000'000'000);
instant at(int64_t ms) { return start + millis{ms}; }
} // namespace

CAF_TEST(how soon to ask again follows from the position) {
  for (auto [position, seconds] : {std::pair{0u, 3},
                                   {1u, 1},
                                   {1000u, 1},
                                   {1001u, 5},
                                   {5000u, 5},
                                   {5001u, 10},
                                   {10'000u, 10},
                                   {10'001u, 30},
                                   {100'000u, 30},
                                   {100'001u, 60}}) {
    auto told = next_poll_s(position);
    CAF_CHECK_EQUAL(told, seconds);
  }
}

CAF_TEST(an estimate without data is a fiftieth and at least 5) {
  CAF_CHECK_EQUAL(estimated_wait_s({}, 0), 0);
  CAF_CHECK_EQUAL(estimated_wait_s({}, 1), 5);
  CAF_CHECK_EQUAL(estimated_wait_s({}, 1000), 20);
  CAF_CHECK_EQUAL(estimated_wait_s({100, millis{4999}}, 1000), 20);
  CAF_CHECK_EQUAL(estimated_wait_s({0, millis{60'000}}, 1000), 20);
}

CAF_TEST(an estimate rounds up) {
  CAF_CHECK_EQUAL(estimated_wait_s({600, millis{60'000}}, 1), 1);
  CAF_CHECK_EQUAL(estimated_wait_s({600, millis{60'000}}, 10), 1);
  CAF_CHECK_EQUAL(estimated_wait_s({600, millis{60'000}}, 11), 2);
  CAF_CHECK_EQUAL(estimated_wait_s({1, millis{60'000}}, 4'000'000), 240'000'000);
}

CAF_TEST(an estimate does not jump at the edge of a window) {
  pace_meter meter;
  int32_t before = 0;
  for (int64_t s = 0; s < 300; ++s) {
    meter.note(100, at(s * 1000));
    auto wait = estimated_wait_s(meter.at(at(s * 1000)), 10'000);
    if (s > 10) CAF_CHECK(std::abs(wait - before) <= 10);
    if (s > 60) CAF_CHECK(std::abs(wait - 100) <= 2);
    before = wait;
  }
  CAF_CHECK_EQUAL(meter.at(at(600'000)).admitted, 0u);
  meter.note(5, at(600'000)); // A new run: what was long ago does not thin it out.
  auto pace = meter.at(at(610'000));
  CAF_CHECK_EQUAL(pace.admitted, 5u);
  CAF_CHECK_EQUAL(pace.over.count(), 10'000);
}

CAF_TEST(a board knows which slots have ended) {
  room_board x;
  x.generation = 3;
  x.first_slot = 10;
  x.next_slot = 13;
  x.open_slots = {0b101};
  CAF_CHECK(x.ended(2, 11));  // Of an earlier generation.
  CAF_CHECK(!x.ended(4, 11)); // Newer than the board.
  CAF_CHECK(x.ended(3, 9));
  CAF_CHECK(!x.ended(3, 10));
  CAF_CHECK(x.ended(3, 11));
  CAF_CHECK(!x.ended(3, 12));
  CAF_CHECK(!x.ended(3, 13));
  x.open_slots.clear();
  CAF_CHECK(x.ended(3, 12));
}

CAF_TEST(a board that is old or of a crowded room does not prove that a slot is open) {
  room_board x;
  x.made_at = from_ms(1'000'000);
  x.direct.waiting = room_board::crowded_from;
  CAF_CHECK(x.tells_of_slots(x.made_at));
  CAF_CHECK(x.tells_of_slots(x.made_at + millis{10'000}));
  CAF_CHECK(!x.tells_of_slots(x.made_at + millis{10'001}));
  x.gated.waiting = 1;
  CAF_CHECK(!x.tells_of_slots(x.made_at));
}
