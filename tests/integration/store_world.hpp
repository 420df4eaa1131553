#pragma once

#include "caf/test/dsl.hpp"

#include "persistence/pii/vault.hpp"
#include "persistence/reads/queries.hpp"
#include "persistence/seed/seed.hpp"
#include "persistence/store/queries.hpp"
#include "tests/integration/pg_fixture.hpp"

namespace tk::test {

inline std::shared_ptr<const pii_vault> test_vault() {
  pii_keys keys;
  keys.current.id = 1;
  keys.current.bytes.fill(7);
  keys.lookup.fill(9);
  return std::make_shared<pii_vault>(keys);
}

inline pg::connection prepared(const test_database& home, const std::string& role,
                               const std::vector<pg_statement>& statements, const char* settings) {
  auto db = home.connect(role);
  if (*settings != '\0') CAF_REQUIRE(db.run_script(settings).ok());
  for (const auto& x : statements) {
    auto made = db.prepare(x.name, x.sql);
    if (!made.ok()) CAF_FAIL(x.name << ": " << made.error());
  }
  return db;
}

/// A database with the store, the reads and the seed.
struct store_world {
  test_database home;
  pg::connection db = home.connect();
  counting_entropy source;
  std::shared_ptr<const pii_vault> vault = test_vault();

  pg::connection reader() {
    return prepared(home, "tiketi_read", read_statements(), read_settings);
  }
  pg::connection writer() { return prepared(home, "tiketi_store", store_statements(), ""); }

  seeded fill(seed_profile profile = seed_profile::laptop) {
    seed_options x;
    x.profile = profile;
    x.admin_email = "admin@tiketi.test";
    x.admin_password_hash = "hash";
    x.load_password_hash = "hash";
    x.now = from_ms(number(db, "SELECT (extract(epoch FROM now()) * 1000)::int8"));
    x.random = &source;
    x.vault = vault.get();
    auto made = seed(home.conninfo("tiketi_migrate"), x);
    if (!made) CAF_FAIL(made.error());
    return *made;
  }

  event_id event(const char* title) {
    auto rows = must(db, "SELECT id FROM events WHERE title = $1", pg::params{}.add_text(title));
    CAF_REQUIRE_EQUAL(rows.rows(), 1);
    return rows.uuid<event_id>(0, 0);
  }

  user_id user() {
    auto id = make_id<user_id>(source);
    pg::params p;
    must(db,
         "INSERT INTO users (id, email_cipher, email_lookup, name_cipher) "
         "VALUES ($1, '', uuid_send($1), '')",
         p.add_id(id));
    return id;
  }

  /// A reservation of the `n` seats of `event` that come first and are free.
  reservation_id reserve(const user_id& who, const event_id& of, int n, int life_s = 300) {
    auto id = make_id<reservation_id>(source);
    pg::params p;
    p.add_id(id).add_id(who).add_id(of).add_text("TK" + to_string(id)).add_int4(life_s);
    must(db,
         "INSERT INTO reservations (id, user_id, event_id, reservation_number, total_amount, "
         "expires_at, operation, shard, block_no) VALUES ($1, $2, $3, $4, 1000, now() + $5::int "
         "* interval '1 second', 'seats.reserve', 3, 1)",
         p);
    must(db,
         "WITH free AS (SELECT id, price FROM seats WHERE event_id = $3 AND status = 'available' "
         "ORDER BY block_no, row_number, seat_number LIMIT $4::int), taken AS (UPDATE seats SET "
         "status = 'locked', locked_by = $2, reservation_id = $1, version = version + 1 "
         "WHERE id IN (SELECT id FROM free)) INSERT INTO reservation_items (reservation_id, "
         "seat_id, quantity, unit_price, subtotal) SELECT $1, id, 1, price, price FROM free",
         pg::params{}.add_id(id).add_id(who).add_id(of).add_int4(n));
    return id;
  }
};

/// A list without further filters, in the usual order.
inline list_events listing(event_status_filter status, std::string search, int32_t page,
                           int32_t limit) {
  list_events x;
  x.status = status;
  x.search = std::move(search);
  x.page = page;
  x.limit = limit;
  return x;
}

} // namespace tk::test
