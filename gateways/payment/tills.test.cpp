#define CAF_SUITE payment_tills
#include "gateways/payment/tills.hpp"

#include <caf/all.hpp>

#include "caf/test/dsl.hpp"

#include "gateways/payment/mock.hpp"

using namespace tk;

namespace {

struct still_clock : wall_clock {
  instant at = from_ms(1'800'000'000'000);
  [[nodiscard]] instant now() const override { return at; }
};

struct fixture : test_coordinator_fixture<> {
  still_clock clock;
  mock_payment_actor one = spawn_mock_payments(sys, {}, clock);
  mock_payment_actor two = spawn_mock_payments(sys, {}, clock);
  payment_actor tills = spawn_payment_tills(sys, {{"one", caf::actor_cast<payment_actor>(one)},
                                                  {"two", caf::actor_cast<payment_actor>(two)}});

  ~fixture() {
    caf::anon_send_exit(tills, caf::exit_reason::user_shutdown); // Ends both.
    consume_messages();
  }
  template <class Reply, class To, class What> Reply ask(const To& to, const What& what) {
    Reply out;
    self->send(to, what);
    consume_messages();
    self->receive([&](const Reply& x) { out = x; });
    return out;
  }
  approve_payment order(const std::string& provider) {
    return {"ORD_1", "key", won{1000}, "attempt", clock.at + payment_call_max, provider};
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(payment_tills_tests, fixture)

CAF_TEST(each payment is asked about and given back where it was made) {
  CAF_CHECK(ask<payment_approval>(tills, order("two")).is == approval_outcome::approved);
  query_payment what{"ORD_1", "", clock.at + payment_call_max, "two", {}};
  CAF_CHECK(ask<payment_report>(tills, what).is == payment_state::captured);
  what.provider = "one";
  CAF_CHECK(ask<payment_report>(tills, what).is == payment_state::pending);
  refund_payment back{"key", won{1000}, "refund", clock.at + payment_call_max, "one"};
  CAF_CHECK(ask<payment_refund>(tills, back).is == refund_outcome::refused);
  back.provider = "two";
  CAF_CHECK(ask<payment_refund>(tills, back).is == refund_outcome::done);
  CAF_CHECK_EQUAL(ask<mock_books>(one, read_mock_books{}).captures.size(), 0u);
  CAF_CHECK_EQUAL(ask<mock_books>(two, read_mock_books{}).refunded(), won{1000});
}

CAF_TEST(of a provider that is not there nobody was asked) {
  auto made = ask<payment_approval>(tills, order("three"));
  CAF_CHECK(made.is == approval_outcome::not_asked);
  CAF_CHECK(made.error == ec::provider_away);
  CAF_CHECK(ask<payment_approval>(tills, order("")).is == approval_outcome::not_asked);
  void_payment end{"ORD_1", clock.at + payment_call_max, "three", {}};
  CAF_CHECK(ask<payment_report>(tills, end).is == payment_state::not_asked);
}

CAF_TEST_FIXTURE_SCOPE_END()
