#define CAF_SUITE toss_adapter
#include "gateways/payment/toss.hpp"

#include <cstdlib>
#include <string>
#include <vector>

#include <caf/all.hpp>
#include <nlohmann/json.hpp>

#include "caf/test/dsl.hpp"

#include "gateways/web/worker.hpp"

/// The adapter as it runs, against a fake of the provider (toss_fake.py) that misbehaves on demand.
/// Whatever happens on the way, the provider's books have one capture and one refund.
using namespace tk;

namespace {

using nlohmann::json;

struct still_clock : wall_clock {
  instant at = from_ms(1'800'000'000'000);
  [[nodiscard]] instant now() const override { return at; }
};

std::string fake_url() {
  const char* url = std::getenv("TIKETI_TOSS_FAKE");
  CAF_REQUIRE(url != nullptr);
  return url;
}

struct fixture {
  caf::actor_system_config config;
  caf::actor_system sys{config};
  caf::scoped_actor self{sys};
  still_clock clock;
  web_actor control = spawn_web_worker(sys, {});
  payment_actor toss = adapter(fake_url(), "test_sk_fake");
  std::vector<payment_actor> others;

  fixture() { say("faults", {{"faults", json::array()}}); }
  ~fixture() {
    others.push_back(toss);
    for (auto& x : others) caf::anon_send_exit(x, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(control, caf::exit_reason::user_shutdown);
  }

  payment_actor adapter(const std::string& url, const std::string& key) {
    return spawn_toss_payments(sys, {url, key}, spawn_web_worker(sys, {}), clock);
  }
  template <class Reply, class To, class What> Reply ask(const To& to, const What& what) {
    Reply out;
    self->request(to, std::chrono::seconds(20), what)
      .receive([&](const Reply& x) { out = x; },
               [&](caf::error& e) { CAF_FAIL("no answer: " << sys.render(e)); });
    return out;
  }
  json say(const std::string& what, const json& body) {
    web_request x;
    x.method = "POST";
    x.url = fake_url() + "/fake/" + what;
    x.body = body.dump();
    auto got = ask<web_response>(control, x);
    CAF_REQUIRE_EQUAL(got.status, 200);
    return json::parse(got.body);
  }
  void fault(const char* on, const std::string& is, int times = 1) {
    say("faults", {{"faults", {{{"on", on}, {"is", is}, {"times", times}, {"ms", fault_ms}}}}});
  }

  /// What the buyer's browser has done: an order with a key that can be confirmed.
  approve_payment authenticated(const json& how = json::object()) {
    approve_payment out;
    static int orders = 0; // The fake lives as long as the program.
    auto no = std::to_string(++orders);
    out.order_id = "ORD_1_" + no;
    out.payment_key = "key_" + no;
    out.amount = won{55'000};
    out.idempotency_key = "attempt-" + no;
    out.deadline = clock.at + patience;
    json body = {{"orderId", out.order_id}, {"amount", 55'000}, {"paymentKey", out.payment_key}};
    body.update(how);
    say("authenticate", body);
    return out;
  }
  payment_approval approve(const approve_payment& x) { return ask<payment_approval>(toss, x); }
  payment_report query(const approve_payment& x) {
    return ask<payment_report>(toss, query_payment{x.order_id, "", clock.at + patience});
  }
  payment_report end(const approve_payment& x) {
    return ask<payment_report>(toss, void_payment{x.order_id, clock.at + patience});
  }
  payment_refund refund(const approve_payment& x) {
    return ask<payment_refund>(
      toss, refund_payment{x.payment_key, x.amount, "r" + x.order_id, clock.at + patience});
  }
  /// How often the provider has moved this payment's money so.
  int moved(const char* what, const approve_payment& x) {
    int out = 0;
    auto found = say("books", json::object());
    for (auto& row : found["books"])
      if (row[0] == what && row[1] == x.payment_key) {
        CAF_CHECK_EQUAL(row[2].get<int64_t>(), x.amount.amount);
        ++out;
      }
    return out;
  }

  static constexpr millis patience{400};
  static constexpr int fault_ms = 1500;
};

const std::vector<std::string> every_fault = {
  "refuse-before", "drop-before", "lose-answer", "fail-after", "slow",   "slow-answer",
  "garbage",       "cut",         "huge",        "redirect",   "forged", "proxy-404"};

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
  CAF_CHECK_EQUAL(say("calls", json::object())["elsewhere"].get<int>(), 0);
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
  auto stranger = others.emplace_back(adapter(fake_url(), "test_sk_wrong"));
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
    for (int i = 0; i < 2; ++i) self->send(toss, patient);
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
