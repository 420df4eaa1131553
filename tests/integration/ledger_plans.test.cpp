// Plans, storage and indexes: what makes the same SQL ten times slower (H-25, H-26).
#define CAF_SUITE ledger_plans

#include <caf/test/dsl.hpp>

#include <string>
#include <thread>

#include "persistence/ledger/driver_pg.hpp"
#include "persistence/ledger/statements.hpp"
#include "tests/integration/hall.hpp"

using namespace tk;
using namespace tk::test;

CAF_TEST(H25 plans made on empty tables never scan) {
  hall h{400};
  auto plans = h.home.connect("tiketi_ledger");
  CAF_REQUIRE(plans.run_script(sql::session_settings).ok());
  for (auto& x : sql::prepared({})) {
    if (x.text.find('$') == std::string::npos) continue;
    CAF_REQUIRE(plans.prepare(x.name, x.text.c_str()).ok());
    int count = 1;
    while (x.text.find("$" + std::to_string(count + 1) + "::") != std::string::npos) ++count;
    std::string call = std::string{"EXPLAIN EXECUTE \""} + x.name + "\"(";
    for (int i = 0; i < count; ++i) call += i == 0 ? "NULL" : ", NULL";
    auto rows = must(plans, (call + ")").c_str());
    for (int i = 0; i < rows.rows(); ++i) {
      auto line = std::string{rows.text(i, 0)};
      for (auto* bad : {"Seq Scan", "Hash Join", "Merge Join", "Materialize", "Bitmap"}) {
        if (line.find(bad) != std::string::npos) CAF_ERROR(x.name << ": " << line);
      }
      // A scan of an index without a condition on it reads all of it: as bad as a scan.
      if (line.find(" Scan using ") == std::string::npos) continue;
      auto next = i + 1 < rows.rows() ? std::string{rows.text(i + 1, 0)} : std::string{};
      if (next.find("Index Cond: ") == std::string::npos) CAF_ERROR(x.name << ": " << line);
    }
  }
  int64_t before = 0;
  constexpr auto* scanned = "SELECT sum(seq_tup_read)::bigint FROM pg_stat_user_tables "
                            "WHERE relname IN ('seats', 'reservations', 'reservation_items', "
                            "'events', 'ticket_types', 'users', 'refresh_tokens')";
  auto wait_until_gone = [&](int pid) {
    while (h.lives(pid)) std::this_thread::sleep_for(millis{10});
  };
  int pid = 0;
  {
    ledger_driver_pg driver{plain_driver(h.home)};
    CAF_REQUIRE_EQUAL(first(driver.execute({{h.reserve(0)}})), "ok");
    must(h.db, "INSERT INTO reservations (id, user_id, reservation_number, total_amount, "
               "expires_at, operation, shard, block_no) SELECT gen_random_uuid(), "
               "gen_random_uuid(), 'N' || g, 1, now(), 'x', 1, 1 FROM "
               "generate_series(1, 50000) g");
    must(h.db, "SELECT pg_stat_force_next_flush()");
    before = number(h.db, scanned);
    batch b;
    for (size_t i = 1; i < 400; ++i) b.ops.push_back(h.reserve(i));
    auto answer = driver.execute(b);
    CAF_CHECK_EQUAL(status(answer), "committed");
    pid = driver.backend_pid();
  }
  wait_until_gone(pid);
  CAF_CHECK_EQUAL(number(h.db, scanned), before);
}

CAF_TEST(H26 seats are updated in place) {
  hall h{4000};
  int pid = 0;
  {
    ledger_driver_pg driver{plain_driver(h.home)};
    for (size_t n = 0; n < 20; ++n) {
      batch b;
      for (size_t i = 0; i < 200; ++i) b.ops.push_back(h.reserve(n * 200 + i));
      CAF_CHECK_EQUAL(first(driver.execute(b)), "ok");
    }
    pid = driver.backend_pid();
  }
  while (h.lives(pid)) std::this_thread::sleep_for(millis{10});
  auto rows = must(h.db, "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables "
                         "WHERE relname = 'seats'");
  CAF_MESSAGE("updates " << rows.integer(0, 0) << ", in place " << rows.integer(0, 1));
  CAF_CHECK(rows.integer(0, 0) == 4000);
  CAF_CHECK(rows.integer(0, 1) * 100 >= rows.integer(0, 0) * 95);
}

CAF_TEST(no index of seats mentions a column that the ledger updates) {
  hall h;
  CAF_CHECK_EQUAL(number(h.db,
                         "SELECT count(*) FROM pg_indexes WHERE tablename = 'seats' AND indexdef ~ "
                         "'(status|version|fencing_token|locked_by|reservation_id|updated_at)'"),
                  0);
  CAF_CHECK_EQUAL(number(h.db, "SELECT count(*) FROM pg_indexes WHERE tablename = 'reservations' "
                               "AND indexdef ~ 'pin_id|btree .status'"),
                  0);
}
