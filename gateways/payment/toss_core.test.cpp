#define CAF_SUITE toss_core
#include "gateways/payment/toss_core.hpp"

#include "caf/test/dsl.hpp"

using namespace tk;
using tk::toss::approval_of;
using tk::toss::refund_of;

namespace {

const toss::settings own{"https://toss.example", "test_sk_1"};

approve_payment asked() {
  return {
    "ORD_1_A", "5EnNZRJGvaBX7zk2yd8ydw26XvwXkLrx9POLqKQjmAw4b0e1", won{1000}, "attempt-1", {}};
}

/// As the provider's documentation shows it, shortened.
std::string done_text(const std::string& status = "DONE", const std::string& cancels = "null") {
  return R"({"mId":"tosspayments","lastTransactionKey":"9C62B18EEF0DE3EB7F4422EB6D14BC6E",
  "paymentKey":"5EnNZRJGvaBX7zk2yd8ydw26XvwXkLrx9POLqKQjmAw4b0e1","orderId":"ORD_1_A",
  "orderName":"ticket","taxExemptionAmount":0,"status":")" +
         status + R"(","requestedAt":"2024-02-13T12:17:57+09:00",
  "approvedAt":"2024-02-13T12:18:14+09:00","useEscrow":false,"cultureExpense":false,
  "card":{"issuerCode":"71","acquirerCode":"71","number":"12345678****000*","amount":1000},
  "virtualAccount":null,"cancels":)" +
         cancels + R"(,"type":"NORMAL","easyPay":null,"country":"KR","failure":null,
  "totalAmount":1000,"balanceAmount":1000,"suppliedAmount":909,"vat":91,"taxFreeAmount":0,
  "method":"카드","version":"2022-11-16","currency":"KRW"})";
}

const char* const given_back = R"([{"transactionKey":"090A796806E726BBB929F4A2CA7DB9A7",
  "cancelReason":"refund","taxExemptionAmount":0,"canceledAt":"2024-02-13T12:20:23+09:00",
  "cancelAmount":1000,"cancelStatus":"DONE"}])";

web_response said(int status, const std::string& body) { return {status, true, body, ""}; }
web_response error(int status, const std::string& code) {
  return said(status, R"({"code":")" + code + R"(","message":"..."})");
}

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  return text.replace(text.find(what), what.size(), by);
}

approval_outcome outcome_of(const web_response& x) { return approval_of(asked(), x).what.is; }

refund_payment wish() { return {asked().payment_key, won{1000}, "refund-1", {}}; }

} // namespace

CAF_TEST(a confirmation says whose money and how much of it) {
  auto x = toss::confirm(own, asked());
  CAF_CHECK_EQUAL(x.method, "POST");
  CAF_CHECK_EQUAL(x.url, "https://toss.example/v1/payments/confirm");
  CAF_CHECK_EQUAL(x.body, R"({"amount":1000,"orderId":"ORD_1_A","paymentKey":)"
                          R"("5EnNZRJGvaBX7zk2yd8ydw26XvwXkLrx9POLqKQjmAw4b0e1"})");
  auto has = [&](const std::string& line) {
    return std::find(x.headers.begin(), x.headers.end(), line) != x.headers.end();
  };
  CAF_CHECK(has("Authorization: Basic dGVzdF9za18xOg==")); // `test_sk_1:`
  CAF_CHECK(has("Idempotency-Key: attempt-1"));
  CAF_CHECK(has("Content-Type: application/json"));
}

CAF_TEST(a refund says how much) {
  auto x = toss::cancel(own, wish());
  CAF_CHECK_EQUAL(x.url, "https://toss.example/v1/payments/" + asked().payment_key + "/cancel");
  CAF_CHECK_EQUAL(x.body, R"({"cancelAmount":1000,"cancelReason":"refund"})");
}

CAF_TEST(a key that is no name never becomes a path) {
  CAF_CHECK(toss::is_name("ORD_1_A"));
  CAF_CHECK(toss::is_name("5EnNZRJGva-BX7=="));
  for (auto x : {"", "..", "a/../b", "a?b", "a%2fb", "a b", "a\r\nb", "한"})
    CAF_CHECK(!toss::is_name(x));
}

