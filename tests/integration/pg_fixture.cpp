#include "tests/integration/pg_fixture.hpp"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "persistence/migrations/migrate.hpp"

namespace tk::test {

namespace {

std::string server() {
  auto* x = std::getenv("TIKETI_TEST_PG");
  if (!x) {
    std::fprintf(stderr, "TIKETI_TEST_PG is not set: run this by tests/support/with-postgres\n");
    std::exit(77);
  }
  return x;
}

[[noreturn]] void die(const std::string& what) {
  std::fprintf(stderr, "%s\n", what.c_str());
  std::exit(1);
}

pg::connection open(const std::string& conninfo) {
  auto db = pg::connection::open(conninfo, millis{10'000});
  if (!db) die("cannot connect: " + db.error());
  return std::move(*db);
}

} // namespace

pg::result must(pg::connection& db, const char* sql, const pg::params& values) {
  auto x = db.query(sql, values, millis{120'000});
  if (!x.ok()) die(std::string{sql} + ": " + x.error());
  return x;
}

int64_t number(pg::connection& db, const char* sql, const pg::params& values) {
  return must(db, sql, values).integer(0, 0);
}

std::string text(pg::connection& db, const char* sql, const pg::params& values) {
  return std::string{must(db, sql, values).text(0, 0)};
}

test_database::test_database(bool migrated) {
  static std::atomic<int> count = 0;
  name_ = "t_" + std::to_string(getpid()) + "_" + std::to_string(++count);
  auto db = open(server());
  must(db, "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tiketi_migrate') THEN "
           "CREATE ROLE tiketi_migrate LOGIN CREATEROLE; END IF; END $$");
  must(db, ("CREATE DATABASE " + name_ + " OWNER tiketi_migrate").c_str());
  auto inside = connect();
  must(inside, "GRANT EXECUTE ON FUNCTION pg_read_file(text, bigint, bigint, boolean) "
               "TO tiketi_migrate");
  if (!migrated) return;
  if (auto done = migrate(conninfo("tiketi_migrate")); !done) die(done.error());
}

test_database::~test_database() {
  auto db = open(server());
  must(db, ("DROP DATABASE " + name_ + " WITH (FORCE)").c_str());
}

std::string test_database::conninfo(const std::string& role) const {
  return server() + " dbname=" + name_ + " user=" + role;
}

pg::connection test_database::connect(const std::string& role) const {
  return open(conninfo(role));
}

uint64_t counting_entropy::next() {
  static std::atomic<uint64_t> count = 0;
  return ++count;
}

uint64_t seeded_entropy::next() {
  auto z = (state += 0x9e3779b97f4a7c15ull);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

ledger_driver_config plain_driver(const test_database& x) {
  ledger_driver_config config;
  config.conninfo = x.conninfo("tiketi_ledger");
  return config;
}

ledger_driver_config patient_driver(const test_database& x) {
  auto config = plain_driver(x);
  config.lock_limit = config.statement_limit = config.batch_limit = millis{60'000};
  return config;
}

} // namespace tk::test
