// Events and artists as lists and searches show them, against a real PostgreSQL.
#define CAF_SUITE store_catalogue
#include "caf/test/dsl.hpp"

#include <algorithm>
#include <thread>

#include "tests/integration/store_world.hpp"

namespace {

using namespace tk;
using namespace tk::test;
using fixture = store_world;

} // namespace

CAF_TEST_FIXTURE_SCOPE(store_catalogue_tests, fixture)

CAF_TEST(the catalogue shows statuses of now and pages) {
  fill();
  auto to = writer();
  auto all = read_events(to, listing(event_status_filter::any, "", 1, 100));
  if (!all) CAF_FAIL(all.error().text);
  CAF_CHECK_EQUAL(all->total, 28);
  CAF_CHECK_EQUAL(all->events.size(), 28u);
  CAF_CHECK(std::is_sorted(all->events.begin(), all->events.end(), [](auto& a, auto& b) {
    return std::pair(a.sale_start, a.id) < std::pair(b.sale_start, b.id);
  }));
  auto on_sale = read_events(to, listing(event_status_filter::on_sale, "", 1, 4));
  CAF_CHECK_EQUAL(on_sale->total, 6);
  CAF_CHECK_EQUAL(on_sale->events.size(), 4u);
  auto beyond = read_events(to, listing(event_status_filter::on_sale, "", 9, 4));
  CAF_CHECK(beyond->total == 6 && beyond->events.empty());
  auto& basketball = all->events.front();
  CAF_CHECK_EQUAL(basketball.title, "스포츠 경기 - 농구 결승전");
  CAF_CHECK_EQUAL(basketball.ticket_type_count, 3);
  CAF_CHECK(basketball.min_price == won{50000} && basketball.max_price == won{200000});
  auto one = read_one_event(to, {event("10CM HOTEL ROOM TOUR")});
  CAF_REQUIRE(one);
  CAF_CHECK(one->event.has_prices && one->event.min_price == won{70000}); // D14: of its seats.
  CAF_CHECK(one->event.max_price == won{150000} && one->event.ticket_types.empty());
  CAF_CHECK_EQUAL(one->event.status, "on_sale");

  must(db, "UPDATE events SET status = 'cancelled' WHERE title LIKE 'ZICO%'");
  must(db, "UPDATE events SET sale_end_date = now() - interval '1 second' "
           "WHERE title LIKE '10CM%'");
  auto total = [&](event_status_filter status) {
    return read_events(to, listing(status, "", 1, 5))->total;
  };
  CAF_CHECK_EQUAL(total(event_status_filter::any), 26); // C23
  CAF_CHECK_EQUAL(total(event_status_filter::cancelled), 2);
  CAF_CHECK_EQUAL(total(event_status_filter::ended), 1);
  auto types = read_one_event(to, {event("2025 콘서트 투어 in 서울")});
  CAF_REQUIRE_EQUAL(types->event.ticket_types.size(), 4u);
  CAF_CHECK_EQUAL(types->event.ticket_types[0].name, "VIP석");
  CAF_CHECK_EQUAL(types->event.ticket_types[0].available, 95);
  auto halls = read_layouts(to);
  CAF_REQUIRE_EQUAL(halls->rows.size(), 3u);
  CAF_CHECK_EQUAL(halls->rows[2].total_seats, 4900);
  CAF_CHECK(!read_one_event(to, {make_id<event_id>(source)})->found);
}

CAF_TEST(D15 the search knows both spellings and no wildcards) {
  fill();
  auto to = writer();
  auto hits = [&](const char* x) {
    auto found = read_events(to, listing(event_status_filter::any, x, 1, 100));
    return found ? found->total : -1;
  };
  CAF_CHECK_EQUAL(hits("psy"), 1);
  CAF_CHECK_EQUAL(hits("방탄소년단"), 1);
  CAF_CHECK_EQUAL(hits("zico"), 2);
  CAF_CHECK(hits("jamsil") >= 3);
  CAF_CHECK_EQUAL(hits("%"), 0);
  CAF_CHECK_EQUAL(hits("_"), 0);
  CAF_CHECK_EQUAL(hits("\\"), 0);
}