CAF_TEST(approved is only what was asked for in won) {
  auto made = approval_of(asked(), said(200, done_text()));
  CAF_CHECK(made.what.is == approval_outcome::approved);
  CAF_CHECK_EQUAL(to_iso(made.what.approved_at), "2024-02-13T03:18:14.000+00:00");
  CAF_CHECK_EQUAL(made.what.method, "toss");
  for (auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
         {R"("totalAmount":1000)", R"("totalAmount":1)"},
         {R"("totalAmount":1000)", R"("totalAmount":"1000")"},
         {R"("currency":"KRW")", R"("currency":"USD")"},
         {R"("orderId":"ORD_1_A")", R"("orderId":"ORD_1_B")"},
         {"5EnNZRJGvaBX7zk2yd8ydw26XvwXkLrx9POLqKQjmAw4b0e1", "another"},
         {R"("approvedAt":"2024-02-13T12:18:14+09:00")", R"("approvedAt":null)"},
         {R"("DONE")", R"("WAITING_FOR_DEPOSIT")"},
         {R"("DONE")", R"("ABORTED")"}})
    CAF_CHECK(outcome_of(said(200, replaced(done_text(), from, to))) == approval_outcome::unknown);
}

CAF_TEST(declined is only what the table says) {
  for (auto code : {"REJECT_CARD_PAYMENT", "NOT_FOUND_PAYMENT_SESSION", "INVALID_REQUEST",
                    "EXCEED_MAX_ONE_DAY_AMOUNT", "FDS_ERROR"}) {
    auto made = approval_of(asked(), error(403, code));
    CAF_CHECK(made.what.is == approval_outcome::declined);
    CAF_CHECK_EQUAL(made.what.code, code);
  }
  // Temporary, or not of this table, or not by the provider at all.
  for (auto& x : {error(400, "PROVIDER_ERROR"), error(409, "IDEMPOTENT_REQUEST_PROCESSING"),
                  error(400, "SOMETHING_NEW"), error(500, "REJECT_CARD_PAYMENT"),
                  error(500, "FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING"), error(302, "x"),
                  said(404, "<html>"), said(400, ""), said(200, "{}"), said(200, "[1]"),
                  said(200, "{\"status\":"), said(204, done_text())})
    CAF_CHECK(outcome_of(x) == approval_outcome::unknown);
  CAF_CHECK(outcome_of({0, true, "", "timed out"}) == approval_outcome::unknown);
}

CAF_TEST(words of a provider never tear a row) {
  std::string won = "\xE2\x82\xA9", long_one; // 3 bytes each: 200 end in the middle of one.
  for (int i = 0; i < 100; ++i) long_one += won;
  auto kept = toss::code_of(error(403, long_one));
  CAF_CHECK_EQUAL(kept.size(), 198u);
  CAF_CHECK(long_one.starts_with(kept));
  CAF_CHECK_EQUAL(toss::code_of(error(403, "NO\\u0000NE")), "NO NE");
  CAF_CHECK_EQUAL(toss::code_of(error(403, "FDS_ERROR")), "FDS_ERROR");
}

CAF_TEST(what was processed before is looked at) {
  auto made = approval_of(asked(), error(400, "ALREADY_PROCESSED_PAYMENT"));
  CAF_CHECK(made.look);
  CAF_CHECK(made.what.is == approval_outcome::unknown);
  auto found = toss::payment_of(said(200, done_text()));
  CAF_CHECK(approval_of(asked(), found).is == approval_outcome::approved);
  auto other = asked();
  other.payment_key = "of another buyer";
  CAF_CHECK(approval_of(other, found).is == approval_outcome::unknown);
  auto back = toss::payment_of(said(200, done_text("CANCELED", given_back)));
  CAF_CHECK(approval_of(asked(), back).is == approval_outcome::unknown);
}

