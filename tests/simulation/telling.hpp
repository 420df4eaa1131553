#pragma once

#include <list>
#include <map>
#include <string>

#include "gateways/kafka/consumer.hpp"
#include "persistence/letters/replay.hpp"
#include "persistence/relay/actor.hpp"
#include "tests/simulation/broker.hpp"
#include "tests/simulation/told_judge.hpp"

namespace tk::sim {

class world;
struct host;

/// How domain events leave a world: the product's relays and consumers, between the database's
/// outbox, a broker, and sums that follow them. In half of the seeds there is no broker, and the
/// relays feed the sums themselves (D37).
class telling {
public:
  telling(world& where, uint64_t seed);

  /// A life of a node begins and ends.
  void start(host& at);
  void stop(life who) {
    kafka_.leave(who);
    sinks_.erase(who.node);
  }
  /// Once a tick, while anything may go wrong.
  void go_wrong(uint64_t tick);
  void heal();

  [[nodiscard]] const std::string& wrong() const { return judge_.wrong(); }
  /// What is still to be told or counted; empty at rest.
  [[nodiscard]] std::string missing() const { return judge_.missing(sums_); }
  void count_probes();

private:
  /// Of one life of a node; outlives its actors.
  struct probes {
    relay_probe relay;
    consumer_probe consumer;
  };
  relay_config config_for(host& at);
  event_sink_actor spawn_sums(host& at);
  event_sink_actor spawn_producer(host& at);
  outbox_actor spawn_rows(host& at);
  void see_to_letters();
  void replay_letter_at(host& at, size_t index);
  letter_ways ways_of(caf::event_based_actor* self, life who);
  void hear_of_letter(ec is, const letter_reply& x);
  void start_consumer(host& at, probes& of, event_sink_actor sums, event_sink_actor dead);
  std::vector<row_outcome> count(const hand_over& x);
  bool dies_at_mark(life who);

  world& world_;
  uint64_t seed_;
  dice dice_, letters_dice_;
  bool with_broker_;
  broker kafka_;
  tally sums_;
  told_judge judge_;
  std::list<probes> probes_;
  struct sinks {
    event_sink_actor sums, broker; ///< No broker: nobody.
  };
  std::map<int32_t, sinks> sinks_; ///< By node.
  uint64_t letters_replayed_ = 0, letters_refused_ = 0, letters_untold_ = 0;
  uint64_t held_back_ = 0, mark_crashes_ = 0;
};

} // namespace tk::sim
