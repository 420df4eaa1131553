#include "node/relay.hpp"

#include <algorithm>
#include <array>

#include "logging/log.hpp"
#include "node/app.hpp"
#include "persistence/letters/actor.hpp"
#include "persistence/projections/statistics.hpp"
#include "persistence/projections/ticketing.hpp"

namespace tk {

namespace {

void log_failure(const std::string& text) {
  log_line(log_level::warn, "relay", "database_job_failed").text("what", text);
}

/// As long as anything can be told again, dead letters included, and a day.
int64_t marks_days_min(const node_config& config) {
  auto days = config.number("OUTBOX_RETENTION_DAYS");
  if (!config.text("KAFKA_BROKERS").empty())
    for (auto* name : {"KAFKA_TOPIC_RETENTION_DAYS", "KAFKA_DLQ_RETENTION_DAYS"})
      days = std::max(days, config.number(name));
  return days + 1;
}

std::string check_kafka(const node_config& config) {
  if (config.text("KAFKA_BROKERS").empty()) return "";
  auto& protocol = config.text("KAFKA_SECURITY_PROTOCOL");
  constexpr std::array protocols{"plaintext", "ssl", "sasl_plaintext", "sasl_ssl"};
  if (std::ranges::find(protocols, protocol) == protocols.end())
    return "KAFKA_SECURITY_PROTOCOL: must be plaintext, ssl, sasl_plaintext or sasl_ssl";
  constexpr std::array mechanisms{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"};
  if (std::ranges::find(mechanisms, config.text("KAFKA_SASL_MECHANISM")) == mechanisms.end())
    return "KAFKA_SASL_MECHANISM: must be PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512";
  if (protocol.starts_with("sasl") &&
      (config.text("KAFKA_SASL_USERNAME").empty() || config.text("KAFKA_SASL_PASSWORD").empty()))
    return "KAFKA_SASL_USERNAME: " + protocol + " needs it, and KAFKA_SASL_PASSWORD";
  if (config.number("KAFKA_MIN_INSYNC_REPLICAS") > config.number("KAFKA_TOPIC_REPLICATION_FACTOR"))
    return "KAFKA_MIN_INSYNC_REPLICAS: cannot be more than KAFKA_TOPIC_REPLICATION_FACTOR";
  return "";
}

kafka_settings kafka_settings_of(const node_config& config) {
  kafka_settings out;
  out.brokers = config.text("KAFKA_BROKERS");
  out.protocol = config.text("KAFKA_SECURITY_PROTOCOL");
  if (out.protocol.starts_with("sasl")) {
    out.mechanism = config.text("KAFKA_SASL_MECHANISM");
    out.user = config.text("KAFKA_SASL_USERNAME");
    out.password = config.text("KAFKA_SASL_PASSWORD");
  }
  if (out.protocol.ends_with("ssl")) out.authority = config.text("KAFKA_CA_FILE");
  out.replication = static_cast<int>(config.number("KAFKA_TOPIC_REPLICATION_FACTOR"));
  out.min_insync = static_cast<int>(config.number("KAFKA_MIN_INSYNC_REPLICAS"));
  out.topic_days = static_cast<int>(config.number("KAFKA_TOPIC_RETENTION_DAYS"));
  out.dead_letter_days = static_cast<int>(config.number("KAFKA_DLQ_RETENTION_DAYS"));
  return out;
}

template <class T> std::function<double()> reader(const std::atomic<T>& x) {
  return [&x] { return static_cast<double>(x.load(std::memory_order_relaxed)); };
}

} // namespace

std::string check_relay(const node_config& config) {
  if (auto wrong = check_kafka(config); !wrong.empty()) return wrong;
  auto wanted = marks_days_min(config);
  if (config.number("PROCESSED_EVENTS_RETENTION_DAYS") >= wanted) return "";
  return "PROCESSED_EVENTS_RETENTION_DAYS: must be at least " + std::to_string(wanted) +
         ", a day longer than a domain event can be told again; else it would count twice";
}

void relay_parts::spawn(const node_config& config, const node_context& node,
                        std::vector<caf::actor>& to_stop) {
  auto& system = *node.system;
  auto keep = [&](auto x) {
    to_stop.push_back(caf::actor_cast<caf::actor>(x));
    return x;
  };
  projections_config rows;
  rows.conninfo = conninfo_for(config, "tiketi_relay");
  rows.log = log_failure;
  auto sums = keep(spawn_projection(system, statistics_projection(), rows, statistics.counts));
  relay_config relay;
  relay.sink = statistics_group;
  relay.keep.outbox_days = static_cast<int32_t>(config.number("OUTBOX_RETENTION_DAYS"));
  relay.keep.marks_days = static_cast<int32_t>(config.number("PROCESSED_EVENTS_RETENTION_DAYS"));
  relay.owned = [&node] { return relayed_shards(node); };
  auto sink = sums;
  letters_config dead{rows.conninfo, {{statistics_group, sums}}, log_failure};
  with_kafka_ = !config.text("KAFKA_BROKERS").empty();
  if (with_kafka_) {
    auto settings = kafka_settings_of(config);
    if (settings.mechanism.starts_with("SCRAM") && scram_is_refused_by_new_brokers())
      log_line(log_level::warn, "node", "kafka_scram_outdated")
        .text("why", "brokers from 4.0 on refuse SCRAM of librdkafka before 2.6.1; use PLAIN");
    sink = keep(spawn_kafka_producer(system, settings, kafka));
    dead.consumers["kafka"] = sink;
    relay.sink = "kafka";
    relay.tell_dead = true;
    auto follow = [&](const char* group, std::vector<std::string> topics, auto effect,
                      consumer_probe& of) {
      consumer_config consumer;
      consumer.group = group;
      consumer.topics = std::move(topics);
      // Dead letters by a producer of their own: the relay's may be busy for long.
      auto graves = keep(spawn_kafka_producer(system, settings, dead_letters));
      auto reader = keep(spawn_kafka_reader(system, settings, consumer, of));
      keep(spawn_kafka_consumer(system, std::move(consumer), reader, effect, graves, of));
    };
    follow(statistics_group, kafka_topics, sums, statistics.probe);
    auto tickets = keep(spawn_projection(system, ticketing_projection(), rows, ticketing.counts));
    follow(ticketing_group, {"payment-events"}, tickets, ticketing.probe);
    dead.consumers[ticketing_group] = tickets;
  }
  letters = keep(spawn_letters(system, std::move(dead)));
  keep(spawn_relay(system, std::move(relay), spawn_outbox(system, rows.conninfo, log_failure), sink,
                   *node.clock, probe));
}

void relay_parts::add_metrics(http::metrics& meters) const {
  auto add = [&](const char* name, const char* help, const auto& x) {
    meters.add_gauge(name, help, reader(x));
  };
  add("relay_delivered_total", "Domain events handed over, repeats included.", probe.delivered);
  add("relay_refused_total", "Domain events that were refused, each try counted.", probe.refused);
  add("relay_unknown_total", "Domain events handed over without outcome; they go again.",
      probe.unknown);
  add("relay_dead_letters_total", "Domain events given up; any wants a look.", probe.dead_letters);
  add("relay_failures_total", "Rounds of the relay that came to nothing.", probe.failures);
  add("relay_moves_refused_total", "Cursors that had another owner by then.", probe.moves_refused);
  add("relay_shards", "Shards relayed by this node.", probe.shards);
  add("relay_shards_stuck", "Those whose next domain event is refused.", probe.shards_stuck);
  auto add_counts = [&](const char* name, const char* help, const follower& of) {
    meters.add_rows(name, help, [&of] {
      std::vector<http::metric_row> out;
      for (auto& [type, x] : of.counts.read()) {
        auto row = [&, of_type = type](const char* result, uint64_t n) {
          out.push_back({{{"type", of_type}, {"result", result}}, static_cast<double>(n)});
        };
        row("applied", x.applied);
        row("duplicate", x.duplicate);
        row("failed", x.failed);
        if (x.amiss > 0) row("amiss", x.amiss);
      }
      return out;
    });
  };
  add_counts("stats_events_applied_total", "Domain events by what statistics did with them.",
             statistics);
  if (!with_kafka_) return;
  add_counts("ticketing_events_applied_total",
             "Payments that were told; amiss: their subject is not as they say.", ticketing);
  add("kafka_reachable", "0: the last events handed over have no outcome.", kafka.reachable);
  add("kafka_producers_total", "Producers made; more than one: some were given up.",
      kafka.producers);
  auto add_group = [&](const char* group, const consumer_probe& of) {
    auto gauge = [&](const char* name, const char* help, const auto& x) {
      meters.add_gauge(name, help, reader(x), {{"group", group}});
    };
    gauge("kafka_consumer_records_lag", "Records of this node's partitions it has not had.",
          of.lag);
    gauge("kafka_consumer_records_total", "Records read, repeats included.", of.records);
    gauge("kafka_consumer_dead_letters_total", "Records given up; any wants a look.",
          of.dead_letters);
    gauge("kafka_consumer_unknown_total", "Portions without outcome; they are taken again.",
          of.unknown);
  };
  add_group(statistics_group, statistics.probe);
  add_group(ticketing_group, ticketing.probe);
}

} // namespace tk
