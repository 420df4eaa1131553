#define CAF_SUITE certificate_watch
#include "node/certificate_watch.hpp"

#include <vector>

#include <caf/all.hpp>

#include "caf/test/dsl.hpp"

using namespace tk;

namespace {

constexpr millis hour{3'600'000}, day{24 * hour};

struct played_clock final : wall_clock {
  instant at = from_ms(1'800'000'000'000);
  [[nodiscard]] instant now() const override { return at; }
};

struct fixture : test_coordinator_fixture<> {
  played_clock clock;
  std::vector<millis> warnings;
  caf::actor watch;

  void start(millis left) {
    watch = spawn_certificate_watch(sys, clock, clock.at + left,
                                    [this](millis x) { warnings.push_back(x); });
    consume_messages();
  }
  ~fixture() {
    caf::anon_send_exit(watch, caf::exit_reason::user_shutdown);
    consume_messages();
  }
  void pass(millis time) {
    for (; time > millis{0}; time -= hour) {
      clock.at += hour;
      advance_time(hour);
      consume_messages();
    }
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(certificate_watch_tests, fixture)

CAF_TEST(of a certificate that holds for long nothing is said) {
  start(30 * day);
  pass(16 * day);
  CAF_CHECK(warnings.empty());
  pass(day);
  CAF_REQUIRE_EQUAL(warnings.size(), 1u);
  CAF_CHECK(warnings.front() == 14 * day - hour);
}

CAF_TEST(one that ends soon is warned about at the start and every day) {
  start(2 * day);
  CAF_CHECK(warnings == std::vector<millis>{2 * day});
  pass(day - hour);
  CAF_CHECK_EQUAL(warnings.size(), 1u);
  pass(hour);
  CAF_CHECK_EQUAL(warnings.size(), 2u);
  pass(2 * day);
  CAF_CHECK(warnings == (std::vector<millis>{2 * day, day, millis{0}, -1 * day}));
}

CAF_TEST_FIXTURE_SCOPE_END()
