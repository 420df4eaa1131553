#pragma once

#include <atomic>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <vector>

#include "tests/integration/ledger_race.hpp"
#include "tests/integration/pg_fixture.hpp"

/// What the races of standing tickets and of payments have in common: an event on sale, lanes with
/// a driver and a seed each, and one report.
namespace tk::test {

/// What the lanes share.
struct race_ground {
  static constexpr uint16_t shard = 5; ///< Of every participant: no owner changes here.

  test_database home;
  event_id event{0xe, 1};
  std::vector<ticket_type_id> types;
  std::atomic<uint64_t> numbers = 0;
  std::atomic<bool> stop = false;
  std::mutex guard; ///< Of the report, and of what a race adds to this.
  race_report report;

  race_ground(int types_n, int32_t quota) {
    auto db = home.connect();
    pg::params p;
    p.add_id(event);
    must(db,
         "INSERT INTO events (id, title, venue, event_date, sale_start_date) VALUES "
         "($1, 'Race', 'Hall', now() + interval '1 day', now() - interval '1 day')",
         p);
    for (int i = 0; i < types_n; ++i) {
      types.push_back({0x7e, static_cast<uint64_t>(i) + 1});
      p.clear();
      p.add_id(types.back()).add_id(event).add_int4(quota);
      must(db,
           "INSERT INTO ticket_types (id, event_id, name, price, total_quantity) "
           "VALUES ($1, $2, 'Standing', 1000, $3)",
           p);
    }
  }

  [[nodiscard]] static participant owner() { return {shard, 1}; }
  std::string fresh_number(const char* prefix) { return prefix + std::to_string(++numbers); }
};

/// One lane: its driver, its own dice.
struct race_lane {
  race_ground& ground;
  seeded_entropy random;
  ledger_driver_pg driver;
  pg::connection side;

  race_lane(race_ground& x, int no, const race_config& config)
      : ground(x),
        random(config.seed * 100 + static_cast<uint64_t>(no)),
        driver(with(x, config)),
        side(x.home.connect()) {}

  static ledger_driver_config with(const race_ground& x, const race_config& config) {
    auto out = plain_driver(x.home);
    out.sabotage = config.sabotage;
    return out;
  }

  uint64_t below(uint64_t n) { return random.next() % n; }
  bool one_in(uint64_t n) { return below(n) == 0; }
  template <class T> T& one_of(std::vector<T>& x) { return x[below(x.size())]; }

  create_reservation order(user_id user) {
    create_reservation x;
    x.id = make_id<reservation_id>(random);
    x.user = user;
    x.event = ground.event;
    x.number = ground.fresh_number("TK");
    x.operation = "race";
    x.digest = "d";
    x.deadline = instant::max();
    x.session = x.event_owner = ground.owner();
    return x;
  }
  void add(create_reservation& x, ticket_type_id type, int32_t quantity) {
    auto block = 999'999 + static_cast<int32_t>(type.lo); // As the types were numbered.
    x.items.push_back({{}, type, 0, 0, quantity, won{1000}, ground.owner(), block});
    x.total += won{1000} * quantity;
  }
  static release_reservation ending(const create_reservation& x, release_reason why) {
    release_reservation y;
    y.id = x.id;
    y.reason = why;
    for (auto& item : x.items) y.items.push_back({item.seat, item.type, item.quantity, item.block});
    return y;
  }

  /// Nullopt when the batch did not commit.
  std::optional<std::vector<verdict>> execute(const batch& b) {
    auto answer = driver.execute(b);
    if (answer.is == batch_status::committed) return std::move(answer.verdicts);
    std::lock_guard lock{ground.guard};
    ground.report.note_failure(answer);
    return std::nullopt;
  }
};

/// Runs `lane(no)` on threads of their own until the time is up, or something is torn where one
/// violation is enough.
template <class Lane> void race(race_ground& x, int lanes, const race_config& config, Lane lane) {
  std::vector<std::thread> threads;
  threads.reserve(static_cast<size_t>(lanes));
  for (int i = 0; i < lanes; ++i) threads.emplace_back([i, &lane] { lane(i); });
  auto over = [&](millis ran) {
    std::lock_guard lock{x.guard};
    if (config.stop_at_first && x.report.torn + x.report.deadlocks > 0) return true;
    return ran_enough(config, x.report, ran);
  };
  for (millis ran{0}; !over(ran); ran += millis{50}) std::this_thread::sleep_for(millis{50});
  x.stop = true;
  for (auto& t : threads) t.join();
}

} // namespace tk::test
