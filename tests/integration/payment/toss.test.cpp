#define CAF_SUITE toss_adapter
#include "gateways/payment/toss.hpp"

#include "tests/integration/payment/provider_rig.hpp"

/// The adapter as it runs, against a fake of the provider (toss_fake.py) that misbehaves on demand.
/// Whatever happens on the way, the provider's books have one capture and one refund.
using namespace tk;
using namespace tk::test;

namespace {

struct fixture : provider_rig {
  fixture() : provider_rig("TIKETI_TOSS_FAKE") { provider = adapter(url, "test_sk_fake"); }
  payment_actor adapter(const std::string& to, const std::string& key) {
    return spawn_toss_payments(sys, {to, key}, spawn_web_worker(sys, {}), clock);
  }
  int moved(const char* what, const approve_payment& x, won amount = won{55'000}) {
    return provider_rig::moved(what, x.payment_key, amount);
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(toss_adapter_tests, fixture)

CAF_TEST(a payment is confirmed and found and given back) {
  auto x = authenticated();
  CAF_CHECK_EQUAL(query(x).is, payment_state::pending);
  auto made = approve(x);
  CAF_CHECK_EQUAL(made.is, approval_outcome::approved);
  CAF_CHECK_EQUAL(made.method, "toss");
  CAF_CHECK_EQUAL(made.payment_key, x.payment_key);
  CAF_CHECK(made.approved_at != instant{});
  auto found = query(x);
  CAF_CHECK_EQUAL(found.is, payment_state::captured);
  CAF_CHECK_EQUAL(found.amount, x.amount);
  CAF_CHECK_EQUAL(found.approved_at, made.approved_at);
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
    CAF_CHECK_EQUAL(approve(x).is, approval_outcome::unknown);
    CAF_CHECK_EQUAL(approve(x).is, approval_outcome::approved);
    CAF_CHECK_EQUAL(query(x).is, payment_state::captured);
    CAF_CHECK_EQUAL(moved("capture", x), 1);
  }
  CAF_CHECK_EQUAL(followed_redirects(), 0);
}

CAF_TEST(whatever happens to a question nobody hears that nothing was taken) {
  for (auto& kind : every_fault) {
    CAF_MESSAGE(kind);
    auto x = authenticated();
    CAF_CHECK_EQUAL(approve(x).is, approval_outcome::approved);
    fault("query", kind);
    auto first = query(x);
    // An answer about another order is one about that order: its amount tells.
    if (kind == "forged") CAF_CHECK(first.amount != x.amount || first.is == payment_state::unknown);
    else CAF_CHECK_EQUAL(first.is, payment_state::unknown);
    CAF_CHECK_EQUAL(query(x).is, payment_state::captured);
  }
}

CAF_TEST(whatever happens to a refund asking again gives the money back once) {
  for (auto& kind : every_fault) {
    CAF_MESSAGE(kind);
    auto x = authenticated();
    CAF_CHECK_EQUAL(approve(x).is, approval_outcome::approved);
    fault("cancel", kind);
    auto first = refund(x);
    if (kind != "forged") CAF_CHECK_EQUAL(first.is, refund_outcome::unknown);
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
  say("cancel", {{"paymentKey", x.payment_key}});
  CAF_CHECK_EQUAL(refund(x).is, refund_outcome::done);
  CAF_CHECK_EQUAL(moved("refund", x), 1);
  auto found = query(x);
  CAF_CHECK_EQUAL(found.is, payment_state::captured);
  CAF_CHECK_EQUAL(found.refunded, x.amount);
}

CAF_TEST(a refusal is definite and stays so) {
  auto x = authenticated({{"declined", true}});
  for (int i = 0; i < 2; ++i) {
    auto made = approve(x);
    CAF_CHECK_EQUAL(made.is, approval_outcome::declined);
    CAF_CHECK_EQUAL(made.code, "REJECT_CARD_PAYMENT");
  }
  CAF_CHECK_EQUAL(query(x).is, payment_state::not_found);
  auto y = authenticated();
  y.amount = won{1}; // Not what the buyer has agreed to.
  CAF_CHECK_EQUAL(approve(y).is, approval_outcome::declined);
  auto z = authenticated();
  z.payment_key = "key_of_nobody";
  CAF_CHECK_EQUAL(approve(z).is, approval_outcome::declined);
  for (auto& each : {x, y, z}) CAF_CHECK_EQUAL(moved("capture", each), 0);
}

CAF_TEST(a refused refund is asked for again) {
  auto x = authenticated({{"refunds_refused", 1}});
  CAF_CHECK_EQUAL(approve(x).is, approval_outcome::approved);
  auto first = refund(x);
  CAF_CHECK_EQUAL(first.is, refund_outcome::refused);
  CAF_CHECK_EQUAL(first.code, "NOT_CANCELABLE_PAYMENT");
  CAF_CHECK_EQUAL(moved("refund", x), 0);
}

CAF_TEST(where nobody listens nothing has happened) {
  auto nobody = others.emplace_back(adapter("http://127.0.0.1:9", "test_sk_fake"));
  auto made = ask<payment_approval>(nobody, authenticated());
  CAF_CHECK_EQUAL(made.is, approval_outcome::not_asked);
  CAF_CHECK_EQUAL(made.error, ec::provider_away);
}

CAF_TEST(who is not known to the provider has not asked it) {
  auto stranger = others.emplace_back(adapter(url, "test_sk_wrong"));
  auto x = authenticated();
  auto made = ask<payment_approval>(stranger, x);
  CAF_CHECK_EQUAL(made.is, approval_outcome::not_asked);
  CAF_CHECK_EQUAL(made.error, ec::provider_away);
  CAF_CHECK_EQUAL(approve(x).is, approval_outcome::approved);
}

CAF_TEST(an order nobody has heard of may be paid still) {
  approve_payment x;
  x.order_id = "ORD_1_NOBODY";
  CAF_CHECK_EQUAL(query(x).is, payment_state::pending);
  CAF_CHECK_EQUAL(end(x).is, payment_state::pending);
  begun_at -= std::chrono::minutes(15); // Nobody can any more.
  CAF_CHECK_EQUAL(query(x).is, payment_state::not_found);
  CAF_CHECK_EQUAL(end(x).is, payment_state::not_found);
  auto y = authenticated();
  CAF_CHECK_EQUAL(end(y).is, payment_state::not_found);
  auto z = authenticated();
  CAF_CHECK_EQUAL(approve(z).is, approval_outcome::approved);
  CAF_CHECK_EQUAL(end(z).is, payment_state::captured);
}

CAF_TEST(a deposit that is waited for is no payment and closing it ends the order) {
  auto x = authenticated({{"by_deposit", true}});
  CAF_CHECK_EQUAL(approve(x).is, approval_outcome::unknown);
  CAF_CHECK_EQUAL(query(x).is, payment_state::pending);
  CAF_CHECK_EQUAL(end(x).is, payment_state::not_found);
  CAF_CHECK_EQUAL(query(x).is, payment_state::not_found);
  CAF_CHECK_EQUAL(moved("capture", x), 0);
}

CAF_TEST(many at once and each twice) {
  constexpr int buyers = 30;
  std::vector<approve_payment> all;
  for (int i = 0; i < buyers; ++i) all.push_back(authenticated());
  int approved = 0, unknown = 0;
  for (auto& x : all) {
    auto patient = x;
    patient.deadline = clock.at + std::chrono::seconds(10);
    for (int i = 0; i < 2; ++i) self->send(provider, patient);
  }
  for (int i = 0; i < 2 * buyers; ++i)
    self->receive([&](const payment_approval& a) {
      ++(a.is == approval_outcome::approved ? approved : unknown);
    });
  CAF_CHECK_EQUAL(approved, 2 * buyers);
  CAF_CHECK_EQUAL(unknown, 0);
  for (auto& x : all) CAF_CHECK_EQUAL(moved("capture", x), 1);
}

CAF_TEST_FIXTURE_SCOPE_END()
