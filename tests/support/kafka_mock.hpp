#pragma once

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <chrono>
#include <string>
#include <vector>

#include "gateways/kafka/client.hpp"
#include "gateways/kafka/record.hpp"

namespace tk::test {

/// librdkafka's mock of a cluster: three brokers in this process, topics that make themselves.
class kafka_mock {
public:
  kafka_mock() {
    owner_ = *make_client(RD_KAFKA_PRODUCER, {}, {});
    cluster_ = rd_kafka_mock_cluster_new(owner_.get(), brokers);
    for (auto* topic : {"payment-events", "reservation-events", "catalog-events",
                        "payment-events-dlq", "reservation-events-dlq", "catalog-events-dlq"})
      rd_kafka_mock_topic_create(cluster_, topic, 3, brokers);
  }
  kafka_mock(const kafka_mock&) = delete;
  kafka_mock& operator=(const kafka_mock&) = delete;
  ~kafka_mock() { rd_kafka_mock_cluster_destroy(cluster_); }

  [[nodiscard]] kafka_settings settings() const {
    kafka_settings out;
    out.brokers = rd_kafka_mock_cluster_bootstraps(cluster_);
    out.make_topics = false; // The mock cannot.
    return out;
  }
  void down() { each_broker(rd_kafka_mock_broker_set_down); }
  void up() { each_broker(rd_kafka_mock_broker_set_up); }
  /// The next writes are refused for now.
  void fail_produce(size_t times) {
    std::vector<rd_kafka_resp_err_t> errors(times, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION);
    constexpr int16_t produce = 0;
    rd_kafka_mock_push_request_errors_array(cluster_, produce, errors.size(), errors.data());
  }

  /// What is on a topic: waits for so many records, and takes what else comes in a moment.
  [[nodiscard]] outbox_rows read(const std::string& topic, size_t wanted) const {
    constexpr int step_ms = 100;
    auto client = *make_client(
      RD_KAFKA_CONSUMER, settings(),
      {{"group.id", "reader-" + std::to_string(++readers)}, {"auto.offset.reset", "earliest"}});
    rd_kafka_poll_set_consumer(client.get());
    auto* list = rd_kafka_topic_partition_list_new(3);
    for (int i = 0; i < 3; ++i)
      rd_kafka_topic_partition_list_add(list, topic.c_str(), i)->offset = RD_KAFKA_OFFSET_BEGINNING;
    rd_kafka_assign(client.get(), list);
    rd_kafka_topic_partition_list_destroy(list);
    outbox_rows out;
    for (int quiet = 0, tries = 0; tries < 300 && (out.size() < wanted || quiet < 5); ++tries) {
      auto* x = rd_kafka_consumer_poll(client.get(), step_ms);
      quiet = x ? 0 : quiet + 1;
      if (!x) continue;
      if (x->err == RD_KAFKA_RESP_ERR_NO_ERROR)
        out.push_back(row_of({topic, x->partition, x->offset},
                             {static_cast<const char*>(x->key), x->key_len},
                             {static_cast<const char*>(x->payload), x->len}, {}));
      rd_kafka_message_destroy(x);
    }
    rd_kafka_consumer_close(client.get());
    return out;
  }

private:
  static constexpr int brokers = 3;
  static inline int readers = 0;
  template <class Change> void each_broker(Change change) {
    for (int32_t i = 1; i <= brokers; ++i) change(cluster_, i);
  }
  kafka_handle owner_;
  rd_kafka_mock_cluster_t* cluster_ = nullptr;
};

} // namespace tk::test
