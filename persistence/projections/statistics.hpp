#pragma once

#include <vector>

#include "persistence/projections/projection.hpp"

/// Statistics: what domain events add up to (contract 5 and 6.6, G21). Every event counts once,
/// however often and in whatever order it comes: its mark is written by the statement that counts
/// it, and what an event does not say is read from rows that never change after it.
namespace tk {

inline constexpr const char* statistics_group = "stats-service-group";

extern const char* const statistics_session;
std::vector<pg_statement> statistics_statements();

/// Counts all of them or none, in one transaction. `ec::bad_request`: one of them cannot be
/// counted, whoever tries.
pg_result<applied_events> apply_statistics(pg::connection& db,
                                           const std::vector<domain_event>& events);

/// Counts what no event tells: accounts and events that were made today and yesterday, and the size
/// of the halls whose figures have changed.
pg_result<void> refresh_statistics(pg::connection& db);

/// The statistics as a consumer.
projection statistics_projection();

} // namespace tk
