#pragma once

#include <atomic>

#include <caf/fwd.hpp>

#include "gateways/kafka/client.hpp"
#include "persistence/relay/port.hpp"

namespace tk {

/// What a producer tells of itself. Outlives it.
struct kafka_probe {
  std::atomic<uint64_t> delivered{0}, unknown{0}, refused{0};
  std::atomic<uint64_t> producers{0}; ///< Made: one, and one more after each that was given up.
  std::atomic<bool> reachable{true};  ///< Of the last attempt.
};

/// Puts rows onto their topics by an idempotent producer that waits for all replicas in sync. One
/// thread uses it; a call takes `deliver_limit` at most.
///
/// librdkafka keeps the order within a partition and repeats by itself for as long as a call lasts.
/// What has no report then is unknown: it is purged and the producer with it, because what it had
/// on the wire must not come after what the next one sends.
class kafka_producer {
public:
  kafka_producer(kafka_settings settings, kafka_probe& probe);

  /// `dead`: onto the topics of dead letters.
  std::vector<row_outcome> deliver(const outbox_rows& rows, bool dead);

private:
  using steady = std::chrono::steady_clock;
  bool ready();
  void hand_in(const outbox_rows& rows, bool dead, std::vector<row_outcome>& out,
               steady::time_point until);
  void give_up();

  kafka_settings settings_;
  kafka_probe& probe_;
  kafka_handle client_;
  bool topics_made_ = false;
};

/// A KAFKA producer as the relay's sink, on a thread of its own.
event_sink_actor spawn_kafka_producer(caf::actor_system& system, const kafka_settings& settings,
                                      kafka_probe& probe);

} // namespace tk
