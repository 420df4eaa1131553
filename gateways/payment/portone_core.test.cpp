#define CAF_SUITE portone_core
#include "gateways/payment/portone_core.hpp"

#include "caf/test/dsl.hpp"

using namespace tk;
using tk::portone::approval_of;
using tk::portone::refund_of;

namespace {

const portone::settings own{"https://portone.example", "secret", "store-1", false, millis{900'000}};

approve_payment asked() { return {"ORD_1_A", "token-1", won{1000}, "attempt-1", {}, "portone"}; }
refund_payment wish() { return {"token-1", won{1000}, "refund-1", {}, "portone", "ORD_1_A"}; }

/// As the provider's reference shows it, shortened.
std::string text_of_payment(const std::string& status, const std::string& more = "") {
  return R"({"status":")" + status +
         R"(","id":"ORD_1_A","transactionId":"0190f0b5-1a2b","merchantId":"merchant-1",
  "storeId":"store-1","method":{"type":"PaymentMethodCard","card":{"brand":"MASTER"}},
  "channel":{"type":"LIVE","pgProvider":"TOSSPAYMENTS"},"version":"V2","orderName":"ticket",
  "requestedAt":"2024-02-13T03:17:57Z","updatedAt":"2024-02-13T03:18:14Z",
  "amount":{"total":1000,"taxFree":0,"vat":91,"supply":909,"discount":0,"paid":1000,
  "cancelled":0,"cancelledTaxFree":0},"currency":"KRW","customer":{})" +
         (more.empty() ? "" : "," + more) + "}";
}

const std::string paid = R"("paidAt":"2024-02-13T03:18:14.000Z")";
const std::string given_back = R"("cancellations":[{"status":"SUCCEEDED","id":"c1",
  "totalAmount":1000,"reason":"refund","requestedAt":"2024-02-13T03:20:00Z",
  "cancelledAt":"2024-02-13T03:20:23Z"}])";

web_response said(int status, const std::string& body) { return {status, true, body, ""}; }
web_response error(int status, const std::string& type) {
  return said(status, R"({"type":")" + type + R"(","message":"..."})");
}
portone::payment found(const std::string& status, const std::string& more = "") {
  return portone::payment_of(own, said(200, text_of_payment(status, more)));
}
const web_response confirmed = said(200, R"({"payment":{"pgTxId":"1","paidAt":"2024"}})");

approval_outcome after(const web_response& x, const portone::payment& y) {
  return approval_of(asked(), x, y).is;
}

} // namespace

CAF_TEST(a confirmation says how much may be taken and by whose word) {
  auto x = portone::confirm(own, asked());
  CAF_CHECK_EQUAL(x.url, "https://portone.example/payments/ORD_1_A/confirm");
  CAF_CHECK_EQUAL(x.body, R"({"currency":"KRW","paymentToken":"token-1","storeId":"store-1",)"
                          R"("totalAmount":1000})");
  auto has = [&](const std::string& line) {
    return std::find(x.headers.begin(), x.headers.end(), line) != x.headers.end();
  };
  CAF_CHECK(has("Authorization: PortOne secret"));
  CAF_CHECK(has("Idempotency-Key: \"attempt-1\""));
}

CAF_TEST(a part says what it is a part of) {
  auto part = wish();
  part.amount = won{900};
  part.captured = won{1000};
  auto x = portone::cancel(own, part);
  CAF_CHECK(x.body.find(R"("amount":900,"currentCancellableAmount":1000,)") != std::string::npos);
  auto back = [](const std::string& amount) {
    return R"("cancellations":[{"status":"SUCCEEDED","id":"c1","totalAmount":)" + amount +
           R"(,"reason":"refund","requestedAt":"2024-02-13T03:20:00Z",
  "cancelledAt":"2024-02-13T03:20:23Z"}])";
  };
  auto of = [&](const std::string& amount) {
    return refund_of(part, found("PARTIAL_CANCELLED", paid + "," + back(amount))).is;
  };
  CAF_CHECK(of("900") == refund_outcome::done);
  CAF_CHECK(of("899") == refund_outcome::unknown);
}

