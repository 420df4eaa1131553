// The store, the read pool and the seed against a real PostgreSQL.
#define CAF_SUITE store
#include "caf/test/dsl.hpp"

#include <algorithm>

#include <caf/scoped_actor.hpp>

#include "persistence/pii/check.hpp"
#include "persistence/reads/actor.hpp"
#include "persistence/store/actor.hpp"
#include "tests/integration/store_world.hpp"

namespace {

using namespace tk;
using namespace tk::test;

using fixture = store_world;

constexpr auto patience = std::chrono::seconds(10);

bool same(const reservation_row& a, const reservation_row& b) {
  auto item = [](const held_item& x, const held_item& y) {
    return x.seat == y.seat && x.type == y.type && x.quantity == y.quantity && x.price == y.price &&
           x.block_no == y.block_no;
  };
  return a.id == b.id && a.user == b.user && a.event == b.event && a.number == b.number &&
         a.total == b.total && a.status == b.status && a.pinned == b.pinned &&
         a.expires_at == b.expires_at && a.lead_block == b.lead_block &&
         std::equal(a.items.begin(), a.items.end(), b.items.begin(), b.items.end(), item);
}

} // namespace

CAF_TEST_FIXTURE_SCOPE(store_tests, fixture)

CAF_TEST(an account is found by its mail and a taken mail is refused) {
  auto to = writer();
  insert_user x{
    make_id<user_id>(source), "hong@example.com", "홍길동", "010-1234-5678", "hash", {}};
  x.role = user_role::user;
  auto made = store_user(to, *vault, x);
  CAF_REQUIRE(made);
  CAF_CHECK(made->created);
  auto twin = x;
  twin.id = make_id<user_id>(source);
  auto again = store_user(to, *vault, twin);
  CAF_REQUIRE(again);
  CAF_CHECK(!again->created);
  auto found = read_user(to, *vault, find_user_by_mail{"hong@example.com"});
  CAF_REQUIRE(found);
  CAF_CHECK(found->found);
  CAF_CHECK_EQUAL(found->name, "홍길동");
  CAF_CHECK_EQUAL(found->phone, "010-1234-5678");
  CAF_CHECK_EQUAL(found->password_hash, "hash");
  CAF_CHECK(found->id == x.id && found->created_at == made->created_at);
  auto by_id = read_user(to, *vault, find_user_by_id{x.id});
  CAF_CHECK(by_id && by_id->email == "hong@example.com");
  auto nobody = read_user(to, *vault, find_user_by_mail{"nobody@example.com"});
  CAF_CHECK(nobody && !nobody->found);
  auto wrong = store_hash(to, {x.id, "other", "new"});
  CAF_CHECK(wrong && !wrong->done);
  auto right = store_hash(to, {x.id, "hash", "new"});
  CAF_CHECK(right && right->done);
}

CAF_TEST(P7 a person of Google is found or linked or made) {
  auto to = writer();
  auto fresh = [&](const char* subject, const char* email, bool verified, user_id secured = {}) {
    return google_account_of(
      to, *vault, {make_id<user_id>(source), subject, email, "Name", verified, secured});
  };
  auto made = fresh("s1", "new@example.com", false);
  CAF_REQUIRE(made);
  CAF_CHECK(made->is == ec::ok && made->user.found && made->user.has_google);
  CAF_CHECK(made->user.password_hash.empty());
  auto again = fresh("s1", "moved@example.com", true);
  CAF_CHECK(again && again->user.id == made->user.id && again->user.email == "new@example.com");
  auto known = make_id<user_id>(source);
  store_user(to, *vault, {known, "old@example.com", "Old", "", "hash", user_role::user});
  CAF_CHECK(fresh("s2", "old@example.com", false)->is == ec::google_payload);
  auto before = fresh("s2", "old@example.com", true);
  CAF_REQUIRE(before && before->is == ec::ok);
  CAF_CHECK(before->to_secure && before->user.id == known && !before->user.has_google);
  CAF_CHECK(fresh("s2", "old@example.com", true, make_id<user_id>(source))->to_secure);
  // Not while the password of whoever registered the mail still counts.
  CAF_CHECK(fresh("s2", "old@example.com", true, known)->is == ec::busy);
  CAF_CHECK(fresh("s2", "old@example.com", false, known)->is == ec::google_payload);
  must(db, "UPDATE users SET password_hash = '*' WHERE password_hash = 'hash'");
  auto linked = fresh("s2", "old@example.com", true, known);
  CAF_REQUIRE(linked && linked->is == ec::ok);
  CAF_CHECK(!linked->to_secure && linked->user.id == known);
  CAF_CHECK(linked->user.password_hash.empty() && linked->user.has_google);
  CAF_CHECK(fresh("s3", "old@example.com", true, known)->is == ec::google_payload);
  must(db, "UPDATE users SET closed_at = now()");
  CAF_CHECK(fresh("s1", "new@example.com", true)->is == ec::user_unknown);
}

