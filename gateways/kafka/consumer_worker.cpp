#include <algorithm>
#include <map>

#include <caf/actor_system.hpp>
#include <caf/typed_event_based_actor.hpp>

#include "gateways/kafka/consumer.hpp"
#include "logging/log.hpp"

namespace tk {

namespace {

struct message_deleter {
  void operator()(rd_kafka_message_t* x) const { rd_kafka_message_destroy(x); }
};
using message = std::unique_ptr<rd_kafka_message_t, message_deleter>;

struct list_deleter {
  void operator()(rd_kafka_topic_partition_list_t* x) const {
    rd_kafka_topic_partition_list_destroy(x);
  }
};
using partition_list = std::unique_ptr<rd_kafka_topic_partition_list_t, list_deleter>;

partition_list make_list(size_t size) {
  return partition_list{rd_kafka_topic_partition_list_new(static_cast<int>(size))};
}

/// A member of a consumer group; for one thread.
class reader {
public:
  reader(kafka_settings settings, consumer_config config, consumer_probe* probe)
      : settings_(std::move(settings)), config_(std::move(config)), probe_(probe) {
    // nop
  }
  reader(const reader&) = delete;
  reader& operator=(const reader&) = delete;
  ~reader() {
    if (client_) rd_kafka_consumer_close(client_.get());
  }

  fetched_records fetch() {
    auto rows = std::make_shared<outbox_rows>();
    std::map<std::pair<std::string, int32_t>, int64_t> next;
    auto wait = static_cast<int>(config_.wait_max.count());
    while (join() && rows->size() < config_.records_max) {
      message x{rd_kafka_consumer_poll(client_.get(), wait)};
      if (!x) break;
      wait = 0; // What is there already is taken along.
      if (x->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        note(x->err, rd_kafka_message_errstr(x.get()));
        break;
      }
      record_place place{rd_kafka_topic_name(x->rkt), x->partition, x->offset};
      auto view = [](const void* data, size_t size) {
        return std::string_view{static_cast<const char*>(data), data ? size : 0};
      };
      auto at = from_ms(std::max<int64_t>(0, rd_kafka_message_timestamp(x.get(), nullptr)));
      rows->push_back(row_of(place, view(x->key, x->key_len), view(x->payload, x->len), at));
      next[{place.topic, place.partition}] = place.offset + 1;
    }
    fetched_records out;
    for (auto& [of, offset] : next) out.next.push_back({of.first, of.second, offset});
    probe_->records += rows->size();
    measure_lag();
    out.rows = std::move(rows);
    return out;
  }

  bool commit(const std::vector<record_place>& next) {
    if (!client_) return false;
    auto list = make_list(next.size());
    for (auto& x : next)
      rd_kafka_topic_partition_list_add(list.get(), x.topic.c_str(), x.partition)->offset =
        x.offset;
    auto error = rd_kafka_commit(client_.get(), list.get(), 0);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return true;
    note(error, rd_kafka_err2str(error));
    ++probe_->commits_lost;
    return false;
  }

private:
  /// False while there can be no client.
  bool join() {
    if (client_) return true;
    auto made = make_client(RD_KAFKA_CONSUMER, settings_,
                            {{"group.id", config_.group},
                             {"partition.assignment.strategy", "cooperative-sticky"},
                             {"auto.offset.reset", "earliest"},
                             {"enable.auto.commit", "false"},
                             {"isolation.level", "read_committed"},
                             {"session.timeout.ms", std::to_string(config_.session.count())},
                             {"heartbeat.interval.ms", std::to_string(config_.session.count() / 4)},
                             {"queued.max.messages.kbytes", "16384"},
                             {"topic.metadata.refresh.interval.ms", "10000"},
                             {"allow.auto.create.topics", "false"}});
    if (!made) {
      log_line(log_level::error, "kafka", "consumer_not_made").text("why", made.error());
      return false;
    }
    client_ = std::move(*made);
    rd_kafka_poll_set_consumer(client_.get());
    auto list = make_list(config_.topics.size());
    for (auto& x : config_.topics)
      rd_kafka_topic_partition_list_add(list.get(), x.c_str(), RD_KAFKA_PARTITION_UA);
    if (auto error = rd_kafka_subscribe(client_.get(), list.get())) {
      note(error, rd_kafka_err2str(error));
      client_.reset();
      return false;
    }
    return true;
  }

  void note(rd_kafka_resp_err_t error, const char* what) {
    // The relay makes the topics; until then there is nothing to be read.
    if (error == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) return;
    log_line(log_level::warn, "kafka", "consumer_error")
      .text("group", config_.group)
      .text("what", what);
  }

  /// As far as the client knows without asking.
  void measure_lag() {
    if (!client_) return;
    rd_kafka_topic_partition_list_t* raw = nullptr;
    if (rd_kafka_assignment(client_.get(), &raw) != RD_KAFKA_RESP_ERR_NO_ERROR) return;
    partition_list list{raw};
    if (rd_kafka_position(client_.get(), list.get()) != RD_KAFKA_RESP_ERR_NO_ERROR) return;
    int64_t lag = 0;
    for (int i = 0; i < list->cnt; ++i) {
      auto& x = list->elems[i];
      int64_t low = 0, high = 0;
      if (rd_kafka_get_watermark_offsets(client_.get(), x.topic, x.partition, &low, &high) ==
          RD_KAFKA_RESP_ERR_NO_ERROR)
        lag += std::max<int64_t>(0, high - (x.offset >= 0 ? x.offset : low));
    }
    probe_->lag = lag;
  }

  kafka_settings settings_;
  consumer_config config_;
  consumer_probe* probe_;
  kafka_handle client_;
};

kafka_reader_actor::behavior_type worker(kafka_reader_actor::pointer,
                                         const kafka_settings& settings,
                                         const consumer_config& config, consumer_probe* probe) {
  auto of = std::make_shared<reader>(settings, config, probe);
  return {[of](const fetch_records&) { return of->fetch(); },
          [of](const commit_records& x) { return committed_records{of->commit(x.next)}; }};
}

} // namespace

kafka_reader_actor spawn_kafka_reader(caf::actor_system& system, const kafka_settings& settings,
                                      const consumer_config& config, consumer_probe& probe) {
  return system.spawn<caf::detached>(worker, settings, config, &probe);
}

} // namespace tk
