// The outbox as a relay reads it, its cursors, what is cleared away, and the relay as a whole.
#define CAF_SUITE relay

#include <caf/all.hpp>
#include <caf/test/dsl.hpp>

#include <map>
#include <mutex>
#include <thread>

#include "actors/registry.hpp"
#include "persistence/projections/actor.hpp"
#include "persistence/relay/actor.hpp"
#include "persistence/relay/rows.hpp"
#include "tests/integration/store_world.hpp"

using namespace tk;
using namespace tk::test;

namespace {

constexpr const char* consumer = "tests";

struct world {
  test_database home;
  pg::connection db = home.connect();
  pg::connection relay = prepared(home, "tiketi_relay", relay_statements(), relay_session);

  /// Rows of a shard, as a transaction of `to` writes them.
  static void tell(pg::connection& to, int shard, const char* key, int count = 1,
                   const char* type = "RESERVATION_EXPIRED") {
    must(to,
         "INSERT INTO outbox (shard, topic, key, type, body) SELECT $1::int, 'reservation-events', "
         "$2::text, $3::text, jsonb_build_object('n', g) FROM generate_series(1, $4::int) g",
         pg::params{}.add_int4(shard).add_text(key).add_text(type).add_int4(count));
  }
  outbox_rows read(std::vector<owned_shard> shards = {{3, 1}, {5, 1}}, int32_t per_shard = 1000) {
    auto out = read_outbox(relay, {std::move(shards), per_shard});
    if (!out) CAF_FAIL(out.error().text);
    return *out;
  }
  cursors_moved move(owned_shard of, outbox_position to) {
    relay_moves x;
    x.moves.push_back({of, to});
    auto out = move_cursors(relay, x, {}, consumer);
    if (!out) CAF_FAIL(out.error().text);
    return *out;
  }
  std::string keys(const outbox_rows& rows) {
    std::string out;
    for (auto& x : rows) out += x.key;
    return out;
  }
};

struct steady_time : wall_clock {
  [[nodiscard]] instant now() const override {
    return std::chrono::time_point_cast<millis>(std::chrono::system_clock::now());
  }
};

class config : public caf::actor_system_config {
public:
  config() { add_message_types<caf::id_block::tiketi>(); }
};

/// What sinks of a test were handed, in order.
struct taken_rows {
  std::mutex mutex;
  std::vector<std::pair<uint16_t, int64_t>> list;
  void add(const outbox_row& x) {
    std::unique_lock guard{mutex};
    list.emplace_back(x.shard, x.at.seq);
  }
};

/// Takes everything but rows of the type BAD; every seventh answer is lost after it took all.
event_sink_actor::behavior_type sink(event_sink_actor::pointer, taken_rows* to, bool loses) {
  auto answers = std::make_shared<int>(0);
  return {[=](const hand_over& x) -> caf::result<handed_over> {
    handed_over out;
    for (auto& y : *x.rows) {
      bool bad = y.type == "BAD";
      if (!bad) to->add(y);
      out.rows.push_back({bad ? row_fate::refused : row_fate::delivered, bad ? "it is bad" : ""});
    }
    if (loses && ++*answers % 7 == 0) return caf::make_error(caf::sec::request_timeout);
    return out;
  }};
}

template <class True> void until(True condition) {
  for (int i = 0; i < 2000 && !condition(); ++i) std::this_thread::sleep_for(millis{10});
  CAF_REQUIRE(condition());
}

relay_config relay_for(int64_t epoch) {
  relay_config out;
  out.sink = consumer;
  out.settings.idle_min = millis{5};
  out.settings.failed_min = millis{5};
  out.settings.rows_max = 64;
  out.settings.retries = {millis{5}, millis{5}, millis{5}};
  out.owned = [epoch] { return std::vector<owned_shard>{{0, epoch}, {3, epoch}, {5, epoch}}; };
  return out;
}

outbox_actor outbox_of(const world& w, caf::actor_system& system) {
  return spawn_outbox(system, w.home.conninfo("tiketi_relay"), {});
}

} // namespace

CAF_TEST(a writer that commits last with the lowest number is not skipped) {
  world w;
  auto slow = w.home.connect("tiketi_ledger"), fast = w.home.connect("tiketi_ledger");
  must(slow, "BEGIN");
  w.tell(slow, 3, "a");
  must(fast, "BEGIN");
  w.tell(fast, 3, "b");
  w.tell(fast, 5, "c");
  must(fast, "COMMIT");
  CAF_CHECK_EQUAL(w.keys(w.read()), ""); // Something may come before them still.
  must(slow, "COMMIT");
  auto rows = w.read();
  CAF_CHECK_EQUAL(w.keys(rows), "abc");
  CAF_CHECK_EQUAL(rows[0].body, R"({"n": 1})");
  CAF_CHECK(!rows[0].id.nil() && rows[0].correlation.nil() && rows[0].type != "");
}

