#include "persistence/migrations/migrate.hpp"

#include <sodium.h>

#include <algorithm>
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
);
ALTER TABLE schema_migrations ADD COLUMN IF NOT EXISTS needs int
)";

// What no newer release has migrated has no such column; what was applied before it needs itself.
constexpr const char* read_table =
  "SELECT version, name, checksum, coalesce((to_jsonb(m) ->> 'needs')::int, version) "
  "FROM schema_migrations m ORDER BY version";

std::string file_of(const migration& x) { return std::string{x.name}; }

/// A newer release has been here. Is what it did meant for this one, too?
tl::expected<void, std::string> check_newer(const pg::result& rows, int i, int ours) {
  if (rows.int4(i, 3) <= ours) return {};
  return tl::unexpected("the database has migration " + std::string{rows.text(i, 1)} +
                        ", which this release cannot work with: use a newer one");
}

/// Compares what is applied with `list`; the answer is the number of its migrations that are.
tl::expected<int, std::string> compare(pg::connection& db, std::span<const migration> list) {
  auto rows = db.query(read_table);
  if (!rows.ok()) return tl::unexpected("cannot read schema_migrations: " + rows.error());
  const auto known = static_cast<int>(list.size());
  for (int i = 0; i < rows.rows(); ++i) {
    if (i >= known) {
      if (auto newer = check_newer(rows, i, known == 0 ? 0 : list.back().version); !newer)
        return tl::unexpected(newer.error());
      continue;
    }
    auto& ours = list[static_cast<size_t>(i)];
    if (ours.version != rows.int4(i, 0))
      return tl::unexpected("migration " + std::to_string(ours.version) +
                            " is missing in the database, although " +
                            std::string{rows.text(i, 1)} + " is applied");
    if (rows.text(i, 2) != checksum_of(ours.sql))
      return tl::unexpected("migration " + file_of(ours) +
                            " was changed after it had been applied");
  }
  return std::min(rows.rows(), known);
}

tl::expected<void, std::string> apply(pg::connection& db, const migration& x) {
  if (auto begun = db.run_script("BEGIN"); !begun.ok()) return tl::unexpected(begun.error());
  auto done = db.run_script(std::string{x.sql}.c_str(), one_migration);
  if (!done.ok()) return tl::unexpected("migration " + file_of(x) + " failed: " + done.error());
  pg::params values;
  values.add_int4(x.version).add_text(x.name).add_text(checksum_of(x.sql)).add_int4(x.needs);
  auto noted = db.query("INSERT INTO schema_migrations (version, name, checksum, needs) "
                        "VALUES ($1, $2, $3, $4)",
                        values);
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
