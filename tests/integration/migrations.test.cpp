#define CAF_SUITE migrations

#include "persistence/migrations/migrate.hpp"

#include <caf/test/dsl.hpp>

#include <string>
#include <thread>
#include <vector>

#include "tests/integration/pg_fixture.hpp"

using namespace tk;
using namespace tk::test;

namespace {

int count_of_ours() { return static_cast<int>(all_migrations().size()); }

/// How many migrations were applied; hugely negative when they were refused.
int applied_by(const std::string& conninfo) { return migrate(conninfo).value_or(-1000); }

std::string state_of(pg::connection& db, const char* sql) {
  auto x = db.query(sql);
  return std::string{x.sqlstate()};
}

bool allowed(pg::connection& db, const char* sql) {
  auto x = db.query(sql);
  if (!x.ok() && x.sqlstate() != "42501") CAF_FAIL(sql << ": " << x.error());
  return x.ok();
}

} // namespace

CAF_TEST(an empty database gets all migrations and a second run does nothing) {
  test_database home{false};
  auto conninfo = home.conninfo("tiketi_migrate");
  CAF_CHECK_EQUAL(applied_by(conninfo), count_of_ours());
  CAF_CHECK_EQUAL(applied_by(conninfo), 0);
  auto db = home.connect("tiketi_ledger");
  CAF_CHECK(check_schema(db).has_value());
}

CAF_TEST(two migrations at once apply every file once) {
  test_database home{false};
  auto conninfo = home.conninfo("tiketi_migrate");
  int first = -1, second = -1;
  std::thread other{[&] { first = applied_by(conninfo); }};
  second = applied_by(conninfo);
  other.join();
  CAF_CHECK_EQUAL(first + second, count_of_ours());
}

CAF_TEST(a changed file is refused and nothing is applied) {
  test_database home;
  std::vector<migration> list(all_migrations().begin(), all_migrations().end());
  std::string changed = std::string{list[2].sql} + "\n-- changed\n";
  list[2].sql = changed;
  list.push_back({count_of_ours() + 1, "9999_more.sql", "CREATE TABLE more (x int)"});
  auto done = migrate(home.conninfo("tiketi_migrate"), list);
  CAF_REQUIRE(!done.has_value());
  CAF_CHECK(done.error().find("was changed") != std::string::npos);
  auto db = home.connect();
  CAF_CHECK_EQUAL(number(db, "SELECT count(*) FROM pg_class WHERE relname = 'more'"), 0);
}

CAF_TEST(a newer database is refused when it needs newer releases) {
  test_database home;
  auto db = home.connect();
  must(db, "INSERT INTO schema_migrations (version, name, checksum, needs) "
           "VALUES (9998, '9998_future.sql', 'x', 0), (9999, '9999_future.sql', 'x', 9998)");
  auto done = migrate(home.conninfo("tiketi_migrate"));
  CAF_REQUIRE(!done.has_value());
  CAF_CHECK(done.error().find("9999_future.sql, which this release cannot work with") !=
            std::string::npos);
  CAF_CHECK(!check_schema(db).has_value());
}

CAF_TEST(what newer releases have only added to is good enough) {
  test_database home;
  auto db = home.connect();
  must(db, "INSERT INTO schema_migrations (version, name, checksum, needs) "
           "VALUES (9998, '9998_future.sql', 'x', 0)");
  auto done = migrate(home.conninfo("tiketi_migrate"));
  CAF_REQUIRE(done.has_value());
  CAF_CHECK_EQUAL(*done, 0);
  CAF_CHECK(check_schema(db).has_value());
}

CAF_TEST(a newer database of a release that did not say what it needs is refused) {
  test_database home;
  auto db = home.connect();
  must(db, "ALTER TABLE schema_migrations DROP COLUMN needs");
  CAF_CHECK(check_schema(db).has_value());
  must(db, "INSERT INTO schema_migrations VALUES (9999, '9999_future.sql', 'x')");
  CAF_CHECK(!check_schema(db).has_value());
}

CAF_TEST(a file that fails leaves no trace) {
  test_database home;
  std::vector<migration> list(all_migrations().begin(), all_migrations().end());
  list.push_back({count_of_ours() + 1, "9999_bad.sql", "CREATE TABLE half (x int); SELECT 1 / 0"});
  auto done = migrate(home.conninfo("tiketi_migrate"), list);
  CAF_REQUIRE(!done.has_value());
  auto db = home.connect();
  CAF_CHECK_EQUAL(number(db, "SELECT count(*) FROM pg_class WHERE relname = 'half'"), 0);
  CAF_CHECK_EQUAL(number(db, "SELECT count(*) FROM schema_migrations"), count_of_ours());
}

