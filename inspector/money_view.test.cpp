#define CAF_SUITE inspector_money
#include "inspector/money_view.hpp"

#include <caf/test/dsl.hpp>
#include <nlohmann/json.hpp>

using namespace tk;
using namespace tk::inspector;

namespace {

money_balance fine() {
  money_balance out;
  out.as_of = from_ms(1'800'000'000'000);
  out.lines = {{"captured by providers", 3, 1'150'000, 1'150'000}};
  out.accounts = {{"toss", "provider", 3, 1'150'000}};
  return out;
}

bool says(const money_balance& x, const char* text) {
  return money_text(x, {}).find(text) != std::string::npos;
}

} // namespace

CAF_TEST(books that balance say so with their sums) {
  CAF_CHECK(fine().balances());
  CAF_CHECK(says(fine(), "1,150,000           1,150,000\n"));
  CAF_CHECK(says(fine(), "toss provider"));
  CAF_CHECK(says(fine(), "the books balance, as of 2027-01-15T08:00:00.000Z\n"));
}

CAF_TEST(a sum that differs is told by how much) {
  auto x = fine();
  x.lines[0].booked = -50'000;
  CAF_CHECK(!x.balances());
  CAF_CHECK(says(x, "differs by -1,200,000\n"));
  CAF_CHECK(says(x, "the books do not balance"));
  CAF_CHECK(money_text(x, {true}).find("\x1b[1;31m") != std::string::npos);
}

CAF_TEST(a broken rule and a difference to the list do not balance) {
  auto x = fine();
  x.findings = {{"books_account", "payment_attempts", "wrong", 1, {{"id", "says", "against"}}}};
  CAF_CHECK(!x.balances());
  CAF_CHECK(says(x, "books_account: wrong: 1 of payment_attempts\n  id  says  <>  against\n"));
  x = fine();
  x.settled = 2;
  x.differences = {{settlement_difference::kind::missing_there, "ORD_1", {"ORD_1", 100, 7}, {}}};
  CAF_CHECK(!x.balances());
  CAF_CHECK(says(x, "missing_there: ORD_1: here 100, 7 back, there nothing\n"));
  CAF_CHECK(says(x, "2 rows of the settlement list compared"));
}

CAF_TEST(machines read all of it in one line) {
  auto x = fine();
  x.differences = {
    {settlement_difference::kind::amount, "ORD_1", {"ORD_1", 1, 0}, {"ORD_1", 2, 0}}};
  auto told = nlohmann::json::parse(money_json(x));
  CAF_CHECK(told["balances"] == false);
  CAF_CHECK(told["lines"][0]["recorded"] == 1'150'000);
  CAF_CHECK(told["accounts"][0]["sum"] == 1'150'000);
  CAF_CHECK(told["differences"][0]["there"]["amount"] == 2);
  CAF_CHECK(told["differences"][0]["is"] == "amount");
  CAF_CHECK_EQUAL(money_json(x).find('\n'), std::string::npos);
}
