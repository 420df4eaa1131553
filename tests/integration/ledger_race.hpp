#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "actors/base/time.hpp"
#include "persistence/ledger/statements.hpp"

namespace tk::test {

/// What one run of the race came to.
struct race_report {
  std::map<std::string, int64_t> verdicts; ///< By op kind and outcome, e.g. "create ok".
  int64_t torn = 0, deadlocks = 0, lock_timeouts = 0, lost = 0;
  int64_t takeovers = 0;
  /// What must not be, in words; empty = the run was clean.
  std::vector<std::string> violations;
};

struct race_config {
  uint64_t seed = 1;
  millis duration{3000};
  int takeovers_per_s = 10;
  bool stop_at_first = false; ///< Canaries need one violation, not all of them.
  ledger_sabotage sabotage;
};

/// Three lanes race each other and a taker over few seats and quotas of a database of their own,
/// then the oracle looks at the rows (ledger.md section 13).
race_report run_race(const race_config& config);

} // namespace tk::test