CAF_TEST(the outbox has its partitions and a default one) {
  test_database home;
  auto db = home.connect("tiketi_ledger");
  CAF_CHECK_EQUAL(number(db, "SELECT ensure_outbox_partitions(7)"), 0);
  CAF_CHECK_EQUAL(number(db, "SELECT ensure_outbox_partitions(9)"), 2);
  must(db, "INSERT INTO outbox (shard, topic, key, type, body, made_at) VALUES "
           "(1, 't', gen_random_uuid(), 'x', '{}', now() + interval '90 days')");
  CAF_CHECK_EQUAL(number(db, "SELECT count(*) FROM outbox"), 1);
}

CAF_TEST(the ledger has no DDL and deletes nothing it has decided) {
  test_database home;
  auto db = home.connect("tiketi_ledger");
  for (auto* sql : {"CREATE TABLE x (y int)",
                    "DELETE FROM reservations",
                    "DELETE FROM payments",
                    "DELETE FROM outbox",
                    "DELETE FROM reservation_history",
                    "DELETE FROM refunds",
                    "DELETE FROM payment_attempts",
                    "UPDATE payment_attempts SET amount = 0",
                    "UPDATE refunds SET amount = 0",
                    "DELETE FROM books",
                    "DELETE FROM tickets",
                    "UPDATE tickets SET ticket_number = 'x'",
                    "UPDATE tickets SET user_id = gen_random_uuid()",
                    "UPDATE queue_log SET at = now()",
                    "DELETE FROM queue_log",
                    "DELETE FROM queue_rooms",
                    "DELETE FROM queue_admissions",
                    "DELETE FROM vwr_counters",
                    "UPDATE vwr_counters SET made_at = now()",
                    "UPDATE queue_admissions SET hard_end = now()",
                    "UPDATE queue_admissions SET user_id = gen_random_uuid()",
                    "UPDATE books SET at = now()",
                    "DELETE FROM request_keys",
                    "UPDATE request_keys SET digest = 'x'",
                    "UPDATE reservation_history SET reason = 'x'",
                    "UPDATE outbox SET type = 'x'",
                    "UPDATE seats SET price = 1",
                    "UPDATE users SET role = 'admin'",
                    "SELECT email_cipher FROM users",
                    "TRUNCATE outbox",
                    "DROP TABLE seats",
                    "UPDATE ticket_types SET total_quantity = 1",
                    "DELETE FROM shard_owners",
                    "INSERT INTO events (title, venue, event_date) VALUES ('x', 'y', now())"})
    CAF_CHECK(!allowed(db, sql));
  CAF_CHECK(allowed(db, "UPDATE seats SET version = version"));
  CAF_CHECK(allowed(db, "SELECT timeline_history()"));
}

CAF_TEST(the store writes nothing that the ledger owns) {
  test_database home;
  auto db = home.connect("tiketi_store");
  for (auto* sql : {"UPDATE seats SET version = version",
                    "DELETE FROM seats",
                    "UPDATE reservations SET status = status",
                    "DELETE FROM reservations",
                    "UPDATE reservation_items SET quantity = 1",
                    "UPDATE ticket_types SET available_quantity = 1",
                    "UPDATE events SET status = 'cancelled'",
                    "DELETE FROM events",
                    "UPDATE users SET revoked_before = now()",
                    "UPDATE users SET role = 'admin'",
                    "UPDATE users SET credentials = 9",
                    "SELECT token_hash FROM refresh_tokens",
                    "DELETE FROM refresh_tokens",
                    "UPDATE refresh_families SET revoked_at = NULL",
                    "UPDATE nodes SET seen_at = now()",
                    "UPDATE shard_owners SET epoch = 9",
                    "DELETE FROM outbox",
                    "UPDATE payments SET status = 'confirmed'",
                    "INSERT INTO books (attempt_id) VALUES (gen_random_uuid())",
                    "UPDATE tickets SET status = 'valid'",
                    "UPDATE request_keys SET effect_id = user_id",
                    "DELETE FROM request_keys",
                    "UPDATE queue_rooms SET threshold = 1",
                    "UPDATE queue_admissions SET ended_at = now()",
                    "INSERT INTO queue_log (turn) VALUES (1)",
                    "UPDATE vwr_counters SET is_active = false",
                    "UPDATE relay_cursor SET seq = 1",
                    "DELETE FROM admin_audit_logs",
                    "UPDATE admin_audit_logs SET action = 'x'",
                    "SELECT torn()",
                    "CREATE TABLE x (y int)"})
    CAF_CHECK(!allowed(db, sql));
  must(db, "INSERT INTO events (id, title, venue, event_date) "
           "VALUES ('00000000-0000-4000-8000-000000000001', 'x', 'y', now())");
  must(db, "INSERT INTO ticket_types (event_id, name, price, total_quantity) "
           "VALUES ('00000000-0000-4000-8000-000000000001', 'x', 1, 40)");
  CAF_CHECK_EQUAL(number(db, "SELECT available_quantity FROM ticket_types"), 40);
  CAF_CHECK(allowed(db, "INSERT INTO users (email_cipher, email_lookup, name_cipher) "
                        "VALUES ('a', 'b', 'c')"));
  CAF_CHECK(allowed(db, "DELETE FROM news"));
}

