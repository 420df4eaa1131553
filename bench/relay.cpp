#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "bench/bench.hpp"

/// Domain events on their way to a real Kafka: how fast a backlog is told while people buy, and how
/// long after the commit an event is there.
namespace tk::bench {

namespace {

using clock = std::chrono::steady_clock;

// Numbers nobody else of the bench uses.
constexpr uint64_t base = 60'000'000, first_event = 2'100'000, event_seats = 5'000, events = 40;
constexpr uint64_t people = events * event_seats;
constexpr uint64_t backlog = 1'000'000;
constexpr size_t buyers = 32;

/// A broker of its own; tests/integration/kafka/brokers.py starts and ends it.
class broker {
public:
  explicit broker(const std::string& folder) {
    constexpr auto patience = std::chrono::seconds{120};
    auto place = folder + "/kafka.address", log = folder + "/kafka.log";
    process_ = std::make_unique<child>(
      std::vector<std::string>{"/usr/bin/python3",
                               TIKETI_SOURCE_DIR "/tests/integration/kafka/brokers.py", place},
      std::map<std::string, std::string>{}, log);
    for (auto end = clock::now() + patience; !(std::ifstream(place) >> address_);
         std::this_thread::sleep_for(std::chrono::milliseconds{100}))
      if (!process_->running() || clock::now() > end)
        throw std::runtime_error("no broker: ./dev test gets one; see " + log);
  }
  [[nodiscard]] const std::string& address() const { return address_; }
  [[nodiscard]] double cpu() const { return cpu_seconds(process_->pid(), true); }

private:
  std::unique_ptr<child> process_;
  std::string address_;
};

/// Hands out everybody's reservation, once, over all events by turns.
class stock {
public:
  explicit stock(const shop& x) : shop_(x) {}
  std::string take() {
    if (next_ == people) throw std::runtime_error("the bench has too few people");
    auto n = next_ % events * event_seats + next_ / events;
    ++next_;
    return reserve_request(shop_.token(base + n), first_event + n / event_seats, base + n);
  }

private:
  const shop& shop_;
  uint64_t next_ = 0;
};

/// Reservations for `seconds`, or `a_second` of them each second when that is not 0.
load_result sell(const shop& x, stock& from, double seconds, double a_second = 0) {
  load_options how{x.port(), buyers,
                   std::chrono::milliseconds{static_cast<int64_t>(seconds * 1e3)}};
  const auto begin = clock::now();
  double sent = 0;
  return run_load(how, [&](size_t, std::string& to) {
    if (a_second > 0)
      std::this_thread::sleep_until(begin + std::chrono::duration<double>{sent++ / a_second});
    to = from.take();
    return true;
  });
}

/// Events that are committed and not told.
uint64_t waiting(shop& x) {
  return std::stoull(
    x.sql().value("SELECT count(*) FROM outbox o JOIN relay_cursor c USING (shard) "
                  "WHERE (o.xid, o.seq) > (c.xid, c.seq)"));
}

void wait_until_told(shop& x) {
  for (auto end = clock::now() + std::chrono::seconds{120}; waiting(x) > 0;
       std::this_thread::sleep_for(std::chrono::milliseconds{200}))
    if (clock::now() > end) throw std::runtime_error("not everything is told");
}

/// From the beginning of an event's transaction, which is what it says of itself, to the moment
/// that the broker put it into its log.
histogram delays(const broker& at, const std::string& folder) {
  auto told = run({"kcat", "-b", at.address(), "-C", "-t", "reservation-events", "-o", "beginning",
                   "-e", "-q", "-f", "%T %s\n"},
                  {}, folder + "/told.log");
  histogram out;
  std::istringstream lines{told};
  for (std::string line; std::getline(lines, line);) {
    constexpr std::string_view field = "\"timestamp\":\"";
    auto said = line.find(field);
    std::tm day{};
    int ms = 0;
    if (said == std::string::npos ||
        std::sscanf(line.c_str() + said + field.size(), "%d-%d-%dT%d:%d:%d.%dZ", &day.tm_year,
                    &day.tm_mon, &day.tm_mday, &day.tm_hour, &day.tm_min, &day.tm_sec, &ms) != 7)
      throw std::runtime_error("an event without a time: " + line);
    day.tm_year -= 1900;
    day.tm_mon -= 1;
    auto made = static_cast<int64_t>(timegm(&day)) * 1000 + ms;
    out.add(std::chrono::milliseconds{std::max<int64_t>(std::stoll(line) - made, 0)});
  }
  return out;
}

/// As many events as a sale of a million seats leaves, over all shards, in portions as a ledger
/// would commit them.
void add_backlog(shop& x) {
  constexpr uint64_t portion = 10'000;
  for (uint64_t i = 0; i < backlog / portion; ++i)
    x.sql().execute(
      "INSERT INTO outbox (shard, topic, key, type, body) SELECT g % 128, 'reservation-events', "
      "k::text, 'RESERVATION_CREATED', jsonb_build_object('reservationId', k, 'userId', "
      "gen_random_uuid(), 'eventId', '" +
      event_uuid(first_event + i % events) +
      "', 'totalAmount', 50000) FROM (SELECT g, gen_random_uuid() AS k FROM generate_series(1, " +
      std::to_string(portion) + ") g) t");
  x.settle();
}

/// How long an event takes at a usual rate.
void tell_soon(shop& x, const broker& to, stock& from, report& out, const options& how) {
  constexpr double a_second = 2'000;
  auto told = sell(x, from, how.seconds * 2, a_second);
  wait_until_told(x);
  auto all = delays(to, x.folder());
  out.add(figure{"reservations while delays are taken", told.per_second(200), "/s",
                 std::to_string(all.count()) + " events, p50 " +
                   std::to_string(static_cast<int>(all.percentile_ms(0.5))) + " ms"});
  out.add(goal{"ms from commit to Kafka, p99", all.percentile_ms(0.99), 250, false});
}

/// How fast a backlog is told while people buy.
void tell_much(shop& x, const broker& to, stock& from, report& out, const options& how) {
  auto before = sell(x, from, how.seconds).per_second(200);
  wait_until_told(x);
  x.stop_node();
  add_backlog(x);
  x.start_node();
  auto begin = clock::now();
  auto left = waiting(x);
  const auto first = left;
  auto node = cpu_seconds(x.node_pid(), false), broker_cpu = to.cpu();
  auto postgres = cpu_seconds(x.postgres_pid(), true);
  double sold = 0, selling = 0;
  while (left > backlog / 50) {
    auto part = sell(x, from, 1);
    sold += static_cast<double>(part.answers(200));
    selling += part.seconds;
    left = waiting(x);
    if (clock::now() - begin > std::chrono::seconds{120})
      throw std::runtime_error("the backlog does not end");
  }
  auto seconds = std::chrono::duration<double>(clock::now() - begin).count();
  auto cores = [&](double cpu) { return std::to_string(static_cast<int>(100 * cpu / seconds)); };
  auto words = "of " + std::to_string(first) + "; cores: node " +
               cores(cpu_seconds(x.node_pid(), false) - node) + " %, postgres " +
               cores(cpu_seconds(x.postgres_pid(), true) - postgres) + " %, broker " +
               cores(to.cpu() - broker_cpu) + " %";
  out.add(figure{"reservations a second while a backlog is told", sold / selling, "/s", ""});
  // What was sold meanwhile was told, too.
  auto told = (static_cast<double>(first - left) + sold) / seconds;
  out.add(figure{"events told a second", told, "/s", words});
  wait_until_told(x);
  auto after = sell(x, from, how.seconds).per_second(200);
  out.add(
    figure{"reservations a second without, before and after", (before + after) / 2, "/s", ""});
  out.add(goal{"events of a backlog of a million told a second", told, 30'000, true});
  out.add(
    goal{"sales beside the backlog / without", 2 * sold / selling / (before + after), 0.7, true});
}

} // namespace

void bench_relay(shop& x, report& out, const options& how) {
  out.section("relay");
  x.add_users(base, people);
  for (uint64_t e = 0; e < events; ++e)
    x.add_event(first_event + e, base + e * event_seats, event_seats);
  x.settle();
  broker to{x.folder()};
  for (auto* name : {"RATE_LIMIT_BOOKING_RPM", "RATE_LIMIT_GENERAL_RPM"}) x.set(name, "0");
  x.set("KAFKA_BROKERS", to.address());
  x.start_node();
  stock from{x};
  tell_soon(x, to, from, out, how);
  tell_much(x, to, from, out, how);
  x.stop_node();
  for (auto* name : {"RATE_LIMIT_BOOKING_RPM", "RATE_LIMIT_GENERAL_RPM", "KAFKA_BROKERS"})
    x.set(name, "");
}

} // namespace tk::bench
