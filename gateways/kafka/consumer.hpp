#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include <caf/actor.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

#include "gateways/kafka/client.hpp"
#include "gateways/kafka/record.hpp"
#include "persistence/relay/port.hpp"

namespace tk {

/// Asks for the next records; waits for the first of them, not for long.
struct fetch_records {};
struct fetched_records {
  std::shared_ptr<const outbox_rows> rows;
  std::vector<record_place> next; ///< By partition: where whoever has taken them goes on.
};
/// These were taken: whoever has the partition next begins there. Not acknowledged when it could
/// not be told; they come again then.
struct commit_records {
  std::vector<record_place> next;
};
struct committed_records {
  bool ok = false;
};

} // namespace tk

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::fetch_records)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::fetched_records)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::commit_records)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::committed_records)

namespace tk {

/// KAFKA READER: one member of a group, on a thread of its own.
using kafka_reader_actor =
  caf::typed_actor<caf::replies_to<fetch_records>::with<fetched_records>,
                   caf::replies_to<commit_records>::with<committed_records>>;

/// What a consumer tells of itself. Outlives it.
struct consumer_probe {
  std::atomic<uint64_t> records{0}, refused{0}, dead_letters{0}, unknown{0}, commits_lost{0};
  std::atomic<int64_t> lag{0}; ///< Records of its partitions that it has not had.
};

struct consumer_config {
  std::string group;
  std::vector<std::string> topics;
  size_t records_max = 1000; ///< Of one fetch.
  millis wait_max{500};
  millis session{10'000}; ///< A member that is not heard of for so long is out of its group.
  std::array<millis, 3> retries{millis{1000}, millis{2000}, millis{4000}};
  millis failed_min{100}, failed_max{5000};
};

kafka_reader_actor spawn_kafka_reader(caf::actor_system& system, const kafka_settings& settings,
                                      const consumer_config& config, consumer_probe& probe);

/// KAFKA CONSUMER: has what it reads taken by `effect`, and says so to Kafka afterwards. What is
/// refused is tried again three times, then it goes to `dead` (the topics of dead letters) and onto
/// record there, and the rest goes on.
caf::actor spawn_kafka_consumer(caf::actor_system& system, consumer_config config,
                                kafka_reader_actor reader, event_sink_actor effect,
                                event_sink_actor dead, consumer_probe& probe);

} // namespace tk
