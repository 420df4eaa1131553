#define CAF_SUITE revocations

#include "supervisors/revocations.hpp"

#include <atomic>
#include <thread>

#include <caf/test/dsl.hpp>

using namespace tk;

namespace {

constexpr millis life{1'800'000};
const instant noon = from_ms(1'800'000'000'000);
const user_id minji{0xa, 1}, other{0xa, 2};

} // namespace

CAF_TEST(C1 what was issued up to a revocation is refused and what came after is not) {
  revocation_list x;
  CAF_CHECK(!x.refuses(minji, noon));
  x.note(minji, noon, noon);
  CAF_CHECK(x.refuses(minji, noon - millis{1}));
  CAF_CHECK(x.refuses(minji, noon));
  CAF_CHECK(!x.refuses(minji, noon + millis{1})); // C32: in the same second.
  CAF_CHECK(!x.refuses(other, noon));
}

CAF_TEST(an older mark that comes later takes nothing back) {
  revocation_list x;
  x.note(minji, noon, noon);
  x.note(minji, noon - millis{5000}, noon);
  CAF_CHECK(x.refuses(minji, noon));
  x.note(minji, noon - millis{5000}, noon + life); // Of the next generation.
  CAF_CHECK(x.refuses(minji, noon));
}

CAF_TEST(a mark stays for the life of a token and is forgotten later) {
  revocation_list x;
  x.keep_for(life);
  x.note(minji, noon, noon);
  x.note(other, noon + life, noon + life);
  CAF_CHECK(x.refuses(minji, noon));
  CAF_CHECK_EQUAL(x.size(), 2u);
  for (int i = 2; i < 4; ++i) // Every shard hears of somebody.
    for (uint64_t k = 0; k < 1000; ++k) x.note(user_id{9, k}, noon + i * life, noon + i * life);
  CAF_CHECK(!x.refuses(minji, noon));
  CAF_CHECK(!x.refuses(other, noon + life));
}

CAF_TEST(what no living token can be younger than is not kept) {
  revocation_list x;
  x.keep_for(life);
  x.note(minji, noon - life - millis{1}, noon);
  CAF_CHECK_EQUAL(x.size(), 0u);
  x.note(minji, noon - life, noon);
  CAF_CHECK_EQUAL(x.size(), 1u);
}

CAF_TEST(it is bounded and keeps the latest) {
  revocation_list x;
  x.keep_for(life);
  for (uint64_t k = 0; k < 3 * revocation_list::users_max; ++k) x.note(user_id{k, k}, noon, noon);
  CAF_CHECK_LESS_OR_EQUAL(x.size(), 2 * revocation_list::users_max);
  auto last = 3 * revocation_list::users_max - 1;
  CAF_CHECK(x.refuses(user_id{last, last}, noon));
}

CAF_TEST(readers never see a mark vanish while others write) {
  revocation_list x;
  x.note(minji, noon, noon);
  std::atomic<bool> over{false};
  std::atomic<int> missed{0};
  std::thread reader{[&] {
    while (!over)
      if (!x.refuses(minji, noon)) ++missed;
  }};
  for (uint64_t k = 0; k < 100'000; ++k) x.note(user_id{k, 7}, noon, noon);
  over = true;
  reader.join();
  CAF_CHECK_EQUAL(missed.load(), 0);
}
