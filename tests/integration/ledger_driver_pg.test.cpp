// What only a real server can show: lost connections, stuck backends, locks.
#define CAF_SUITE ledger_driver_pg

#include <caf/test/dsl.hpp>

#include <algorithm>
#include <thread>

#include "persistence/ledger/driver_pg.hpp"
#include "tests/integration/hall.hpp"

using namespace tk;
using namespace tk::test;

CAF_TEST(no server means that nothing was sent) {
  ledger_driver_config config;
  config.conninfo = "host=/nowhere user=tiketi_ledger dbname=none";
  ledger_driver_pg driver{config};
  CAF_CHECK_EQUAL(status(driver.execute({})), "not_connected");
}

CAF_TEST(an empty batch asks whether the server can write) {
  hall h;
  ledger_driver_pg driver{plain_driver(h.home)};
  CAF_CHECK_EQUAL(status(driver.execute({})), "committed");
  ledger_driver_config config = plain_driver(h.home);
  config.conninfo += " options='-c default_transaction_read_only=on'";
  ledger_driver_pg reader{config};
  CAF_CHECK_EQUAL(status(reader.execute({})), "read_only");
  CAF_CHECK_EQUAL(status(reader.execute({{h.reserve(0)}})), "read_only");
}

CAF_TEST(a backend ended between batches is lost once and then replaced) {
  hall h;
  ledger_driver_pg driver{patient_driver(h.home)};
  CAF_CHECK_EQUAL(first(driver.execute({{h.reserve(0)}})), "ok");
  h.end_backend(driver.backend_pid());
  batch again{{h.reserve(1)}};
  CAF_CHECK_EQUAL(status(driver.execute(again)), "lost");
  CAF_CHECK_EQUAL(first(driver.execute(again)), "ok");
  CAF_CHECK_EQUAL(h.reservations(), 2);
}

CAF_TEST(a backend ended after its COMMIT leaves a batch that says replayed) {
  hall h;
  ledger_driver_pg driver{patient_driver(h.home)};
  driver.execute({});
  h.standby("ghost");
  batch again{{h.reserve(0)}};
  batch_result answer;
  std::thread asker{[&] { answer = driver.execute(again); }};
  auto pid = driver.backend_pid();
  h.wait_for_sync_wait(pid);
  h.end_backend(pid);
  asker.join();
  CAF_CHECK_EQUAL(status(answer), "lost");
  h.standby("");
  answer = driver.execute(again);
  CAF_CHECK_EQUAL(first(answer), "replayed");
  CAF_CHECK(answer.verdicts.at(0).replay_of == id_of(again.ops[0]));
  CAF_CHECK_EQUAL(h.reservations(), 1);
}

CAF_TEST(a key that another node is claiming is judged after its COMMIT) {
  hall h;
  ledger_driver_pg here{patient_driver(h.home)}, there{patient_driver(h.home)},
    third{patient_driver(h.home)};
  auto user = make_id<user_id>(h.source);
  pg::params p;
  p.add_id(user);
  must(h.db,
       "INSERT INTO users (id, email_cipher, email_lookup, name_cipher) "
       "VALUES ($1, 'x', uuid_send($1::uuid), 'x')",
       p);
  auto claiming = [&](const char* digest) {
    return claim_key{user, "payments.confirm", "k", digest, make_id<effect_id>(h.source), {}};
  };
  auto one = claiming("this"), twin = claiming("this"), other = claiming("that");
  auto execute = [](ledger_driver_pg& to, const claim_key& x) {
    return to.execute({{std::make_shared<op>(x)}});
  };
  for (auto* x : {&here, &there, &third}) x->execute({});
  h.standby("ghost"); // The first one has written and does not get to its end.
  batch_result first_said, twin_said, other_said;
  std::thread a{[&] { first_said = execute(here, one); }};
  h.wait_for_sync_wait(here.backend_pid());
  std::thread b{[&] { twin_said = execute(there, twin); }};
  std::thread c{[&] { other_said = execute(third, other); }};
  h.wait_for_lock_wait();
  h.standby("");
  for (auto* x : {&a, &b, &c}) x->join();
  CAF_CHECK_EQUAL(first(first_said), "ok");
  CAF_CHECK_EQUAL(first(twin_said), "replayed");
  CAF_CHECK(twin_said.verdicts.at(0).effect == one.effect);
  CAF_CHECK_EQUAL(first(other_said), "conflict");
  CAF_CHECK_EQUAL(number(h.db, "SELECT count(*) FROM request_keys"), 1);
}

