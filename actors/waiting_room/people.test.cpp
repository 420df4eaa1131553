#define CAF_SUITE waiting_people

#include "actors/waiting_room/people.hpp"

#include <map>
#include <random>

#include <caf/test/dsl.hpp>

using namespace tk;

CAF_TEST(a place and its code) {
  for (auto place : {queue_place{true, 1}, queue_place{false, 1}, queue_place{true, 0x7fffffff}}) {
    auto back = queue_place::of(place.code());
    CAF_CHECK(back == place);
  }
  // Whom the gate numbered stands before all others, by code too.
  auto gated = queue_place{false, 5000}.code(), direct = queue_place{true, 1}.code();
  CAF_CHECK(gated < direct);
  CAF_CHECK_EQUAL(sizeof(waiting_person), 24u);
}

CAF_TEST(people are found whatever came and went before) {
  for (uint32_t seed = 1; seed <= 20; ++seed) {
    std::mt19937_64 random{seed};
    waiting_people fast;
    std::map<user_id, waiting_people::entry> slow;
    for (int step = 0; step < 5000; ++step) {
      // Few different ids that differ in few bits: many share a home.
      user_id user{random() % 40, (random() % 40) << (seed % 50)};
      auto found = fast.find(user);
      auto known = slow.find(user);
      CAF_REQUIRE_EQUAL(found.has_value(), known != slow.end());
      if (!found) {
        slow[user] = fast.add({user, static_cast<uint32_t>(step), 0, 0});
        continue;
      }
      CAF_REQUIRE_EQUAL(*found, known->second);
      CAF_REQUIRE(fast.at(*found).user == user);
      if (random() % 2 == 0) {
        fast.remove(*found);
        slow.erase(known);
      }
      CAF_REQUIRE_EQUAL(fast.size(), slow.size());
    }
    for (auto& [user, entry] : slow) CAF_REQUIRE(fast.find(user) == entry);
  }
}

CAF_TEST(a million people take 40 bytes each) {
  waiting_people x;
  std::mt19937_64 random{1};
  for (uint32_t i = 0; i < 1'000'000; ++i) x.add({{random(), random()}, i, 0, 0});
  CAF_CHECK(x.bytes() <= 40'000'000);
  x.clear();
  CAF_CHECK_EQUAL(x.size(), 0u);
  CAF_CHECK(!x.find({1, 2}));
}
