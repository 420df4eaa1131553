#include "tests/integration/ledger_race.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <deque>
#include <mutex>
#include <set>
#include <thread>

#include "actors/base/placement.hpp"
#include "tests/integration/oracle.hpp"
#include "tests/integration/pg_fixture.hpp"

namespace tk::test {

namespace {

constexpr int event_count = 4, seats_per_event = 50, types_per_event = 2, quota = 12;
constexpr int lane_threads = 3, shards_used = 16, ops_per_batch = 20;

struct race_seat {
  seat_id id;
  int event = 0;
  uint16_t shard = 0;
};

/// An `ok` seat: who says that it took which version in which epoch.
struct taken {
  size_t seat = 0;
  int32_t version = 0;
  int64_t epoch = 0;
};

/// What a taker read right after its COMMIT.
struct takeover {
  uint16_t shard = 0;
  int64_t epoch = 0;
  std::map<size_t, int32_t> versions;
};

struct arena {
  test_database home;
  std::vector<event_id> events;
  event_id cancelled;
  std::vector<race_seat> seats;
  std::vector<ticket_type_id> types;
  std::atomic<int64_t> fence = 0;
  std::atomic<uint64_t> numbers = 0;
  std::atomic<bool> stop = false;
  std::mutex guard; ///< Of everything below.
  race_report report;
  std::vector<taken> taken_seats;
  std::vector<takeover> takeovers;

  void seed();
  void count(const std::string& what) {
    std::lock_guard lock{guard};
    ++report.verdicts[what];
  }
};

void add_event(pg::connection& db, event_id id, const char* status) {
  pg::params p;
  p.add_id(id).add_text(status);
  must(db,
       "INSERT INTO events (id, title, venue, event_date, status, sale_start_date) VALUES "
       "($1, 'Race', 'Hall', now() + interval '1 day', $2, now() - interval '1 day')",
       p);
}

void arena::seed() {
  counting_entropy source;
  auto db = home.connect();
  cancelled = make_id<event_id>(source);
  add_event(db, cancelled, "cancelled");
  for (int e = 0; e < event_count; ++e) {
    events.push_back(make_id<event_id>(source));
    add_event(db, events.back(), "on_sale");
    for (int i = 0; i < seats_per_event; ++i) {
      auto block = i / (seats_per_event / 4 + 1);
      race_seat seat{make_id<seat_id>(source), e, static_cast<uint16_t>(e * 4 + block)};
      pg::params p;
      p.add_id(seat.id).add_id(events.back()).add_int4(block).add_int4(i);
      must(db,
           "INSERT INTO seats (id, event_id, block_no, section, row_number, seat_number, "
           "seat_label, price) VALUES ($1, $2, $3, 'A', 1, $4::int, 'A-1-' || $4, 1000)",
           p);
      seats.push_back(seat);
    }
    for (int i = 0; i < types_per_event; ++i) {
      types.push_back(make_id<ticket_type_id>(source));
      pg::params p;
      p.add_id(types.back()).add_id(events.back()).add_int4(quota);
      must(db,
           "INSERT INTO ticket_types (id, event_id, name, price, total_quantity) "
           "VALUES ($1, $2, 'Standing', 1000, $3)",
           p);
    }
  }
}

// -- a lane -------------------------------------------------------------------------------------

class lane {
public:
  lane(arena& a, int no, const race_config& config)
      : a_(a),
        no_(no),
        random_(config.seed * 100 + static_cast<uint64_t>(no)),
        driver_(with(a, config)),
        side_(a.home.connect()),
        versions_(a.seats.size()) {}

  void run() {
    while (!a_.stop) round();
  }

private:
  static ledger_driver_config with(arena& a, const race_config& config) {
    auto x = plain_driver(a.home);
    x.sabotage = config.sabotage;
    return x;
  }

  uint64_t below(uint64_t n) { return random_.next() % n; }
  bool one_in(uint64_t n) { return below(n) == 0; }
  participant owner(uint16_t shard) { return {shard, epochs_.at(shard)}; }

