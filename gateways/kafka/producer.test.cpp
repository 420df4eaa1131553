// The producer, on librdkafka's own mock of a cluster.
#define CAF_SUITE kafka_producer

#include "gateways/kafka/producer.hpp"

#include "caf/test/dsl.hpp"

#include <map>
#include <thread>

#include "gateways/kafka/record.hpp"
#include "tests/support/kafka_mock.hpp"

using namespace tk;
using namespace tk::test;

namespace {

outbox_rows some(int count, const std::string& topic = "payment-events") {
  outbox_rows out;
  for (int i = 0; i < count; ++i) {
    auto& x = out.emplace_back();
    x.topic = topic;
    x.key = "key" + std::to_string(i % 5);
    x.type = "T";
    x.id = {1, static_cast<uint64_t>(i) + 1};
    x.body = R"({"n": )" + std::to_string(i) + "}";
  }
  return out;
}

size_t count(const std::vector<row_outcome>& list, row_fate is) {
  size_t out = 0;
  for (auto& x : list) out += x.is == is ? 1 : 0;
  return out;
}

struct fixture {
  kafka_mock mock;
  kafka_probe probe;
  kafka_settings settings = mock.settings();
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(kafka_producer_tests, fixture)

CAF_TEST(rows come to their topics in order of each key) {
  kafka_producer to{settings, probe};
  auto rows = some(200);
  CAF_CHECK_EQUAL(count(to.deliver(rows, false), row_fate::delivered), 200u);
  std::map<std::string, uint64_t> last;
  auto records = mock.read("payment-events", 200);
  CAF_REQUIRE_EQUAL(records.size(), 200u);
  for (auto& x : records) {
    CAF_CHECK(x.id.lo > last[x.key]);
    last[x.key] = x.id.lo;
  }
  CAF_CHECK_EQUAL(last.size(), 5u);
  CAF_CHECK_EQUAL(probe.delivered.load(), 200u);
}

CAF_TEST(dead letters have topics of their own) {
  kafka_producer to{settings, probe};
  CAF_CHECK_EQUAL(count(to.deliver(some(3), true), row_fate::delivered), 3u);
  CAF_CHECK_EQUAL(mock.read("payment-events-dlq", 3).size(), 3u);
}

CAF_TEST(a row that is too large is refused alone) {
  kafka_producer to{settings, probe};
  auto rows = some(5);
  rows[2].body = R"({"n": ")" + std::string(2'000'000, 'x') + "\"}";
  auto outcomes = to.deliver(rows, false);
  for (size_t i = 0; i < outcomes.size(); ++i)
    CAF_CHECK(outcomes[i].is == (i == 2 ? row_fate::refused : row_fate::delivered));
  CAF_CHECK(!outcomes[2].why.empty());
  CAF_CHECK_EQUAL(probe.producers.load(), 1u);
}

CAF_TEST(without brokers everything is unknown and later it goes on) {
  settings.deliver_limit = millis{500};
  kafka_producer to{settings, probe};
  auto tell = [&](const outbox_rows& rows) { // However slow the machine is.
    for (int i = 0; i < 100; ++i)
      if (count(to.deliver(rows, false), row_fate::delivered) == rows.size()) return true;
    return false;
  };
  CAF_CHECK(tell(some(3)));
  const auto before = probe.producers.load();
  mock.down();
  CAF_CHECK_EQUAL(count(to.deliver(some(10), false), row_fate::unknown), 10u);
  CAF_CHECK(!probe.reachable);
  mock.up();
  CAF_CHECK(tell(some(10)));
  CAF_CHECK(probe.reachable && probe.producers > before);
  // Whatever was told twice: the first time of each is in order of its key.
  std::map<std::string, uint64_t> last;
  std::map<uint64_t, bool> seen;
  for (auto& x : mock.read("payment-events", 10)) {
    if (seen[x.id.lo]) continue;
    seen[x.id.lo] = true;
    CAF_CHECK(x.id.lo > last[x.key]);
    last[x.key] = x.id.lo;
  }
  CAF_CHECK_EQUAL(seen.size(), 10u);
}

CAF_TEST(what brokers refuse for a moment is repeated by itself) {
  kafka_producer to{settings, probe};
  mock.fail_produce(3);
  CAF_CHECK_EQUAL(count(to.deliver(some(50), false), row_fate::delivered), 50u);
  CAF_CHECK_EQUAL(mock.read("payment-events", 50).size(), 50u);
}

CAF_TEST_FIXTURE_SCOPE_END()