CAF_TEST(C1 revocations are read page by page in order) {
  auto to = writer();
  std::vector<user_id> users;
  for (auto* mail : {"a@example.com", "b@example.com", "c@example.com", "d@example.com"}) {
    users.push_back(make_id<user_id>(source));
    store_user(to, *vault, {users.back(), mail, "Name", "", "hash", user_role::user});
  }
  auto noon = from_ms(1'800'000'000'000);
  auto revoke = [&](size_t i, instant at) {
    pg::params values;
    values.add_id(users[i]).add_time(at);
    must(db, "UPDATE users SET revoked_before = $2 WHERE id = $1", values);
  };
  revoke(0, noon);
  revoke(1, noon);
  revoke(2, noon + millis{1}); // The fourth was never revoked.
  auto page = [&](instant since, user_id after, int32_t limit) {
    auto found = read_revocations(to, {since, after, limit});
    CAF_REQUIRE(found);
    return found->rows;
  };
  auto all = page(noon, {}, 10);
  CAF_REQUIRE_EQUAL(all.size(), 3u);
  CAF_CHECK(all[0].user == std::min(users[0], users[1]) && all[0].revoked_before == noon);
  CAF_CHECK(all[1].user == std::max(users[0], users[1]));
  CAF_CHECK(all[2].user == users[2] && all[2].revoked_before == noon + millis{1});
  CAF_CHECK_EQUAL(page(noon, {}, 1).size(), 1u);
  CAF_CHECK(page(noon, all[0].user, 1).front().user == all[1].user);
  CAF_CHECK(page(noon + millis{1}, {}, 10).size() == 1);
  CAF_CHECK(page(noon + millis{2}, {}, 10).empty());
}

CAF_TEST(G07 a profile changes what is given and a closed account nothing) {
  auto to = writer();
  insert_user x{make_id<user_id>(source), "kim@example.com", "Kim", "010", "h", user_role::user};
  store_user(to, *vault, x);
  auto renamed = store_profile(to, *vault, {x.id, "Lee", std::nullopt});
  CAF_REQUIRE(renamed && renamed->found);
  CAF_CHECK(renamed->name == "Lee" && renamed->phone == "010");
  auto cleared = store_profile(to, *vault, {x.id, std::nullopt, ""});
  CAF_CHECK(cleared && cleared->name == "Lee" && cleared->phone.empty());
  must(db, "UPDATE users SET closed_at = now()");
  CAF_CHECK(!store_profile(to, *vault, {x.id, "Park", "1"})->found);
}

