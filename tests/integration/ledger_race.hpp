#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "actors/base/time.hpp"
#include "persistence/ledger/messages.hpp"
#include "persistence/ledger/statements.hpp"
#include "persistence/pg/connection.hpp"

namespace tk::test {

/// What one run of the race came to.
struct race_report {
  std::map<std::string, int64_t> verdicts; ///< By op kind and outcome, e.g. "create ok".
  int64_t torn = 0, deadlocks = 0, lock_timeouts = 0, lost = 0;
  int64_t takeovers = 0;
  /// What must not be, in words; empty = the run was clean.
  std::vector<std::string> violations;

  /// Counts a batch that did not commit.
  void note_failure(const batch_result& x);
  /// Adds what is wrong with the batches and with the rows.
  void judge(pg::connection& db);
};

struct race_config {
  uint64_t seed = 1;
  millis duration{3000};
  int takeovers_per_s = 10;
  bool stop_at_first = false; ///< Canaries need one violation, not all of them.
  /// Verdicts by the names of the report: the race goes on until each was heard, at most three
  /// times as long as it should last, so that a slow machine sees all of it, too.
  std::vector<std::string> must_happen;
  ledger_sabotage sabotage;
};

/// Whether a race that ran so long has done what it is for. Callers hold what guards the report.
bool ran_enough(const race_config& config, const race_report& report, millis ran);

/// Three lanes race each other and a taker over few seats and quotas of a database of their own,
/// then the oracle looks at the rows (ledger.md section 13).
race_report run_race(const race_config& config);

/// Four lanes order standing tickets of several types at once, in opposite orders (P-43), and give
/// some back.
race_report run_standing_race(const race_config& config);

/// Four lanes pay, decline, cancel, let expire, refund and admit the same few reservations.
race_report run_payment_race(const race_config& config);

} // namespace tk::test