CAF_TEST(a writer elsewhere that stays open holds the relay back and a reader does not) {
  world w;
  auto writer = w.home.connect("tiketi_store"), reader = w.home.connect("tiketi_read");
  must(reader, "BEGIN ISOLATION LEVEL REPEATABLE READ");
  must(reader, "SELECT count(*) FROM outbox");
  must(writer, "BEGIN");
  must(writer, "INSERT INTO artists (name) VALUES ('x')");
  w.tell(w.db, 3, "a");
  CAF_CHECK_EQUAL(w.keys(w.read()), "");
  must(writer, "ROLLBACK");
  CAF_CHECK_EQUAL(w.keys(w.read()), "a");
}

CAF_TEST(a cursor moves forward only and for its owner only) {
  world w;
  w.tell(w.db, 3, "a", 4);
  auto rows = w.read();
  CAF_REQUIRE_EQUAL(rows.size(), 4u);
  CAF_CHECK_EQUAL(w.move({3, 1}, rows[1].at).moved, 1);
  CAF_CHECK_EQUAL(w.read().size(), 2u);
  auto back = w.move({3, 1}, rows[0].at);
  CAF_CHECK(back.moved == 0 && back.refused == 1);
  CAF_CHECK_EQUAL(w.read().size(), 2u);
  must(w.db, "UPDATE shard_owners SET epoch = 2 WHERE shard = 3");
  CAF_CHECK_EQUAL(w.move({3, 1}, rows[3].at).moved, 0); // The owner before.
  CAF_CHECK_EQUAL(w.read().size(), 2u);
  CAF_CHECK_EQUAL(w.move({3, 2}, rows[3].at).moved, 1);
  CAF_CHECK(w.read().empty());
}

CAF_TEST(a dead letter is put on record with the move over it or not at all) {
  world w;
  w.tell(w.db, 3, "a", 2);
  auto rows = w.read();
  relay_moves x;
  x.moves.push_back({{3, 9}, rows[1].at}); // Not its owner.
  x.dead.push_back({0, 4, "why"});
  auto refused = move_cursors(w.relay, x, rows, consumer);
  CAF_REQUIRE(refused);
  CAF_CHECK_EQUAL(number(w.db, "SELECT count(*) FROM dead_letters"), 0);
  x.moves[0].of.epoch = 1;
  auto moved = move_cursors(w.relay, x, rows, consumer);
  CAF_REQUIRE(moved);
  CAF_CHECK(moved->moved == 1 && moved->dead == 1);
  CAF_CHECK_EQUAL(text(w.db, "SELECT consumer || topic || key || type || (body->>'n') || why || "
                             "tries FROM dead_letters"),
                  "testsreservation-eventsaRESERVATION_EXPIRED1why4");
}

CAF_TEST(of many shards each gives its first rows and no row is read without need) {
  world w;
  for (int i = 0; i < 20; ++i) w.tell(w.db, i, "k", 1000);
  must(w.db, "UPDATE relay_cursor c SET (xid, seq) = (SELECT o.xid, o.seq FROM outbox o WHERE "
             "o.shard = c.shard ORDER BY o.xid, o.seq OFFSET 989 LIMIT 1) WHERE shard < 20");
  must(w.db, "ANALYZE outbox");
  std::vector<owned_shard> all;
  for (uint16_t i = 0; i < 128; ++i) all.push_back({i, 1});
  auto rows = w.read(all, 4);
  CAF_CHECK_EQUAL(rows.size(), 80u);
  // Behind the cursor of a shard everything is dead weight that must not be looked at (H-16).
  auto plan = w.relay.query("EXPLAIN (FORMAT JSON) EXECUTE outbox_read('{3,5}', 4)");
  CAF_REQUIRE(plan.ok());
  std::string text{plan.text(0, 0)};
  CAF_CHECK(text.find("Seq Scan") == std::string::npos);
  CAF_CHECK(text.find("Bitmap") == std::string::npos);
  CAF_CHECK(text.find("Merge Append") != std::string::npos);
  auto looked = [&] {
    must(w.relay, "SELECT pg_stat_force_next_flush()");
    must(w.db, "SELECT pg_stat_clear_snapshot()");
    return number(w.db, "SELECT sum(idx_tup_read)::int8 FROM pg_stat_all_indexes WHERE relname "
                        "LIKE 'outbox%'");
  };
  auto before = looked();
  CAF_CHECK_EQUAL(w.read(all, 4).size(), 80u);
  CAF_CHECK(looked() - before <= 2 * 80 + 128);
}