CAF_TEST(G07 what is due is erased and nothing else) {
  auto to = writer();
  std::vector<user_id> users;
  for (auto* mail : {"a@example.com", "b@example.com", "c@example.com"}) {
    users.push_back(make_id<user_id>(source));
    store_user(to, *vault, {users.back(), mail, "Name", "010", "hash", user_role::user});
  }
  must(db, "INSERT INTO refresh_families (id, user_id, expires_at) "
           "SELECT gen_random_uuid(), id, now() + interval '1 hour' FROM users");
  auto closed = [&](size_t i, const char* ago) {
    pg::params values;
    values.add_id(users[i]).add_text(ago);
    must(db, "UPDATE users SET closed_at = now() - $2::text::interval WHERE id = $1", values);
  };
  closed(0, "31 days");
  closed(1, "29 days");
  constexpr int64_t month_s = 30 * 86'400;
  auto done = clear_accounts_of(to, *vault, {month_s, 10});
  CAF_REQUIRE(done);
  CAF_CHECK(done->erased == 1 && done->sessions == 0);
  CAF_CHECK(!read_user(to, *vault, find_user_by_mail{"a@example.com"})->found);
  auto erased = read_user(to, *vault, find_user_by_id{users[0]});
  CAF_REQUIRE(erased && erased->found);
  CAF_CHECK(erased->email.empty() && erased->name.empty() && erased->phone.empty());
  CAF_CHECK(erased->password_hash.empty());
  CAF_CHECK(read_user(to, *vault, find_user_by_mail{"b@example.com"})->found);
  CAF_CHECK_EQUAL(number(db, "SELECT count(*) FROM refresh_families"), 2);
  CAF_CHECK(clear_accounts_of(to, *vault, {month_s, 10})->erased == 0);
  must(db, "UPDATE refresh_families SET expires_at = now() - interval '2 days'");
  CAF_CHECK(clear_accounts_of(to, *vault, {month_s, 1})->sessions == 1);
  CAF_CHECK(clear_accounts_of(to, *vault, {month_s, 10})->sessions == 1);
}

