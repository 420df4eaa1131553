// What a consumer does with what it reads: its shell with a reader that is played, then groups on
// librdkafka's own mock of a cluster.
#define CAF_SUITE kafka_consumer

#include <caf/all.hpp>
#include <caf/test/dsl.hpp>

#include "gateways/kafka/consumer.hpp"

#include <mutex>
#include <set>
#include <thread>

#include "actors/registry.hpp"
#include "gateways/kafka/producer.hpp"
#include "tests/support/kafka_mock.hpp"

using namespace tk;
using namespace tk::test;

namespace {

class config : public caf::actor_system_config {
public:
  config() { add_message_types<caf::id_block::tiketi>(); }
};

/// An effect that has each event once by its id, refuses the type BAD, and loses some answers.
struct effects {
  std::mutex mutex;
  std::vector<uint64_t> taken; ///< In order, repeats included.
  std::set<uint64_t> known;
  std::vector<std::string> buried;
  int answers = 0;

  [[nodiscard]] size_t size() {
    std::unique_lock guard{mutex};
    return known.size();
  }
  [[nodiscard]] size_t dead() {
    std::unique_lock guard{mutex};
    return buried.size();
  }
};

event_sink_actor::behavior_type effect(event_sink_actor::pointer, effects* to, int lose_each) {
  return {[=](const hand_over& x) -> caf::result<handed_over> {
    std::unique_lock guard{to->mutex};
    handed_over out;
    for (size_t i = 0; i < x.rows->size(); ++i) {
      auto& y = (*x.rows)[i];
      bool bad = !x.dead && y.type == "BAD";
      out.rows.push_back({bad ? row_fate::refused : row_fate::delivered, bad ? "it is bad" : ""});
      if (x.dead) to->buried.push_back(x.why.at(i));
      else if (!bad) {
        to->taken.push_back(y.id.lo);
        to->known.insert(y.id.lo);
      }
    }
    if (lose_each > 0 && ++to->answers % lose_each == 0)
      return caf::make_error(caf::sec::request_timeout);
    return out;
  }};
}

outbox_rows told(int first, int count, const char* type = "T") {
  outbox_rows out;
  for (int i = first; i < first + count; ++i) {
    auto& x = out.emplace_back();
    x.topic = "payment-events";
    x.key = "key" + std::to_string(i % 7);
    x.type = type;
    x.id = {1, static_cast<uint64_t>(i)};
    x.body = "{}";
  }
  return out;
}

template <class True> void until(True condition) {
  for (int i = 0; i < 2500 && !condition(); ++i) std::this_thread::sleep_for(millis{10});
  CAF_REQUIRE(condition());
}

struct world {
  kafka_mock mock;
  kafka_probe producer_probe;
  kafka_producer producer{mock.settings(), producer_probe};
  config cfg;
  caf::actor_system system{cfg};
  std::vector<caf::actor> members;

  caf::actor join(effects& to, consumer_probe& probe, int lose_each = 0) {
    consumer_config consumer;
    consumer.group = "group";
    consumer.topics = {"payment-events"};
    consumer.records_max = 40;
    consumer.wait_max = millis{50};
    consumer.session = millis{6000}; // The mock takes 3 s to begin with a group.
    consumer.retries = {millis{5}, millis{5}, millis{5}};
    consumer.failed_min = millis{5};
    auto reader = spawn_kafka_reader(system, mock.settings(), consumer, probe);
    auto sink = system.spawn(effect, &to, lose_each);
    auto out = spawn_kafka_consumer(system, consumer, reader, sink, sink, probe);
    members.insert(members.end(),
                   {out, caf::actor_cast<caf::actor>(reader), caf::actor_cast<caf::actor>(sink)});
    return out;
  }
  void tell(const outbox_rows& rows) {
    for (auto& x : producer.deliver(rows, false)) CAF_REQUIRE(x.is == row_fate::delivered);
  }
  void end() {
    for (auto& x : members) caf::anon_send_exit(x, caf::exit_reason::user_shutdown);
    members.clear();
    system.await_all_actors_done();
  }
  ~world() { end(); }
};

} // namespace

CAF_TEST(everything is taken at least once and the place is kept behind it) {
  world w;
  effects to;
  consumer_probe probe;
  w.tell(told(1, 300));
  w.join(to, probe, 5);
  until([&] { return to.size() == 300; });
  CAF_CHECK(probe.unknown > 0);
  w.tell(told(301, 5));
  until([&] { return to.size() == 305; });
  until([&] { return probe.lag == 0; });
  std::this_thread::sleep_for(millis{300}); // The last place is told after its effect.
  w.end();
  // Whoever has the group next begins behind it.
  effects next;
  consumer_probe next_probe;
  w.tell(told(401, 3));
  w.join(next, next_probe);
  until([&] { return next.size() == 3; });
  w.end();
  CAF_CHECK(next.known == std::set<uint64_t>({401, 402, 403}));
}

CAF_TEST(what cannot be taken becomes a dead letter and what is behind it is taken) {
  world w;
  effects to;
  consumer_probe probe;
  w.tell(told(1, 3));
  w.tell(told(4, 1, "BAD"));
  w.tell(told(5, 3));
  w.join(to, probe);
  until([&] { return to.size() == 6 && to.dead() > 0; });
  CAF_CHECK_EQUAL(to.buried.front(), "it is bad");
  CAF_CHECK_EQUAL(probe.dead_letters.load(), 1u);
  CAF_CHECK_EQUAL(probe.refused.load(), 4u);
  w.end();
}

CAF_TEST(two members share the partitions and one that leaves leaves nothing behind) {
  world w;
  effects first, second;
  consumer_probe probes[2];
  w.join(first, probes[0]);
  w.join(second, probes[1]);
  int told_so_far = 0;
  // Until both have partitions.
  for (int i = 0; i < 60 && (first.size() == 0 || second.size() == 0); ++i) {
    w.tell(told(told_so_far + 1, 21));
    told_so_far += 21;
    std::this_thread::sleep_for(millis{100});
  }
  CAF_CHECK(first.size() > 0 && second.size() > 0);
  auto all = [&] {
    std::scoped_lock guard{first.mutex, second.mutex};
    auto both = first.known;
    both.insert(second.known.begin(), second.known.end());
    return static_cast<int>(both.size());
  };
  until([&] { return all() == told_so_far; });
  for (size_t i = 0; i < 3; ++i)
    caf::anon_send_exit(w.members.at(i), caf::exit_reason::user_shutdown);
  w.tell(told(told_so_far + 1, 50));
  until([&] { return all() == told_so_far + 50; });
  w.end();
}
