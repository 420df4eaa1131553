// A standby that missed something is promoted: a lane must not go on as if nothing was (H-14).
#define CAF_SUITE ledger_failover

#include <caf/test/dsl.hpp>

#include <cstdlib>
#include <thread>

#include "persistence/ledger/driver_pg.hpp"
#include "tests/integration/hall.hpp"

using namespace tk;
using namespace tk::test;

namespace {

pg::connection open_standby() {
  auto* conninfo = std::getenv("TIKETI_TEST_PG_STANDBY");
  CAF_REQUIRE(conninfo != nullptr);
  auto db = pg::connection::open(conninfo, millis{10'000});
  CAF_REQUIRE(db.has_value());
  return std::move(*db);
}

/// Both servers, and whichever of them can be written to.
ledger_driver_config either_server(const hall& h) {
  auto config = plain_driver(h.home);
  config.conninfo = h.home.conninfo("tiketi_ledger");
  auto at = config.conninfo.find("host=");
  auto end = config.conninfo.find(' ', at);
  auto host = config.conninfo.substr(at + 5, end - at - 5);
  config.conninfo += " host=" + host + "," + host;
  config.conninfo += " port=5432,5433 target_session_attrs=read-write";
  return config;
}

void wait_until(pg::connection& db, const char* sql, const pg::params& values = {}) {
  while (!must(db, sql, values).boolean(0, 0)) std::this_thread::sleep_for(millis{10});
}

/// The standby has everything that the primary has now, and gets nothing more.
void cut_replication(pg::connection& primary, pg::connection& standby) {
  pg::params p;
  p.add_int8(number(primary, "SELECT (pg_current_wal_flush_lsn() - '0/0')::bigint"));
  wait_until(standby, "SELECT (pg_last_wal_replay_lsn() - '0/0')::bigint >= $1::bigint", p);
  must(standby, "ALTER SYSTEM SET primary_conninfo = ''");
  must(standby, "SELECT pg_reload_conf()");
  wait_until(primary, "SELECT count(*) = 0 FROM pg_stat_replication");
}

void fail_over(pg::connection& primary, pg::connection& standby) {
  must(primary, "ALTER SYSTEM SET default_transaction_read_only = on");
  must(primary, "SELECT pg_reload_conf()");
  must(primary, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE usename = 'tiketi_ledger'");
  must(standby, "SELECT pg_promote()");
  wait_until(standby, "SELECT NOT pg_is_in_recovery()");
}

std::string id_of(const op_ptr& x) { return to_string(std::get<create_reservation>(*x).id); }

/// Finds out that its connection is gone, then decides on the other server.
batch_result after_fail_over(ledger_driver_pg& lane, const batch& b) {
  CAF_CHECK_EQUAL(status(lane.execute(b)), "lost");
  return lane.execute(b);
}

} // namespace

CAF_TEST(H14 a lane goes on only if all that it has answered is there) {
  hall h;
  auto standby = open_standby();
  auto book = std::make_shared<loss_book>();
  auto watched = either_server(h);
  watched.losses = book;
  watched.slot = 1;
  ledger_driver_pg safe{either_server(h)}, at_risk{watched};
  ledger_driver_pg refused_only{either_server(h)};
  CAF_REQUIRE_EQUAL(first(safe.execute({{h.reserve(0)}})), "ok");
  CAF_REQUIRE_EQUAL(first(at_risk.execute({{h.reserve(1)}})), "ok");
  CAF_REQUIRE_EQUAL(first(refused_only.execute({{h.reserve(2)}})), "ok");
  cut_replication(h.db, standby);
  auto missing = h.reserve(3), missing_too = h.reserve(7);
  CAF_REQUIRE_EQUAL(first(at_risk.execute({{missing}})), "ok");
  CAF_REQUIRE_EQUAL(first(at_risk.execute({{missing_too}})), "ok");
  // Its position is beyond the switch, but all that it has promised is on the standby.
  CAF_REQUIRE_EQUAL(first(refused_only.execute({{h.reserve(0)}})), "moved");
  fail_over(h.db, standby);

  CAF_CHECK_EQUAL(first(after_fail_over(safe, {{h.reserve(4)}})), "ok");
  CAF_CHECK(!safe.loss_suspected());
  CAF_CHECK_EQUAL(first(after_fail_over(refused_only, {{h.reserve(5)}})), "ok");

  batch more{{h.reserve(6)}};
  auto refusal = after_fail_over(at_risk, more);
  CAF_CHECK_EQUAL(status(refusal), "read_only");
  CAF_CHECK(refusal.error.find("may be lost") != std::string::npos);
  CAF_CHECK(at_risk.loss_suspected());
  CAF_CHECK_EQUAL(status(at_risk.execute(more)), "read_only");
  // Exactly what is gone is told: not what was answered before the cut.
  CAF_CHECK(at_risk.losses().looked);
  CAF_CHECK(!at_risk.losses().older_too);
  std::vector<std::string> told;
  for (auto& x : at_risk.losses().missing) told.push_back(x.what + " " + x.id);
  CAF_CHECK((told == std::vector<std::string>{"reservation made " + id_of(missing_too),
                                              "reservation made " + id_of(missing)}));
  CAF_CHECK(safe.losses().suspicion.empty());
  CAF_CHECK(safe.losses().missing.empty());
  CAF_CHECK(suspected(book->read()));
  CAF_CHECK_EQUAL(book->read()[1].missing.size(), 2u);
  at_risk.accept_loss();
  CAF_CHECK(!suspected(book->read()));
  CAF_CHECK_EQUAL(first(at_risk.execute(more)), "ok");
  must(h.db, "ALTER SYSTEM RESET default_transaction_read_only");
  must(h.db, "SELECT pg_reload_conf()");
  wait_until(h.db, "SELECT setting = 'off' FROM pg_settings "
                   "WHERE name = 'default_transaction_read_only'");
}