CAF_TEST(what waits in the outbox is counted and its age told) {
  auto to = writer();
  auto empty = read_outbox_backlog(to);
  CAF_REQUIRE(empty);
  CAF_CHECK(empty->pending == 0 && empty->oldest_ms == 0);
  for (auto* row : {"7, now()", "7, now() - interval '1 hour'", "8, now() - interval '1 minute'"})
    must(db, ("INSERT INTO outbox (shard, made_at, topic, key, type, body) VALUES (" +
              std::string{row} + ", 't', 'k', 'T', '{}')")
               .c_str());
  auto waiting = read_outbox_backlog(to);
  CAF_REQUIRE(waiting);
  CAF_CHECK_EQUAL(waiting->pending, 3);
  must(db, "UPDATE relay_cursor SET (xid, seq) = (SELECT o.xid, o.seq FROM outbox o "
           "WHERE o.shard = 7 ORDER BY o.xid DESC, o.seq DESC LIMIT 1) WHERE shard = 7");
  auto rest = read_outbox_backlog(to);
  CAF_REQUIRE(rest);
  CAF_CHECK_EQUAL(rest->pending, 1);
  CAF_CHECK(rest->oldest_ms >= 60'000 && rest->oldest_ms < 3'600'000);
}

CAF_TEST(S37 no personal data is stored in clear) {
  auto to = writer();
  store_user(
    to, *vault,
    {make_id<user_id>(source), "kim@example.com", "Kim Minji", "010-99", "h", user_role::user});
  auto dump = text(db, "SELECT string_agg(encode(u::text::bytea, 'escape'), '') || "
                       "string_agg(encode(email_cipher || email_lookup || name_cipher || "
                       "phone_cipher, 'escape'), '') FROM users u");
  for (auto clear : {"kim@example.com", "example", "Kim Minji", "Minji", "010-99"})
    CAF_CHECK(dump.find(clear) == std::string::npos);
}

CAF_TEST(other keys than those of the stored accounts are noticed at the start) {
  fill();
  auto to = writer();
  CAF_CHECK(check_keys(to, *vault).has_value());
  pii_keys other;
  other.current.id = 77;
  auto wrong = check_keys(to, pii_vault{other});
  CAF_REQUIRE(!wrong.has_value());
  CAF_CHECK(wrong.error().find("TIKETI_PII_KEY: ") == 0);
}

CAF_TEST(S29 the role of the store cannot touch what the ledger owns) {
  auto to = home.connect("tiketi_store");
  for (auto sql : {"UPDATE seats SET status = 'reserved'", "DELETE FROM reservations",
                   "UPDATE users SET revoked_before = NULL", "SELECT * FROM refresh_tokens",
                   "UPDATE ticket_types SET available_quantity = 0", "DELETE FROM event_search"})
    CAF_CHECK_EQUAL(to.query(sql).sqlstate(), "42501");
  auto from = home.connect("tiketi_read");
  for (auto sql : {"UPDATE seats SET status = 'reserved'", "SELECT email_cipher FROM users",
                   "SELECT password_hash FROM users"})
    CAF_CHECK_EQUAL(from.query(sql).sqlstate(), "42501");
}

CAF_TEST(the seed is as contracted and a second run changes nothing) {
  auto made = fill();
  CAF_CHECK_EQUAL(made.events, 28);
  CAF_CHECK_EQUAL(made.seats, number(db, "SELECT count(*) FROM seats"));
  auto digest = "SELECT md5(string_agg(x::text, '' ORDER BY x::text)) FROM (SELECT id, title, "
                "event_date FROM events UNION ALL SELECT id, seat_label, created_at FROM seats "
                "UNION ALL SELECT id, role, created_at FROM users) x";
  auto before = text(db, digest);
  auto again = fill();
  CAF_CHECK_EQUAL(again.events, 0);
  CAF_CHECK_EQUAL(text(db, digest), before);
  CAF_CHECK_EQUAL(number(db, "SELECT count(*) FROM artists"), 22);
  CAF_CHECK_EQUAL(number(db, "SELECT count(*) FROM news"), 3);
  CAF_CHECK_EQUAL(number(db, "SELECT count(*) FROM seats s JOIN events e ON e.id = s.event_id "
                             "WHERE title = '스포츠 경기 - 농구 결승전'"),
                  4900);
  CAF_CHECK_EQUAL(number(db, "SELECT max(n) FROM (SELECT count(*) n FROM seats "
                             "GROUP BY event_id, block_no) x"),
                  500);
  CAF_CHECK_EQUAL(text(db, "SELECT to_char(sale_start_date AT TIME ZONE 'Asia/Seoul' - "
                           "date_trunc('day', now() AT TIME ZONE 'Asia/Seoul'), 'DD HH24:MI') "
                           "FROM events WHERE title = 'BTS WORLD TOUR 2025'"),
                  "07 09:00");
  auto more = fill(seed_profile::load);
  CAF_CHECK_EQUAL(more.events, 10);
  CAF_CHECK_EQUAL(fill(seed_profile::load).events, 0);
  CAF_CHECK_EQUAL(number(db, "SELECT count(*) FROM (SELECT * FROM events ORDER BY sale_start_date "
                             "LIMIT 10) e WHERE title LIKE 'Load%' AND sale_start_date < now() - "
                             "interval '48 hours' AND (SELECT sum(total_quantity) FROM "
                             "ticket_types WHERE event_id = e.id) >= 100000"),
                  10);
}

CAF_TEST(S25 hostile strings are stored and found literally) {
  auto to = writer();
  for (std::string x : {"'; DROP TABLE users; --", "\" OR 1=1", "$1", "%s%n", "Robert');", "\\",
                        "%", "_", "NULL", "a\nb", "{1,2}", "${jndi:x}"}) {
    insert_user u{make_id<user_id>(source), x + "@x.kr", x, x, x, user_role::user};
    auto made = store_user(to, *vault, u);
    CAF_REQUIRE(made && made->created);
    auto found = read_user(to, *vault, find_user_by_mail{x + "@x.kr"});
    CAF_CHECK(found && found->name == x && found->phone == x && found->password_hash == x);
    must(db, "INSERT INTO events (title, venue, event_date) VALUES ($1, 'v', now() + '1 day')",
         pg::params{}.add_text("t " + x + " end"));
    auto events = read_events(to, listing(event_status_filter::any, "t " + x + " end", 1, 10));
    CAF_REQUIRE(events);
    CAF_CHECK_EQUAL(events->total, 1);
  }
  auto zero = read_events(to, listing(event_status_filter::any, std::string{"a\0b", 3}, 1, 10));
  CAF_REQUIRE(!zero);
  CAF_CHECK(zero.error().error == ec::bad_request);
  CAF_CHECK(number(db, "SELECT count(*) FROM users") == 12);
}

CAF_TEST(a user sees their own reservations and expired ones as expired) {
  fill();
  auto to = writer();
  auto who = user(), other = user();
  auto hall = event("뮤지컬 오페라의 유령");
  auto live = reserve(who, hall, 3), over = reserve(who, hall, 1, -1);
  auto mine = read_reservations(to, {who});
  CAF_REQUIRE(mine);
  CAF_REQUIRE_EQUAL(mine->rows.size(), 2u);
  CAF_CHECK(mine->rows[0].id == over && mine->rows[0].status == "expired"); // P-44, newest first
  CAF_CHECK(mine->rows[1].id == live && mine->rows[1].status == "pending");
  CAF_REQUIRE_EQUAL(mine->rows[1].items.size(), 3u);
  CAF_CHECK_EQUAL(mine->rows[1].items[0].ticket_type_name, "VIP-1-1");
  CAF_CHECK_EQUAL(mine->rows[1].event_title, "뮤지컬 오페라의 유령");
  CAF_CHECK(read_one_reservation(to, {who, live})->found);
  CAF_CHECK(!read_one_reservation(to, {other, live})->found);
  CAF_CHECK(read_reservations(to, {other})->rows.empty());
}

CAF_TEST(what reads a users rows tells whether their token still counts) {
  fill();
  auto to = writer();
  auto who = user(), other = user(), nobody = make_id<user_id>(source);
  auto mine = reserve(who, event("뮤지컬 오페라의 유령"), 2);
  CAF_CHECK(read_reservations(to, {who})->tokens.revoked_before == instant{});
  must(db, "UPDATE users SET revoked_before = '2030-01-02T03:04:05.678Z'");
  auto at = *parse_iso("2030-01-02T03:04:05.678Z");
  for (auto& x : {who, other}) { // With reservations and without.
    auto all = read_reservations(to, {x})->tokens;
    auto one = read_one_reservation(to, {x, mine})->tokens;
    CAF_CHECK(all.user_known && all.revoked_before == at);
    CAF_CHECK(one.user_known && one.revoked_before == at);
  }
  CAF_CHECK(!read_reservations(to, {nobody})->tokens.user_known);
  CAF_CHECK(!read_one_reservation(to, {nobody, mine})->tokens.user_known);
}

CAF_TEST(a block an event and a plan are read as they are) {
  fill();
  auto from = reader();
  auto who = user();
  auto hall = event("스포츠 경기 - 농구 결승전");
  auto id = reserve(who, hall, 2);
  auto row = read_event_row(from, {hall});
  if (!row) CAF_FAIL(row.error().text);
  CAF_CHECK(row->known && !row->cancelled);
  auto parts = number(db,
                      "SELECT (SELECT count(DISTINCT block_no) FROM seats WHERE event_id = $1) + "
                      "(SELECT count(*) FROM ticket_types WHERE event_id = $1)",
                      pg::params{}.add_id(hall));
  CAF_CHECK_EQUAL(static_cast<int64_t>(row->blocks.size()), parts);
  CAF_CHECK(std::is_sorted(row->blocks.begin(), row->blocks.end()));
  auto block = read_block(from, {hall, 1});
  CAF_REQUIRE(block);
  CAF_CHECK_EQUAL(block->seats.size(), 500u);
  CAF_CHECK_EQUAL(
    std::count_if(block->seats.begin(), block->seats.end(),
                  [&](auto& x) { return x.row.status == 'l' && x.row.reservation == id; }),
    2);
  CAF_REQUIRE_EQUAL(block->led.size(), 1u);
  CAF_CHECK_EQUAL(block->led[0].items.size(), 2u);
  CAF_CHECK(!read_block(from, {hall, 999})->known);
  auto plan = read_plan(from, {hall});
  CAF_REQUIRE(plan);
  CAF_CHECK_EQUAL(plan->seats.size(), 4900u);
  CAF_CHECK_EQUAL(plan->sections.size(), 3u);
  CAF_CHECK(!plan->layout_json.empty());
  auto standing = read_event_row(from, {event("ZICO STANDING NIGHT 2025")});
  CAF_CHECK(standing->known);
  CAF_CHECK_EQUAL(standing->blocks.size(), 2u); // One for each ticket type.
  CAF_CHECK(std::all_of(standing->blocks.begin(), standing->blocks.end(),
                        [](int32_t x) { return x >= first_quota_block; }));
  CAF_CHECK(!read_event_row(from, {make_id<event_id>(source)})->known);
  CAF_CHECK(!read_plan(from, {make_id<event_id>(source)})->event_known);
  CAF_CHECK(read_reservation_row(from, {id})->found);
  CAF_CHECK(!read_reservation_row(from, {make_id<reservation_id>(source)})->found);
  CAF_CHECK(read_overdue(from, {0, 10})->rows.empty());
  auto late = reserve(who, hall, 1, -10);
  auto overdue = read_overdue(from, {2000, 10});
  CAF_REQUIRE_EQUAL(overdue->rows.size(), 1u);
  CAF_CHECK(overdue->rows[0].id == late && overdue->rows[0].lead_block == 1);
  auto live_count = read_live_blocks(from)->rows.size();
  CAF_CHECK_EQUAL(live_count, 1u);
}

CAF_TEST(H32 many sessions are read by one statement and each gets its own) {
  fill();
  auto from = reader();
  auto hall = event("2025 콘서트 투어 in 서울");
  std::vector<user_id> users;
  for (int i = 0; i < 40; ++i) {
    users.push_back(user());
    for (int k = 0; k < i % 3; ++k) reserve(users.back(), hall, 1 + k);
  }
  users.push_back(make_id<user_id>(source)); // Nobody.
  users.push_back(users.front());            // Twice in one batch.
  auto all = read_sessions(from, users);
  if (!all) CAF_FAIL(all.error().text);
  CAF_REQUIRE_EQUAL(all->size(), users.size());
  for (size_t i = 0; i < users.size(); ++i) {
    auto one = read_sessions(from, {users[i]});
    CAF_REQUIRE(one && one->size() == 1u);
    const auto &a = (*all)[i], &b = one->front();
    CAF_CHECK_EQUAL(a.user_known, i != 40);
    CAF_CHECK(a.user_known == b.user_known && a.revoked_before == b.revoked_before);
    CAF_CHECK(
      std::equal(a.pending.begin(), a.pending.end(), b.pending.begin(), b.pending.end(), same));
    CAF_CHECK_EQUAL(a.pending.size(), i < 40 ? i % 3 : 0u);
  }
  auto plan = must(from, "EXPLAIN EXECUTE sessions ('{}')");
  std::string text_of_plan;
  for (int i = 0; i < plan.rows(); ++i) text_of_plan += std::string{plan.text(i, 0)} + '\n';
  CAF_CHECK(text_of_plan.find("Seq Scan") == std::string::npos);
  CAF_CHECK(text_of_plan.find("reservations_mine") != std::string::npos);
  CAF_MESSAGE(text_of_plan);
}

CAF_TEST(the pools answer everybody and come back after a lost connection) {
  fill();
  auto who = user();
  reserve(who, event("2025 콘서트 투어 in 서울"), 2);
  caf::actor_system_config cfg;
  caf::actor_system sys{cfg};
  caf::scoped_actor self{sys};
  auto reads = spawn_reads(sys, {home.conninfo("tiketi_read"), 2, 20'000, {}});
  auto store = spawn_store(sys, {home.conninfo("tiketi_store"), 2, 4096, vault, {}});
  int good = 0, bad = 0;
  for (int i = 0; i < 1000; ++i) self->send(reads, load_session{who});
  for (int i = 0; i < 1000; ++i)
    self->receive([&](const session_rows& x) { ++(x.pending.size() == 1 ? good : bad); },
                  [&](caf::error&) { ++bad; });
  CAF_CHECK_EQUAL(good, 1000);
  CAF_CHECK_EQUAL(bad, 0);
  self->request(reads, patience, load_room{event("2025 콘서트 투어 in 서울")})
    .receive([](const room_rows& x) { CAF_CHECK(x.known && x.waiting.empty()); },
             [](caf::error& x) { CAF_ERROR(caf::to_string(x)); });
  auto ping = [&] {
    bool ok = false;
    self->request(store, patience, ping_store{})
      .receive([&](const store_alive&) { ok = true; }, [](caf::error&) {});
    self->request(reads, patience, load_session{who})
      .receive([&](const session_rows&) {}, [&](caf::error&) { ok = false; });
    return ok;
  };
  CAF_CHECK(ping());
  must(db, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
           "WHERE usename IN ('tiketi_store', 'tiketi_read')");
  bool back = false;
  for (int i = 0; i < 20 && !back; ++i) back = ping();
  CAF_CHECK(back);
  caf::anon_send_exit(reads, caf::exit_reason::user_shutdown);
  caf::anon_send_exit(store, caf::exit_reason::user_shutdown);
}

CAF_TEST_FIXTURE_SCOPE_END()
