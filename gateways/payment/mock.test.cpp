#define CAF_SUITE mock_payments
#include "gateways/payment/mock.hpp"

#include <optional>

#include <caf/all.hpp>

#include "caf/test/dsl.hpp"

using namespace tk;

namespace {

struct still_clock : wall_clock {
  instant at = from_ms(1'800'000'000'000);
  [[nodiscard]] instant now() const override { return at; }
};

struct fixture : test_coordinator_fixture<> {
  still_clock clock;
  mock_payment_actor mock = start({});

  ~fixture() {
    caf::anon_send_exit(mock, caf::exit_reason::user_shutdown);
    consume_messages();
  }
  mock_payment_actor start(mock_settings settings) {
    return spawn_mock_payments(sys, settings, clock);
  }
  void pass(millis x) {
    clock.at += x;
    advance_time(x);
    consume_messages();
  }
  template <class Reply> std::optional<Reply> heard() {
    std::optional<Reply> out;
    self->receive([&](const Reply& x) { out = x; }, caf::after(std::chrono::seconds(0)) >> [] {});
    return out;
  }
  template <class Request> void ask(const Request& x) {
    self->send(mock, x);
    consume_messages();
  }
  void approve(const std::string& key) {
    ask(approve_payment{"ORD_1", key, won{50'000}, "a1", clock.at + millis{10'000}});
  }
  payment_state state() {
    ask(query_payment{"ORD_1", "", clock.at});
    return heard<payment_report>().value().is;
  }
  won captured() {
    ask(read_mock_books{});
    return heard<mock_books>().value().captured();
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(mock_payment_tests, fixture)

CAF_TEST(a payment is approved at once) {
  approve("any");
  CAF_CHECK(heard<payment_approval>().value().is == approval_outcome::approved);
  CAF_CHECK(captured() == won{50'000});
}

CAF_TEST(slow takes the money when it answers and not before) {
  approve("slow-700-any");
  pass(millis{699});
  CAF_CHECK(!heard<payment_approval>());
  CAF_CHECK(state() == payment_state::pending);
  pass(millis{1});
  auto x = heard<payment_approval>().value();
  CAF_CHECK(x.is == approval_outcome::approved);
  CAF_CHECK(x.approved_at == clock.at);
  CAF_CHECK(captured() == won{50'000});
}

CAF_TEST(lost takes the money and says nothing of it) {
  approve("lost-any");
  CAF_CHECK(heard<payment_approval>().value().is == approval_outcome::unknown);
  CAF_CHECK(state() == payment_state::captured);
}

CAF_TEST(late takes the money when its asker has gone) {
  approve("late-20000-any");
  CAF_CHECK(heard<payment_approval>().value().is == approval_outcome::unknown);
  pass(millis{19'999});
  CAF_CHECK(state() == payment_state::pending);
  CAF_CHECK(captured() == won{0});
  pass(millis{1});
  CAF_CHECK(state() == payment_state::captured);
}

CAF_TEST(H06 a void comes before the late capture or hears of it) {
  approve("late-20000-any");
  ask(void_payment{"ORD_1", clock.at});
  CAF_CHECK(heard<payment_report>().has_value()); // Of the approval there is one answer, too.
  pass(millis{20'000});
  CAF_CHECK(captured() == won{0});
  CAF_CHECK(state() == payment_state::not_found);
}

CAF_TEST(away takes no connection) {
  approve("away-any");
  CAF_CHECK(!heard<payment_approval>());
  pass(std::chrono::duration_cast<millis>(payment_connect_max));
  auto x = heard<payment_approval>().value();
  CAF_CHECK(x.is == approval_outcome::not_asked);
  CAF_CHECK(x.error == ec::provider_away);
  CAF_CHECK(captured() == won{0});
}

CAF_TEST(a lost answer of a refund is found by asking again) {
  approve("lost-refund-1-any");
  auto refund = refund_payment{"lost-refund-1-any", won{50'000}, "r1", clock.at};
  ask(refund);
  CAF_CHECK(heard<payment_refund>().value().is == refund_outcome::unknown);
  ask(refund);
  CAF_CHECK(heard<payment_refund>().value().is == refund_outcome::done);
  ask(read_mock_books{});
  CAF_CHECK_EQUAL(heard<mock_books>().value().refunds.size(), 1u);
}

CAF_TEST(what is not in the books is not given back) {
  ask(refund_payment{"any", won{50'000}, "r1", clock.at});
  auto x = heard<payment_refund>().value();
  CAF_CHECK(x.is == refund_outcome::refused);
  CAF_CHECK_EQUAL(x.code, "NOT_FOUND_PAYMENT");
}

CAF_TEST(one that was started anew takes the word of the shop for what it was paid before) {
  caf::anon_send_exit(mock, caf::exit_reason::user_shutdown);
  mock = spawn_mock_payments(sys, {}, clock, unknown_refund::trusted);
  auto refund = [&](const char* key, const char* id, won amount = won{50'000}) {
    ask(refund_payment{key, amount, id, clock.at});
    return heard<payment_refund>().value().is;
  };
  CAF_CHECK(refund("any", "r1") == refund_outcome::done);
  CAF_CHECK(refund("any", "r1") == refund_outcome::done); // The same one.
  CAF_CHECK(refund("any", "r2") == refund_outcome::refused);
  CAF_CHECK(refund("refuse-refund-1-any", "r3") == refund_outcome::refused);
  CAF_CHECK(refund("refuse-refund-1-any", "r3") == refund_outcome::done);
  CAF_CHECK(refund("lost-refund-1-any", "r4") == refund_outcome::unknown);
  CAF_CHECK(refund("lost-refund-1-any", "r4") == refund_outcome::done);
  CAF_CHECK(refund("fail-any", "r5") == refund_outcome::refused); // It never took anything.
  CAF_CHECK(refund("none", "r6", won{0}) == refund_outcome::refused);
  ask(read_mock_books{});
  auto books = heard<mock_books>().value();
  CAF_CHECK_EQUAL(books.refunds.size(), 3u);
  CAF_CHECK(books.captured() == books.refunded());
}

CAF_TEST(every answer takes as long as benchmarks want) {
  caf::anon_send_exit(mock, caf::exit_reason::user_shutdown);
  mock = start({.delay = millis{40}});
  approve("slow-10-any");
  pass(millis{49});
  CAF_CHECK(!heard<payment_approval>());
  pass(millis{1});
  CAF_CHECK(heard<payment_approval>().value().is == approval_outcome::approved);
  ask(query_payment{"ORD_1", "", clock.at});
  pass(millis{39});
  CAF_CHECK(!heard<payment_report>());
  pass(millis{1});
  CAF_CHECK(heard<payment_report>().value().is == payment_state::captured);
}

CAF_TEST_FIXTURE_SCOPE_END()
