// What staff look for, on a real PostgreSQL: what is found, and that nothing is scanned for it.
#define CAF_SUITE staff

#include <chrono>
#include <string>
#include <thread>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/send.hpp>
#include <caf/test/dsl.hpp>

#include "persistence/calls/actor.hpp"
#include "persistence/staff/actor.hpp"
#include "tests/integration/hall.hpp"

using namespace tk;
using namespace tk::test;

namespace {

/// Many payments and reservations, a few of which did not come to an end.
constexpr const char* many = R"(
INSERT INTO reservations (id, user_id, event_id, reservation_number, total_amount, expires_at,
                          operation, shard, block_no, created_at)
SELECT gen_random_uuid(), u.id, e.id, 'N' || g, 1000, now(), 'x', 1, 1,
       now() - g * interval '1 second'
  FROM generate_series(1, 3000) g, (SELECT id FROM users ORDER BY id LIMIT 1) u,
       (SELECT id FROM events LIMIT 1) e;
INSERT INTO payments (id, reservation_id, user_id, event_id, order_id, amount, status, created_at)
SELECT gen_random_uuid(), id, user_id, event_id, 'ORD_' || reservation_number, 1000,
       CASE WHEN substr(reservation_number, 2)::int % 100 = 0 THEN 'failed' ELSE 'confirmed' END,
       created_at FROM reservations WHERE reservation_number LIKE 'N%';
INSERT INTO payment_attempts (id, payment_id, reservation_id, provider, payment_key, method, amount,
                              status, started_at, closed_at, error)
SELECT gen_random_uuid(), id, reservation_id, 'mock', 'key' || order_id, 'card', 1000,
       CASE status WHEN 'failed' THEN 'declined' ELSE 'approved' END, created_at, created_at,
       CASE status WHEN 'failed' THEN 'REJECT_CARD' END FROM payments WHERE order_id LIKE 'ORD_N%';
ANALYZE reservations; ANALYZE payments; ANALYZE payment_attempts
)";

pii_vault vault_of_tests() {
  pii_keys keys;
  keys.current.id = 1;
  return pii_vault{keys};
}

struct fixture {
  hall h{6};
  pii_vault vault = vault_of_tests();
  pg::connection staff = h.home.connect("tiketi_store");

  fixture() {
    must(h.db, "INSERT INTO users (email_cipher, email_lookup, name_cipher) "
               "VALUES ('', 'x', '') ON CONFLICT DO NOTHING");
    auto name = vault.encrypt("name", "Ann  Bell"), mail = vault.encrypt("email", "ann@x.example");
    auto put = h.db.query(
      "UPDATE users SET name_cipher = $1::bytea, email_cipher = $2::bytea, "
      "email_lookup = $3::bytea WHERE id = (SELECT id FROM users "
      "ORDER BY id LIMIT 1)",
      pg::params{}.add_bytes(*name).add_bytes(*mail).add_bytes(vault.lookup("ann@x.example")));
    if (!put.ok()) throw std::runtime_error(put.error());
    if (auto done = h.db.run_script(many); !done.ok()) throw std::runtime_error(done.error());
    if (!staff.run_script(staff_settings).ok()) throw std::runtime_error("settings");
    for (auto& x : staff_statements())
      if (auto done = staff.prepare(x.name, x.sql); !done.ok())
        throw std::runtime_error(x.name + (": " + done.error()));
  }

  payments_found payments(const find_payments& x) {
    auto out = read_staff_payments(staff, vault, x);
    if (!out) throw std::runtime_error(out.error().text);
    return *out;
  }
  bookings_found bookings(const find_bookings& x) {
    auto out = read_bookings(staff, vault, x);
    if (!out) throw std::runtime_error(out.error().text);
    return *out;
  }

