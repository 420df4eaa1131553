#pragma once

#include <atomic>
#include <string>

#include "actors/base/entropy.hpp"
#include "actors/base/ids.hpp"
#include "persistence/ledger/driver_pg.hpp"
#include "persistence/pg/connection.hpp"

/// What tests against a real PostgreSQL share. The server's address is in TIKETI_TEST_PG.
namespace tk::test {

/// A database of its own, migrated by `tiketi_migrate`, dropped at the end.
class test_database {
public:
  /// `migrated` false: empty, for tests of the migrations themselves.
  explicit test_database(bool migrated = true);
  ~test_database();
  test_database(const test_database&) = delete;
  test_database& operator=(const test_database&) = delete;

  /// Conninfo of a role, e.g. "tiketi_ledger"; "postgres" is the superuser.
  [[nodiscard]] std::string conninfo(const std::string& role) const;
  [[nodiscard]] pg::connection connect(const std::string& role = "postgres") const;
  [[nodiscard]] const std::string& name() const { return name_; }

private:
  std::string name_;
};

/// Executes as the superuser's connection `db` and aborts the test when it fails.
pg::result must(pg::connection& db, const char* sql, const pg::params& values = {});
/// The integer in the first column of the first row.
int64_t number(pg::connection& db, const char* sql, const pg::params& values = {});
/// The text in the first column of the first row.
std::string text(pg::connection& db, const char* sql, const pg::params& values = {});

/// Ids from a counter: readable, and different in every test of a program.
struct counting_entropy : entropy {
  uint64_t next() override;
};

/// splitmix64, for tests that want the same "random" run again.
struct seeded_entropy : entropy {
  explicit seeded_entropy(uint64_t seed) : state(seed) {}
  uint64_t next() override;
  uint64_t state;
};

/// A lane's driver that registers nothing.
ledger_driver_config plain_driver(const test_database& x);

/// One that waits as long as it takes: for tests that hold a lock until somebody waits for it, and
/// would see its limit instead on a machine that is busy with something else.
ledger_driver_config patient_driver(const test_database& x);

} // namespace tk::test
