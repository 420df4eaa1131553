#pragma once

#include <string>
#include <vector>

#include "gateways/kafka/consumer.hpp"
#include "gateways/kafka/producer.hpp"
#include "http/metrics.hpp"
#include "node/config.hpp"
#include "persistence/letters/port.hpp"
#include "persistence/projections/actor.hpp"
#include "persistence/relay/actor.hpp"
#include "supervisors/node_context.hpp"

namespace tk {

/// What is wrong with the way to Kafka or with how long things are kept (G22); empty when nothing
/// is.
std::string check_relay(const node_config& config);

/// The relay of a node, and where it takes domain events: to Kafka, from where consumers have them,
/// or to the statistics of this process.
struct relay_parts {
  relay_probe probe;
  kafka_probe kafka, dead_letters;
  /// What follows domain events, and what it counts.
  struct follower {
    projection_counts counts;
    consumer_probe probe;
  };
  follower statistics, ticketing;
  letters_actor letters; ///< Dead ones, of all of them.

  /// Starts them; their actors are added to `to_stop`. `node` must outlive them.
  void spawn(const node_config& config, const node_context& node, std::vector<caf::actor>& to_stop);
  /// Puts what they count onto the metrics page (G41).
  void add_metrics(http::metrics& meters) const;

private:
  bool with_kafka_ = false;
};

} // namespace tk
