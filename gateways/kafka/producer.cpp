#include "gateways/kafka/producer.hpp"

#include <algorithm>

#include "logging/log.hpp"
#include "persistence/relay/envelope.hpp"

namespace tk {

namespace {

constexpr int poll_ms = 50;
/// As many as the relay has in hand, with room; a call waits when they are under way.
constexpr const char* queue_messages_max = "20000";
constexpr const char* queue_kbytes_max = "65536";

/// Errors about the row itself: whoever tries it again hears the same.
bool is_about_row(rd_kafka_resp_err_t x) {
  return x == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE || x == RD_KAFKA_RESP_ERR_INVALID_MSG ||
         x == RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE || x == RD_KAFKA_RESP_ERR_INVALID_RECORD;
}

row_outcome outcome_of(rd_kafka_resp_err_t x) {
  if (x == RD_KAFKA_RESP_ERR_NO_ERROR) return {row_fate::delivered, ""};
  if (is_about_row(x)) return {row_fate::refused, rd_kafka_err2str(x)};
  return {row_fate::unknown, ""};
}

/// What a report writes to; every message has its own.
struct ticket {
  row_outcome* outcome;
  size_t* open;
};

void on_report(rd_kafka_t*, const rd_kafka_message_t* x, void*) {
  auto* to = static_cast<ticket*>(x->_private);
  *to->outcome = outcome_of(x->err);
  --*to->open;
}

} // namespace

kafka_producer::kafka_producer(kafka_settings settings, kafka_probe& probe)
    : settings_(std::move(settings)), probe_(probe) {
  // nop
}

bool kafka_producer::ready() {
  if (!client_) {
    auto made = make_client(RD_KAFKA_PRODUCER, settings_,
                            {{"enable.idempotence", "true"},
                             {"acks", "all"},
                             {"message.timeout.ms", "0"}, // The limit of a call is the only one.
                             {"linger.ms", "5"},
                             {"compression.type", "lz4"},
                             // A broker refuses batches, not rows: let none be larger than a row
                             // that it would refuse alone.
                             {"batch.size", "131072"},
                             {"queue.buffering.max.messages", queue_messages_max},
                             {"queue.buffering.max.kbytes", queue_kbytes_max}},
                            on_report);
    if (!made) {
      log_line(log_level::error, "kafka", "producer_not_made").text("why", made.error());
      return false;
    }
    client_ = std::move(*made);
    ++probe_.producers;
  }
  if (settings_.make_topics && !topics_made_) topics_made_ = make_topics(client_.get(), settings_);
  return !settings_.make_topics || topics_made_;
}

std::vector<row_outcome> kafka_producer::deliver(const outbox_rows& rows, bool dead) {
  std::vector<row_outcome> out(rows.size());
  if (ready()) hand_in(rows, dead, out, steady::now() + settings_.deliver_limit);
  auto count = [&](row_fate x) {
    return static_cast<uint64_t>(std::ranges::count(out, x, &row_outcome::is));
  };
  const auto unknown = count(row_fate::unknown);
  probe_.delivered += count(row_fate::delivered);
  probe_.refused += count(row_fate::refused);
  probe_.unknown += unknown;
  probe_.reachable = unknown == 0;
  return out;
}

void kafka_producer::hand_in(const outbox_rows& rows, bool dead, std::vector<row_outcome>& out,
                             steady::time_point until) {
  std::vector<ticket> tickets(rows.size());
  size_t open = 0;
  bool lost = false;
  for (size_t i = 0; i < rows.size() && !lost;) {
    auto value = envelope_of(rows[i]);
    auto topic = dead ? dead_letters_of(rows[i].topic) : rows[i].topic;
    tickets[i] = {&out[i], &open};
    auto error = rd_kafka_producev(
      client_.get(), RD_KAFKA_V_TOPIC(topic.c_str()), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
      RD_KAFKA_V_KEY(rows[i].key.data(), rows[i].key.size()),
      RD_KAFKA_V_VALUE(value.data(), value.size()), RD_KAFKA_V_OPAQUE(&tickets[i]), RD_KAFKA_V_END);
    if (error == RD_KAFKA_RESP_ERR__QUEUE_FULL && steady::now() < until) {
      rd_kafka_poll(client_.get(), poll_ms);
      continue;
    }
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) ++open;
    else if (is_about_row(error)) out[i] = outcome_of(error);
    else lost = true; // What stands behind it must not come before it.
    ++i;
  }
  while (open > 0 && !lost && steady::now() < until) {
    rd_kafka_poll(client_.get(), poll_ms);
    lost = rd_kafka_fatal_error(client_.get(), nullptr, 0) != RD_KAFKA_RESP_ERR_NO_ERROR;
  }
  if (open > 0 || lost) give_up();
}

void kafka_producer::give_up() {
  // What is not reported now never is: the client goes before the tickets do.
  rd_kafka_purge(client_.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  rd_kafka_flush(client_.get(), poll_ms);
  client_.reset();
}

} // namespace tk
