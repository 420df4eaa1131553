#define CAF_SUITE mock_payment_core
#include "gateways/payment/mock_core.hpp"

#include "caf/test/dsl.hpp"

using namespace tk;

namespace {

struct fixture {
  mock_provider mock{{}};
  instant now = from_ms(1'800'000'000'000);

  payment_approval approve(const std::string& order, const std::string& key,
                           const std::string& attempt, int64_t amount = 50'000) {
    return mock.approve({order, key, won{amount}, attempt, now + millis{10'000}}, now);
  }
  payment_refund refund(const std::string& key, const std::string& attempt, int64_t amount) {
    return mock.refund({key, won{amount}, attempt, now + millis{10'000}}, now);
  }
  payment_report query(const std::string& order) { return mock.query({order, "", now}, now); }
  payment_report end(const std::string& order) { return mock.void_order({order, now}, now); }
  [[nodiscard]] won captured() const { return mock.books().captured(); }
  [[nodiscard]] won refunded() const { return mock.books().refunded(); }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(mock_payment_core_tests, fixture)

CAF_TEST(any key pays and the books know it) {
  auto x = approve("ORD_1", "any", "a1");
  CAF_CHECK(x.is == approval_outcome::approved);
  CAF_CHECK(x.approved_at == now && x.payment_key == "any" && x.method == "mock");
  CAF_CHECK(captured() == won{50'000});
  auto found = query("ORD_1");
  CAF_CHECK(found.is == payment_state::captured);
  CAF_CHECK(found.amount == won{50'000} && found.payment_key == "any" && found.approved_at == now);
}

CAF_TEST(the same idempotency key never captures twice) {
  auto first = approve("ORD_1", "any", "a1");
  now += millis{5000};
  CAF_CHECK(approve("ORD_1", "any", "a1") == first);
  CAF_CHECK(approve("ORD_1", "any", "a1", 60'000).code == "IDEMPOTENCY_CONFLICT");
  CAF_CHECK(approve("ORD_2", "any", "a1").code == "IDEMPOTENCY_CONFLICT");
  CAF_CHECK_EQUAL(mock.books().captures.size(), 1u);
}

CAF_TEST(what a call that is under way can still take is told) {
  mock.hear_of("ORD_1", now);
  CAF_CHECK(mock.can_take("ORD_1", "a1", now));
  end("ORD_1");
  CAF_CHECK(!mock.can_take("ORD_1", "a1", now));
  CAF_CHECK(mock.paid_with("ORD_1").empty());
  // A provider that had begun before takes it all the same.
  auto late = mock.approve({"ORD_1", "any", won{50'000}, "a1", now}, now, true);
  CAF_CHECK(late.is == approval_outcome::approved);
  CAF_CHECK(mock.paid_with("ORD_1") == "any" && captured() == won{50'000});
}

CAF_TEST(an order and a payment key pay once) {
  approve("ORD_1", "any", "a1");
  CAF_CHECK(approve("ORD_1", "other", "a2").is == approval_outcome::declined);
  CAF_CHECK(approve("ORD_2", "any", "a3").is == approval_outcome::declined);
  CAF_CHECK(captured() == won{50'000});
}

CAF_TEST(keys that begin with fail are declined and another key may still pay) {
  CAF_CHECK(approve("ORD_1", "fail-card", "a1").is == approval_outcome::declined);
  CAF_CHECK(approve("ORD_1", "fail-card", "a1").is == approval_outcome::declined);
  CAF_CHECK(query("ORD_1").is == payment_state::pending);
  CAF_CHECK(mock.query({"", "a1", now}, now).is == payment_state::not_found);
  CAF_CHECK(captured() == won{0});
  CAF_CHECK(approve("ORD_1", "good", "a2").is == approval_outcome::approved);
  CAF_CHECK(mock.query({"", "a1", now}, now).is == payment_state::not_found);
  CAF_CHECK(mock.query({"", "a2", now}, now).is == payment_state::captured);
}

CAF_TEST(nothing is taken for no amount) {
  CAF_CHECK(approve("ORD_1", "any", "a1", 0).is == approval_outcome::declined);
  CAF_CHECK(approve("ORD_1", "any", "a2", -1).is == approval_outcome::declined);
}

CAF_TEST(H06 not found is definite only after a void) {
  CAF_CHECK(query("ORD_1").is == payment_state::pending);
  CAF_CHECK(mock.query({"", "never heard", now}, now).is == payment_state::pending);
  CAF_CHECK(end("ORD_1").is == payment_state::not_found);
  CAF_CHECK(query("ORD_1").is == payment_state::not_found);
  CAF_CHECK(approve("ORD_1", "any", "a1").is == approval_outcome::declined); // The late one.
  CAF_CHECK(captured() == won{0});
}

CAF_TEST(H06 not found is definite after the order has lapsed) {
  CAF_CHECK(query("ORD_1").is == payment_state::pending);
  now += mock.settings().order_life - millis{1};
  CAF_CHECK(query("ORD_1").is == payment_state::pending);
  now += millis{1};
  CAF_CHECK(query("ORD_1").is == payment_state::not_found);
  CAF_CHECK(approve("ORD_1", "any", "a1").is == approval_outcome::declined);
}

CAF_TEST(a void after the payment says that it was paid) {
  approve("ORD_1", "any", "a1");
  auto x = end("ORD_1");
  CAF_CHECK(x.is == payment_state::captured);
  CAF_CHECK(x.payment_key == "any");
  CAF_CHECK(query("ORD_1").is == payment_state::captured);
}

CAF_TEST(money goes back once per idempotency key and never more than was paid) {
  approve("ORD_1", "any", "a1");
  CAF_CHECK(refund("any", "r1", 20'000).is == refund_outcome::done);
  auto at = now;
  now += millis{9000};
  CAF_CHECK(refund("any", "r1", 20'000).refunded_at == at);
  CAF_CHECK(refunded() == won{20'000});
  CAF_CHECK(refund("any", "r1", 30'000).is == refund_outcome::refused);
  CAF_CHECK(refund("any", "r2", 30'001).is == refund_outcome::refused);
  CAF_CHECK(refund("any", "r2", 0).is == refund_outcome::refused);
  CAF_CHECK(refund("any", "r2", 30'000).is == refund_outcome::done);
  CAF_CHECK(refunded() == captured());
  CAF_CHECK(query("ORD_1").refunded == won{50'000});
  CAF_CHECK(refund("another", "r3", 1).is == refund_outcome::refused);
}

CAF_TEST(a refund fails as often as its key says) {
  approve("ORD_1", "refuse-refund-2-x", "a1");
  CAF_CHECK(refund("refuse-refund-2-x", "r1", 50'000).is == refund_outcome::refused);
  CAF_CHECK(refund("refuse-refund-2-x", "r1", 50'000).is == refund_outcome::refused);
  CAF_CHECK(refunded() == won{0});
  CAF_CHECK(refund("refuse-refund-2-x", "r1", 50'000).is == refund_outcome::done);
}

CAF_TEST(prefixes add up) {
  auto x = script_of("slow-250-lost-fail-late-9");
  CAF_CHECK(x.slow == millis{250} && x.answer_lost && x.declines && !x.away);
  CAF_CHECK(x.late == millis{0}); // Behind what is no prefix.
  auto y = script_of("away-late-70-lost-refund-1-refuse-refund-3-failure");
  CAF_CHECK(y.away && y.late == millis{70} && y.refund_answers_lost == 1 && y.refunds_refused == 3);
  CAF_CHECK(!y.answer_lost && y.declines);
  for (auto plain :
       {"", "slow-", "slow-x-1", "slow-5", "slow--5-a", "slow-99999999999-a", "lost"}) {
    auto z = script_of(plain);
    CAF_CHECK(z.slow == millis{0} && !z.answer_lost && !z.declines && !z.away);
  }
}

CAF_TEST(memory is bounded and the oldest order goes first) {
  mock = mock_provider{{.orders_max = 2}};
  approve("ORD_1", "k1", "a1");
  approve("ORD_2", "k2", "a2");
  approve("ORD_3", "k3", "a3");
  auto books = mock.books();
  CAF_REQUIRE_EQUAL(books.captures.size(), 2u);
  CAF_CHECK_EQUAL(books.captures[0].order_id, "ORD_2");
  CAF_CHECK(refund("k1", "r1", 1).is == refund_outcome::refused);
  CAF_CHECK(approve("ORD_4", "k1", "a1").is == approval_outcome::approved);
}

CAF_TEST_FIXTURE_SCOPE_END()
