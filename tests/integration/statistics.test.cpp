// What domain events add up to, whatever way and however often they come.
#define CAF_SUITE statistics

#include <caf/test/dsl.hpp>

#include <algorithm>
#include <random>
#include <thread>

#include "persistence/projections/actor.hpp"
#include "persistence/projections/statistics.hpp"
#include "persistence/projections/ticketing.hpp"
#include "tests/integration/store_world.hpp"

using namespace tk;
using namespace tk::test;

namespace {

/// A hall of three seats and a standing type of ten, with reservations as the ledger leaves them.
struct world {
  test_database home;
  pg::connection db = home.connect();
  pg::connection to = prepared(home, "tiketi_relay", statistics_statements(), statistics_session);
  counting_entropy source;
  event_id event = make_id<event_id>(source);
  projection_counts counts;
  instant noon = *parse_iso("2026-11-22T03:00:00Z"); // In Seoul.

  world() {
    must(db, "INSERT INTO events (id, title, venue, event_date) VALUES ($1, 'x', 'y', now())",
         pg::params{}.add_id(event));
    must(db,
         "INSERT INTO seats (event_id, block_no, section, row_number, seat_number, seat_label, "
         "price) SELECT $1, 0, 'A', 1, g, 'A-1-' || g, 5 FROM generate_series(1, 3) g",
         pg::params{}.add_id(event));
    must(db,
         "INSERT INTO ticket_types (event_id, name, price, total_quantity) VALUES ($1, 'x', 1, 10)",
         pg::params{}.add_id(event));
  }

  /// With a history that says whether it was sold.
  std::string reservation(int quantity, bool sold) {
    auto id = make_id<reservation_id>(source);
    auto name = to_string(id);
    must(db,
         "INSERT INTO reservations (id, user_id, event_id, reservation_number, total_amount, "
         "expires_at, operation, shard, block_no) VALUES ($1, $1, $2, $3, 1000, now(), 'x', 3, 1)",
         pg::params{}.add_id(id).add_id(event).add_text(name));
    must(db,
         "INSERT INTO reservation_items (reservation_id, ticket_type_id, quantity, unit_price, "
         "subtotal) SELECT $1, id, $2::int, 1, $2::int FROM ticket_types",
         pg::params{}.add_id(id).add_int4(quantity));
    if (sold)
      must(db,
           "INSERT INTO reservation_history (reservation_id, from_status, to_status, payment_to, "
           "actor) VALUES ($1, 'pending', 'confirmed', 'completed', 'user')",
           pg::params{}.add_id(id));
    return name;
  }

  /// Money on its way back, of an attempt that sold (`approved`) or came too late (`late`).
  std::string refund(const std::string& reservation, const char* of, int amount) {
    auto id = make_id<refund_id>(source);
    must(db,
         "WITH p AS (INSERT INTO payments (id, reservation_id, user_id, order_id, amount) VALUES "
         "($1, $2::text::uuid, $1, $1::text, $3::int) RETURNING id), a AS (INSERT INTO "
         "payment_attempts (id, payment_id, reservation_id, provider, payment_key, method, amount, "
         "status, closed_at) SELECT $1, id, $2::text::uuid, 'mock', 'k', 'toss', $3::int, "
         "$4::text, now() FROM p RETURNING id) INSERT INTO refunds (id, attempt_id, payment_id, "
         "reservation_id, amount, reason) SELECT $1, id, id, $2::text::uuid, $3::int, 'r' FROM a",
         pg::params{}.add_id(id).add_text(reservation).add_int4(amount).add_text(of));
    return to_string(id);
  }

