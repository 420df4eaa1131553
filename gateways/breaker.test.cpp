#define CAF_SUITE breaker
#include "gateways/breaker.hpp"

#include "caf/test/dsl.hpp"

using namespace tk;

namespace {

struct fixture {
  breaker_config config;
  breaker x{config};
  breaker::moment now{};

  bool call(call_end how, millis took = millis{10}) {
    auto permit = x.admit(now);
    if (!permit) return false;
    now += took;
    x.record(*permit, how, took, now);
    return true;
  }
  void calls(int n, call_end how, millis took = millis{10}) {
    for (int i = 0; i < n; ++i) CAF_CHECK(call(how, took));
  }
  [[nodiscard]] bool is(breaker_state s) const { return x.state() == s; }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(breaker_tests, fixture)

CAF_TEST(half of the window failing opens it) {
  calls(6, call_end::succeeded);
  calls(5, call_end::failed); // Of the last ten, five: the first success is out of the window.
  CAF_CHECK(is(breaker_state::open));
  CAF_CHECK(!call(call_end::succeeded));
  CAF_CHECK(x.retry_after(now) == config.open_for);
}

CAF_TEST(less than half failing does not open it) {
  for (int i = 0; i < 30; ++i) CAF_CHECK(call(i % 5 < 3 ? call_end::succeeded : call_end::failed));
  CAF_CHECK(is(breaker_state::closed));
}

CAF_TEST(a few failures prove nothing yet) {
  calls(4, call_end::failed);
  CAF_CHECK(is(breaker_state::closed));
  CAF_CHECK(call(call_end::failed));
  CAF_CHECK(is(breaker_state::open));
}

CAF_TEST(slow answers open it although they are right) {
  calls(2, call_end::succeeded);
  calls(7, call_end::succeeded, millis{3001});
  CAF_CHECK(is(breaker_state::closed)); // Seven of nine.
  CAF_CHECK(call(call_end::succeeded, millis{3001}));
  CAF_CHECK(is(breaker_state::open));
}

CAF_TEST(three seconds are not slow yet) {
  calls(20, call_end::succeeded, millis{3000});
  CAF_CHECK(is(breaker_state::closed));
}

CAF_TEST(P55 refusals on their merits never count) {
  calls(100, call_end::not_counted, millis{5000});
  CAF_CHECK(is(breaker_state::closed));
  calls(4, call_end::failed);
  calls(100, call_end::not_counted);
  CAF_CHECK(is(breaker_state::closed)); // Nor do they push failures out or fill the window up.
  CAF_CHECK(call(call_end::failed));
  CAF_CHECK(is(breaker_state::open));
}

CAF_TEST(after its pause three trial calls decide) {
  calls(5, call_end::failed);
  now += config.open_for - millis{1};
  CAF_CHECK(!x.admit(now));
  now += millis{1};
  calls(2, call_end::succeeded);
  CAF_CHECK(is(breaker_state::half_open));
  CAF_CHECK(call(call_end::succeeded));
  CAF_CHECK(is(breaker_state::closed));
}

CAF_TEST(trials that fail open it again for as long) {
  calls(5, call_end::failed);
  now += config.open_for;
  CAF_CHECK(call(call_end::succeeded));
  calls(2, call_end::failed);
  CAF_CHECK(is(breaker_state::open));
  CAF_CHECK(x.retry_after(now) == config.open_for);
}

CAF_TEST(no more than three trials are out at once) {
  calls(5, call_end::failed);
  now += config.open_for;
  auto first = x.admit(now);
  CAF_CHECK(first && x.admit(now) && x.admit(now));
  CAF_CHECK(!x.admit(now));
  x.record(*first, call_end::not_counted, millis{10}, now); // Proves nothing: may be tried again.
  CAF_CHECK(x.admit(now));
  CAF_CHECK(!x.admit(now));
}

CAF_TEST(what comes back from before it opened is not taken for a trial) {
  auto old = x.admit(now);
  auto older = x.admit(now);
  calls(5, call_end::failed);
  x.record(*old, call_end::succeeded, millis{10}, now);
  CAF_CHECK(is(breaker_state::open));
  now += config.open_for;
  auto trial = x.admit(now);
  x.record(*older, call_end::failed, millis{10}, now);
  x.record(*trial, call_end::succeeded, millis{10}, now);
  calls(2, call_end::succeeded);
  CAF_CHECK(is(breaker_state::closed));
}

CAF_TEST_FIXTURE_SCOPE_END()