  void read_epochs() {
    auto rows = must(side_, "SELECT epoch FROM shard_owners ORDER BY shard");
    for (int i = 0; i < rows.rows(); ++i) epochs_.at(static_cast<size_t>(i)) = rows.integer(i, 0);
    now_ = must(side_, "SELECT clock_timestamp()").time(0, 0);
  }

  void read_versions() {
    for (size_t i = 0; i < a_.seats.size(); ++i) by_id_.emplace(a_.seats[i].id, i);
    auto rows = must(side_, "SELECT id, version FROM seats");
    for (int i = 0; i < rows.rows(); ++i)
      versions_.at(by_id_.at(rows.uuid<seat_id>(i, 0))) = rows.int4(i, 1);
  }

  void add_items(create_reservation& x, size_t event) {
    std::set<size_t> used;
    auto wanted = 1 + below(4);
    for (uint64_t n = 0; n < wanted; ++n) {
      create_item item;
      item.price = won{1000};
      if (one_in(5)) {
        auto type = event * types_per_event + below(types_per_event);
        if (!used.insert(1000 + type).second) continue;
        item.type = a_.types.at(type);
        item.quantity = static_cast<int32_t>(1 + below(3));
        item.block = owner(static_cast<uint16_t>(event * 4));
        item.block_no = 1'000'000 + static_cast<int32_t>(type % types_per_event);
      } else {
        auto seat = event * seats_per_event + below(seats_per_event);
        if (!used.insert(seat).second) continue;
        item.seat = a_.seats.at(seat).id;
        item.version = versions_.at(seat);
        item.fence = ++a_.fence;
        item.block = owner(a_.seats.at(seat).shard);
        item.block_no = item.block.shard - static_cast<int32_t>(event * 4);
      }
      x.items.push_back(item);
    }
  }

  op_ptr make_create(const create_reservation* before) {
    create_reservation x;
    auto event = below(event_count);
    auto unique = std::to_string(++a_.numbers);
    x.id = make_id<reservation_id>(random_);
    x.user = user_id{7, static_cast<uint64_t>(no_) * 10 + below(3)};
    x.event = one_in(40) ? a_.cancelled : a_.events.at(event);
    x.number = "TK" + unique;
    x.operation = "race";
    x.key = "k" + unique;
    x.digest = "d";
    x.ttl_s = 300;
    x.deadline = one_in(40) ? from_ms(to_ms(now_) - 1000) : instant::max();
    x.session = owner(static_cast<uint16_t>(below(shards_used)));
    x.event_owner = owner(static_cast<uint16_t>(event * 4));
    add_items(x, event);
    for (auto& item : x.items) x.total += item.price * item.quantity;
    if (before && one_in(20)) {
      x.user = before->user;
      x.key = before->key;
    } else if (!mine_.empty() && one_in(20)) {
      auto& earlier = mine_.at(below(mine_.size()));
      x.id = earlier->id;
      x.user = earlier->user;
      x.key = earlier->key;
      x.digest = one_in(3) ? "other" : "d";
    }
    return std::make_shared<op>(std::move(x));
  }

  op_ptr make_release(const create_reservation& x) {
    release_reservation y;
    y.id = x.id;
    y.actor = x.user;
    y.reason = one_in(20) ? release_reason::expired : release_reason::cancelled;
    for (auto& item : x.items)
      y.items.push_back({item.seat, item.type, item.quantity, owner(item.block.shard)});
    if (one_in(15)) y.items.back().quantity += 1;
    else if (y.items.size() > 1 && one_in(15)) y.items.pop_back();
    return std::make_shared<op>(std::move(y));
  }

