#pragma once

#include <string>
#include <vector>

#include "persistence/pool/pool.hpp"
#include "persistence/relay/messages.hpp"

namespace tk {

/// An event as a consumer needs it.
struct domain_event {
  std::string id; ///< What it is told from others by; a uuid in ours.
  std::string type;
  instant at;
  std::string body; ///< A JSON object with at least the type's own fields.
};

/// Events by what came of them.
struct applied_events {
  struct of_type {
    std::string type;
    int64_t applied = 0, duplicate = 0;
    int64_t amiss = 0; ///< Of the applied: what they tell is not so on record.
  };
  std::vector<of_type> types;
};

/// What follows domain events, under the name by which its marks are told from others' (P-80).
struct projection {
  const char* group;
  const char* session; ///< Settings of its connection.
  std::vector<pg_statement> statements;
  /// Takes all of them or none, in one transaction. `ec::bad_request`: one of them cannot be taken,
  /// whoever tries.
  pg_result<applied_events> (*apply)(pg::connection& db, const std::vector<domain_event>& events);
  /// Once a minute, for what no event tells; may be null.
  pg_result<void> (*refresh)(pg::connection& db);
};

/// Has events taken and reads how many were new: a row for each type.
pg_result<applied_events> take_events(pg::connection& db, const char* statement, const char* group,
                                      const std::vector<domain_event>& events);

} // namespace tk
