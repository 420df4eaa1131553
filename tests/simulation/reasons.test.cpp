#define CAF_SUITE reasons

#include <caf/test/dsl.hpp>

#include "tests/simulation/names.hpp"
#include "tests/simulation/reasons.hpp"

using namespace tk;
using namespace tk::sim;

namespace {

constexpr millis old{200};

reservation_id order(uint64_t n) { return {0, n}; }

/// A quiet sale of two seats and ten tickets, to people who may hold four.
struct fixture {
  agenda time{from_ms(1'000'000)};
  ledger_model model{from_ms(1'000'000)};
  fault_mix faults;
  reasons why{time, model, 4, faults};
  user_id anna = user_of(1), bert = user_of(2);

  fixture() {
    auto& type = model.rows.types[type_of(0)];
    type.total = type.available = 10;
    model.rows.users[anna] = instant{};
    see();
  }
  void see() {
    model.set_now(time.now());
    why.committed();
  }
  void pass(int64_t ms) { time.move_to(time.now() + millis{ms}); }

  static std::vector<wanted_item> seats(int32_t n) {
    std::vector<wanted_item> out;
    for (int32_t i = 1; i <= n; ++i) out.push_back({seat_of(0, i), 0});
    return out;
  }
  static std::vector<wanted_item> tickets(int32_t n) {
    return {{{}, first_quota_block, type_of(0), n}};
  }
  /// What is wrong with an answer that takes ten milliseconds.
  std::string told(user_id who, const std::vector<wanted_item>& items, ec is) {
    told_hold x;
    x.user = who;
    x.items = items;
    x.asked = x.token = time.now();
    x.is = is;
    why.asked(who, "", items);
    pass(10);
    x.answered = time.now();
    auto out = why.heard(x, old);
    pass(1000); // The next one knows nothing of it.
    return out;
  }
  void hold(user_id who, uint64_t n, const std::vector<wanted_item>& items) {
    auto& row = model.rows.reservations[order(n)].row;
    row.id = order(n);
    row.user = who;
    row.total = won{1000};
    row.status = reservation_status::pending;
    row.expires_at = time.now() + millis{5000};
    for (auto& x : items) {
      row.items.push_back({x.seat, x.block_no, 0, 0, {}, x.type, x.quantity});
      if (x.seat.nil()) model.rows.types[x.type].available -= x.quantity;
    }
    see();
  }
  void end(uint64_t n, reservation_status how) {
    model.rows.reservations[order(n)].row.status = how;
    see();
  }
  std::string pays(ec is, won amount = won{1000}, const std::string& key = "card") {
    auto now = time.now();
    told_wish_to_pay x{anna, order(1), key, {}, amount, now, now, ec::unknown};
    why.asked_to_pay(x);
    pass(10);
    see();
    x.answered = time.now();
    x.is = is;
    return why.heard_of_payment(x);
  }
  told_change change(ec is) { return {order(1), is, time.now(), time.now()}; }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(reasons_tests, fixture)

CAF_TEST(a limit is a reason for who may hold as much) {
  CAF_CHECK(told(anna, seats(2), ec::hold_limit) != "");
  hold(anna, 1, seats(2));
  CAF_CHECK(told(anna, seats(2), ec::hold_limit) != "");
  CAF_CHECK(told(bert, seats(3), ec::hold_limit) != "");
  CAF_CHECK(told(anna, seats(3), ec::hold_limit) == "");
  pass(6000); // It has run out.
  CAF_CHECK(told(anna, seats(3), ec::hold_limit) != "");
}

CAF_TEST(a wish without an answer may be held) {
  why.asked(anna, "other", seats(3));
  CAF_CHECK(told(anna, seats(2), ec::hold_limit) == "");
}

CAF_TEST(a quota is a reason when it may have been taken) {
  CAF_CHECK(told(anna, tickets(4), ec::quantity_short) != "");
  hold(bert, 1, tickets(4));
  CAF_CHECK(told(anna, tickets(4), ec::quantity_short) != "");
  hold(bert, 2, tickets(3));
  CAF_CHECK(told(anna, tickets(4), ec::quantity_short) == "");
  CAF_CHECK(told(anna, tickets(3), ec::quantity_short) != "");
  why.asked(bert, "third", tickets(1));
  CAF_CHECK(told(anna, tickets(3), ec::quantity_short) == "");
}

CAF_TEST(signed out is who has asked for it) {
  CAF_CHECK(told(anna, seats(2), ec::not_authenticated) != "");
  why.asked_to_sign_out(anna);
  CAF_CHECK(told(anna, seats(2), ec::not_authenticated) != "");
  model.rows.users[anna] = time.now();
  CAF_CHECK(told(anna, seats(2), ec::not_authenticated) == "");
  pass(1);
  CAF_CHECK(told(anna, seats(2), ec::not_authenticated) != ""); // With a token of later.
}

CAF_TEST(nothing is away where nothing goes wrong) {
  CAF_CHECK(told(anna, seats(1), ec::unavailable) != "");
  faults.kill_ppm = 1;
  CAF_CHECK(told(anna, seats(1), ec::unavailable) == "");
  CAF_CHECK(told(anna, seats(1), ec::sale_closed) != "");
}

CAF_TEST(payments are refused for what people did) {
  hold(anna, 1, seats(1));
  CAF_CHECK(pays(ec::ok) == "");
  for (auto is : {ec::payment_declined, ec::amount_mismatch, ec::hold_over, ec::already_paid,
                  ec::paid_too_late, ec::not_payable, ec::access_denied, ec::provider_away})
    CAF_CHECK(pays(is) != "");
  CAF_CHECK(pays(ec::ok, won{999}) != "");
  CAF_CHECK(pays(ec::amount_mismatch, won{999}) == "");
  CAF_CHECK(pays(ec::payment_declined, won{1000}, "fail-card") == "");
  pass(6000);
  CAF_CHECK(pays(ec::hold_over) == "");
  end(1, reservation_status::confirmed);
  CAF_CHECK(pays(ec::already_paid) == "");
}

CAF_TEST(three cards are reason enough) {
  hold(anna, 1, seats(1));
  for (auto card : {"a", "b"}) CAF_CHECK(pays(ec::payment_attempts, won{1000}, card) != "");
  CAF_CHECK(pays(ec::payment_attempts, won{1000}, "c") == "");
}

CAF_TEST(changes of mind are refused for what the rows say) {
  hold(anna, 1, seats(1));
  CAF_CHECK(why.heard_cancel(change(ec::reservation_expired)) != "");
  CAF_CHECK(why.heard_cancel(change(ec::already_cancelled)) != "");
  CAF_CHECK(why.heard_cancel(change(ec::reservation_unknown)) != "");
  CAF_CHECK(why.heard_refund(change(ec::not_refundable), old) == "");
  end(1, reservation_status::confirmed);
  pass(1000);
  CAF_CHECK(why.heard_refund(change(ec::not_refundable), old) != "");
  end(1, reservation_status::cancelled);
  CAF_CHECK(why.heard_refund(change(ec::not_refundable), old) == "");
  CAF_CHECK(why.heard_cancel(change(ec::already_cancelled)) == "");
}

CAF_TEST_FIXTURE_SCOPE_END()