  /// Pins and sells one of ours, by the rules that every writer keeps.
  void sell(const create_reservation& x) {
    pg::params p;
    p.add_id(x.id);
    must(side_, "BEGIN");
    auto row = must(side_,
                    "SELECT 1 FROM reservations WHERE id = $1 AND status = 'pending' "
                    "FOR NO KEY UPDATE",
                    p);
    must(side_,
         "SELECT count(*) FROM (SELECT 1 FROM seats WHERE id IN (SELECT seat_id FROM "
         "reservation_items WHERE reservation_id = $1) ORDER BY id FOR NO KEY UPDATE) x",
         p);
    if (row.rows() == 1) {
      must(side_,
           "UPDATE reservations SET status = 'confirmed', payment_status = 'completed', "
           "pin_id = gen_random_uuid() WHERE id = $1",
           p);
      must(side_,
           "UPDATE seats SET status = 'reserved', version = version + 1 "
           "WHERE reservation_id = $1 AND status = 'locked'",
           p);
      must(side_,
           "INSERT INTO outbox (shard, topic, key, type, body) SELECT shard, "
           "'reservation-events', id, 'RESERVATION_CONFIRMED', jsonb_build_object("
           "'userId', user_id, 'totalAmount', total_amount) FROM reservations WHERE id = $1",
           p);
      must(side_,
           "INSERT INTO reservation_history (reservation_id, from_status, to_status, "
           "payment_from, payment_to, actor) VALUES ($1, 'pending', 'confirmed', 'pending', "
           "'completed', 'user')",
           p);
      a_.count("sold");
    }
    must(side_, "COMMIT");
  }

  void round() {
    if (now_ == instant{} || one_in(4)) read_epochs();
    if (by_id_.empty() || one_in(2)) read_versions();
    batch b;
    const create_reservation* before = nullptr;
    for (int i = 0; i < ops_per_batch; ++i) {
      b.ops.push_back(make_create(before));
      before = std::get_if<create_reservation>(b.ops.back().get());
      if (before->items.empty()) b.ops.pop_back();
    }
    if (!mine_.empty() && one_in(10)) sell(*mine_.front());
    if (mine_.size() > 10) {
      for (int i = 0; i < 8; ++i) {
        b.ops.push_back(make_release(*mine_.at(below(mine_.size()))));
        if (one_in(10)) b.ops.push_back(b.ops.back());
      }
      if (ended_) b.ops.push_back(ended_);
    }
    execute(b);
  }

  void execute(const batch& b) {
    auto answer = driver_.execute(b);
    if (answer.is != batch_status::committed) {
      std::lock_guard lock{a_.guard};
      return a_.report.note_failure(answer);
    }
    for (size_t i = 0; i < b.ops.size(); ++i) digest(b.ops[i], answer.verdicts.at(i));
  }

  void digest(const op_ptr& what, const verdict& said) {
    auto name = std::string{to_string(said.is)};
    if (auto* x = std::get_if<release_reservation>(what.get())) {
      a_.count("release " + name);
      if (said.is == outcome::ok) ended_ = what;
      bool ended = said.is == outcome::ok || said.is == outcome::not_pending;
      for (size_t i = 0; ended && i < mine_.size(); ++i) {
        if (mine_[i]->id == x->id) mine_.erase(mine_.begin() + static_cast<ptrdiff_t>(i--));
      }
      return;
    }
    a_.count("create " + name);
    if (said.is != outcome::ok) return;
    auto& x = std::get<create_reservation>(*what);
    mine_.push_back(std::make_shared<create_reservation>(x));
    std::lock_guard lock{a_.guard};
    for (auto& item : x.items) {
      if (!item.seat.nil())
        a_.taken_seats.push_back({by_id_.at(item.seat), item.version, item.block.epoch});
    }
  }

