#define CAF_SUITE payment_gateway
#include "gateways/payment/gateway.hpp"

#include <optional>
#include <vector>

#include <caf/all.hpp>

#include "caf/test/dsl.hpp"

#include "gateways/payment/mock.hpp"

using namespace tk;

namespace {

struct still_clock : wall_clock {
  instant at = from_ms(1'800'000'000'000);
  [[nodiscard]] instant now() const override { return at; }
};

payment_calls_actor::behavior_type recorder(payment_calls_actor::pointer,
                                            std::vector<payment_call>* to) {
  return {[to](const payment_call& x) { to->push_back(x); }};
}

struct fixture : test_coordinator_fixture<> {
  still_clock clock;
  payment_probe probe;
  payment_gateway_config config{.calls_max = 3};
  mock_payment_actor mock = spawn_mock_payments(sys, {}, clock);
  payment_actor gateway =
    spawn_payment_gateway(sys, config, caf::actor_cast<payment_actor>(mock), clock, probe);
  int orders = 0;

  ~fixture() {
    caf::anon_send_exit(gateway, caf::exit_reason::user_shutdown); // Ends the provider, too.
    consume_messages();
  }
  void pass(millis x) {
    clock.at += x;
    advance_time(x);
    consume_messages();
  }
  template <class Reply> std::vector<Reply> heard() {
    std::vector<Reply> out;
    bool more = true;
    do {
      self->receive([&](const Reply& x) { out.push_back(x); },
                    caf::after(std::chrono::seconds(0)) >> [&] { more = false; });
    } while (more);
    return out;
  }
  template <class Request> void ask(const Request& x) {
    self->send(gateway, x);
    consume_messages();
  }
  /// Of an order of its own.
  void approve(const std::string& key, millis patience = millis{20'000}) {
    auto no = std::to_string(++orders);
    ask(approve_payment{"ORD_" + no, key + no, won{1000}, "a" + no, clock.at + patience});
  }
  payment_approval approved(const std::string& key) {
    approve(key);
    return heard<payment_approval>().at(0);
  }
  [[nodiscard]] bool is(breaker_state x) const {
    return probe.breaker_state == static_cast<int64_t>(x);
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(payment_gateway_tests, fixture)

CAF_TEST(answers pass through) {
  CAF_CHECK(approved("any").is == approval_outcome::approved);
  CAF_CHECK(approved("fail").is == approval_outcome::declined);
  ask(query_payment{"ORD_1", "", clock.at + millis{1000}});
  CAF_CHECK(heard<payment_report>().at(0).is == payment_state::captured);
  ask(refund_payment{"any1", won{1000}, "r1", clock.at + millis{1000}});
  CAF_CHECK(heard<payment_refund>().at(0).is == refund_outcome::done);
  ask(void_payment{"ORD_2", clock.at + millis{1000}});
  CAF_CHECK(heard<payment_report>().at(0).is == payment_state::not_found);
  CAF_CHECK_EQUAL(probe.calls_open.load(), 0);
}

CAF_TEST(every try leaves a record and what was never sent leaves none) {
  std::vector<payment_call> kept;
  payment_gateway_config recorded{.calls_max = 1};
  recorded.calls = sys.spawn(recorder, &kept);
  auto behind = spawn_mock_payments(sys, {}, clock);
  auto door =
    spawn_payment_gateway(sys, recorded, caf::actor_cast<payment_actor>(behind), clock, probe);
  auto end = clock.at + millis{20'000};
  self->send(door, approve_payment{"ORD_1", "slow-1000-any", won{5}, "a1", end, "mock"});
  self->send(door, approve_payment{"ORD_2", "any", won{5}, "a2", end, "mock"}); // Busy.
  consume_messages();
  pass(millis{1000});
  self->send(door, approve_payment{"ORD_3", "fail", won{5}, "a3", end, "mock"});
  consume_messages();
  CAF_REQUIRE_EQUAL(kept.size(), 2u);
  CAF_CHECK_EQUAL(kept[0].order_id, "ORD_1");
  CAF_CHECK_EQUAL(kept[0].outcome, "approved");
  CAF_CHECK_EQUAL(kept[0].took_ms, 1000);
  CAF_CHECK_EQUAL(kept[1].order_id, "ORD_3");
  CAF_CHECK_EQUAL(kept[1].outcome, "declined");
  caf::anon_send_exit(door, caf::exit_reason::user_shutdown);
  caf::anon_send_exit(recorded.calls, caf::exit_reason::user_shutdown);
  consume_messages();
}

CAF_TEST(beyond the bound it is busy at once and nothing is taken) {
  for (int i = 0; i < 3; ++i) approve("slow-1000-any");
  CAF_CHECK(heard<payment_approval>().empty());
  auto refused = approved("any");
  CAF_CHECK(refused.is == approval_outcome::not_asked);
  CAF_CHECK(refused.error == ec::busy);
  pass(millis{1000});
  CAF_CHECK_EQUAL(heard<payment_approval>().size(), 3u);
  CAF_CHECK(approved("any").is == approval_outcome::approved);
  CAF_CHECK_EQUAL(probe.calls_busy.load(), 1u);
}

CAF_TEST(ten seconds without an answer are unknown) {
  approve("slow-60000-any");
  pass(millis{9999});
  CAF_CHECK(heard<payment_approval>().empty());
  pass(millis{1});
  CAF_CHECK(heard<payment_approval>().at(0).is == approval_outcome::unknown);
  pass(millis{60'000});
  CAF_CHECK(heard<payment_approval>().empty()); // It was approved late; that answer is dropped.
  ask(query_payment{"ORD_1", "", clock.at + millis{1000}});
  CAF_CHECK(heard<payment_report>().at(0).is == payment_state::captured);
}

CAF_TEST(nobody waits beyond the deadline and nothing begins after it) {
  approve("slow-60000-any", millis{400});
  pass(millis{400});
  CAF_CHECK(heard<payment_approval>().at(0).is == approval_outcome::unknown);
  approve("any", millis{0});
  auto late = heard<payment_approval>().at(0);
  CAF_CHECK(late.is == approval_outcome::not_asked);
  CAF_CHECK(late.error == ec::late);
}

CAF_TEST(G37 five failures open the breaker for a minute) {
  for (int i = 0; i < 5; ++i) CAF_CHECK(approved("lost-any").is == approval_outcome::unknown);
  CAF_CHECK(is(breaker_state::open));
  auto refused = approved("any");
  CAF_CHECK(refused.is == approval_outcome::not_asked);
  CAF_CHECK(refused.error == ec::provider_away);
  CAF_CHECK_EQUAL(probe.calls_not_permitted.load(), 1u);
  pass(millis{59'999});
  CAF_CHECK(approved("any").error == ec::provider_away);
  pass(millis{1});
  for (int i = 0; i < 3; ++i) CAF_CHECK(approved("any").is == approval_outcome::approved);
  CAF_CHECK(is(breaker_state::closed));
}

CAF_TEST(P55 an order that nobody decides counts once and stops nobody else) {
  for (int i = 0; i < 20; ++i) {
    ask(approve_payment{"ORD_same", "lost-same", won{1000}, "same", clock.at + millis{20'000}});
    CAF_CHECK(heard<payment_approval>().at(0).is == approval_outcome::unknown);
  }
  CAF_CHECK(is(breaker_state::closed));
  CAF_CHECK(approved("any").is == approval_outcome::approved);
}

CAF_TEST(P55 nor does one of which queries keep saying that nothing is known yet) {
  for (int i = 0; i < 20; ++i) { // As a checkout does it: take, ask, take again under the same key.
    ask(approve_payment{"ORD_same", "slow-9000000-same", won{1000}, "same",
                        clock.at + millis{60'000}});
    pass(millis{10'000});
    CAF_CHECK(heard<payment_approval>().at(0).is == approval_outcome::unknown);
    ask(query_payment{"ORD_same", "same", clock.at + millis{60'000}});
    CAF_CHECK(heard<payment_report>().at(0).is == payment_state::pending);
    CAF_CHECK(is(breaker_state::closed));
  }
  CAF_CHECK(approved("any").is == approval_outcome::approved);
}

CAF_TEST(P55 what was decided meanwhile or failed long ago counts anew) {
  auto lost = [&] {
    ask(approve_payment{"ORD_same", "lost-same", won{1000}, "same", clock.at + millis{60'000}});
    CAF_CHECK(heard<payment_approval>().at(0).is == approval_outcome::unknown);
  };
  for (int i = 0; i < 3; ++i) {
    CAF_CHECK(is(breaker_state::closed));
    lost();
    ask(query_payment{"ORD_same", "same", clock.at + millis{60'000}});
    heard<payment_report>();
  }
  CAF_CHECK(is(breaker_state::open)); // 3 of 5.
  pass(millis{60'000});
  for (int i = 0; i < 3; ++i) approved("any");
  CAF_REQUIRE(is(breaker_state::closed));
  for (int i = 0; i < 5; ++i) { // The first comes too soon after the last one that counted.
    for (int k = 0; k < 3; ++k) lost();
    CAF_CHECK(is(breaker_state::closed));
    pass(millis{300'000});
  }
  lost();
  CAF_CHECK(is(breaker_state::open));
}

CAF_TEST(G02 an order is voided while the breaker is open) {
  for (int i = 0; i < 5; ++i) approved("lost-any");
  CAF_REQUIRE(is(breaker_state::open));
  ask(void_payment{"ORD_1", clock.at + millis{20'000}});
  auto report = heard<payment_report>();
  CAF_REQUIRE_EQUAL(report.size(), 1u);
  CAF_CHECK(report[0].is != payment_state::not_asked);
  CAF_CHECK(is(breaker_state::open));
}

CAF_TEST(G37 slow approvals open it too) {
  for (int i = 0; i < 5; ++i) {
    approve("slow-3001-any");
    pass(millis{3001});
    CAF_CHECK(heard<payment_approval>().at(0).is == approval_outcome::approved);
  }
  CAF_CHECK(is(breaker_state::open));
}

CAF_TEST(P55 declined payments do not) {
  for (int i = 0; i < 30; ++i) CAF_CHECK(approved("fail").is == approval_outcome::declined);
  CAF_CHECK(is(breaker_state::closed));
  CAF_CHECK_EQUAL(probe.calls_not_counted.load(), 30u);
}

namespace {

/// A provider that fails queries as often as told, and counts them.
struct flaky {
  int failures = 0, asked = 0;
};
payment_actor::behavior_type play(payment_actor::pointer, flaky* st) {
  return {
    [](const approve_payment&) { return payment_approval{}; },
    [=](const query_payment& x) {
      payment_report out;
      if (++st->asked > st->failures) out.is = payment_state::captured;
      out.order_id = x.order_id;
      return out;
    },
    [](const void_payment&) { return payment_report{}; },
    [](const refund_payment&) { return payment_refund{}; },
  };
}

} // namespace

CAF_TEST(G37 queries are repeated and nothing else is) {
  flaky st{2, 0};
  config.breaker.failed_percent = 101; // Not what this is about.
  auto other = spawn_payment_gateway(sys, config, sys.spawn(play, &st), clock, probe);
  self->send(other, query_payment{"ORD_1", "", clock.at + millis{10'000}});
  consume_messages();
  CAF_CHECK_EQUAL(st.asked, 1);
  pass(millis{499});
  CAF_CHECK_EQUAL(st.asked, 1);
  pass(millis{1});
  CAF_CHECK_EQUAL(st.asked, 2);
  pass(millis{999});
  CAF_CHECK(heard<payment_report>().empty());
  pass(millis{1});
  CAF_CHECK(heard<payment_report>().at(0).is == payment_state::captured);
  st = {100, 0};
  self->send(other, query_payment{"ORD_1", "", clock.at + millis{1200}});
  consume_messages();
  pass(millis{500}); // A second try; a third would begin after the deadline.
  CAF_CHECK(heard<payment_report>().at(0).is == payment_state::unknown);
  CAF_CHECK_EQUAL(st.asked, 2);
  self->send(other, void_payment{"ORD_1", clock.at + millis{10'000}});
  consume_messages();
  CAF_CHECK(heard<payment_report>().at(0).is == payment_state::unknown);
  CAF_CHECK_EQUAL(probe.calls_open.load(), 0);
  caf::anon_send_exit(other, caf::exit_reason::user_shutdown);
  consume_messages();
}

CAF_TEST(who waits is answered when the gateway ends) {
  approve("slow-5000-any");
  caf::anon_send_exit(gateway, caf::exit_reason::user_shutdown);
  consume_messages();
  bool failed = false;
  self->receive([&](const caf::error&) { failed = true; },
                caf::after(std::chrono::seconds(0)) >> [] {});
  CAF_CHECK(failed);
}

CAF_TEST_FIXTURE_SCOPE_END()
