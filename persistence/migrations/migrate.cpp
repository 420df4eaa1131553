#include "persistence/migrations/migrate.hpp"

#include <sodium.h>

#include <array>

namespace tk {

namespace {

constexpr millis one_migration{600'000};

constexpr const char* make_table = R"(
CREATE TABLE IF NOT EXISTS schema_migrations (
  version int PRIMARY KEY,
  name text NOT NULL,
  checksum text NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
))";

std::string file_of(const migration& x) { return std::string{x.name}; }

/// Compares what is applied with `list`; the answer is the number of applied migrations.
tl::expected<int, std::string> compare(pg::connection& db, std::span<const migration> list) {
  auto rows = db.query("SELECT version, name, checksum FROM schema_migrations ORDER BY version");
  if (!rows.ok()) return tl::unexpected("cannot read schema_migrations: " + rows.error());
  for (int i = 0; i < rows.rows(); ++i) {
    auto version = rows.int4(i, 0);
    auto name = std::string{rows.text(i, 1)};
    if (static_cast<size_t>(i) >= list.size())
      return tl::unexpected("the database has migration " + name +
                            ", which this release does not know: use a newer one");
    auto& ours = list[static_cast<size_t>(i)];
    if (ours.version != version)
      return tl::unexpected("migration " + std::to_string(ours.version) +
                            " is missing in the database, although " + name + " is applied");
    if (rows.text(i, 2) != checksum_of(ours.sql))
      return tl::unexpected("migration " + file_of(ours) +
                            " was changed after it had been applied");
  }
  return rows.rows();
}

tl::expected<void, std::string> apply(pg::connection& db, const migration& x) {
  if (auto begun = db.run_script("BEGIN"); !begun.ok()) return tl::unexpected(begun.error());
  auto done = db.run_script(std::string{x.sql}.c_str(), one_migration);
  if (!done.ok()) return tl::unexpected("migration " + file_of(x) + " failed: " + done.error());
  pg::params values;
  values.add_int4(x.version).add_text(x.name).add_text(checksum_of(x.sql));
  auto noted =
    db.query("INSERT INTO schema_migrations (version, name, checksum) VALUES ($1, $2, $3)", values);
  if (!noted.ok()) return tl::unexpected("migration " + file_of(x) + ": " + noted.error());
  auto ended = db.run_script("COMMIT");
  if (ended.command_tag() != "COMMIT")
    return tl::unexpected("migration " + file_of(x) + " was not committed: " + ended.error());
  return {};
}

} // namespace

std::string checksum_of(std::string_view text) {
  std::array<unsigned char, crypto_hash_sha256_BYTES> raw{};
  crypto_hash_sha256(raw.data(), reinterpret_cast<const unsigned char*>(text.data()), text.size());
  constexpr char digits[] = "0123456789abcdef";
  std::string hex;
  for (auto byte : raw) {
    hex += digits[byte >> 4];
    hex += digits[byte & 15];
  }
  return hex;
}

tl::expected<int, std::string> migrate(const std::string& conninfo) {
  return migrate(conninfo, all_migrations());
}

tl::expected<int, std::string> migrate(const std::string& conninfo,
                                       std::span<const migration> list) {
  auto db = pg::connection::open(conninfo);
  if (!db) return tl::unexpected(db.error());
  // The lock ends with the session, whatever happens in it.
  auto locked = db->query("SELECT pg_advisory_lock(7431, 0)", {}, one_migration);
  if (!locked.ok()) return tl::unexpected("cannot lock the schema: " + locked.error());
  // A migration may take its time, unlike everything else.
  auto ready = db->run_script("SET statement_timeout = 0; SET lock_timeout = '30s'; "
                              "SET client_min_messages = warning");
  if (ready.ok()) ready = db->run_script(make_table);
  if (!ready.ok()) return tl::unexpected("cannot make schema_migrations: " + ready.error());
  auto applied = compare(*db, list);
  if (!applied) return applied;
  int count = 0;
  for (auto& x : list.subspan(static_cast<size_t>(*applied))) {
    if (auto done = apply(*db, x); !done) return tl::unexpected(done.error());
    ++count;
  }
  return count;
}

tl::expected<void, std::string> check_schema(pg::connection& db) {
  auto applied = compare(db, all_migrations());
  if (!applied) return tl::unexpected(applied.error());
  if (static_cast<size_t>(*applied) != all_migrations().size())
    return tl::unexpected("the database has " + std::to_string(*applied) + " of " +
                          std::to_string(all_migrations().size()) +
                          " migrations: migrate it first");
  return {};
}

} // namespace tk