  arena& a_;
  int no_;
  seeded_entropy random_;
  ledger_driver_pg driver_;
  pg::connection side_;
  std::array<int64_t, shard_count> epochs_{};
  instant now_;
  std::vector<int32_t> versions_;
  std::map<seat_id, size_t> by_id_;
  std::deque<std::shared_ptr<create_reservation>> mine_;
  op_ptr ended_; ///< The last release that was ok, to be repeated.
};

// -- the taker ----------------------------------------------------------------------------------

/// Takes shard after shard and reads its seats at once, as a new owner does.
void take_over(arena& a, int per_second) {
  auto db = a.home.connect();
  std::map<seat_id, size_t> by_id;
  for (size_t i = 0; i < a.seats.size(); ++i) by_id.emplace(a.seats[i].id, i);
  for (uint16_t shard = 0; !a.stop; shard = static_cast<uint16_t>((shard + 1) % shards_used)) {
    std::this_thread::sleep_for(millis{1000 / per_second});
    pg::params p;
    p.add_int4(shard);
    must(db, "BEGIN");
    must(db, "SELECT pg_advisory_xact_lock(7430, $1)", p);
    takeover x{shard, 0, {}};
    x.epoch = number(db,
                     "UPDATE shard_owners SET epoch = epoch + 1 WHERE shard = $1 "
                     "RETURNING epoch",
                     p);
    must(db, "COMMIT");
    auto rows = must(db, "SELECT id, version FROM seats");
    for (int i = 0; i < rows.rows(); ++i) {
      auto seat = by_id.at(rows.uuid<seat_id>(i, 0));
      if (a.seats[seat].shard == shard) x.versions.emplace(seat, rows.int4(i, 1));
    }
    std::lock_guard lock{a.guard};
    a.takeovers.push_back(std::move(x));
    ++a.report.takeovers;
  }
}

// -- judging ------------------------------------------------------------------------------------

/// Checks what the lanes and the taker remember; callers hold the guard or are alone.
void judge_memories(const arena& a, std::vector<std::string>& out) {
  std::set<std::pair<size_t, int32_t>> once;
  int64_t twice = 0, stale = 0;
  for (auto& x : a.taken_seats) {
    if (!once.emplace(x.seat, x.version).second) ++twice;
    for (auto& t : a.takeovers) {
      auto read = t.versions.find(x.seat);
      if (read != t.versions.end() && x.epoch < t.epoch && x.version >= read->second) {
        ++stale;
        break;
      }
    }
  }
  if (twice > 0) out.push_back(std::to_string(twice) + " seats taken twice at one version");
  if (stale > 0)
    out.push_back(std::to_string(stale) +
                  " seats taken by an older epoch after the new owner's read");
}

void judge(arena& a) {
  auto& out = a.report.violations;
  judge_memories(a, out);
  auto db = a.home.connect();
  a.report.judge(db);
  auto made = number(db, "SELECT count(*) FROM reservations");
  if (made != a.report.verdicts["create ok"])
    out.push_back(std::to_string(made) + " reservations, but " +
                  std::to_string(a.report.verdicts["create ok"]) + " were answered ok");
}

bool already_violated(const arena& a) {
  std::vector<std::string> found;
  judge_memories(a, found);
  return !found.empty() || a.report.torn + a.report.deadlocks > 0;
}

bool over(arena& a, const race_config& config, millis ran) {
  std::lock_guard lock{a.guard};
  if (config.stop_at_first && already_violated(a)) return true;
  return ran_enough(config, a.report, ran);
}

} // namespace

void race_report::note_failure(const batch_result& x) {
  if (x.is == batch_status::torn) ++torn;
  else if (x.error.starts_with("40P01")) ++deadlocks;
  else if (x.is == batch_status::contended) ++lock_timeouts;
  else ++lost;
}

void race_report::judge(pg::connection& db) {
  if (torn > 0) violations.push_back(std::to_string(torn) + " batches torn");
  if (deadlocks > 0) violations.push_back(std::to_string(deadlocks) + " deadlocks");
  if (lost > 0) violations.push_back(std::to_string(lost) + " batches lost");
  for (auto& x : broken_rules(db)) violations.push_back(x);
}

bool ran_enough(const race_config& config, const race_report& report, millis ran) {
  bool all = std::ranges::all_of(config.must_happen,
                                 [&](auto& name) { return report.verdicts.contains(name); });
  return ran >= (all ? config.duration : 3 * config.duration);
}

race_report run_race(const race_config& config) {
  arena a;
  a.seed();
  std::vector<std::thread> threads;
  threads.reserve(lane_threads + 1);
  for (int i = 0; i < lane_threads; ++i)
    threads.emplace_back([&a, i, &config] { lane{a, i, config}.run(); });
  threads.emplace_back([&a, &config] { take_over(a, config.takeovers_per_s); });
  for (millis ran{0}; !over(a, config, ran); ran += millis{100})
    std::this_thread::sleep_for(millis{100});
  a.stop = true;
  for (auto& x : threads) x.join();
  judge(a);
  return a.report;
}

} // namespace tk::test