CAF_TEST(a partition goes when its time is over and every cursor has passed it) {
  world w;
  auto drop = [&] { return number(w.relay, "SELECT drop_outbox_partition(7)"); };
  CAF_CHECK_EQUAL(drop(), 0);
  auto owner = w.home.connect("tiketi_migrate");
  for (int age : {8, 9, 20})
    must(owner,
         ("DO $$ BEGIN EXECUTE format('CREATE TABLE outbox_%s PARTITION OF outbox FOR VALUES "
          "FROM (%L) TO (%L)', to_char(current_date - " +
          std::to_string(age) + ", 'YYYYMMDD'), current_date - " + std::to_string(age) +
          ", current_date - " + std::to_string(age - 1) + "); END $$")
           .c_str());
  must(w.db, "INSERT INTO outbox (shard, topic, key, type, body, made_at) VALUES "
             "(3, 't', 'k', 'T', '{}', current_date - 20 + interval '1 hour')");
  CAF_CHECK_EQUAL(drop(), 1); // The one of 9 days: that of 20 days has a row that was not told.
  CAF_CHECK_EQUAL(drop(), 1);
  CAF_CHECK_EQUAL(drop(), 0);
  auto rows = w.read();
  CAF_REQUIRE_EQUAL(rows.size(), 1u);
  w.move({3, 1}, rows[0].at);
  CAF_CHECK_EQUAL(drop(), 1);
  CAF_CHECK_EQUAL(drop(), 0);
  CAF_CHECK_EQUAL(number(w.db, "SELECT count(*) FROM outbox_default"), 0);
  CAF_CHECK(!w.relay.query("SELECT drop_outbox_partition(0)").ok());
}

CAF_TEST(who reads long in a partition is not disturbed and disturbs nobody) {
  world w;
  auto owner = w.home.connect("tiketi_migrate");
  must(owner, "DO $$ BEGIN EXECUTE format('CREATE TABLE outbox_%s PARTITION OF outbox FOR VALUES "
              "FROM (%L) TO (%L)', to_char(current_date - 9, 'YYYYMMDD'), current_date - 9, "
              "current_date - 8); END $$");
  auto reader = w.home.connect("tiketi_read");
  must(reader, "BEGIN");
  must(reader, "SELECT count(*) FROM outbox");
  CAF_CHECK_EQUAL(number(w.relay, "SELECT drop_outbox_partition(7)"), 0);
  must(reader, "COMMIT");
  CAF_CHECK_EQUAL(number(w.relay, "SELECT drop_outbox_partition(7)"), 1);
}

CAF_TEST(marks go by age and a few at a time) {
  world w;
  must(w.db, "INSERT INTO processed_events SELECT 'g', 'old' || g, now() - interval '31 days' "
             "FROM generate_series(1, 5) g");
  must(w.db, "INSERT INTO processed_events VALUES ('g', 'young', now() - interval '29 days')");
  for (int64_t expected : {3, 2, 0}) {
    auto x = clear_away(w.relay, {7, 30, 3});
    CAF_REQUIRE(x);
    CAF_CHECK_EQUAL(x->marks, expected);
  }
  CAF_CHECK_EQUAL(text(w.db, "SELECT event_key FROM processed_events"), "young");
}

CAF_TEST(the relay writes nothing but cursors and projections) {
  world w;
  auto db = w.home.connect("tiketi_relay");
  for (auto* sql : {"DELETE FROM outbox", "UPDATE outbox SET type = 'x'",
                    "INSERT INTO outbox (shard, topic, key, type, body) VALUES (1, 't', 'k', 'T', "
                    "'{}')",
                    "UPDATE reservations SET status = 'expired'", "UPDATE seats SET version = 1",
                    "UPDATE payments SET status = 'refunded'", "DELETE FROM dead_letters",
                    "UPDATE dead_letters SET why = 'x'", "UPDATE shard_owners SET epoch = 9",
                    "DELETE FROM daily_stats", "DELETE FROM event_stats", "TRUNCATE daily_stats",
                    "SELECT email_cipher FROM users", "SELECT token_hash FROM refresh_tokens",
                    "UPDATE relay_cursor SET shard = 1", "DELETE FROM relay_cursor",
                    "DROP TABLE outbox_default", "CREATE TABLE x (y int)"})
    CAF_CHECK_EQUAL(std::string{db.query(sql).sqlstate()}, "42501");
}

