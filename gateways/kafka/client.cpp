#include "gateways/kafka/client.hpp"

#include <array>

#include "logging/log.hpp"
#include "persistence/relay/envelope.hpp"

namespace tk {

namespace {

constexpr size_t error_max = 512;
constexpr int topics_limit_ms = 5000;
constexpr int64_t day_ms = 86'400'000;

struct conf_deleter {
  void operator()(rd_kafka_conf_t* x) const { rd_kafka_conf_destroy(x); }
};
using conf = std::unique_ptr<rd_kafka_conf_t, conf_deleter>;

std::string set_all(rd_kafka_conf_t* to, const kafka_options& options) {
  std::array<char, error_max> error{};
  for (auto& [name, value] : options)
    if (!value.empty() &&
        rd_kafka_conf_set(to, name, value.c_str(), error.data(), error.size()) != RD_KAFKA_CONF_OK)
      return error.data();
  return "";
}

/// librdkafka's own lines: what is worth a warning to it is one to us.
void log_line_of(const rd_kafka_t*, int level, const char* facility, const char* text) {
  constexpr int syslog_warning = 4;
  log_line(level <= syslog_warning ? log_level::warn : log_level::debug, "kafka", "client")
    .text("facility", facility)
    .text("what", text);
}

struct topic_deleter {
  void operator()(rd_kafka_NewTopic_t* x) const { rd_kafka_NewTopic_destroy(x); }
};
using new_topic = std::unique_ptr<rd_kafka_NewTopic_t, topic_deleter>;

new_topic topic_for(const std::string& name, const kafka_settings& x, int days) {
  std::array<char, error_max> error{};
  new_topic out{
    rd_kafka_NewTopic_new(name.c_str(), x.partitions, x.replication, error.data(), error.size())};
  if (!out) return out;
  rd_kafka_NewTopic_set_config(out.get(), "retention.ms", std::to_string(days * day_ms).c_str());
  rd_kafka_NewTopic_set_config(out.get(), "min.insync.replicas",
                               std::to_string(x.min_insync).c_str());
  return out;
}

/// Whether each is there now; what is wrong goes to the log.
bool all_made(const rd_kafka_CreateTopics_result_t* result) {
  size_t count = 0;
  auto** topics = rd_kafka_CreateTopics_result_topics(result, &count);
  bool fine = true;
  for (size_t i = 0; i < count; ++i) {
    auto error = rd_kafka_topic_result_error(topics[i]);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR || error == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
      continue;
    fine = false;
    auto* why = rd_kafka_topic_result_error_string(topics[i]);
    log_line(log_level::warn, "kafka", "topic_not_made")
      .text("topic", rd_kafka_topic_result_name(topics[i]))
      .text("why", why ? why : rd_kafka_err2str(error));
  }
  return fine && count > 0;
}

} // namespace

const std::vector<std::string> kafka_topics = {
  "payment-events", "reservation-events", "transfer-events", "membership-events", "catalog-events"};

tl::expected<kafka_handle, std::string> make_client(rd_kafka_type_t type,
                                                    const kafka_settings& settings,
                                                    const kafka_options& options,
                                                    delivery_report reports) {
  conf all{rd_kafka_conf_new()};
  const kafka_options common = {
    {"bootstrap.servers", settings.brokers},  {"client.id", "tiketi"},
    {"security.protocol", settings.protocol}, {"sasl.mechanism", settings.mechanism},
    {"sasl.username", settings.user},         {"sasl.password", settings.password},
    {"ssl.ca.location", settings.authority},  {"reconnect.backoff.ms", "50"},
    {"reconnect.backoff.max.ms", "5000"},     {"log.connection.close", "false"}};
  for (auto* list : {&common, &options})
    if (auto wrong = set_all(all.get(), *list); !wrong.empty()) return tl::unexpected(wrong);
  rd_kafka_conf_set_log_cb(all.get(), log_line_of);
  rd_kafka_conf_set_error_cb(all.get(), [](rd_kafka_t*, int, const char*, void*) {
    // Is in the log by then.
  });
  if (reports) rd_kafka_conf_set_dr_msg_cb(all.get(), reports);
  std::array<char, error_max> error{};
  kafka_handle out{rd_kafka_new(type, all.get(), error.data(), error.size())};
  if (!out) return tl::unexpected(std::string{error.data()});
  static_cast<void>(all.release()); // The client's now.
  return out;
}

bool scram_is_refused_by_new_brokers() {
  constexpr int mended = 0x020601ff;
  return rd_kafka_version() < mended;
}

bool make_topics(rd_kafka_t* client, const kafka_settings& settings) {
  std::vector<new_topic> wanted;
  std::vector<rd_kafka_NewTopic_t*> list;
  auto add = [&](const std::string& name, int days) {
    wanted.push_back(topic_for(name, settings, days));
    if (wanted.back()) list.push_back(wanted.back().get());
  };
  for (auto& x : kafka_topics) {
    add(x, settings.topic_days);
    add(dead_letters_of(x), settings.dead_letter_days);
  }
  std::unique_ptr<rd_kafka_queue_t, decltype(&rd_kafka_queue_destroy)> queue{
    rd_kafka_queue_new(client), rd_kafka_queue_destroy};
  rd_kafka_CreateTopics(client, list.data(), list.size(), nullptr, queue.get());
  std::unique_ptr<rd_kafka_event_t, decltype(&rd_kafka_event_destroy)> event{
    rd_kafka_queue_poll(queue.get(), topics_limit_ms), rd_kafka_event_destroy};
  if (!event) return false;
  if (rd_kafka_event_error(event.get()) != RD_KAFKA_RESP_ERR_NO_ERROR) return false;
  auto* result = rd_kafka_event_CreateTopics_result(event.get());
  return result != nullptr && all_made(result);
}

} // namespace tk
