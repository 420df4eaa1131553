#define CAF_SUITE ledger_race

#include "tests/integration/ledger_race.hpp"

#include <caf/test/dsl.hpp>

using namespace tk;
using namespace tk::test;

namespace {

void print(const race_report& x) {
  for (auto& [name, n] : x.verdicts) CAF_MESSAGE(name << ": " << n);
  CAF_MESSAGE("takeovers: " << x.takeovers << ", lock timeouts: " << x.lock_timeouts);
  for (auto& text : x.violations) CAF_MESSAGE("violation: " << text);
}

/// A race without one of the safeguards; the oracle must notice.
void expect_caught(const char* name, const ledger_sabotage& sabotage) {
  race_config config;
  config.seed = 7;
  config.duration = millis{30'000};
  config.takeovers_per_s = 100;
  config.stop_at_first = true;
  config.sabotage = sabotage;
  auto report = run_race(config);
  CAF_MESSAGE("canary: " << name);
  for (auto& text : report.violations) CAF_MESSAGE("violation: " << text);
  CAF_CHECK(!report.violations.empty());
}

} // namespace

CAF_TEST(three lanes and a taker keep every rule) {
  race_config config;
  config.duration = millis{5000};
  auto report = run_race(config);
  print(report);
  CAF_CHECK(report.violations.empty());
  for (auto* name :
       {"create ok", "create replayed", "create conflict", "create in_flight", "create fenced",
        "create late", "create closed", "create moved", "create sold_out", "release ok",
        "release done", "release not_pending", "release fenced", "release early",
        "release in_flight", "release partial", "sold"}) {
    if (report.verdicts[name] == 0) CAF_ERROR("never happened: " << name);
  }
}

CAF_TEST(H09 canary without row locks is caught) {
  expect_caught("no row locks", {.no_row_locks = true});
}

CAF_TEST(canary without the fence is caught) { expect_caught("no fence", {.no_fence = true}); }

CAF_TEST(canary with fence and epochs in one statement is caught) {
  expect_caught("fence with epochs", {.fence_with_epochs = true});
}

CAF_TEST(canary without versions is caught) { expect_caught("no version", {.no_version = true}); }

CAF_TEST(canary without twins is caught) { expect_caught("no twin", {.no_twin = true}); }