CAF_TEST(readers only read) {
  test_database home;
  auto db = home.connect("tiketi_read");
  for (auto* sql : {"UPDATE news SET views = 1", "INSERT INTO processed_events VALUES ('a', 'b')",
                    "SELECT email_cipher FROM users", "SELECT token_hash FROM refresh_tokens",
                    "SELECT address FROM refresh_families", "SELECT password_hash FROM users",
                    "SELECT ensure_outbox_partitions(1)", "CREATE TABLE x (y int)"})
    CAF_CHECK(!allowed(db, sql));
  CAF_CHECK(allowed(db, "SELECT revoked_before FROM users"));
  CAF_CHECK(allowed(db, "SELECT count(*) FROM seats"));
  CAF_CHECK(allowed(db, "SELECT count(*) FROM tickets"));
  CAF_CHECK(allowed(db, "SELECT count(*) FROM queue_log"));
}

CAF_TEST(the auditor reads what readers read and writes nothing whatever it sets) {
  test_database home;
  auto db = home.connect("tiketi_audit");
  CAF_CHECK_EQUAL(text(db, "SHOW default_transaction_read_only"), "on");
  CAF_CHECK_EQUAL(text(db, "SHOW statement_timeout"), "5min");
  CAF_CHECK_EQUAL(state_of(db, "UPDATE news SET views = 1"), "25006");
  must(db, "SET default_transaction_read_only = off");
  for (auto* sql :
       {"UPDATE news SET views = 1", "UPDATE seats SET version = version",
        "INSERT INTO processed_events VALUES ('a', 'b')", "DELETE FROM outbox",
        "SELECT 1 FROM seats FOR SHARE", "DO 'BEGIN LOCK TABLE seats IN SHARE MODE; END'",
        "SELECT email_cipher FROM users", "SELECT token_hash FROM refresh_tokens",
        "SELECT address FROM refresh_families", "CREATE TABLE x (y int)"})
    CAF_CHECK(!allowed(db, sql));
  CAF_CHECK(allowed(db, "SELECT count(*) FROM outbox_default"));
}

CAF_TEST(constraints are the last line of defence) {
  test_database home;
  auto db = home.connect();
  must(db, "INSERT INTO events (id, title, venue, event_date) "
           "VALUES ('00000000-0000-4000-8000-000000000001', 'x', 'y', now())");
  must(db, "INSERT INTO seats (event_id, block_no, section, row_number, seat_number, seat_label, "
           "price) VALUES ('00000000-0000-4000-8000-000000000001', 0, 'A', 1, 1, 'A-1-1', 5)");
  must(db, "INSERT INTO ticket_types (event_id, name, price, total_quantity) "
           "VALUES ('00000000-0000-4000-8000-000000000001', 'x', 1, 4)");
  must(db, "INSERT INTO queue_admissions (event_id, generation, number, user_id, admitted_at, "
           "hard_end) VALUES (gen_random_uuid(), 1, 1, gen_random_uuid(), now(), "
           "now() + interval '1 s')");
  for (auto* sql :
       {"UPDATE seats SET status = 'locked'", "UPDATE seats SET version = -1",
        "UPDATE seats SET reservation_id = gen_random_uuid()", "UPDATE seats SET status = 'free'",
        "UPDATE ticket_types SET available_quantity = -1",
        "UPDATE ticket_types SET available_quantity = 5",
        "INSERT INTO shard_owners VALUES (128, NULL, 1)",
        "UPDATE queue_admissions SET ended_at = now()",
        "UPDATE queue_admissions SET end_reason = 'left'",
        "UPDATE queue_admissions SET end_reason = 'gone', ended_at = now()",
        "UPDATE queue_admissions SET hard_end = admitted_at",
        "INSERT INTO queue_log VALUES (gen_random_uuid(), 1, 1, 'join', '{1}', '{}', now())",
        "INSERT INTO queue_log VALUES (gen_random_uuid(), 1, 1, 'join', '{1}', NULL, now())",
        "INSERT INTO queue_log VALUES (gen_random_uuid(), 1, 1, 'leave', '{}', NULL, now())"})
    CAF_CHECK_EQUAL(state_of(db, sql), "23514");
}
