#define CAF_SUITE portone_adapter
#include "gateways/payment/portone.hpp"

#include "tests/integration/payment/provider_rig.hpp"

/// The adapter as it runs, against a fake of the provider (portone_fake.py) that misbehaves on
/// demand. Whatever happens on the way, the provider's books have one capture and one refund.
using namespace tk;
using namespace tk::test;

namespace {

struct fixture : provider_rig {
  fixture() : provider_rig("TIKETI_PORTONE_FAKE") {
    provider = adapter(url, "test_portone_secret");
  }
  payment_actor adapter(const std::string& to, const std::string& secret) {
    portone::settings settings;
    settings.base_url = to;
    settings.api_secret = secret;
    settings.store_id = "store-fake";
    return spawn_portone_payments(sys, settings, spawn_web_worker(sys, {}), clock);
  }
  int moved(const char* what, const approve_payment& x, won amount = won{55'000}) {
    return provider_rig::moved(what, x.order_id, amount);
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(portone_adapter_tests, fixture)

CAF_TEST(a payment is confirmed and found and given back) {
  auto x = authenticated();
  CAF_CHECK_EQUAL(query(x).is, payment_state::pending);
  auto made = approve(x);
  CAF_CHECK_EQUAL(made.is, approval_outcome::approved);
  CAF_CHECK_EQUAL(made.method, "portone");
  auto found = query(x);
  CAF_CHECK_EQUAL(found.is, payment_state::captured);
  CAF_CHECK_EQUAL(found.amount, x.amount);
  CAF_CHECK_EQUAL(refund(x).is, refund_outcome::done);
  CAF_CHECK_EQUAL(query(x).refunded, x.amount);
  CAF_CHECK_EQUAL(moved("capture", x), 1);
  CAF_CHECK_EQUAL(moved("refund", x), 1);
}

CAF_TEST(whatever happens to a confirmation asking again takes the money once) {
  for (auto& kind : every_fault) {
    CAF_MESSAGE(kind);
    auto x = authenticated();
    fault("confirm", kind);
    auto first = approve(x).is; // A look at the payment may have told already.
    CAF_CHECK(first == approval_outcome::unknown || first == approval_outcome::approved);
    CAF_CHECK(first == approval_outcome::unknown || moved("capture", x) == 1);
    CAF_CHECK_EQUAL(approve(x).is, approval_outcome::approved);
    CAF_CHECK_EQUAL(moved("capture", x), 1);
  }
  CAF_CHECK_EQUAL(followed_redirects(), 0);
}

CAF_TEST(whatever happens to the look after a confirmation nobody hears no) {
  for (auto& kind : every_fault) {
    CAF_MESSAGE(kind);
    auto x = authenticated();
    fault("query", kind);
    CAF_CHECK_EQUAL(approve(x).is, approval_outcome::unknown);
    CAF_CHECK_EQUAL(approve(x).is, approval_outcome::approved);
    CAF_CHECK_EQUAL(moved("capture", x), 1);
  }
}

CAF_TEST(whatever happens to a question nobody hears that nothing was taken) {
  for (auto& kind : every_fault) {
    CAF_MESSAGE(kind);
    auto x = authenticated();
    CAF_CHECK_EQUAL(approve(x).is, approval_outcome::approved);
    fault("query", kind);
    auto first = query(x);
    if (kind != "forged") CAF_CHECK_EQUAL(first.is, payment_state::unknown);
    CAF_CHECK_EQUAL(query(x).is, payment_state::captured);
  }
}

CAF_TEST(whatever happens to a refund asking again gives the money back once) {
  for (auto& kind : every_fault) {
    CAF_MESSAGE(kind);
    auto x = authenticated();
    CAF_CHECK_EQUAL(approve(x).is, approval_outcome::approved);
    fault("cancel", kind);
    CAF_CHECK_EQUAL(refund(x).is, refund_outcome::unknown);
    CAF_CHECK_EQUAL(refund(x).is, refund_outcome::done);
    CAF_CHECK_EQUAL(moved("refund", x), 1);
  }
}

CAF_TEST(when the provider has forgotten the idempotency keys its books still tell) {
  auto x = authenticated();
  fault("confirm", "lose-answer");
  CAF_CHECK_EQUAL(approve(x).is, approval_outcome::unknown);
  say("forget", json::object());
  CAF_CHECK_EQUAL(approve(x).is, approval_outcome::approved);
  fault("cancel", "lose-answer");
  CAF_CHECK_EQUAL(refund(x).is, refund_outcome::unknown);
  say("forget", json::object());
  CAF_CHECK_EQUAL(refund(x).is, refund_outcome::done);
  CAF_CHECK_EQUAL(moved("capture", x), 1);
  CAF_CHECK_EQUAL(moved("refund", x), 1);
}

CAF_TEST(a part goes back once whatever happens to its answer) {
  for (auto& kind : every_fault) {
    CAF_MESSAGE(kind);
    auto x = authenticated();
    CAF_CHECK_EQUAL(approve(x).is, approval_outcome::approved);
    auto part = won{x.amount.amount - 100};
    fault("cancel", kind);
    refund(x, part);
    CAF_CHECK_EQUAL(refund(x, part).is, refund_outcome::done);
    CAF_CHECK_EQUAL(moved("refund", x, part), 1);
    CAF_CHECK_EQUAL(query(x).refunded, part);
  }
}

CAF_TEST(what was given back by hand is not given back again) {
  auto x = authenticated();
  CAF_CHECK_EQUAL(approve(x).is, approval_outcome::approved);
  say("cancel", {{"orderId", x.order_id}});
  CAF_CHECK_EQUAL(refund(x).is, refund_outcome::done);
  CAF_CHECK_EQUAL(moved("refund", x), 1);
}

CAF_TEST(a refusal is definite and stays so) {
  auto x = authenticated({{"declined", true}});
  for (int i = 0; i < 2; ++i) CAF_CHECK_EQUAL(approve(x).is, approval_outcome::declined);
  CAF_CHECK_EQUAL(query(x).is, payment_state::not_found);
  auto y = authenticated();
  y.amount = won{1}; // Not what the buyer has agreed to.
  CAF_CHECK_EQUAL(approve(y).code, "INFORMATION_MISMATCH");
  auto z = authenticated();
  z.payment_key = "token_of_nobody";
  CAF_CHECK_EQUAL(approve(z).code, "INVALID_PAYMENT_TOKEN");
  for (auto& each : {x, y, z}) CAF_CHECK_EQUAL(moved("capture", each), 0);
}

CAF_TEST(where nobody listens nothing has happened) {
  auto nobody = others.emplace_back(adapter("http://127.0.0.1:9", "test_portone_secret"));
  auto made = ask<payment_approval>(nobody, authenticated());
  CAF_CHECK_EQUAL(made.is, approval_outcome::not_asked);
  CAF_CHECK_EQUAL(made.error, ec::provider_away);
}

CAF_TEST(who is not known to the provider has not asked it) {
  auto stranger = others.emplace_back(adapter(url, "test_wrong"));
  auto x = authenticated();
  CAF_CHECK_EQUAL(ask<payment_approval>(stranger, x).is, approval_outcome::not_asked);
  CAF_CHECK_EQUAL(approve(x).is, approval_outcome::approved);
}

CAF_TEST(an order nobody has heard of may be paid still until its time is over) {
  approve_payment x;
  x.order_id = "ORD_1_NOBODY";
  CAF_CHECK_EQUAL(query(x).is, payment_state::pending);
  CAF_CHECK_EQUAL(end(x).is, payment_state::pending);
  begun_at -= std::chrono::minutes(15);
  CAF_CHECK_EQUAL(end(x).is, payment_state::not_found);
}

CAF_TEST(a deposit that is waited for is no payment and closing it ends the order) {
  auto x = authenticated({{"by_deposit", true}});
  CAF_CHECK_EQUAL(approve(x).is, approval_outcome::unknown);
  CAF_CHECK_EQUAL(query(x).is, payment_state::pending);
  CAF_CHECK_EQUAL(end(x).is, payment_state::not_found);
  CAF_CHECK_EQUAL(moved("capture", x), 0);
}

CAF_TEST_FIXTURE_SCOPE_END()