  domain_event told(const char* type, const std::string& fields, millis after = millis{0}) {
    return {to_string(make_id<domain_event_id>(source)), type, noon + after, "{" + fields + "}"};
  }
  domain_event of(const char* type, const std::string& reservation, int amount,
                  millis after = millis{0}) {
    return told(type,
                R"("reservationId": ")" + reservation + R"(", "eventId": ")" + to_string(event) +
                  R"(", "totalAmount": )" + std::to_string(amount),
                after);
  }
  domain_event refunded(const std::string& reservation, const std::string& refund, int amount,
                        millis after = millis{0}) {
    return told("PAYMENT_REFUNDED",
                R"("reservationId": ")" + reservation + R"(", "refundId": ")" + refund +
                  R"(", "paymentType": "reservation", "reason": "r", "amount": )" +
                  std::to_string(amount),
                after);
  }

  std::vector<row_outcome> apply(const std::vector<domain_event>& events) {
    return apply_each(to, statistics_projection(), events, counts);
  }
  void apply_all(const std::vector<domain_event>& events) {
    for (auto& x : apply(events))
      if (x.is != row_fate::delivered) CAF_FAIL("not counted: " << x.why);
  }
  std::string days() {
    return text(db, "SELECT coalesce(string_agg(concat_ws(' ', date, total_reservations, "
                    "confirmed_reservations, cancelled_reservations, expired_reservations, "
                    "total_revenue, payment_revenue, membership_revenue), ', ' ORDER BY date), '') "
                    "FROM daily_stats");
  }
  std::string halls() {
    return text(db, "SELECT coalesce(string_agg(concat_ws(' ', total_seats, reserved_seats, "
                    "available_seats, total_reservations, confirmed_reservations, total_revenue, "
                    "average_ticket_price, transfers), ', '), '') FROM event_stats");
  }
  std::vector<domain_event> story() {
    auto bought = reservation(2, true), left = reservation(1, false), late = reservation(1, false),
         back = reservation(3, true);
    constexpr millis night = std::chrono::hours{13}; // The next day in Seoul.
    return {of("RESERVATION_CREATED", bought, 1000),
            of("RESERVATION_CREATED", left, 500),
            of("RESERVATION_CREATED", late, 500),
            of("RESERVATION_CREATED", back, 3000),
            of("RESERVATION_CONFIRMED", bought, 1000),
            of("RESERVATION_CONFIRMED", back, 3000),
            of("RESERVATION_CANCELLED", left, 500),
            of("RESERVATION_EXPIRED", late, 500),
            refunded(late, refund(late, "late", 500), 500), // Money that never bought anything.
            of("RESERVATION_CANCELLED", back, 3000, night),
            refunded(back, refund(back, "approved", 3000), 3000, night),
            told("PAYMENT_CONFIRMED", R"("paymentType": "reservation", "amount": 1000)"),
            told("PAYMENT_CONFIRMED", R"("paymentType": "transfer", "amount": 70)"),
            told("TRANSFER_COMPLETED", R"("reservationId": ")" + bought + "\"", night)};
  }
};

constexpr const char* days_of_story =
  "2026-11-22 4 2 1 1 4070 4070 0, 2026-11-23 0 0 1 0 -3000 -3000 0";
constexpr const char* halls_of_story = "13 2 11 4 1 1000 500 1";

} // namespace

CAF_TEST(events add up by the rules) {
  world w;
  w.apply_all(w.story());
  CAF_CHECK_EQUAL(w.days(), days_of_story);
  CAF_CHECK_EQUAL(w.halls(), halls_of_story);
  CAF_CHECK_EQUAL(w.counts.read()["RESERVATION_CREATED"].applied, 4u);
}

CAF_TEST(in any order in any portions and however often they come to the same) {
  world w;
  auto story = w.story();
  for (uint32_t seed = 1; seed <= 15; ++seed) {
    for (auto* table : {"daily_stats", "event_stats", "processed_events"})
      must(w.db, ("DELETE FROM " + std::string{table}).c_str());
    std::mt19937 rng{seed};
    auto left = story;
    left.insert(left.end(), story.begin(), story.begin() + 7); // Told again.
    for (size_t i = left.size(); i > 1; --i) std::swap(left[i - 1], left[rng() % i]);
    for (size_t from = 0; from < left.size();) {
      auto n = std::min(left.size() - from, size_t{1} + rng() % 5);
      auto begin = left.begin() + static_cast<long>(from);
      w.apply_all({begin, begin + static_cast<long>(n)});
      from += n;
    }
    CAF_CHECK_EQUAL(w.days(), days_of_story);
    CAF_CHECK_EQUAL(w.halls(), halls_of_story);
  }
  auto created = w.counts.read()["RESERVATION_CREATED"];
  CAF_CHECK(created.applied == 60u && created.duplicate > 0);
}

CAF_TEST(reading everything from the start again changes no figure) {
  world w;
  auto story = w.story();
  w.apply_all(story);
  w.apply_all(story);
  CAF_CHECK_EQUAL(w.days(), days_of_story);
  CAF_CHECK_EQUAL(w.halls(), halls_of_story);
}