CAF_TEST(a COMMIT that warns is lost) {
  hall h;
  ledger_driver_pg driver{patient_driver(h.home)};
  driver.execute({});
  h.standby("ghost");
  batch_result answer;
  std::thread asker{[&] { answer = driver.execute({{h.reserve(0)}}); }};
  h.wait_for_sync_wait(driver.backend_pid());
  pg::params p;
  p.add_int4(driver.backend_pid());
  must(h.db, "SELECT pg_cancel_backend($1)", p);
  asker.join();
  CAF_CHECK_EQUAL(status(answer), "lost");
  CAF_CHECK(answer.error.find("warned") != std::string::npos);
  h.standby("");
}

CAF_TEST(no second verdict before the first backend has ended) {
  hall h;
  auto config = plain_driver(h.home);
  config.batch_limit = millis{3000};
  ledger_driver_pg driver{config};
  driver.execute({});
  auto pid = driver.backend_pid();
  h.standby("ghost");
  batch again{{h.reserve(0)}};
  CAF_CHECK_EQUAL(status(driver.execute(again)), "lost");
  // The old one still waits inside COMMIT: closing a socket does not end it.
  CAF_CHECK(h.lives(pid));
  h.standby("");
  auto answer = driver.execute(again);
  // To end the old one and to connect may take longer than one batch may.
  for (int i = 0; i < 20 && answer.is != batch_status::committed; ++i)
    answer = driver.execute(again);
  CAF_CHECK_EQUAL(first(answer), "replayed");
  CAF_CHECK(!h.lives(pid));
}

CAF_TEST(a lock that is not to be had is contended and undone) {
  hall h;
  ledger_driver_pg driver{plain_driver(h.home)};
  auto rival = h.home.connect();
  must(rival, "BEGIN");
  must(rival, "SELECT count(*) FROM (SELECT 1 FROM seats FOR NO KEY UPDATE) x");
  batch b{{h.reserve(0)}};
  auto answer = driver.execute(b);
  CAF_CHECK_EQUAL(status(answer), "contended");
  CAF_CHECK(answer.error.starts_with("55P03"));
  must(rival, "ROLLBACK");
  CAF_CHECK_EQUAL(first(driver.execute(b)), "ok");
}

CAF_TEST(a deadlock is contended) {
  hall h;
  ledger_driver_pg driver{patient_driver(h.home)};
  auto rival = h.home.connect();
  must(h.db, "ALTER SYSTEM SET deadlock_timeout = '50ms'");
  must(h.db, "SELECT pg_reload_conf()");
  std::this_thread::sleep_for(millis{200});
  // The rival locks against the global order: the later seat first.
  pg::params low, high;
  low.add_id(std::min(h.seats[0], h.seats[1]));
  high.add_id(std::max(h.seats[0], h.seats[1]));
  must(rival, "BEGIN");
  must(rival, "SELECT 1 FROM seats WHERE id = $1 FOR NO KEY UPDATE", high);
  batch_result answer;
  std::thread asker{[&] { answer = driver.execute({{h.reserve(0), h.reserve(1)}}); }};
  h.wait_for_lock_wait();
  auto other = rival.query("SELECT 1 FROM seats WHERE id = $1 FOR NO KEY UPDATE", low);
  rival.run_script("ROLLBACK");
  asker.join();
  must(h.db, "ALTER SYSTEM RESET deadlock_timeout");
  must(h.db, "SELECT pg_reload_conf()");
  // Either side may be the victim; ours must be called contended when it is.
  if (other.ok()) CAF_CHECK_EQUAL(status(answer), "contended");
  else CAF_CHECK_EQUAL(first(answer), "ok");
}

CAF_TEST(a statement that takes too long is contended) {
  hall h;
  must(h.db, "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS "
             "$$ BEGIN PERFORM pg_sleep(10); RETURN NEW; END $$");
  must(h.db, "CREATE TRIGGER slow BEFORE INSERT ON reservations FOR EACH ROW "
             "EXECUTE FUNCTION slow()");
  ledger_driver_pg driver{plain_driver(h.home)};
  auto answer = driver.execute({{h.reserve(0)}});
  CAF_CHECK_EQUAL(status(answer), "contended");
  CAF_CHECK(answer.error.starts_with("57014"));
  CAF_CHECK_EQUAL(h.reservations(), 0);
}

