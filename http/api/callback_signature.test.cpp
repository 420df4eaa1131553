#define CAF_SUITE callback_signature
#include "http/api/callback_signature.hpp"

#include <vector>

#include "caf/test/dsl.hpp"

using namespace tk;
using namespace tk::http;

namespace {

constexpr std::string_view key = "0123456789abcdef0123456789abcdef";
constexpr std::string_view body = R"({"eventType":"PAYMENT_STATUS_CHANGED"})";
constexpr std::string_view sent_at = "2026-11-22T12:00:00+09:00";
// printf '%s' "$body:$sent_at" | openssl dgst -sha256 -hmac $key -binary | base64
constexpr std::string_view right = "J+ARNY2udYveEKYe6+hTmoNLNZQrwwxcvGCyOIK6TIo=";

instant now() { return parse_iso("2026-11-22T03:01:00Z").value_or(instant{}); }

bool accepted(std::string_view signature, std::string_view text = body,
              std::string_view time = sent_at, instant at = now()) {
  return is_signed(toss_callback{text, signature, time}, key, at);
}

} // namespace

CAF_TEST(G04 a callback is believed to be sent by whoever knows the key) {
  std::string one{right};
  CAF_CHECK(accepted("v1:" + one));
  CAF_CHECK(accepted("v1:AAAA," + one)); // While the key is being changed there are two.
  CAF_CHECK(accepted("v1:" + one + ",v1:AAAA"));
  CAF_CHECK(accepted("v1:AAAA, v1:" + one));
}

CAF_TEST(S34 what is not signed by it is refused) {
  std::string one{right};
  auto other = one;
  other[5] = other[5] == 'A' ? 'B' : 'A';
  for (auto& x : std::vector<std::string>{"", "v1:", "v1:AAAA", other, one + "=", "v1:" + other,
                                          "v2:" + one, "v1:" + one + "AAAA", ",,,,"})
    CAF_CHECK(!accepted(x));
  CAF_CHECK(!accepted("v1:" + one, R"({"eventType":"PAYMENT_STATUS_CHANGED" })"));
  CAF_CHECK(!accepted("v1:" + one, body, "2026-11-22T12:00:01+09:00"));
  CAF_CHECK(!accepted("v1:" + one, body, "2026-11-22T03:00:00Z")); // The same moment.
  CAF_CHECK(!accepted("v1:" + one, body, ""));
  auto good = "v1:" + one;
  CAF_CHECK(!is_signed(toss_callback{body, good, sent_at}, "", now()));
  CAF_CHECK(!is_signed(toss_callback{body, good, sent_at}, "another key", now()));
}

CAF_TEST(S34 a copy is refused after five minutes) {
  auto signature = "v1:" + std::string{right};
  auto sent = *parse_iso(sent_at);
  for (auto off : {-300, -1, 0, 300})
    CAF_CHECK(accepted(signature, body, sent_at, sent + std::chrono::seconds(off)));
  for (auto off : {-301, 301, 86'400})
    CAF_CHECK(!accepted(signature, body, sent_at, sent + std::chrono::seconds(off)));
}

// -- Standard Webhooks --------------------------------------------------------------------------

namespace {

const auto sent_standard = from_ms(1'795'316'400'000);
constexpr std::string_view told = R"({"type":"Transaction.Paid"})";
// printf '%s' "msg_1.1795316400.$told" | openssl dgst -sha256 -hmac $key -binary | base64
const std::string standard = "v1,eB/lgH8yAXL4wmEDz9h8CNy2A5RbXVvvxkLUEhWL9dE=";

bool accepts(const std::string& signature, std::string_view id = "msg_1",
             std::string_view at = "1795316400", std::string_view text = told, int off_s = 0) {
  return is_signed(standard_callback{text, id, at, signature}, key,
                   sent_standard + std::chrono::seconds(off_s));
}

} // namespace

CAF_TEST(D05 a callback in the form of Standard Webhooks) {
  CAF_CHECK(accepts(standard));
  CAF_CHECK(accepts("v1,AAAA " + standard));
  CAF_CHECK(accepts(standard + " v1a,AAAA"));
  CAF_CHECK(accepts(standard, "msg_1", "1795316400", told, 300));
  CAF_CHECK(accepts(standard, "msg_1", "1795316400", told, -300));
}

CAF_TEST(S34 any other callback in that form is refused) {
  for (auto& x : std::vector<std::string>{"", "v1,", standard.substr(3), "v2," + standard.substr(3),
                                          "v1," + standard, standard + "A"})
    CAF_CHECK(!accepts(x));
  CAF_CHECK(!accepts(standard, "msg_2"));
  CAF_CHECK(!accepts(standard, ""));
  for (auto at : {"1795316401", "", "x", "-1795316400", "1795316400.0", "99999999999999999999"})
    CAF_CHECK(!accepts(standard, "msg_1", at));
  CAF_CHECK(!accepts(standard, "msg_1", "1795316400", "{}"));
  CAF_CHECK(!accepts(standard, "msg_1", "1795316400", told, 301));
  CAF_CHECK(!accepts(standard, "msg_1", "1795316400", told, -301));
  CAF_CHECK(
    !is_signed(standard_callback{told, "msg_1", "1795316400", standard}, "", sent_standard));
}

CAF_TEST(the key of a webhook secret) {
  CAF_CHECK_EQUAL(standard_webhook_key("whsec_MDEyMzQ1Njc4OWFiY2RlZg=="), "0123456789abcdef");
  CAF_CHECK_EQUAL(standard_webhook_key("whsec_?"), "whsec_?");
  CAF_CHECK_EQUAL(standard_webhook_key("plain"), "plain");
  CAF_CHECK_EQUAL(standard_webhook_key(""), "");
}
