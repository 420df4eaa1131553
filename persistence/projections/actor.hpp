#pragma once

#include <array>
#include <functional>
#include <map>
#include <mutex>
#include <string>

#include <caf/fwd.hpp>

#include "persistence/projections/projection.hpp"
#include "persistence/relay/port.hpp"

namespace tk {

/// How many events of which type consumers have counted; read by the metrics page.
class projection_counts {
public:
  struct of_type {
    uint64_t applied = 0, duplicate = 0, failed = 0, amiss = 0;
  };
  void add(const applied_events& x);
  /// Of one that cannot be counted.
  void add_failed(const std::string& type);
  [[nodiscard]] std::map<std::string, of_type> read() const;

private:
  /// Types are words of the program; should others come they are counted together.
  of_type& of(const std::string& type);
  mutable std::mutex mutex_;
  std::map<std::string, of_type> types_;
};

struct projections_config {
  std::string conninfo; ///< Of role `tiketi_relay`.
  int32_t tries = 4;    ///< After which an event is a dead letter.
  millis refresh_interval{60'000};
  std::function<void(const std::string&)> log;
};

/// Counts events in portions, one transaction each. What cannot be counted is found by halving and
/// refused alone; after a failure of the database the rest is unknown.
std::vector<row_outcome> apply_each(pg::connection& db, const projection& to,
                                    const std::vector<domain_event>& events,
                                    projection_counts& counts);

/// PROJECTION: the sink of a node without Kafka (D37), and what Kafka's consumers take events with:
/// the same statement, the same marks. Dead letters go on record. On a connection of its own.
event_sink_actor spawn_projection(caf::actor_system& system, projection what,
                                  const projections_config& config, projection_counts& counts);

} // namespace tk
