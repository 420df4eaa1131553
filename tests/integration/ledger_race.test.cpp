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

/// Nothing is wrong, and everything that is named happened.
void expect_clean(race_report (*run)(const race_config&), millis duration,
                  std::vector<std::string> must_happen) {
  race_config config;
  config.duration = duration;
  config.must_happen = std::move(must_happen);
  auto report = run(config);
  print(report);
  CAF_CHECK(report.violations.empty());
  for (auto& name : config.must_happen)
    if (report.verdicts[name] == 0) CAF_ERROR("never happened: " << name);
}

/// A race without one of the safeguards; the oracle must notice.
void expect_caught(const char* name, const ledger_sabotage& sabotage,
                   race_report (*run)(const race_config&) = run_race) {
  race_config config;
  config.seed = 7;
  config.duration = millis{30'000};
  config.takeovers_per_s = 100;
  config.stop_at_first = true;
  config.sabotage = sabotage;
  auto report = run(config);
  CAF_MESSAGE("canary: " << name);
  for (auto& text : report.violations) CAF_MESSAGE("violation: " << text);
  CAF_CHECK(!report.violations.empty());
}

} // namespace

CAF_TEST(three lanes and a taker keep every rule) {
  expect_clean(run_race, millis{5000},
               {"create ok", "create replayed", "create conflict", "create in_flight",
                "create fenced", "create late", "create closed", "create moved", "create sold_out",
                "release ok", "release done", "release not_pending", "release fenced",
                "release early", "release in_flight", "release partial", "sold"});
}

CAF_TEST(P43 standing orders of mixed types in opposite orders add up) {
  expect_clean(run_standing_race, millis{4000},
               {"create ok", "create sold_out", "release ok", "release in_flight"});
}

CAF_TEST(H06 payments against cancels against time on the same reservations add up) {
  expect_clean(run_payment_race, millis{6000},
               {"open ok",
                "open replayed",
                "open expired",
                "open paid",
                "begin ok",
                "begin pinned",
                "begin expired",
                "begin no_order",
                "begin done",
                "complete ok",
                "complete done",
                "complete not_pinned",
                "complete in_flight",
                "fail ok",
                "fail not_pinned",
                "claim ok",
                "claim done",
                "claim not_pending",
                "release ok",
                "release early",
                "release pinned",
                "release not_pending",
                "release in_flight",
                "cancel ok",
                "cancel not_pending",
                "cancel used",
                "admit ok",
                "admit used",
                "admit no_ticket",
                "admit voided"});
}

CAF_TEST(canary of standing orders without row locks is caught) {
  expect_caught("no row locks", {.no_row_locks = true}, run_standing_race);
}

CAF_TEST(canary of payments without row locks is caught) {
  expect_caught("no row locks", {.no_row_locks = true}, run_payment_race);
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