CAF_TEST(certain that nothing happened) {
  CAF_CHECK(outcome_of({0, false, "", "no connection"}) == approval_outcome::not_asked);
  auto limited = approval_of(asked(), error(429, "TOO_MANY_REQUESTS"));
  CAF_CHECK(limited.what.is == approval_outcome::not_asked);
  CAF_CHECK(limited.what.error == ec::busy);
  for (auto& x : {error(401, "UNAUTHORIZED_KEY"), error(400, "INVALID_API_KEY"),
                  error(403, "FORBIDDEN_REQUEST")}) {
    CAF_CHECK(toss::refuses_us(x));
    CAF_CHECK(approval_of(asked(), x).what.error == ec::provider_away);
  }
  CAF_CHECK(!toss::refuses_us(error(403, "REJECT_CARD_PAYMENT")));
}

CAF_TEST(the states of a payment) {
  using is = payment_state;
  auto state = [](const std::string& status, bool lapsed) {
    auto x = said(200, done_text(status));
    if (status != "DONE" && status != "CANCELED" && status != "PARTIAL_CANCELED")
      x.body =
        replaced(x.body, R"("approvedAt":"2024-02-13T12:18:14+09:00")", R"("approvedAt":null)");
    return toss::report_of(x, toss::payment_of(x), lapsed).is;
  };
  CAF_CHECK(state("DONE", false) == is::captured);
  CAF_CHECK(state("CANCELED", false) == is::captured);
  CAF_CHECK(state("PARTIAL_CANCELED", false) == is::captured);
  CAF_CHECK(state("READY", false) == is::pending);
  CAF_CHECK(state("IN_PROGRESS", false) == is::pending);
  CAF_CHECK(state("IN_PROGRESS", true) == is::not_found);
  CAF_CHECK(state("WAITING_FOR_DEPOSIT", true) == is::pending); // It has to be closed.
  CAF_CHECK(state("ABORTED", false) == is::not_found);
  CAF_CHECK(state("EXPIRED", false) == is::not_found);
  CAF_CHECK(state("SOMETHING_NEW", true) == is::unknown);
  auto missing = error(404, "NOT_FOUND_PAYMENT");
  CAF_CHECK(toss::report_of(missing, toss::payment_of(missing), false).is == is::pending);
  CAF_CHECK(toss::report_of(missing, toss::payment_of(missing), true).is == is::not_found);
  auto proxy = said(404, "<html>");
  CAF_CHECK(toss::report_of(proxy, toss::payment_of(proxy), true).is == is::unknown);
}

CAF_TEST(of a part as much as it is has to be back) {
  auto part = wish();
  part.amount = won{900};
  part.captured = won{1000};
  CAF_CHECK(toss::cancel(own, part).body == R"({"cancelAmount":900,"cancelReason":"refund"})");
  std::string partly = given_back;
  partly.replace(partly.find("1000"), 4, "900");
  auto back = said(200, done_text("PARTIAL_CANCELED", partly));
  CAF_CHECK(refund_of(part, back).what.is == refund_outcome::done);
  CAF_CHECK(refund_of(part, toss::payment_of(back)).is == refund_outcome::done);
  part.amount = won{901};
  CAF_CHECK(refund_of(part, toss::payment_of(back)).is == refund_outcome::unknown);
}

CAF_TEST(given back is what the provider shows as given back) {
  auto done = said(200, done_text("CANCELED", given_back));
  auto made = refund_of(wish(), done);
  CAF_CHECK(made.what.is == refund_outcome::done);
  CAF_CHECK_EQUAL(to_iso(made.what.refunded_at), "2024-02-13T03:20:23.000+00:00");
  CAF_CHECK(refund_of(wish(), said(200, done_text())).what.is == refund_outcome::unknown);
  auto refused = refund_of(wish(), error(403, "NOT_CANCELABLE_PAYMENT"));
  CAF_CHECK(refused.what.is == refund_outcome::refused);
  CAF_CHECK(refund_of(wish(), error(400, "ALREADY_CANCELED_PAYMENT")).look);
  CAF_CHECK(refund_of(wish(), toss::payment_of(done)).is == refund_outcome::done);
  CAF_CHECK(refund_of(wish(), toss::payment_of(said(200, done_text()))).is ==
            refund_outcome::unknown);
  for (auto& x : {error(500, "FAILED_REFUND_PROCESS"), error(400, "PROVIDER_ERROR"),
                  error(409, "IDEMPOTENT_REQUEST_PROCESSING")})
    CAF_CHECK(refund_of(wish(), x).what.is == refund_outcome::unknown);
}