CAF_TEST(a refund is only of a payment that is whole) {
  auto x = portone::cancel(own, wish());
  CAF_CHECK_EQUAL(x.url, "https://portone.example/payments/ORD_1_A/cancel");
  CAF_CHECK_EQUAL(x.body, R"({"amount":1000,"currentCancellableAmount":1000,"reason":"refund",)"
                          R"("storeId":"store-1"})");
}

CAF_TEST(an order that is no name never becomes a path) {
  CAF_CHECK(portone::is_name("ORD_1790000000000_0A1B2C3D"));
  for (auto x : {"", "..", "a/b", "a?b", "a%2fb", "a b", "a="}) CAF_CHECK(!portone::is_name(x));
}

CAF_TEST(approved is what the payment itself says) {
  CAF_CHECK(approval_of(confirmed).look);
  auto made = approval_of(asked(), confirmed, found("PAID", paid));
  CAF_CHECK(made.is == approval_outcome::approved);
  CAF_CHECK_EQUAL(to_iso(made.approved_at), "2024-02-13T03:18:14.000+00:00");
  CAF_CHECK_EQUAL(made.payment_key, "token-1");
  // Whatever the confirmation was answered: by this attempt before, or with a lost answer.
  for (auto& x : {error(409, "ALREADY_PAID"), error(500, "x"), error(400, "INVALID_PAYMENT_TOKEN")})
    CAF_CHECK(after(x, found("PAID", paid)) == approval_outcome::approved);
}

CAF_TEST(S34 another amount or order or store or currency is sold for nothing) {
  auto but = [](const std::string& from, const std::string& to) {
    auto text = text_of_payment("PAID", paid);
    text.replace(text.find(from), from.size(), to);
    return portone::payment_of(own, said(200, text));
  };
  for (auto& x :
       {but(R"("total":1000)", R"("total":999)"), but("ORD_1_A", "ORD_1_B"),
        but("store-1", "store-2"), but("KRW", "USD"), but("\"paidAt\"", "\"readAt\""),
        found("CANCELLED", paid + "," + given_back), found("PAID"), found("SOMETHING_NEW", paid)})
    CAF_CHECK(after(confirmed, x) == approval_outcome::unknown);
}

CAF_TEST(S38 in production a payment over a channel for tests is none) {
  auto live = own;
  live.live_only = true;
  auto text = text_of_payment("PAID", paid);
  CAF_CHECK(portone::payment_of(live, said(200, text)).is == portone::standing::captured);
  text.replace(text.find("LIVE"), 4, "TEST");
  CAF_CHECK(portone::payment_of(own, said(200, text)).is == portone::standing::captured);
  CAF_CHECK(portone::payment_of(live, said(200, text)).is == portone::standing::unheard);
  CAF_CHECK(portone::confirm(live, asked()).body.find(R"("isTest":false)") != std::string::npos);
}

CAF_TEST(declined is only what was refused and is not taken) {
  auto open = found("READY");
  for (auto type : {"INFORMATION_MISMATCH", "INVALID_PAYMENT_TOKEN", "INVALID_REQUEST"}) {
    auto made = approval_of(asked(), error(400, type), open);
    CAF_CHECK(made.is == approval_outcome::declined);
    CAF_CHECK_EQUAL(made.code, type);
  }
  auto missing = portone::payment_of(own, error(404, "PAYMENT_NOT_FOUND"));
  CAF_CHECK(after(error(404, "PAYMENT_NOT_FOUND"), missing) == approval_outcome::declined);
  CAF_CHECK(after(error(502, "PG_PROVIDER"), found("FAILED")) == approval_outcome::declined);
  for (auto& x : {error(502, "PG_PROVIDER"), error(409, "ALREADY_PAID"), error(500, "x"),
                  error(400, "SOMETHING_NEW"), said(404, "<html>"), confirmed})
    CAF_CHECK(after(x, open) == approval_outcome::unknown);
  auto unheard = portone::payment_of(own, said(200, "{"));
  CAF_CHECK(after(error(400, "INVALID_REQUEST"), unheard) == approval_outcome::unknown);
  CAF_CHECK(!approval_of({0, true, "", "timed out"}).look); // It may be under way.
}

