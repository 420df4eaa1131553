// The books on a real PostgreSQL: what the database refuses, and what balances.
#define CAF_SUITE money

#include <algorithm>
#include <string>

#include <caf/test/dsl.hpp>

#include "persistence/money/actor.hpp"
#include "persistence/money/balance.hpp"
#include "tests/integration/hall.hpp"

using namespace tk;
using namespace tk::test;

namespace {

struct fixture {
  hall h{6};
  ledger_driver_pg driver{plain_driver(h.home)};
  pg::connection looker = h.home.connect("tiketi_audit");
  int number = 0;

  fixture() {
    buy(0);
    buy(1);
    auto gone = buy(2);
    auto refund = cancel(gone);
    settle_refund done;
    done.refund = refund;
    done.reservation = gone.reservation;
    done.done = true;
    done.checkout = {5, 1};
    run(op{done});
    cancel(buy(3)); // Still owed.
  }

  void run(const op& what) {
    auto out = driver.execute({{std::make_shared<op>(what)}});
    if (out.verdicts.size() != 1 || out.verdicts[0].is != outcome::ok)
      throw std::runtime_error("refused: " + out.error);
  }

  begin_attempt buy(size_t seat) {
    auto order = h.reserve(seat);
    run(*order);
    auto x = h.pay(std::get<create_reservation>(*order).id, driver);
    run(*h.sell(x, seat, "T20260101-A00000" + std::to_string(++number)));
    return x;
  }

  refund_id cancel(const begin_attempt& x) {
    cancel_paid what;
    what.refund = make_id<refund_id>(h.source);
    what.reservation = x.reservation;
    what.reason = "x";
    what.checkout = {5, 1};
    auto seat = tk::test::text(h.db, ("SELECT seat_id::text FROM reservation_items WHERE "
                                      "reservation_id = '" +
                                      to_string(x.reservation) + "'")
                                       .c_str());
    release_item item;
    item.seat = *parse_id<seat_id>(seat);
    item.block = {5, 1};
    what.items.push_back(item);
    run(op{what});
    return what.refund;
  }

  money_balance balance(const settlement_list* list = nullptr) {
    auto out = balance_money(looker, list);
    if (!out) throw std::runtime_error(out.error());
    return *out;
  }

  std::string refused(const char* sql) { return std::string{h.db.query(sql).sqlstate()}; }

  /// As nobody can: without the triggers.
  void force(const char* sql) {
    must(h.db, "SET session_replication_role = replica");
    must(h.db, sql);
    must(h.db, "SET session_replication_role = origin");
  }

