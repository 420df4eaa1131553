#define CAF_SUITE login_throttle
#include "http/api/login_throttle.hpp"

#include "caf/test/dsl.hpp"

namespace {

using namespace tk;
using namespace tk::http;

constexpr const char *victim = "victim@tests.example", *home = "198.51.100.7";

struct fixture {
  login_throttle throttle{login_limits{3, std::chrono::minutes(15), 10, 1, 100}};
  instant now = from_ms(1'800'000'000'000);

  /// How many of `n` tries get as far as the password, all wrong.
  int tries(int n, const std::string& from, const std::string& account = victim) {
    int out = 0;
    for (int i = 0; i < n; ++i) out += throttle.ask(account, from, now).wait == millis{0};
    return out;
  }
  /// Guesses from so many places that the account is under attack.
  void attack() {
    for (int i = 0; i < 10; ++i) tries(1, "203.0.113." + std::to_string(i));
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(login_throttle_tests, fixture)

CAF_TEST(S12 an address has so many wrong passwords in a window) {
  CAF_CHECK_EQUAL(tries(9, "203.0.113.1"), 3);
  now += std::chrono::minutes(5);
  auto wait = throttle.ask(victim, "203.0.113.1", now).wait;
  CAF_CHECK(wait == std::chrono::minutes(10));
  now += wait;
  CAF_CHECK_EQUAL(tries(9, "203.0.113.1"), 3);
}

CAF_TEST(S12 nobody locks somebody else out) {
  tries(100, "203.0.113.1");
  CAF_CHECK_EQUAL(tries(1, home), 1);
  attack();
  CAF_CHECK_EQUAL(tries(1, "198.51.100.8"), 1);
}

CAF_TEST(S12 an account under attack is guarded against addresses it does not know) {
  throttle.ask(victim, home, now);
  throttle.succeeded(victim, home, now);
  attack();
  CAF_CHECK_EQUAL(tries(9, "198.51.100.8"), 1);
  CAF_CHECK_EQUAL(throttle.ask(victim, "198.51.100.8", now).limit, 1u);
  CAF_CHECK_EQUAL(tries(9, home), 3);
  CAF_CHECK_EQUAL(throttle.ask(victim, home, now).limit, 3u);
  CAF_CHECK_EQUAL(tries(9, "198.51.100.8", "other@tests.example"), 3);
  now += std::chrono::minutes(15);
  CAF_CHECK_EQUAL(tries(9, "198.51.100.8"), 3);
}

CAF_TEST(S12 a place is forgotten when nobody signed in from it for long) {
  throttle.succeeded(victim, home, now);
  now += std::chrono::hours(24 * 31);
  attack();
  CAF_CHECK_EQUAL(tries(9, home), 1);
}

CAF_TEST(a right password forgives the wrong ones before it) {
  for (int i = 0; i < 5; ++i) {
    CAF_CHECK_EQUAL(tries(3, home), 3);
    throttle.succeeded(victim, home, now);
  }
  attack();
  CAF_CHECK_EQUAL(tries(3, home), 3);
}

CAF_TEST(a try that nobody judged does not count) {
  for (int i = 0; i < 50; ++i) {
    CAF_CHECK_EQUAL(tries(1, home), 1);
    throttle.withdrawn(victim, home, now);
  }
  CAF_CHECK_EQUAL(tries(9, "198.51.100.8"), 3);
}

CAF_TEST(tries in flight count before they are judged) {
  CAF_CHECK_EQUAL(tries(9, home), 3);
  throttle.withdrawn(victim, home, now);
  CAF_CHECK_EQUAL(tries(9, home), 1);
}

CAF_TEST(the addresses of one IPv6 network are one place) {
  CAF_CHECK_EQUAL(tries(2, "2001:db8:0:1::1"), 2);
  CAF_CHECK_EQUAL(tries(9, "2001:db8:0:1:ffff::2"), 1);
  CAF_CHECK_EQUAL(tries(9, "2001:db8:0:2::1"), 3);
}

CAF_TEST(its memory is bounded) {
  for (int i = 0; i < 1000; ++i) {
    throttle.ask("user" + std::to_string(i), home, now);
    throttle.succeeded("user" + std::to_string(i), home, now);
  }
  CAF_CHECK_EQUAL(throttle.size(), 100u);
}

CAF_TEST(zero is no limit) {
  login_throttle open{login_limits{0}};
  for (int i = 0; i < 1000; ++i) CAF_CHECK(open.ask(victim, home, now).wait == millis{0});
  CAF_CHECK_EQUAL(open.size(), 0u);
}

CAF_TEST_FIXTURE_SCOPE_END()
