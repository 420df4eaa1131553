#include "gateways/kafka/consumer.hpp"

#include <algorithm>
#include <utility>

#include <caf/actor_system.hpp>
#include <caf/event_based_actor.hpp>

#include "actors/base/mutants.hpp"
#include "actors/registry.hpp"
#include "logging/log.hpp"

namespace tk {

namespace {

/// Longer than any of them takes; each has limits of its own.
constexpr auto answer_limit = std::chrono::seconds(90);

class consumer final : public caf::event_based_actor {
public:
  consumer(caf::actor_config& cfg, consumer_config config, kafka_reader_actor reader,
           event_sink_actor effect, event_sink_actor dead, consumer_probe* probe)
      : caf::event_based_actor(cfg),
        config_(std::move(config)),
        reader_(std::move(reader)),
        effect_(std::move(effect)),
        dead_(std::move(dead)),
        probe_(probe) {
    // nop
  }

  [[nodiscard]] const char* name() const override { return "tiketi.kafka-consumer"; }

  caf::behavior make_behavior() override {
    send(this, atom::tick_v);
    return {[this](atom::tick) { fetch(); }, [this](atom::resolve) { take(); }};
  }

private:
  void fetch() {
    request(reader_, answer_limit, fetch_records{})
      .then(
        [this](const fetched_records& x) {
          if (x.rows->empty()) return send(this, atom::tick_v);
          left_ = *x.rows;
          next_ = x.next;
          tries_ = 0;
          if (mutant("commits_before_effect")) // Whoever dies now has had them, says Kafka.
            request(reader_, answer_limit, commit_records{next_})
              .then([](const committed_records&) {}, [](caf::error&) {});
          take();
        },
        [this](caf::error&) { delayed_send(this, config_.failed_max, atom::tick_v); });
  }

  /// What is left of the fetch; at first all of it.
  void take() {
    auto rows = std::make_shared<const outbox_rows>(left_);
    request(effect_, answer_limit, hand_over{rows, false, {}})
      .then([this](const handed_over& x) { judge(x.rows); }, [this](caf::error&) { again(); });
  }

  /// Without outcome: the database is away. All of it again, in a while and without end.
  void again() {
    ++probe_->unknown;
    backoff_ = std::clamp(backoff_ * 2, config_.failed_min, config_.failed_max);
    delayed_send(this, backoff_, atom::resolve_v);
  }

  void judge(const std::vector<row_outcome>& outcomes) {
    if (outcomes.size() != left_.size() ||
        std::ranges::any_of(outcomes, [](auto& x) { return x.is == row_fate::unknown; }))
      return again();
    backoff_ = millis{0};
    outbox_rows refused;
    why_.clear();
    for (size_t i = 0; i < outcomes.size(); ++i) {
      if (outcomes[i].is != row_fate::refused) continue;
      refused.push_back(left_[i]);
      why_.push_back(outcomes[i].why);
    }
    left_ = std::move(refused);
    if (left_.empty()) return commit();
    probe_->refused += left_.size();
    if (tries_ < config_.retries.size())
      return delayed_send(this, config_.retries.at(tries_++), atom::resolve_v);
    bury();
  }

  /// Onto record, then onto the topics of dead letters. Only the record is waited for without end.
  void bury() {
    auto rows = std::make_shared<const outbox_rows>(left_);
    request(effect_, answer_limit, hand_over{rows, true, why_})
      .then(
        [this, rows](const handed_over& x) {
          if (std::ranges::any_of(x.rows, [](auto& y) { return y.is != row_fate::delivered; }))
            return again();
          for (auto& y : *rows)
            log_line(log_level::error, "kafka", "dead_letter")
              .text("group", config_.group)
              .text("topic", y.topic)
              .text("type", y.type)
              .text("id", to_string(y.id));
          probe_->dead_letters += rows->size();
          request(dead_, answer_limit, hand_over{rows, true, why_})
            .then([this](const handed_over&) { commit(); }, [this](caf::error&) { commit(); });
        },
        [this](caf::error&) { again(); });
  }

  /// Whether or not it is heard: what comes again counts once.
  void commit() {
    request(reader_, answer_limit, commit_records{next_})
      .then([this](const committed_records&) { send(this, atom::tick_v); },
            [this](caf::error&) { send(this, atom::tick_v); });
  }

  consumer_config config_;
  kafka_reader_actor reader_;
  event_sink_actor effect_, dead_;
  consumer_probe* probe_;
  outbox_rows left_;
  std::vector<std::string> why_; ///< Of what is left, after a refusal.
  std::vector<record_place> next_;
  size_t tries_ = 0;
  millis backoff_{0};
};

} // namespace

caf::actor spawn_kafka_consumer(caf::actor_system& system, consumer_config config,
                                kafka_reader_actor reader, event_sink_actor effect,
                                event_sink_actor dead, consumer_probe& probe) {
  return system.spawn<consumer>(std::move(config), std::move(reader), std::move(effect),
                                std::move(dead), &probe);
}

} // namespace tk
