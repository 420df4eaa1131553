#define CAF_SUITE poll_watch

#include "http/api/poll_watch.hpp"

#include <caf/test/dsl.hpp>

using namespace tk;
using namespace tk::http;

namespace {

const instant start = from_ms(1'800'000'000'000);

} // namespace

CAF_TEST(who asks as told is not early and who asks at once is) {
  poll_watch x;
  CAF_CHECK(!x.early(7, start, 5));
  CAF_CHECK(!x.early(7, start + millis{5'000}, 5));
  CAF_CHECK(!x.early(7, start + millis{9'600}, 5)); // Half a second is nothing.
  CAF_CHECK(x.early(7, start + millis{11'600}, 5));
  CAF_CHECK(x.early(7, start + millis{11'700}, 5));
  CAF_CHECK(!x.early(8, start + millis{11'700}, 5)); // Somebody else.
}

CAF_TEST(who shares an entry with another is not accused) {
  poll_watch x;
  constexpr uint32_t many = 200'000;
  for (uint32_t n = 1; n <= many; ++n) CAF_REQUIRE(!x.early(n, start, 60));
  int known = 0;
  for (uint32_t n = many; n > many - 1000; --n) known += x.early(n, start + millis{1'000}, 60);
  CAF_CHECK(known > 900);
}
