#define CAF_SUITE bursts

#include "http/api/bursts.hpp"

#include <caf/test/unit_test.hpp>

using namespace tk::http;

namespace {

int taken(burst_limiter& x, const std::string& address, int64_t now_ms, int tries) {
  int out = 0;
  for (int i = 0; i < tries; ++i) out += x.take(address, now_ms) == 0 ? 1 : 0;
  return out;
}

} // namespace

CAF_TEST(an address gets ten at once and five a second) {
  burst_limiter x;
  CAF_CHECK_EQUAL(taken(x, "a", 1000, 20), 10);
  CAF_CHECK_EQUAL(x.take("a", 1000), 200);
  CAF_CHECK_EQUAL(taken(x, "b", 1000, 20), 10);
  CAF_CHECK_EQUAL(taken(x, "a", 1199, 20), 0);
  CAF_CHECK_EQUAL(taken(x, "a", 1200, 20), 1);
  CAF_CHECK_EQUAL(taken(x, "a", 2200, 20), 5);
  CAF_CHECK_EQUAL(taken(x, "a", 60'000, 20), 10);
}

CAF_TEST(all together have a bound and who is refused does not use it up) {
  burst_limits limits;
  limits.burst_all = 15;
  limits.per_second_all = 10;
  burst_limiter x{limits};
  CAF_CHECK_EQUAL(taken(x, "a", 1000, 500), 10);
  CAF_CHECK_EQUAL(taken(x, "b", 1000, 500), 5);
  CAF_CHECK_EQUAL(x.take("c", 1000), 100);
  CAF_CHECK_EQUAL(taken(x, "c", 1100, 500), 1);
}

CAF_TEST(addresses are forgotten when they could take all they may) {
  burst_limits limits;
  limits.addresses_max = 100;
  burst_limiter x{limits};
  for (int i = 0; i < 1000; ++i) taken(x, std::to_string(i), 1000 + 10 * i, 12);
  CAF_CHECK(x.size() <= 100);
}