CAF_TEST(certain that nothing happened at PortOne) {
  auto is = [](const web_response& x) { return approval_of(x).what.is; };
  CAF_CHECK(is({0, false, "", "no connection"}) == approval_outcome::not_asked);
  CAF_CHECK(is(error(429, "TOO_MANY_REQUESTS")) == approval_outcome::not_asked);
  CAF_CHECK(is(error(401, "UNAUTHORIZED")) == approval_outcome::not_asked);
  CAF_CHECK(portone::refuses_us(error(403, "FORBIDDEN")));
}

CAF_TEST(the states of a payment of PortOne) {
  using is = payment_state;
  auto state = [](const std::string& status, bool lapsed, const std::string& more = "") {
    auto x = said(200, text_of_payment(status, more));
    return portone::report_of(x, portone::payment_of(own, x), lapsed).is;
  };
  CAF_CHECK(state("PAID", false, paid) == is::captured);
  CAF_CHECK(state("PARTIAL_CANCELLED", false, paid) == is::captured);
  CAF_CHECK(state("CANCELLED", false, paid) == is::captured);
  CAF_CHECK(state("CANCELLED", false) == is::not_found);
  CAF_CHECK(state("READY", false) == is::pending);
  CAF_CHECK(state("PAY_PENDING", false) == is::pending);
  CAF_CHECK(state("READY", true) == is::not_found);
  CAF_CHECK(state("VIRTUAL_ACCOUNT_ISSUED", true) == is::pending);
  CAF_CHECK(state("FAILED", false) == is::not_found);
  CAF_CHECK(state("SOMETHING_NEW", true) == is::unknown);
  auto missing = error(404, "PAYMENT_NOT_FOUND");
  auto gone = portone::payment_of(own, missing);
  CAF_CHECK(portone::report_of(missing, gone, false).is == is::pending);
  CAF_CHECK(portone::report_of(missing, gone, true).is == is::not_found);
}

CAF_TEST(given back is what PortOne shows as given back) {
  auto made = [](const std::string& status, int amount) {
    return said(200, R"({"cancellation":{"status":")" + status + R"(","totalAmount":)" +
                       std::to_string(amount) + R"(,"cancelledAt":"2024-02-13T03:20:23Z"}})");
  };
  auto done = refund_of(wish(), made("SUCCEEDED", 1000));
  CAF_CHECK(done.what.is == refund_outcome::done);
  CAF_CHECK_EQUAL(to_iso(done.what.refunded_at), "2024-02-13T03:20:23.000+00:00");
  CAF_CHECK(refund_of(wish(), made("SUCCEEDED", 1)).what.is == refund_outcome::unknown);
  CAF_CHECK(refund_of(wish(), made("REQUESTED", 1000)).what.is == refund_outcome::unknown);
  CAF_CHECK(refund_of(wish(), made("FAILED", 1000)).what.is == refund_outcome::refused);
  for (auto type : {"PAYMENT_ALREADY_CANCELLED", "CANCELLABLE_AMOUNT_CONSISTENCY_BROKEN"})
    CAF_CHECK(refund_of(wish(), error(409, type)).look);
  CAF_CHECK(refund_of(wish(), error(409, "PAYMENT_NOT_PAID")).what.is == refund_outcome::refused);
  CAF_CHECK(refund_of(wish(), error(502, "PG_PROVIDER")).what.is == refund_outcome::unknown);
  auto back = found("CANCELLED", paid + "," + given_back);
  CAF_CHECK(refund_of(wish(), back).is == refund_outcome::done);
  CAF_CHECK(refund_of(wish(), found("PAID", paid)).is == refund_outcome::unknown);
}
