#define CAF_SUITE waiting_room_draw

#include "actors/waiting_room/draw.hpp"

#include <array>
#include <map>

#include <caf/test/dsl.hpp>

#include "actors/waiting_room/people.hpp"

using namespace tk;

namespace {

const event_id event{0xe, 1};
const user_id alice{0xa, 7};

sha256_digest some_seed() {
  sha256_digest out{};
  for (uint8_t i = 1; i <= 16; ++i) out[15u + i] = i;
  return out;
}

board_draw some_draw(uint32_t from, uint32_t cutoff) {
  board_draw out;
  out.seed = some_seed();
  out.list.fill(0xab);
  out.from = from;
  out.cutoff = cutoff;
  return out;
}

std::vector<uint32_t> served(const board_draw& draw) {
  drawn_order order{event, draw};
  std::vector<uint32_t> out(draw.cutoff - draw.from);
  for (auto n = draw.from; n < draw.cutoff; ++n) out.at(order.place_of(n) - draw.from) = n;
  return out;
}

} // namespace

// The values are those of tests/support/fair_draw.py, which was written from docs/fair-draw.md.
CAF_TEST(the order is the one that the published page tells) {
  std::vector<uint32_t> want{9, 6, 5, 12, 14, 13, 4, 8, 7, 10, 3, 11};
  CAF_CHECK_EQUAL(served(some_draw(3, 15)), want);
  auto many = served(some_draw(3, 100'003));
  std::string text;
  for (auto n : many) text += (text.empty() ? "" : ",") + std::to_string(n);
  CAF_CHECK_EQUAL(to_hex(sha256(text)),
                  "e108d7ac3e2c28360ad292e13b9aa4f40bc01464f09b6c813b45bdc76238f9aa");
}

CAF_TEST(commitment and pseudonym and list digest are those of the published page) {
  CAF_CHECK_EQUAL(to_hex(commitment_of(some_seed())),
                  "743c778cfd2cfc5bd3ef4050acf630e052fed58accd9b5ab3487a0e5b4e6b557");
  auto name = pseudonym_of(some_seed(), alice);
  CAF_CHECK_EQUAL(name, "f60e137a6d6fea0edb898f65ffd3a236");
  CAF_CHECK_EQUAL(to_hex(chained({}, 3, name)),
                  "899a1a958d5c036e430f23579f95e751c5ef7a301c254262314387be87401cb1");
}

CAF_TEST(every number has a place of its own and others stay where they are) {
  for (uint32_t size : {0u, 1u, 2u, 3u, 7u, 8u, 9u, 64u, 1000u}) {
    drawn_order order{event, some_draw(5, 5 + size)};
    std::vector<bool> taken(size);
    for (uint32_t n = 5; n < 5 + size; ++n) {
      auto place = order.place_of(n);
      CAF_REQUIRE(place >= 5 && place < 5 + size);
      CAF_REQUIRE(!taken[place - 5]);
      taken[place - 5] = true;
    }
    CAF_CHECK_EQUAL(order.place_of(4), 4u);
    CAF_CHECK_EQUAL(order.place_of(5 + size), 5 + size);
  }
}

CAF_TEST(each order of three comes about as often as any other) {
  std::map<std::vector<uint32_t>, int> seen;
  constexpr int draws = 6000;
  for (int i = 0; i < draws; ++i) {
    auto x = some_draw(1, 4);
    x.seed = sha256(std::to_string(i));
    ++seen[served(x)];
  }
  CAF_CHECK_EQUAL(seen.size(), 6u);
  // Five standard deviations of a fair one: sqrt(6000 / 6 * 5 / 6) is 29.
  for (auto& [order, times] : seen) CAF_CHECK(times > 1000 - 145 && times < 1000 + 145);
}

CAF_TEST(seed and event and list and range each make another order) {
  auto base = served(some_draw(1, 50));
  auto other = some_draw(1, 50);
  other.list[31] ^= 1;
  CAF_CHECK(served(other) != base);
  other = some_draw(1, 50);
  other.seed[0] ^= 1;
  CAF_CHECK(served(other) != base);
  drawn_order elsewhere{event_id{0xe, 2}, some_draw(1, 50)};
  std::vector<uint32_t> there(49);
  for (uint32_t n = 1; n < 50; ++n) there[elsewhere.place_of(n) - 1] = n;
  CAF_CHECK(there != base);
}

CAF_TEST(who waits for the opening asks seldom and not all at once afterwards) {
  constexpr uint32_t crowd = 1'000'000;
  CAF_CHECK_EQUAL(pre_queue_poll_s(millis{3'600'000}, 7, crowd), 60);
  CAF_CHECK_EQUAL(pre_queue_poll_s(millis{100'000}, 7, crowd), 50);
  std::array<int, 40> at{};
  for (uint32_t n = 0; n < 30'000; ++n)
    ++at.at(static_cast<size_t>(pre_queue_poll_s(millis{5000}, n, crowd)));
  for (int s = 0; s <= 5; ++s) CAF_CHECK_EQUAL(at.at(static_cast<size_t>(s)), 0);
  for (int s = 6; s < 36; ++s) CAF_CHECK_EQUAL(at.at(static_cast<size_t>(s)), 1000);
  CAF_CHECK_EQUAL(pre_queue_poll_s(millis{5000}, 29, 500), 6); // A small room: at once.
  // The longest there is; a room remembers it for each who waits.
  CAF_CHECK_EQUAL(pre_queue_poll_s(millis{60'000}, 29, crowd), 90);
  CAF_CHECK(waiting_person::poll_max_s >= 90);
  CAF_CHECK_EQUAL(pre_queue_poll_s(millis{-5000}, 0, 10), 1);
}