// -- the relay as a whole ------------------------------------------------------------------------

CAF_TEST(everything is told and first told in order although answers are lost) {
  world w;
  taken_rows taken;
  relay_probe probe;
  steady_time clock;
  config cfg;
  caf::actor_system system{cfg};
  for (int i = 0; i < 10; ++i) w.tell(w.db, i % 2 == 0 ? 3 : 5, "k", 20);
  auto to = system.spawn(sink, &taken, true);
  auto relay = spawn_relay(system, relay_for(1), outbox_of(w, system), to, clock, probe);
  for (int i = 0; i < 20; ++i) w.tell(w.db, i % 2 == 0 ? 3 : 5, "k", 20);
  until([&] { return w.read().empty(); });
  caf::anon_send_exit(relay, caf::exit_reason::user_shutdown);
  caf::anon_send_exit(to, caf::exit_reason::user_shutdown);
  system.await_all_actors_done();
  std::map<uint16_t, std::pair<int64_t, int>> told; // By shard: the highest, and how many firsts.
  std::map<std::pair<uint16_t, int64_t>, bool> seen;
  for (auto& x : taken.list) {
    if (!seen.emplace(x, true).second) continue;
    CAF_CHECK(told[x.first].first < x.second);
    told[x.first].first = x.second;
    ++told[x.first].second;
  }
  CAF_CHECK_EQUAL(told[3].second, 300);
  CAF_CHECK_EQUAL(told[5].second, 300);
  CAF_CHECK(probe.unknown > 0 && taken.list.size() > 600);
}

CAF_TEST(of two relays only the owner moves the cursor and firsts stay in order) {
  world w;
  taken_rows taken;
  relay_probe old_probe, new_probe;
  steady_time clock;
  config cfg;
  caf::actor_system system{cfg};
  w.tell(w.db, 3, "k", 200);
  must(w.db, "UPDATE shard_owners SET epoch = 2");
  auto to = system.spawn(sink, &taken, false);
  auto first = spawn_relay(system, relay_for(1), outbox_of(w, system), to, clock, old_probe);
  until([&] { return old_probe.moves_refused > 2; });
  CAF_CHECK_EQUAL(w.read({{3, 1}}).size(), 200u);
  auto second = spawn_relay(system, relay_for(2), outbox_of(w, system), to, clock, new_probe);
  until([&] { return w.read().empty(); });
  CAF_CHECK_EQUAL(old_probe.moves.load(), 0u);
  for (auto& x : {first, second}) caf::anon_send_exit(x, caf::exit_reason::user_shutdown);
  caf::anon_send_exit(to, caf::exit_reason::user_shutdown);
  system.await_all_actors_done();
  int64_t highest = 0;
  int firsts = 0;
  for (auto& x : taken.list)
    if (x.second > highest) {
      ++firsts;
      highest = x.second;
    }
  CAF_CHECK_EQUAL(firsts, 200);
}

CAF_TEST(a row that cannot be taken becomes a dead letter and the rest goes on) {
  world w;
  taken_rows taken;
  relay_probe probe;
  steady_time clock;
  config cfg;
  caf::actor_system system{cfg};
  w.tell(w.db, 3, "k", 2);
  w.tell(w.db, 3, "poison", 1, "BAD");
  w.tell(w.db, 3, "k", 2);
  w.tell(w.db, 5, "k", 2);
  auto to = system.spawn(sink, &taken, false);
  auto relay = spawn_relay(system, relay_for(1), outbox_of(w, system), to, clock, probe);
  until([&] { return w.read().empty(); });
  caf::anon_send_exit(relay, caf::exit_reason::user_shutdown);
  caf::anon_send_exit(to, caf::exit_reason::user_shutdown);
  system.await_all_actors_done();
  CAF_CHECK_EQUAL(text(w.db, "SELECT string_agg(key || type || why || tries, ',') "
                             "FROM dead_letters"),
                  "poisonBADit is bad4");
  CAF_CHECK_EQUAL(probe.dead_letters.load(), 1u);
  CAF_CHECK_EQUAL(probe.refused.load(), 4u);
}