CAF_TEST(G09 filters and orders are those of the statement that is asked) {
  fill();
  auto to = writer();
  auto found = [&](auto change) {
    auto x = listing(event_status_filter::any, "", 1, 100);
    change(x);
    auto page = read_events(to, x);
    if (!page) CAF_FAIL(page.error().text);
    CAF_CHECK_EQUAL(page->total, static_cast<int64_t>(page->events.size()));
    return page->events;
  };
  for (bool down : {false, true}) {
    auto check_sorted = [&](event_order order, auto key) {
      auto rows = found([&](list_events& x) { x.order = order, x.descending = down; });
      CAF_CHECK_EQUAL(rows.size(), 28u);
      std::erase_if(rows, [&](auto& e) { return order == event_order::price && !e.has_prices; });
      CAF_CHECK(std::is_sorted(rows.begin(), rows.end(), [&](auto& a, auto& b) {
        if (key(a) == key(b)) return std::less{}(a.id, b.id);
        return down ? key(b) < key(a) : key(a) < key(b);
      }));
    };
    check_sorted(event_order::sale_start, [](auto& e) { return e.sale_start; });
    check_sorted(event_order::event_date, [](auto& e) { return e.event_date; });
    check_sorted(event_order::title, [](auto& e) { return e.title; });
    check_sorted(event_order::price, [](auto& e) { return e.min_price; });
  }
  auto cheap = found([](list_events& x) { x.max_price = won{50000}; });
  CAF_CHECK(!cheap.empty() && cheap.size() < 28u);
  for (auto& e : cheap) CAF_CHECK(e.has_prices && e.min_price <= won{50000});
  auto dear = found([](list_events& x) { x.min_price = won{200000}; });
  for (auto& e : dear) CAF_CHECK(e.has_prices && e.max_price >= won{200000});
  auto artist = read_one_event(to, {event("10CM HOTEL ROOM TOUR")})->event.artist;
  CAF_CHECK_EQUAL(found([&](list_events& x) { x.artist = artist; }).size(), 1u);
  auto day = cheap.front().event_date;
  for (auto& e : found([&](list_events& x) { x.from = day, x.before = day + millis{1}; }))
    CAF_CHECK(e.event_date == day);
}

CAF_TEST(an events prices follow its ticket types whoever changes them) {
  fill();
  auto of = event("ZICO KING OF THE ZUNGLE");
  auto store = home.connect("tiketi_store"), other = home.connect("tiketi_store");
  auto add = [&](pg::connection& by, int32_t price) {
    must(by,
         "INSERT INTO ticket_types (event_id, name, price, total_quantity) "
         "VALUES ($1, 'x', $2, 10)",
         pg::params{}.add_id(of).add_int4(price));
  };
  auto shown = [&](int32_t types, int32_t low, int32_t high) {
    auto rows = must(db,
                     "SELECT ticket_type_count = $2::int4 AND min_price = $3::int4 AND "
                     "max_price = $4::int4 FROM event_search WHERE event_id = $1::uuid",
                     pg::params{}.add_id(of).add_int4(types).add_int4(low).add_int4(high));
    return rows.boolean(0, 0);
  };
  add(store, 1000);
  add(store, 3000);
  CAF_CHECK(shown(2, 1000, 3000));
  // Two at once: the second waits for the first, and counts what that one has committed.
  auto raise = "UPDATE ticket_types SET price = price * 10 WHERE event_id = $1 AND price = $2";
  CAF_REQUIRE(store.run_script("BEGIN").ok());
  must(store, raise, pg::params{}.add_id(of).add_int4(1000));
  std::thread second([&] { must(other, raise, pg::params{}.add_id(of).add_int4(3000)); });
  auto waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
               "AND datname = current_database()";
  for (int i = 0; i < 1000 && number(db, waits) == 0; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  CAF_CHECK_EQUAL(number(db, waits), 1);
  CAF_REQUIRE(store.run_script("COMMIT").ok());
  second.join();
  CAF_CHECK(shown(2, 10000, 30000));
  must(db, "DELETE FROM ticket_types WHERE event_id = $1 AND price = 30000",
       pg::params{}.add_id(of));
  CAF_CHECK(shown(1, 10000, 10000));
  must(db, "DELETE FROM ticket_types WHERE event_id = $1", pg::params{}.add_id(of));
  CAF_CHECK(shown(0, 70000, 150000)); // D14: its seats'.
}

CAF_TEST(artists come by name with their events and active members) {
  fill();
  auto to = writer();
  list_artists all;
  auto page = read_artists(to, all);
  if (!page) CAF_FAIL(page.error().text);
  CAF_CHECK_EQUAL(page->total, 22);
  CAF_CHECK_EQUAL(page->artists.size(), 22u);
  CAF_CHECK(std::ranges::is_sorted(page->artists, {}, &artist_view::name));
  all.page = 3, all.limit = 11;
  auto beyond = read_artists(to, all);
  CAF_CHECK(beyond && beyond->total == 22 && beyond->artists.empty());
  auto id = std::ranges::find(page->artists, "ZICO", &artist_view::name)->id;
  must(db,
       "INSERT INTO artist_memberships (user_id, artist_id, status, expires_at) VALUES "
       "(gen_random_uuid(), $1, 'active', now() + interval '1 day'), "
       "(gen_random_uuid(), $1, 'active', now() - interval '1 day'), "
       "(gen_random_uuid(), $1, 'pending', now() + interval '1 day')",
       pg::params{}.add_id(id));
  auto one = read_one_artist(to, {id});
  CAF_REQUIRE(one && one->found);
  CAF_CHECK_EQUAL(one->artist.member_count, 1);
  CAF_CHECK_EQUAL(one->artist.event_count, 2);
  CAF_REQUIRE_EQUAL(one->events.size(), 2u);
  CAF_CHECK(one->events[0].event_date < one->events[1].event_date);
  must(db, "UPDATE events SET status = 'cancelled' WHERE title LIKE 'ZICO KING%'");
  one = read_one_artist(to, {id});
  CAF_CHECK(one->artist.event_count == 1 && one->events.size() == 1);
  CAF_CHECK(!read_one_artist(to, {make_id<artist_id>(source)})->found);
}

CAF_TEST_FIXTURE_SCOPE_END()
