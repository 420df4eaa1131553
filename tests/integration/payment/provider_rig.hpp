#pragma once

#include <cstdlib>
#include <string>
#include <vector>

#include <caf/all.hpp>
#include <nlohmann/json.hpp>

#include "caf/test/dsl.hpp"

#include "gateways/payment/port.hpp"
#include "gateways/web/worker.hpp"

/// An adapter as it runs, and the fake of its provider (fake_server.py), which misbehaves on
/// demand.
namespace tk::test {

using nlohmann::json;

struct still_clock : wall_clock {
  instant at = from_ms(1'800'000'000'000);
  [[nodiscard]] instant now() const override { return at; }
};

class provider_rig {
public:
  explicit provider_rig(const char* fake_in) {
    const char* where = std::getenv(fake_in);
    CAF_REQUIRE(where != nullptr);
    url = where;
    say("faults", {{"faults", json::array()}});
  }
  ~provider_rig() {
    others.push_back(provider);
    for (auto& x : others) caf::anon_send_exit(x, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(control, caf::exit_reason::user_shutdown);
  }

  template <class Reply, class To, class What> Reply ask(const To& to, const What& what) {
    Reply out;
    self->request(to, std::chrono::seconds(20), what)
      .receive([&](const Reply& x) { out = x; },
               [&](caf::error& e) { CAF_FAIL("no answer: " << sys.render(e)); });
    return out;
  }
  /// Tells the fake.
  json say(const std::string& what, const json& body) {
    web_request x;
    x.method = "POST";
    x.url = url + "/fake/" + what;
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
    static int orders = 0; // The fake lives as long as the program.
    approve_payment out;
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
  payment_approval approve(const approve_payment& x) { return ask<payment_approval>(provider, x); }
  payment_report query(const approve_payment& x) {
    query_payment what{x.order_id, "", clock.at + patience, "", begun_at};
    return ask<payment_report>(provider, what);
  }
  payment_report end(const approve_payment& x) {
    return ask<payment_report>(provider,
                               void_payment{x.order_id, clock.at + patience, "", begun_at});
  }
  payment_refund refund(const approve_payment& x) { return refund(x, x.amount); }
  payment_refund refund(const approve_payment& x, won amount) {
    refund_payment what{x.payment_key,       amount, "r" + x.order_id,
                        clock.at + patience, "",     x.order_id};
    what.captured = x.amount;
    return ask<payment_refund>(provider, what);
  }
  /// How often the provider has moved this payment's money so, by the name that its books have.
  int moved(const char* what, const std::string& payment, won amount = won{55'000}) {
    int out = 0;
    auto found = say("books", json::object());
    for (auto& row : found["books"])
      if (row[0] == what && row[1] == payment) {
        CAF_CHECK_EQUAL(row[2].get<int64_t>(), amount.amount);
        ++out;
      }
    return out;
  }
  int followed_redirects() { return say("calls", json::object())["elsewhere"].get<int>(); }

  caf::actor_system_config config;
  caf::actor_system sys{config};
  caf::scoped_actor self{sys};
  still_clock clock;
  std::string url;
  web_actor control = spawn_web_worker(sys, {});
  payment_actor provider;
  std::vector<payment_actor> others;
  instant begun_at = clock.at;
  static constexpr millis patience{400};
  static constexpr int fault_ms = 1500;
};

inline const std::vector<std::string> every_fault = {
  "refuse-before", "drop-before", "lose-answer", "fail-after", "slow",   "slow-answer",
  "garbage",       "cut",         "huge",        "redirect",   "forged", "proxy-404"};

} // namespace tk::test
