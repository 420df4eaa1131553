// Runs and cases on a real PostgreSQL: one at a time, nothing twice, and what is found is what was
// planted.
#define CAF_SUITE reconciliation

#include <map>
#include <string>
#include <vector>

#include <caf/test/dsl.hpp>

#include "persistence/reconciliation/rows.hpp"
#include "tests/integration/hall.hpp"

using namespace tk;
using namespace tk::test;

namespace {

struct fixture {
  hall h{8};
  ledger_driver_pg driver{plain_driver(h.home)};
  pg::connection books = as_books();

  /// As the role that reconciles, with its statements.
  pg::connection as_books() {
    auto out = h.home.connect("tiketi_books");
    for (auto& x : reconciling::statements()) {
      auto made = out.prepare(x.name, x.sql);
      if (!made.ok()) throw std::runtime_error(std::string{x.name} + ": " + made.error());
    }
    return out;
  }

  template <class T> T must_do(const tk::pg_result<T>& x) {
    if (!x) throw std::runtime_error(x.error().text);
    return *x;
  }

  reconciliation_begun begin(uint64_t no, const char* by = "ann", millis every = {}) {
    begin_reconciliation x;
    x.id = {1, no};
    x.node = {2, 1};
    x.by = by;
    x.every = every;
    x.open_for = millis{60'000};
    return must_do(reconciling::begin(books, x));
  }
  void end(uint64_t no, int64_t to, bool compared = false) {
    must_do(reconciling::end(books, {{1, no}, to, compared, millis{10}, R"({"asked":1})"}));
  }
  case_noted open(const found_case& x) { return must_do(reconciling::open(books, {x})); }
  cases_seen look(millis late = millis{600'000}) {
    return must_do(reconciling::look(books, {late}));
  }

  begin_attempt pin(size_t seat) {
    auto order = h.reserve(seat);
    auto& x = std::get<create_reservation>(*order);
    if (driver.execute({{order}}).verdicts.at(0).is != outcome::ok)
      throw std::runtime_error("not held");
    return h.pay(x.id, driver);
  }
  void sell(const begin_attempt& x, size_t seat) {
    number += 1;
    auto sold = driver.execute({{h.sell(x, seat, "T20260101-A00000" + std::to_string(number))}});
    if (sold.verdicts.at(0).is != outcome::ok) throw std::runtime_error("not sold");
  }
  void refuse(const begin_attempt& x) {
    fail_attempt what;
    what.attempt = x.id;
    what.payment = x.payment;
    what.reservation = x.reservation;
    what.checkout = what.block = {5, 1};
    if (driver.execute({{std::make_shared<op>(what)}}).verdicts.at(0).is != outcome::ok)
      throw std::runtime_error("not failed");
  }
  /// As if everything had happened an hour ago.
  void grow_old() {
    must(h.db, "UPDATE payment_attempts SET started_at = started_at - interval '1 hour'");
    must(h.db, "SET session_replication_role = replica"); // The books only grow.
    must(h.db, "UPDATE books SET at = at - interval '1 hour'");
    must(h.db, "SET session_replication_role = origin");
  }
  int number = 0;
};

found_case some_case(const char* says = "one") {
  found_case out;
  out.kind = case_kind::provider_difference;
  out.subject = "attempt 1";
  out.says = says;
  out.against = "other";
  out.next_step = "look";
  return out;
}

} // namespace

CAF_TEST_FIXTURE_SCOPE(reconciliation_tests, fixture)

CAF_TEST(one run at a time whichever node asks) {
  CAF_CHECK(begin(1).is == run_begin::ours);
  auto other = begin(2);
  CAF_CHECK(other.is == run_begin::under_way);
  CAF_CHECK((other.id == reconciliation_id{1, 1}));
  CAF_CHECK(must_do(reconciling::touch(books, {{1, 1}})).still);
  end(1, 0);
  CAF_CHECK(!must_do(reconciling::touch(books, {{1, 1}})).still);
  CAF_CHECK(begin(1).is == run_begin::done); // The same operation is the same run.
  CAF_CHECK(begin(2).is == run_begin::ours);
}

CAF_TEST(whoever stops touching its run has died) {
  begin(1);
  must(h.db, "UPDATE reconciliations SET seen_at = seen_at - interval '2 minutes'");
  CAF_CHECK(begin(2).is == run_begin::ours);
  CAF_CHECK(!must_do(reconciling::touch(books, {{1, 1}})).still);
  end(1, 77); // What it says now changes nothing.
  CAF_CHECK_EQUAL(tk::test::number(h.db, "SELECT count(*) FROM reconciliations WHERE given_up "
                                         "AND result IS NULL"),
                  1);
}

CAF_TEST(a run is due after its interval and on demand at once) {
  CAF_CHECK(begin(1, "", millis{300'000}).is == run_begin::not_due); // The database is new.
  must(h.db, "UPDATE schema_migrations SET applied_at = applied_at - interval '5 minutes'");
  CAF_CHECK(begin(1, "", millis{300'000}).is == run_begin::ours);
  end(1, 0);
  CAF_CHECK(begin(2, "", millis{300'000}).is == run_begin::not_due);
  must(h.db, "UPDATE reconciliations SET began_at = began_at - interval '5 minutes'");
  CAF_CHECK(begin(3, "", millis{300'000}).is == run_begin::ours);
  end(3, 0);
  CAF_CHECK(begin(4).is == run_begin::ours);
}

CAF_TEST(a run looks at what is open and owed and has moved money) {
  auto live = pin(0), sold = pin(1), failed = pin(2), refunded = pin(3);
  sell(sold, 1);
  refuse(failed);
  sell(refunded, 3);
  auto none = begin(1);
  CAF_CHECK_EQUAL(none.rows.size(), 1u); // The failed one: the others are too young.
  end(1, none.to);
  grow_old();
  must(h.db, "INSERT INTO refunds (id, attempt_id, payment_id, reservation_id, amount, reason, "
             "tries, error) SELECT gen_random_uuid(), id, payment_id, reservation_id, amount, 'x', "
             "5, 'NOPE' FROM payment_attempts WHERE id = (SELECT max(attempt_id::text)::uuid "
             "FROM books)");
  auto some = begin(2);
  std::map<attempt_id, money_row> seen;
  for (auto& x : some.rows) CAF_CHECK(seen.emplace(x.attempt, x).second); // None twice.
  CAF_CHECK_EQUAL(seen.size(), 4u);
  CAF_CHECK(seen[live.id].why == money_why::live);
  CAF_CHECK(seen[failed.id].why == money_why::failed);
  auto& owed = seen[sold.id].refund.nil() ? seen[refunded.id] : seen[sold.id];
  CAF_CHECK(owed.why == money_why::refund);
  CAF_CHECK_EQUAL(owed.refund_tries, 5);
  CAF_CHECK_EQUAL(owed.refund_error, "NOPE");
  CAF_CHECK(owed.amount == won{1000} && owed.refund_amount == won{1000});
  CAF_CHECK_EQUAL(seen[live.id].order_id.substr(0, 6), "ORD_1_");
  CAF_CHECK_EQUAL(seen[live.id].provider, "mock");
  auto again = must_do(reconciling::find(books, {live.id}));
  CAF_REQUIRE_EQUAL(again.rows.size(), 1u);
  again.rows[0].why = money_why::live;
  CAF_CHECK(again.rows[0] == seen[live.id]);
  CAF_CHECK_GREATER(some.to, some.from);
  end(2, some.to);
  auto later = begin(3);
  CAF_CHECK_EQUAL(later.from, some.to); // What moved money before is not asked about again.
  CAF_CHECK_EQUAL(later.rows.size(), 3u);
}

CAF_TEST(asking again sets the durable timer of failed attempts only) {
  auto live = pin(0), sold = pin(1), failed = pin(2);
  sell(sold, 1);
  refuse(failed);
  auto due = [&] {
    return tk::test::number(h.db, "SELECT count(*) FROM payment_attempts WHERE next_ask_at <= "
                                  "clock_timestamp() AND status = 'declined'");
  };
  CAF_CHECK_EQUAL(due(), 0);
  for (auto& x : {live, sold}) CAF_CHECK(!must_do(reconciling::ask(books, {x.id})).changed);
  CAF_CHECK(must_do(reconciling::ask(books, {failed.id})).changed);
  CAF_CHECK_EQUAL(due(), 1);
  CAF_CHECK(!must_do(reconciling::ask(books, {failed.id})).changed); // It is due already.
  must(h.db, "UPDATE payment_attempts SET asked = 4, next_ask_at = NULL WHERE status = 'declined'");
  CAF_CHECK(must_do(reconciling::ask(books, {failed.id})).changed); // Also after the last time.
}

CAF_TEST(a case stays the same one while it is found again) {
  CAF_CHECK(open(some_case()).changed);
  auto again = some_case();
  again.attempts = 3;
  CAF_CHECK(!open(again).changed);
  CAF_CHECK_EQUAL(tk::test::number(h.db, "SELECT attempts FROM operator_cases"), 3);
  auto told = look();
  CAF_CHECK_EQUAL(told.open.at(3), 1); // provider_difference
  CAF_CHECK_EQUAL(told.overdue.at(3), 0);
  CAF_CHECK(must_do(reconciling::close(books, {again.kind, again.subject})).changed);
  CAF_CHECK(!must_do(reconciling::close(books, {again.kind, again.subject})).changed);
  CAF_CHECK(open(again).changed); // It is so again: a new case.
  CAF_CHECK_EQUAL(tk::test::number(h.db, "SELECT count(*) FROM operator_cases"), 2);
}

CAF_TEST(what a person has closed stays closed while it says the same) {
  open(some_case());
  must(h.db, "UPDATE operator_cases SET status = 'closed', closed_at = now(), reason = 'seen', "
             "closed_by = gen_random_uuid(), closed_by_name = 'ann'");
  CAF_CHECK(!open(some_case()).changed);
  CAF_CHECK_EQUAL(look().open.at(3), 0);
  CAF_CHECK(open(some_case("two")).changed);
}

CAF_TEST(an alert is raised once for a case that is open for too long) {
  open(some_case());
  CAF_CHECK(look().alerts.empty());
  must(h.db, "UPDATE operator_cases SET detected_at = detected_at - interval '11 minutes'");
  auto late = look();
  CAF_REQUIRE_EQUAL(late.alerts.size(), 1u);
  CAF_CHECK_EQUAL(late.alerts[0].kind, "provider_difference");
  CAF_CHECK_EQUAL(late.alerts[0].subject, "attempt 1");
  CAF_CHECK_EQUAL(late.overdue.at(3), 1);
  late = look();
  CAF_CHECK(late.alerts.empty());
  CAF_CHECK_EQUAL(late.overdue.at(3), 1);
}

CAF_TEST(a repair that succeeded closes its case) {
  auto live = pin(0), failed = pin(1);
  auto about = [](const begin_attempt& x, case_kind kind) {
    auto out = some_case();
    out.kind = kind;
    out.attempt = x.id;
    out.subject = "attempt " + to_string(x.id);
    return out;
  };
  open(about(live, case_kind::payment_unresolved));
  open(about(live, case_kind::provider_difference));
  refuse(failed);
  open(about(failed, case_kind::paid_incomplete));
  CAF_CHECK_EQUAL(look().closed, 0);
  sell(live, 0);
  CAF_CHECK_EQUAL(look().closed, 1); // The difference is for the next run to see.
  claim_refund claim;
  claim.id = make_id<refund_id>(h.source);
  claim.attempt = failed.id;
  claim.reservation = failed.reservation;
  claim.reason = "late";
  claim.checkout = {5, 1};
  CAF_CHECK(driver.execute({{std::make_shared<op>(claim)}}).verdicts.at(0).is == outcome::ok);
  CAF_CHECK_EQUAL(look().closed, 0);
  settle_refund done;
  done.refund = claim.id;
  done.reservation = failed.reservation;
  done.done = true;
  done.checkout = {5, 1};
  CAF_CHECK(driver.execute({{std::make_shared<op>(done)}}).verdicts.at(0).is == outcome::ok);
  CAF_CHECK_EQUAL(look().closed, 1);
  CAF_CHECK_EQUAL(tk::test::text(h.db, "SELECT string_agg(DISTINCT reason, ',') FROM "
                                       "operator_cases WHERE status = 'closed'"),
                  "repaired");
}

CAF_TEST(rows that contradict each other are cases until they do no more) {
  auto sold = pin(0);
  sell(sold, 0);
  auto compare = [&](uint64_t no) {
    auto run = begin(no);
    auto out = must_do(reconciling::compare(books, {run.began_at}));
    end(no, run.to, true);
    return out;
  };
  auto fine = compare(1);
  CAF_CHECK(fine.whole);
  CAF_CHECK_EQUAL(fine.broken, 0);
  CAF_CHECK_GREATER(fine.rules, 10);
  must(h.db, "UPDATE seats SET status = 'locked' WHERE seat_number = 1");
  auto bad = compare(2);
  CAF_CHECK_GREATER(bad.opened, 0);
  CAF_CHECK_EQUAL(compare(3).opened, 0); // The same ones.
  CAF_CHECK_EQUAL(look().open.at(4), bad.opened);
  CAF_CHECK_EQUAL(tk::test::number(h.db, "SELECT count(*) FROM operator_cases WHERE subject LIKE "
                                         "'seat_status %' AND status = 'open'"),
                  1);
  must(h.db, "UPDATE seats SET status = 'reserved' WHERE seat_number = 1");
  CAF_CHECK_EQUAL(compare(4).closed, bad.opened);
  CAF_CHECK_EQUAL(look().open.at(4), 0);
}

CAF_TEST(rows are compared again only when it costs next to nothing) {
  CAF_CHECK(begin(1, "", millis{0}).compare_rows);
  must_do(reconciling::end(books, {{1, 1}, 0, true, millis{10'000}, "{}"}));
  CAF_CHECK(!begin(2, "", millis{0}).compare_rows);
  end(2, 0);
  CAF_CHECK(begin(3).compare_rows); // Whoever asks for it gets it.
  end(3, 0);
  must(h.db, "UPDATE reconciliations SET rows_compared_at = rows_compared_at - interval "
             "'500 seconds'");
  CAF_CHECK(begin(4, "", millis{0}).compare_rows);
}

CAF_TEST(who reconciles decides nothing) {
  for (auto* sql : {"UPDATE payment_attempts SET next_ask_at = now()",
                    "UPDATE payments SET status = 'failed'", "UPDATE seats SET version = 1",
                    "INSERT INTO books (attempt_id, payment_id, account, amount) "
                    "VALUES (gen_random_uuid(), gen_random_uuid(), 'sales', 0)",
                    "DELETE FROM operator_cases", "SELECT email_lookup FROM users"})
    CAF_CHECK_EQUAL(books.query(sql).sqlstate(), "42501");
}

CAF_TEST_FIXTURE_SCOPE_END()