  settlement_list theirs() {
    settlement_list out;
    out.provider = "mock";
    auto rows = must(h.db, "SELECT p.order_id::text, a.amount, CASE f.status WHEN 'done' THEN "
                           "f.amount ELSE 0 END FROM payment_attempts a JOIN payments p "
                           "ON p.id = a.payment_id LEFT JOIN refunds f ON f.attempt_id = a.id");
    for (int i = 0; i < rows.rows(); ++i)
      out.payments.push_back(
        {std::string{rows.text(i, 0)}, rows.integer(i, 1), rows.integer(i, 2)});
    return out;
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(money_tests, fixture)

CAF_TEST(the books only grow whoever asks) {
  for (auto* sql : {"UPDATE books SET amount = 0", "DELETE FROM books", "TRUNCATE books"})
    CAF_CHECK_EQUAL(refused(sql), "TK002");
}

CAF_TEST(an entry that does not cancel out is refused by the database) {
  CAF_CHECK_EQUAL(refused("INSERT INTO books (attempt_id, payment_id, account, amount) "
                          "SELECT attempt_id, payment_id, 'sales', 1 FROM books LIMIT 1"),
                  "TK003");
  CAF_CHECK_EQUAL(refused("INSERT INTO books (attempt_id, payment_id, account, amount) "
                          "SELECT b.attempt_id, b.payment_id, a, n FROM (SELECT * FROM books "
                          "LIMIT 1) b, (VALUES ('owed', 5), ('sales', -4)) v(a, n)"),
                  "TK003");
  // Two that would cancel out if they were of one attempt.
  CAF_CHECK_EQUAL(refused("INSERT INTO books (attempt_id, payment_id, account, amount) VALUES "
                          "(gen_random_uuid(), gen_random_uuid(), 'owed', 5), "
                          "(gen_random_uuid(), gen_random_uuid(), 'sales', -5)"),
                  "TK003");
  auto before = tk::test::number(h.db, "SELECT count(*) FROM books");
  must(h.db, "INSERT INTO books (attempt_id, payment_id, account, amount) SELECT b.attempt_id, "
             "b.payment_id, a, n FROM (SELECT * FROM books LIMIT 1) b, "
             "(VALUES ('owed', 5), ('sales', -5)) v(a, n)");
  CAF_CHECK_EQUAL(tk::test::number(h.db, "SELECT count(*) FROM books"), before + 2);
}

CAF_TEST(what was sold and given back balances) {
  auto found = balance();
  CAF_CHECK(found.balances());
  auto line = [&](const char* what) {
    auto i = std::ranges::find(found.lines, what, &money_line::what);
    CAF_REQUIRE(i != found.lines.end());
    return *i;
  };
  CAF_CHECK((line("captured by providers") == money_line{"captured by providers", 4, 4000, 4000}));
  CAF_CHECK(
    (line("given back by providers") == money_line{"given back by providers", 1, 1000, 1000}));
  CAF_CHECK_EQUAL(line("sold: confirmed reservations").booked, 2000);
  CAF_CHECK_EQUAL(line("owed to buyers: refunds under way").booked, 1000);
  CAF_CHECK_EQUAL(line("kept of refunds as fees").booked, 0);
  auto held = std::ranges::find(found.accounts, "provider", &money_account::account);
  CAF_REQUIRE(held != found.accounts.end());
  CAF_CHECK_EQUAL(held->sum, 3000);
}

CAF_TEST(a row that was lost or made up does not balance) {
  force("DELETE FROM books WHERE id IN (SELECT id FROM books WHERE account = 'sales' LIMIT 1)");
  auto found = balance();
  CAF_CHECK(!found.balances());
  CAF_CHECK(std::ranges::any_of(found.lines, [](auto& x) { return !x.balances(); }));
  CAF_CHECK(std::ranges::any_of(found.findings, [](auto& x) { return x.rule == "books_balance"; }));
}

CAF_TEST(errors that cancel out in the sums are found in the rows) {
  force("UPDATE books SET attempt_id = (SELECT max(attempt_id::text)::uuid FROM books) "
        "WHERE account = 'provider' AND amount > 0");
  auto found = balance();
  CAF_CHECK(std::ranges::all_of(found.lines, &money_line::balances));
  CAF_CHECK(!found.balances());
}

CAF_TEST(a settlement list is compared with the captures on record) {
  auto list = theirs();
  CAF_CHECK(balance(&list).differences.empty());
  auto lost = list.payments.back();
  list.payments.pop_back();
  list.payments.front().amount += 1;
  list.payments.push_back({"ORD_OF_NOBODY", 1, 0});
  auto found = balance(&list);
  CAF_CHECK_EQUAL(found.differences.size(), 3u);
  CAF_CHECK(!found.balances());
  list.from = from_ms(4'000'000'000'000); // Nothing was captured then.
  CAF_CHECK_EQUAL(balance(&list).differences.size(), list.payments.size());
  list.from = {};
  list.provider = "toss";
  CAF_CHECK_EQUAL(balance(&list).differences.size(), list.payments.size());
}

CAF_TEST_FIXTURE_SCOPE_END()

namespace {

/// Who takes settlement lists, as a node does.
struct settling : fixture {
  pg::connection taker = h.home.connect("tiketi_books");
  settlement_list list = theirs();

  settling() {
    for (auto& x : settlement_statements())
      if (!taker.prepare(x.name, x.sql).ok()) throw std::runtime_error(x.name);
    for (auto& x : list.payments) x.fee = 30;
  }

  settlement_taken take(const std::string& day = "2026-11-24") {
    std::string text = R"({"provider":"mock","from":"2020-01-01T00:00:00Z",)"
                       R"("to":"2100-01-01T00:00:00Z","settledOn":")" +
                       day + R"(","payments":[)";
    for (auto& x : list.payments) {
      if (text.back() == '}') text += ',';
      text += R"({"orderId":")" + x.order_id + R"(","amount":)" + std::to_string(x.amount) +
              R"(,"refunded":)" + std::to_string(x.refunded) + R"(,"fee":)" +
              std::to_string(x.fee) + "}";
    }
    auto out = store_settlement(taker, {text + "]}", {1, 2}});
    if (!out) throw std::runtime_error(out.error().text);
    return *out;
  }

  money_line line(const char* what) {
    auto all = balance().lines;
    auto i = std::ranges::find(all, what, &money_line::what);
    if (i == all.end()) throw std::runtime_error(what);
    return *i;
  }
  int64_t entries() { return tk::test::number(h.db, "SELECT count(*) FROM books"); }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(settling_tests, settling)

CAF_TEST(what a provider settles is booked once however often it is said) {
  auto before = entries();
  auto first = take();
  CAF_CHECK(first.changed);
  CAF_CHECK(first.differences.empty());
  CAF_CHECK((first.sums == settlement_sums{4, 4000, 1000, 120}));
  CAF_CHECK_EQUAL(first.sums.paid_out(), 2880);
  CAF_CHECK(balance().balances());
  CAF_CHECK_EQUAL(line("settled by providers").booked, 3000);
  CAF_CHECK_EQUAL(line("kept of it by providers").booked, 120);
  CAF_CHECK_EQUAL(line("credited to us by providers").booked, 2880);
  auto once = entries();
  CAF_CHECK_EQUAL(once, before + 3 * 3 + 2); // Of what went back the fee alone is left.
  auto again = take();
  CAF_CHECK(!again.changed);
  CAF_CHECK(again.id == first.id);
  CAF_CHECK_EQUAL(entries(), once);
}

CAF_TEST(a list that is said otherwise takes the place of the first) {
  take();
  list.payments[0].fee = 50;
  auto gone = list.payments.back();
  list.payments.pop_back();
  auto other = take();
  CAF_CHECK(other.changed);
  CAF_REQUIRE_EQUAL(other.differences.size(), 1u);
  CAF_CHECK(other.differences[0].is == settlement_difference::kind::missing_there);
  CAF_CHECK_EQUAL(other.differences[0].order_id, gone.order_id);
  CAF_CHECK(balance().balances());
  CAF_CHECK_EQUAL(line("kept of it by providers").booked, 50 + 2 * 30);
  CAF_CHECK(take("2026-11-25").changed); // The day alone.
  CAF_CHECK(!take("2026-11-25").changed);
  CAF_CHECK_EQUAL(tk::test::number(h.db, "SELECT count(*) FROM settlements"), 1);
}

CAF_TEST(what nobody captured is told and not booked) {
  auto before = entries();
  list.payments = {{"ORD_OF_NOBODY", 500, 0, 5}};
  auto told = take();
  CAF_CHECK_EQUAL(told.differences.size(), 5u);
  CAF_CHECK_EQUAL(entries(), before);
  CAF_CHECK(balance().balances());
}

CAF_TEST(what is no list leaves nothing behind) {
  auto out = store_settlement(taker, {R"({"provider":"mock"})", {1, 2}});
  CAF_REQUIRE(out.has_value());
  CAF_CHECK(!out->refused.empty());
  CAF_CHECK_EQUAL(tk::test::number(h.db, "SELECT count(*) FROM settlements"), 0);
}

CAF_TEST(a settled row that was changed by hand does not balance) {
  take();
  must(h.db, "UPDATE settled_payments SET fee = fee + 1 WHERE order_id = "
             "(SELECT min(order_id) FROM settled_payments)");
  auto found = balance();
  CAF_CHECK(!found.balances());
  CAF_CHECK(std::ranges::any_of(found.findings, [](auto& x) { return x.rule == "books_settled"; }));
  must(h.db, "UPDATE settlements SET provider = 'toss'");
  CAF_CHECK(
    std::ranges::any_of(balance().findings, [](auto& x) { return x.rule == "settled_captured"; }));
}

CAF_TEST_FIXTURE_SCOPE_END()