CAF_TEST(H04 a reread waits for whoever holds the seat and shows the result) {
  hall h;
  ledger_driver_pg driver{patient_driver(h.home)};
  driver.execute({});
  auto rival = h.home.connect();
  pg::params p;
  p.add_id(h.seats[0]);
  must(rival, "BEGIN");
  must(rival,
       "UPDATE seats SET status = 'locked', version = 1, reservation_id = "
       "gen_random_uuid(), locked_by = gen_random_uuid() WHERE id = $1",
       p);
  reread_items x;
  x.seats = {h.seats[0]};
  x.deadline = must(h.db, "SELECT clock_timestamp()").time(0, 0);
  batch_result answer;
  std::thread asker{[&] { answer = driver.execute({{std::make_shared<op>(x)}}); }};
  h.wait_for_lock_wait();
  must(rival, "COMMIT");
  asker.join();
  CAF_REQUIRE_EQUAL(first(answer), "ok");
  auto& said = answer.verdicts.front();
  CAF_REQUIRE_EQUAL(said.rows.size(), 1u);
  CAF_CHECK_EQUAL(said.rows[0].status, 'l');
  CAF_CHECK_EQUAL(said.rows[0].version, 1);
  CAF_CHECK(said.final_read);
}

CAF_TEST(H15 a creation that waited behind a cancellation is closed) {
  hall h;
  ledger_driver_pg driver{patient_driver(h.home)};
  driver.execute({});
  auto admin = h.home.connect();
  must(admin, "BEGIN");
  must(admin, "SELECT pg_advisory_xact_lock(7430, 5)");
  must(admin, "UPDATE events SET status = 'cancelled'");
  batch_result answer;
  std::thread asker{[&] { answer = driver.execute({{h.reserve(0)}}); }};
  h.wait_for_lock_wait();
  must(admin, "COMMIT");
  asker.join();
  CAF_CHECK_EQUAL(first(answer), "closed");
  CAF_CHECK_EQUAL(h.reservations(), 0);
}

CAF_TEST(two lanes with one key make one reservation) {
  hall h;
  ledger_driver_pg one{patient_driver(h.home)}, two{patient_driver(h.home)};
  auto with_key = [&](size_t seat) {
    auto x = std::get<create_reservation>(*h.reserve(seat));
    x.user = user_id{1, 1};
    x.key = "same";
    x.digest = "same";
    return std::make_shared<op>(std::move(x));
  };
  batch a{{with_key(0)}}, b{{with_key(1)}};
  CAF_CHECK_EQUAL(first(one.execute(a)), "ok");
  auto answer = two.execute(b);
  CAF_CHECK_EQUAL(first(answer), "replayed");
  CAF_CHECK(answer.verdicts.at(0).replay_of == id_of(a.ops[0]));
}

CAF_TEST(a ticket number drawn in two lanes at once is refused to the second) {
  hall h;
  ledger_driver_pg driver{patient_driver(h.home)};
  auto held = h.reserve(0);
  CAF_REQUIRE_EQUAL(first(driver.execute({{held}})), "ok");
  auto paid = h.pay(id_of(held), driver);
  auto rival = h.home.connect();
  must(rival, "BEGIN");
  must(rival, "INSERT INTO tickets (id, ticket_number, reservation_id, unit, seat_id, event_id, "
              "user_id, price) SELECT x, 'T-1', x, 1, x, x, x, 1 FROM gen_random_uuid() x");
  auto sale = h.sell(paid, 0, "T-1");
  batch_result answer;
  std::thread asker{[&] { answer = driver.execute({{sale}}); }};
  h.wait_for_lock_wait();
  must(rival, "COMMIT");
  asker.join();
  CAF_CHECK_EQUAL(status(answer), "contended");
  CAF_CHECK_EQUAL(first(driver.execute({{sale}})), "number_used");
  CAF_CHECK_EQUAL(first(driver.execute({{h.sell(paid, 0, "T-2")}})), "ok");
}
