#define CAF_SUITE placement

#include "actors/base/placement.hpp"

#include <algorithm>
#include <array>
#include <random>

#include <caf/test/dsl.hpp>

using namespace tk;

namespace {

constexpr uint64_t hi = 0x0123456789ab4cde, lo = 0x8123456789abcdef;

} // namespace

// Rows carry shard numbers: these may never change.
CAF_TEST(shards of fixed keys are what they have always been) {
  CAF_CHECK_EQUAL(shard_of(key_of(user_id{})), 108);
  CAF_CHECK_EQUAL(shard_of(key_of(user_id{hi, lo})), 50);
  CAF_CHECK_EQUAL(shard_of(key_of(event_id{hi, lo})), 24);
  CAF_CHECK_EQUAL(shard_of(key_of(event_id{hi, lo}, 0)), 127);
  CAF_CHECK_EQUAL(shard_of(key_of(event_id{hi, lo}, 1)), 76);
  CAF_CHECK_EQUAL(shard_of(key_of(event_id{hi, lo}, 77)), 88);
  CAF_CHECK_EQUAL(shard_of(key_of(event_id{hi, lo}, -1)), 91);
  CAF_CHECK_EQUAL(shard_count, 128);
}

CAF_TEST(every part of a key counts) {
  auto key = key_of(event_id{hi, lo}, 4);
  CAF_CHECK(key == key_of(event_id{hi, lo}, 4));
  CAF_CHECK(key != key_of(event_id{hi, lo}, 5));
  CAF_CHECK(key != key_of(event_id{hi, lo}));
  CAF_CHECK(key_of(user_id{hi, lo}) != key_of(event_id{hi, lo}));
}

CAF_TEST(random keys spread over all shards) {
  std::mt19937_64 random{1};
  std::array<int, shard_count> users{}, events{};
  constexpr int n = 128 * 1000;
  for (int i = 0; i < n; ++i) {
    ++users[shard_of(key_of(user_id{random(), random()}))];
    ++events[shard_of(key_of(event_id{random(), random()}))];
  }
  for (auto& counts : {users, events}) {
    CAF_CHECK(*std::ranges::min_element(counts) > 850);
    CAF_CHECK(*std::ranges::max_element(counts) < 1150);
  }
}

CAF_TEST(the blocks of one event spread) {
  std::array<int, shard_count> counts{};
  for (int32_t b = 0; b < 128; ++b) ++counts[shard_of(key_of(event_id{hi, lo}, b))];
  CAF_CHECK(std::ranges::count_if(counts, [](int x) { return x > 0; }) >= 64);
  CAF_CHECK(*std::ranges::max_element(counts) <= 6);
}

CAF_TEST(keys are readable in logs) {
  CAF_CHECK_EQUAL(to_string(key_of(user_id{hi, lo})),
                  "session:01234567-89ab-4cde-8123-456789abcdef");
  CAF_CHECK_EQUAL(to_string(key_of(event_id{hi, lo}, 3)),
                  "seat_block:01234567-89ab-4cde-8123-456789abcdef/3");
  CAF_CHECK_EQUAL(to_string(key_of(event_id{hi, lo})),
                  "event:01234567-89ab-4cde-8123-456789abcdef");
}
