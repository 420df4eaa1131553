#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <librdkafka/rdkafka.h>
#include <tl/expected.hpp>

#include "actors/base/time.hpp"

/// What producers and consumers share of librdkafka. Every object here is for one thread.
namespace tk {

struct kafka_settings {
  std::string brokers; ///< host:port, comma list.
  std::string protocol = "plaintext";
  std::string mechanism, user, password; ///< SASL, when the protocol has it.
  std::string authority;                 ///< PEM file; empty: the system's.
  int partitions = 3, replication = 1, min_insync = 1;
  int topic_days = 7, dead_letter_days = 14;
  millis deliver_limit{6000}; ///< What has no report by then is unknown.
  bool make_topics = true;
};

/// Topics of domain events (contract 5), each with one for its dead letters.
extern const std::vector<std::string> kafka_topics;

struct kafka_deleter {
  void operator()(rd_kafka_t* x) const { rd_kafka_destroy(x); }
};
using kafka_handle = std::unique_ptr<rd_kafka_t, kafka_deleter>;

/// What the client is told beside what all are told: name and value.
using kafka_options = std::vector<std::pair<const char*, std::string>>;

/// A client that is not connected yet: that comes by itself. `reports` hears of deliveries, each
/// message's, on the thread that polls.
using delivery_report = void (*)(rd_kafka_t*, const rd_kafka_message_t*, void*);
tl::expected<kafka_handle, std::string> make_client(rd_kafka_type_t type,
                                                    const kafka_settings& settings,
                                                    const kafka_options& options,
                                                    delivery_report reports = nullptr);

/// Whether the library's SCRAM is refused by brokers from 4.0 on: before 2.6.1 it sent the client's
/// nonce twice (librdkafka pull request 4895).
bool scram_is_refused_by_new_brokers();

/// Makes the topics that are not there. False when some could not be made: to be tried again.
bool make_topics(rd_kafka_t* client, const kafka_settings& settings);

} // namespace tk