CAF_TEST(two consumers at once count each event once) {
  world w;
  std::vector<domain_event> all;
  auto one = w.reservation(1, true);
  for (int i = 0; i < 400; ++i) all.push_back(w.of("RESERVATION_CREATED", one, 1));
  auto other = prepared(w.home, "tiketi_relay", statistics_statements(), statistics_session);
  auto count_in = [&](pg::connection& db, size_t step) {
    for (size_t from = 0; from < all.size(); from += step) {
      auto begin = all.begin() + static_cast<long>(from);
      auto end = all.begin() + static_cast<long>(std::min(all.size(), from + step));
      // A deadlock would be unknown, and tried again.
      while (std::ranges::any_of(apply_each(db, statistics_projection(), {begin, end}, w.counts),
                                 [](auto& x) { return x.is != row_fate::delivered; }))
        std::this_thread::sleep_for(millis{1});
    }
  };
  std::thread second{[&] { count_in(other, 7); }};
  count_in(w.to, 11);
  second.join();
  CAF_CHECK_EQUAL(number(w.db, "SELECT total_reservations FROM daily_stats"), 400);
  CAF_CHECK_EQUAL(number(w.db, "SELECT total_reservations FROM event_stats"), 400);
}

CAF_TEST(what cannot be counted is found among the others and counts nothing) {
  world w;
  auto story = w.story();
  story.insert(story.begin() + 3, w.told("RESERVATION_CREATED", R"("totalAmount": "many")"));
  story.insert(story.begin() + 9, w.told("RESERVATION_CREATED", R"("eventId": "no uuid")"));
  auto outcomes = w.apply(story);
  for (size_t i = 0; i < outcomes.size(); ++i)
    CAF_CHECK_EQUAL(outcomes[i].is == row_fate::refused, i == 3 || i == 9);
  CAF_CHECK(outcomes[3].why.find("many") != std::string::npos);
  CAF_CHECK_EQUAL(w.days(), days_of_story);
  CAF_CHECK_EQUAL(w.counts.read()["RESERVATION_CREATED"].failed, 2u);
}

CAF_TEST(without a database nothing is taken for counted) {
  world w;
  auto story = w.story();
  w.to.close();
  for (auto& x : w.apply(story)) CAF_CHECK(x.is == row_fate::unknown);
}

CAF_TEST(sums go beyond 32 bits) {
  world w;
  auto one = w.reservation(1, true);
  w.apply_all({w.of("RESERVATION_CONFIRMED", one, 2'000'000'000),
               w.of("RESERVATION_CONFIRMED", one, 2'000'000'000)});
  CAF_CHECK_EQUAL(number(w.db, "SELECT total_revenue FROM event_stats"), 4'000'000'000);
}

CAF_TEST(what no event tells is counted from the rows) {
  world w;
  w.apply_all(w.story());
  must(w.db, "INSERT INTO users (email_cipher, email_lookup, name_cipher) VALUES ('', 'a', ''), "
             "('', 'b', '')");
  must(w.db, "INSERT INTO seats (event_id, block_no, section, row_number, seat_number, "
             "seat_label, price) SELECT id, 1, 'B', 1, 1, 'B-1-1', 5 FROM events");
  for (int i = 0; i < 2; ++i) CAF_REQUIRE(refresh_statistics(w.to).has_value());
  CAF_CHECK_EQUAL(text(w.db, "SELECT new_users || ' ' || new_events FROM daily_stats WHERE date = "
                             "(now() AT TIME ZONE 'Asia/Seoul')::date"),
                  "2 1");
  CAF_CHECK_EQUAL(w.halls(), "14 2 12 4 1 1000 500 1");
}

CAF_TEST(a consumer of payments tells of what is not as it was told) {
  world w;
  auto db = prepared(w.home, "tiketi_relay", ticketing_projection().statements, "");
  auto sold = w.reservation(1, true), open = w.reservation(1, false);
  auto paid = [&](const std::string& of) {
    return w.told("PAYMENT_CONFIRMED",
                  R"("paymentType": "reservation", "reservationId": ")" + of + "\"");
  };
  auto fine = paid(sold), wrong = paid(open);
  for (int i = 0; i < 2; ++i)
    for (auto& x : apply_each(db, ticketing_projection(), {fine, wrong}, w.counts))
      CAF_CHECK(x.is == row_fate::delivered);
  auto seen = w.counts.read()["PAYMENT_CONFIRMED"];
  CAF_CHECK(seen.applied == 2u && seen.duplicate == 2u && seen.amiss == 1u);
  w.apply_all({fine}); // Each group has its own marks (P-80).
  CAF_CHECK_EQUAL(number(w.db, "SELECT count(*) FROM processed_events"), 3);
}

CAF_TEST(what is no event that is known is refused alone) {
  world w;
  auto story = w.story();
  story.insert(story.begin() + 1, w.told("", R"("unreadable": "x")"));
  auto outcomes = w.apply(story);
  for (size_t i = 0; i < outcomes.size(); ++i)
    CAF_CHECK_EQUAL(outcomes[i].is == row_fate::refused, i == 1);
  CAF_CHECK_EQUAL(w.days(), days_of_story);
}
