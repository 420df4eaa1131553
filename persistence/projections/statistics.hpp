#pragma once

#include <string>
#include <vector>

#include "persistence/pool/pool.hpp"
#include "persistence/relay/messages.hpp"

/// Statistics: what domain events add up to (contract 5 and 6.6, G21). Every event counts once,
/// however often and in whatever order it comes: its mark is written by the statement that counts
/// it, and what an event does not say is read from rows that never change after it.
namespace tk {

inline constexpr const char* statistics_group = "stats-service-group";

/// An event as a consumer needs it.
struct domain_event {
  std::string id; ///< What it is told from others by; a uuid in ours.
  std::string type;
  instant at;
  std::string body; ///< A JSON object with at least the type's own fields.
};

extern const char* const statistics_session;
std::vector<pg_statement> statistics_statements();

/// Events by what came of them.
struct applied_events {
  struct of_type {
    std::string type;
    int64_t applied = 0, duplicate = 0;
  };
  std::vector<of_type> types;
};

/// Counts all of them or none, in one transaction. `ec::bad_request`: one of them cannot be
/// counted, whoever tries.
pg_result<applied_events> apply_statistics(pg::connection& db,
                                           const std::vector<domain_event>& events);

/// Counts what no event tells: accounts and events that were made today and yesterday, and the size
/// of the halls whose figures have changed.
pg_result<void> refresh_statistics(pg::connection& db);

} // namespace tk
