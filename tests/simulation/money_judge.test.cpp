#define CAF_SUITE money_judge

#include <caf/test/dsl.hpp>

#include "tests/simulation/money_judge.hpp"
#include "tests/simulation/names.hpp"

using namespace tk;
using namespace tk::sim;

namespace {

attempt_id attempt(uint64_t n) { return {1, n}; }
reservation_id order(uint64_t n) { return {2, n}; }

/// Two orders at 1000 and 2000, both paid and sold.
struct fixture {
  ledger_model model{from_ms(1'000'000)};
  mock_books provider;

  fixture() {
    for (uint64_t n : {1u, 2u}) sell(n, won{static_cast<int64_t>(1000 * n)});
  }
  void sell(uint64_t n, won price) {
    auto& row = model.rows.reservations[order(n)].row;
    row.id = order(n);
    row.status = reservation_status::confirmed;
    row.total = price;
    auto& x = model.rows.attempts[attempt(n)];
    x.reservation = order(n);
    x.status = "approved";
    model.rows.books.push_back({attempt(n), "provider", price});
    model.rows.books.push_back({attempt(n), "sales", price * -1});
    provider.captures.push_back({"O", key(n), to_string(attempt(n)), price, {}});
  }
  static std::string key(uint64_t n) { return "key " + std::to_string(n); }
  [[nodiscard]] std::string wrong() const { return compare_money(model, provider); }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(money_judge_tests, fixture)

CAF_TEST(I11 what was sold was paid once) { CAF_CHECK(wrong() == ""); }

CAF_TEST(I11 too much here and too little there is seen) {
  std::swap(provider.captures[0].amount, provider.captures[1].amount);
  CAF_CHECK(wrong().find("the provider keeps 2000 won for tickets of 1000") != std::string::npos);
}

CAF_TEST(I11 books that name the wrong attempt are seen) {
  std::swap(model.rows.books[0].attempt, model.rows.books[2].attempt);
  CAF_CHECK(wrong().find("we have booked 2000 won") != std::string::npos);
}

CAF_TEST(I11 what was given back is not kept) {
  model.rows.reservations[order(1)].row.status = reservation_status::cancelled;
  CAF_CHECK(wrong() != "");
  provider.refunds.push_back({key(1), "r", won{1000}, {}});
  for (auto account : {"provider", "sales"})
    model.rows.books.push_back({attempt(1), account, won{account[0] == 'p' ? -1000 : 1000}});
  CAF_CHECK(wrong() == "");
}

CAF_TEST(I11 what is kept of a cancellation is a fee on record) {
  model.rows.reservations[order(1)].row.status = reservation_status::cancelled;
  provider.refunds.push_back({key(1), "r", won{900}, {}});
  auto& back = model.rows.refunds[{3, 1}];
  back.attempt = attempt(1);
  back.amount = won{900};
  back.fee = won{100};
  auto book = [&](const char* account, int64_t amount) {
    model.rows.books.push_back({attempt(1), account, won{amount}});
  };
  book("provider", -900);
  book("sales", 1000);
  CAF_CHECK(wrong().find("we have kept") != std::string::npos);
  book("fees", -100);
  CAF_CHECK(wrong() == "");
  back.fee = won{0};
  CAF_CHECK(wrong() != "");
}

CAF_TEST(I11 money that was taken before anybody asked is of whoever has sold for it) {
  auto& unasked = provider.captures[0];
  unasked.idempotency_key = unasked.payment_key; // On the provider's page.
  CAF_CHECK(wrong() != "");
  auto& x = model.rows.attempts[attempt(1)];
  x.payment = {3, 1};
  model.rows.payments[x.payment].order_id = unasked.order_id;
  CAF_CHECK(wrong() == "");
  x.status = "declined";
  model.rows.reservations[order(1)].row.status = reservation_status::expired;
  model.rows.books.erase(model.rows.books.begin(), model.rows.books.begin() + 2);
  CAF_CHECK(wrong() == "the provider keeps money of an attempt that nobody made");
  provider.refunds.push_back({key(1), "unsold", won{1000}, {}});
  CAF_CHECK(wrong() == "");
}

CAF_TEST(I11 what was sold stands in the sales) {
  model.rows.books[1].amount = won{-999};
  CAF_CHECK(wrong().find("we have sold for 999 won for tickets of 1000") != std::string::npos);
}

CAF_TEST(I11 nothing is owed at rest) {
  model.rows.books.push_back({attempt(1), "owed", won{-1000}});
  CAF_CHECK(wrong() == "something is owed for ever");
  model.rows.books.push_back({attempt(1), "owed", won{1000}});
  CAF_CHECK(wrong() == "");
}

CAF_TEST(I11 money of nobody is seen) {
  provider.captures.push_back({"O", key(3), to_string(attempt(3)), won{1}, {}});
  CAF_CHECK(wrong() == "the provider keeps money of an attempt that nobody made");
}

CAF_TEST(I11 what was sold unpaid is seen) {
  model.rows.attempts[attempt(1)].status = "declined";
  CAF_CHECK(wrong() != "");
  provider.captures.erase(provider.captures.begin());
  model.rows.books.erase(model.rows.books.begin(), model.rows.books.begin() + 2);
  CAF_CHECK(wrong() == "an order was sold without being paid once");
}

CAF_TEST_FIXTURE_SCOPE_END()
