#pragma once

#include <string>
#include <vector>

/// The SQL of the ledger's lanes. `docs` of each verdict: messages.hpp. One batch is
/// begin, fence, locks, one statement per kind, commit, position; see driver_pg.cpp.
///
/// Lock order, global, for every writer of these tables: shards ascending (advisory), then
/// reservations, seats, ticket types, users, waiting rooms, gates, listings, memberships, each by
/// id ascending, all before anything is written. Who needs a further table adds it at the end of
/// this list, here: request keys come last, by user, operation and key, locked where they are
/// written, as memberships are that earn points. Payments, attempts, refunds and tickets are
/// guarded by the lock of their reservation, listing or membership, the log and the admissions of a
/// waiting room by that of the room.
namespace tk {

/// Leaves out one safeguard each. Only the canaries of the race test set any of them: they prove
/// that the test would notice.
struct ledger_sabotage {
  bool no_row_locks = false;
  bool no_fence = false;
  bool fence_with_epochs = false; ///< Fence and epochs in one statement, so one snapshot.
  bool no_version = false;        ///< A seat is taken whatever its version.
  bool no_twin = false;           ///< Two ops with one key in a batch are not noticed.
};

namespace sql {

struct statement {
  const char* name;
  std::string text;
};

/// Settings of a lane's session (ledger.md section 2), as one script.
extern const char* const session_settings;

/// Who we are talking to: system identifier, start of the server, backend pid and its start, both
/// starts in microseconds, timeline.
extern const char* const identity;

/// What every lane prepares once per connection.
std::vector<statement> prepared(const ledger_sabotage& x);
/// Those of them that are about accounts, sessions and the keys of requests.
std::vector<statement> account_statements();
/// Those about money.
std::vector<statement> payment_statements();
/// Those about money for listings and memberships.
std::vector<statement> subject_statements();
/// Those about tickets alone.
std::vector<statement> ticket_statements();
/// Those about waiting rooms.
std::vector<statement> queue_statements();
/// Those about gates.
std::vector<statement> gate_statements();

} // namespace sql

} // namespace tk