  /// The tables of which `sql` would read everything.
  std::string scanned(std::string sql) {
    // As with what is told of each: a plan of its own.
    for (auto& [name, value] : std::initializer_list<std::pair<std::string, std::string>>{
           {"$12", "'REJECT_CARD'::text"},
           {"$11", "'mock'::text"},
           {"$10", "'card'::text"},
           {"$9", "'failed'::text"},
           {"$8::int8", "0"},
           {"$7::int4", "20"},
           {"$6", "'00000000-0000-0001-0000-000000000001'::uuid"},
           {"$5", "'\\x01'::bytea"},
           {"$4", "'\\x01'::bytea"},
           {"$3", "'N1'::text"},
           {"$2", "now()"},
           {"$1", "now() - '1 day'::interval"}})
      for (auto i = sql.find(name); i != std::string::npos; i = sql.find(name))
        sql.replace(i, name.size(), value);
    auto rows = must(staff, ("EXPLAIN " + sql).c_str());
    std::string out;
    for (int i = 0; i < rows.rows(); ++i) {
      auto line = std::string{rows.text(i, 0)};
      if (line.find("Seq Scan") != std::string::npos) out += line + '\n';
    }
    return out;
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(staff_tests, fixture)

CAF_TEST(payments are found by what is known of them) {
  find_payments x;
  auto all = payments(x);
  CAF_CHECK_EQUAL(all.total, 3'000);
  CAF_CHECK(all.complete);
  CAF_REQUIRE_EQUAL(all.rows.size(), 20u);
  CAF_CHECK_EQUAL(all.rows[0].order_id, "ORD_N1"); // The newest.
  CAF_CHECK_EQUAL(all.rows[0].provider, "mock");
  CAF_CHECK(all.rows[0].user_name == "Ann  Bell");
  CAF_CHECK(all.rows[0].user_email == "ann@x.example");
  CAF_CHECK_EQUAL(all.rows[0].reservation_number, "N1");
  x.of.page = 2;
  CAF_CHECK_EQUAL(payments(x).rows[0].order_id, "ORD_N21");
  x.of.page = 100'000;
  CAF_CHECK_EQUAL(payments(x).total, 3'000);
  CAF_CHECK(payments(x).rows.empty());
  auto count = [&](auto set) {
    find_payments y;
    set(y);
    return payments(y).total;
  };
  CAF_CHECK_EQUAL(count([](auto& y) { y.status = "failed"; }), 30);
  CAF_CHECK_EQUAL(count([](auto& y) { y.status = "pending"; }), 0);
  CAF_CHECK_EQUAL(count([](auto& y) { y.error_code = "REJECT_CARD"; }), 30);
  CAF_CHECK_EQUAL(count([](auto& y) { y.error_code = "OTHER"; }), 0);
  CAF_CHECK_EQUAL(count([](auto& y) { y.method = "card"; }), 3'000);
  CAF_CHECK_EQUAL(count([](auto& y) { y.provider = "toss"; }), 0);
  for (auto* word : {"ORD_N7", "keyORD_N7", "N7"})
    CAF_CHECK_EQUAL(count([&](auto& y) { y.of.search = word; }), 1);
  CAF_CHECK_EQUAL(count([&](auto& y) { y.of.search = to_string(all.rows[3].id); }), 1);
  CAF_CHECK_EQUAL(count([&](auto& y) { y.of.search = to_string(all.rows[3].reservation); }), 1);
  CAF_CHECK_EQUAL(count([](auto& y) { y.of.search = "Ann@x.example"; }), 3'000);
  CAF_CHECK_EQUAL(count([](auto& y) { y.of.search = "nobody@x.example"; }), 0);
  CAF_CHECK_EQUAL(count([](auto& y) {
                    y.of.search = "ann@x.example";
                    y.error_code = "REJECT_CARD";
                  }),
                  30);
  auto at = payments({}).rows[9].created_at;
  CAF_CHECK_EQUAL(count([&](auto& y) { y.of.from = at; }), 10);
  CAF_CHECK_EQUAL(count([&](auto& y) { y.of.before = at; }), 2'990);
}

CAF_TEST(people are found by their whole name once it was filled in) {
  find_bookings x;
  x.of.search = " ann bell ";
  CAF_CHECK_EQUAL(bookings(x).total, 0);
  auto fill = [&] { return fill_names(staff, vault, 500).value_or(-1); };
  CAF_CHECK(fill() > 0);
  CAF_CHECK_EQUAL(bookings(x).total, 3'000);
  CAF_CHECK_EQUAL(fill(), 0);
  x.of.search = "bell";
  CAF_CHECK_EQUAL(bookings(x).total, 0);
  // A node that does not know of look-ups gives somebody another name.
  auto other = vault.encrypt("name", "Cy Dee");
  auto put = h.db.query("UPDATE users SET name_cipher = $1::bytea", pg::params{}.add_bytes(*other));
  CAF_REQUIRE(put.ok());
  x.of.search = "ann bell";
  CAF_CHECK_EQUAL(bookings(x).total, 0);
  CAF_CHECK(fill() > 0);
  x.of.search = "cy dee";
  CAF_CHECK_EQUAL(bookings(x).total, 3'000);
}

CAF_TEST(reservations are found by what is known of them) {
  find_bookings x;
  CAF_CHECK_EQUAL(bookings(x).total, 3'000);
  x.of.search = "N12";
  auto one = bookings(x);
  CAF_REQUIRE_EQUAL(one.rows.size(), 1u);
  CAF_CHECK_EQUAL(one.rows[0].status, "expired"); // As its owner sees it.
  x = {};
  x.event = one.rows[0].event;
  CAF_CHECK_EQUAL(bookings(x).total, 3'000);
  x.status = "confirmed";
  CAF_CHECK_EQUAL(bookings(x).total, 0);
  x = {};
  x.event = event_id{1, 1};
  CAF_CHECK_EQUAL(bookings(x).total, 0);
}

CAF_TEST(no question of staff reads a whole table) {
  find_payments p;
  CAF_CHECK_EQUAL(scanned(payments_sql(p)), "");
  for (auto word : {&find_payments::status, &find_payments::method, &find_payments::provider,
                    &find_payments::error_code}) {
    find_payments one;
    one.*word = "failed";
    CAF_CHECK_EQUAL(scanned(payments_sql(one)), "");
  }
  p.of.search = "N1";
  CAF_CHECK_EQUAL(scanned(payments_sql(p)), "");
  p.of.search = to_string(payment_id{1, 1});
  p.of.from = p.of.before = from_ms(1);
  CAF_CHECK_EQUAL(scanned(payments_sql(p)), "");
  find_bookings b;
  CAF_CHECK_EQUAL(scanned(bookings_sql(b)), "");
  b.of.search = to_string(payment_id{1, 1});
  CAF_CHECK_EQUAL(scanned(bookings_sql(b)), "");
  for (auto& x : staff_statements()) {
    std::string call = std::string{"EXPLAIN EXECUTE "} + x.name + "(NULL";
    for (int i = 2; std::string{x.sql}.find("$" + std::to_string(i)) != std::string::npos; ++i)
      call += ", NULL";
    auto rows = must(staff, (call + ")").c_str());
    for (int i = 0; i < rows.rows(); ++i)
      if (rows.text(i, 0).find("Seq Scan") != std::string_view::npos)
        CAF_ERROR(x.name << ": " << rows.text(i, 0));
  }
}

CAF_TEST(the days tell what came of payments) {
  summarise_payments days;
  days.from = from_ms(0) + std::chrono::hours{24 * 365 * 30};
  days.before = from_ms(4'000'000'000'000);
  auto sums = read_payment_sums(staff, days);
  CAF_REQUIRE(sums.has_value());
  int64_t confirmed = 0, failed = 0;
  for (auto& x : sums->rows) {
    if (x.what == "confirmed") confirmed += x.count;
    if (x.what != "failed") continue;
    failed += x.count;
    CAF_CHECK_EQUAL(x.code, "REJECT_CARD");
  }
  CAF_CHECK_EQUAL(confirmed, 2'970);
  CAF_CHECK_EQUAL(failed, 30);
}

CAF_TEST(calls to providers are there once and told with their payment) {
  auto writer = h.home.connect("tiketi_store");
  for (auto& x : payment_call_statements()) CAF_REQUIRE(writer.prepare(x.name, x.sql).ok());
  payment_call_portion portion;
  portion.writer = 0xfedcba9876543210;
  for (int i = 0; i < 5000; ++i) {
    payment_call x;
    x.at = from_ms(1'800'000'000'000);
    x.took_ms = 12;
    x.provider = "mock";
    x.call = "approve";
    x.order_id = i % 2 == 0 ? "ORD_N7" : "ORD_N8";
    x.subject = to_string(attempt_id{1, 2});
    x.outcome = "declined";
    x.code = "REJECT_CARD";
    portion.rows.push_back(x);
  }
  auto written = [&] { return store_payment_calls(writer, portion).value_or(-1); };
  CAF_CHECK_EQUAL(written(), 5000);
  CAF_CHECK_EQUAL(written(), 0);
  portion.first = 5000;
  portion.rows.resize(1);
  portion.rows[0].says = "the last";
  CAF_CHECK_EQUAL(written(), 1);
  find_payments x;
  x.of.search = "ORD_N7";
  auto told = read_staff_payment(staff, vault, {payments(x).rows[0].id});
  CAF_REQUIRE(told.has_value());
  CAF_CHECK(told->found);
  CAF_CHECK_EQUAL(told->attempts.size(), 1u);
  CAF_REQUIRE_EQUAL(told->calls.size(), static_cast<size_t>(staff_calls_max));
  CAF_CHECK_EQUAL(told->calls[0].outcome, "declined");
  CAF_CHECK(told->calls[0].subject == to_string(attempt_id{1, 2}));
  CAF_CHECK(!read_staff_payment(staff, vault, {payment_id{1, 1}})->found);
}

CAF_TEST(calls of more than seven years are forgotten and no others) {
  auto writer = h.home.connect("tiketi_store");
  must(h.db, "INSERT INTO payment_calls (id, at, took_ms, provider, call, order_id, outcome) "
             "SELECT ('00000000-0000-7000-8000-00000000000' || g)::uuid, "
             "now() - interval '7 years' + (g - 3) * interval '1 day', 1, 'mock', 'query', 'o', "
             "'captured' FROM generate_series(1, 5) g");
  CAF_CHECK_EQUAL(number(writer, "SELECT forget_payment_calls(1)"), 1);
  CAF_CHECK_EQUAL(number(writer, "SELECT forget_payment_calls(100)"), 2); // To the day.
  CAF_CHECK_EQUAL(number(writer, "SELECT count(*) FROM payment_calls"), 2);
  for (auto* sql : {"DELETE FROM payment_calls", "UPDATE payment_calls SET outcome = 'x'"})
    CAF_CHECK(!writer.query(sql).ok());
}

namespace {

/// Who keeps calls, on threads of its own.
struct keeping {
  caf::actor_system_config settings;
  caf::actor_system system{settings};
  counting_entropy random;
  payment_calls_probe probe;
  payment_calls_actor calls;

  explicit keeping(payment_calls_config config) {
    calls = spawn_payment_calls(system, std::move(config), random, probe);
  }
  void tell(int count) const {
    for (int i = 0; i < count; ++i) {
      payment_call x;
      x.at = from_ms(1'800'000'000'000 + i);
      x.provider = "mock";
      x.call = "query";
      x.order_id = "ORD_KEPT";
      x.outcome = "captured";
      caf::anon_send(calls, x);
    }
  }
  void end() {
    caf::anon_send_exit(calls, caf::exit_reason::user_shutdown);
    calls = nullptr;
    system.await_all_actors_done();
  }
};

} // namespace

CAF_TEST(what is told is written in portions and at the end all of it) {
  payment_calls_config config;
  config.conninfo = h.home.conninfo("tiketi_store");
  config.portion_max = 7;
  config.gather = millis{1};
  keeping one{config};
  one.tell(100);
  while (one.probe.written < 100) std::this_thread::sleep_for(millis{5});
  one.tell(50);
  one.end(); // Nobody waits for the next portion.
  CAF_CHECK_EQUAL(one.probe.written.load(), 150u);
  CAF_CHECK_EQUAL(one.probe.dropped.load(), 0u);
  CAF_CHECK_EQUAL(number(h.db, "SELECT count(*) FROM payment_calls WHERE order_id = 'ORD_KEPT'"),
                  150);
}

CAF_TEST(what a database that is away cannot take is bounded and counted) {
  payment_calls_config config;
  config.conninfo = "host=/nowhere dbname=none user=nobody";
  config.waiting_max = 30;
  config.portion_max = 10;
  config.gather = config.again = millis{1};
  keeping one{config};
  one.tell(100);
  while (one.probe.failures < 2) std::this_thread::sleep_for(millis{5});
  CAF_CHECK(one.probe.dropped.load() >= 60u); // A portion is under way besides.
  CAF_CHECK_EQUAL(one.probe.written.load(), 0u);
  one.end();
  CAF_CHECK_EQUAL(one.probe.dropped.load(), 100u);
}

CAF_TEST_FIXTURE_SCOPE_END()
