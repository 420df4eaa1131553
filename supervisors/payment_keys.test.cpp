#define CAF_SUITE payment_keys

// Requests that move money come with a key: each happens once, and is told the same again (C4).

#include "tests/support/till.hpp"

using namespace tk;
using namespace tk::rig;

namespace {

struct keyed_till : till {
  keyed_till() { request_key = "k"; }

  void prepare() { pay(prepare_payment{alice, {}, {}}, ""); }
  void cancel_payment_of() { pay(cancel_payment{alice, "", {}}, ""); }
  const payment_reply& said(size_t i) {
    CAF_REQUIRE(payments.at(i)->came());
    CAF_REQUIRE(payments[i]->error == ec::ok);
    return payments[i]->value;
  }
  /// Whoever asked last hears what they heard before, in all that is the request's own.
  bool same(size_t i, size_t j) { return said(i) == said(j); }
  /// Another reservation of the same user; the one before it is told.
  reservation_id hold_another() {
    auto before = id;
    hold_and_prepare({want(0, 2)});
    return before;
  }
  [[nodiscard]] size_t attempts() const { return model.rows.attempts.size(); }
  [[nodiscard]] size_t captures() const { return bank.core.books().captures.size(); }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(payment_key_tests, keyed_till)

CAF_TEST(one key pays one of two reservations whoever comes first) {
  for (bool at_once : {false, true}) {
    keyed_till x;
    x.hold_and_prepare({want(0, 1)});
    auto first = x.hold_another();
    auto second = std::exchange(x.id, first);
    if (at_once) x.hurry.emplace(1);
    x.process();
    x.id = second;
    x.process();
    x.hurry.reset();
    x.run();
    std::array<ec, 2> heard{x.said(0).is, x.said(1).is};
    std::ranges::sort(heard);
    CAF_CHECK(heard[0] == ec::ok);
    CAF_CHECK(heard[1] == ec::idempotency_conflict);
    CAF_CHECK_EQUAL(x.captures(), 1u);
    CAF_CHECK_EQUAL(x.attempts(), 1u);
  }
}

CAF_TEST(two payments with one key that are decided at once are one) {
  hold_and_prepare({want(0, 1)});
  auto first = hold_another();
  auto second = id;
  // Both have looked at the key before either of them claims it.
  for (auto& of : {first, second}) {
    process_payment what{alice, "m", 10s, {}};
    tk::request_key key{"payments.process", "k", to_string(of), {}};
    payments.push_back(
      send<checkout_actor>(key_of(of), once<process_payment>{what, key}, millis{20s}));
  }
  run();
  CAF_CHECK((said(0).is == ec::ok) != (said(1).is == ec::ok));
  CAF_CHECK((said(0).is == ec::idempotency_conflict) != (said(1).is == ec::idempotency_conflict));
  CAF_CHECK_EQUAL(captures(), 1u);
}

CAF_TEST(a key that was used for one order is refused before another one is opened) {
  request_key = "";
  auto held = reserve(alice, {want(0, 1)});
  auto other = reserve(alice, {want(0, 2)});
  request_key = "k";
  id = held->value.id;
  prepare();
  CAF_CHECK(said(0).is == ec::ok);
  auto before = model.rows.payments.size();
  id = other->value.id;
  prepare();
  CAF_CHECK(said(1).is == ec::idempotency_conflict);
  CAF_CHECK_EQUAL(model.rows.payments.size(), before);
}

CAF_TEST(prepare tells the same order again also after it was paid and given back) {
  auto held = reserve(alice, {want(0, 1)});
  id = held->value.id;
  prepare();
  order_id = said(0).order_id;
  prepare();
  CAF_CHECK(same(0, 1));
  CAF_CHECK(said(0).payment == same_id<payment_id>(model.rows.request_keys.begin()->second.effect));
  confirm();
  CAF_CHECK(said(2).is == ec::ok);
  prepare();
  CAF_CHECK(said(3).is == ec::ok);
  CAF_CHECK(said(3).order_id == order_id);
  give_up();
  replace_node();
  prepare();
  CAF_CHECK(said(4).order_id == order_id);
  CAF_CHECK_EQUAL(model.rows.payments.size(), 1u);
}

CAF_TEST(prepare with a key tells the open order and remembers which) {
  hold_and_prepare({want(0, 1)}); // Without a key.
  prepare();
  CAF_CHECK(said(0).order_id == order_id);
  confirm("fail");
  prepare(); // The order has failed: the key is of that one.
  CAF_CHECK(said(2).order_id == order_id);
  request_key = "another";
  prepare();
  CAF_CHECK(said(3).is == ec::ok);
  CAF_CHECK(said(3).order_id != order_id);
}

CAF_TEST(prepare of what is over is refused as often as asked) {
  hold_and_prepare({want(0, 1)});
  later(301s, 1s);
  for (size_t i = 0; i < 2; ++i) {
    prepare();
    CAF_CHECK(said(i).is == ec::hold_over);
  }
  CAF_CHECK_EQUAL(model.rows.payments.size(), 1u); // The one of before.
}

CAF_TEST(confirm tells the same again whatever has happened since) {
  hold_and_prepare({want(0, 1)});
  confirm();
  CAF_CHECK(said(0).is == ec::ok);
  confirm();
  CAF_CHECK(same(0, 1));
  replace_node();
  confirm();
  CAF_CHECK(same(0, 2));
  give_up();
  rest();
  confirm();
  CAF_CHECK(same(0, 3));
  CAF_CHECK(wrong() == "");
  CAF_CHECK_EQUAL(captures(), 1u);
  request_key = ""; // Who has no key hears of the state.
  confirm();
  CAF_CHECK(said(4).is == ec::paid_too_late);
}

CAF_TEST(a key of a refused confirmation is told what is true when it is asked) {
  hold_and_prepare({want(0, 1)});
  request_key = "";
  confirm();
  request_key = "k";
  confirm();
  CAF_CHECK(said(1).is == ec::already_paid);
  confirm();
  CAF_CHECK(said(2).is == ec::already_paid);
  CAF_CHECK(model.rows.request_keys.empty());
}

CAF_TEST(a declined payment is declined again and takes nothing) {
  hold_and_prepare({want(0, 1)});
  confirm("fail-key");
  CAF_CHECK(said(0).is == ec::payment_declined);
  confirm("fail-key");
  CAF_CHECK(said(1).is == ec::payment_declined);
  confirm("key"); // Another payload, and no effect.
  CAF_CHECK(said(2).is == ec::idempotency_conflict);
  CAF_CHECK_EQUAL(attempts(), 1u);
}

CAF_TEST(twins wait for the same outcome) {
  hold_and_prepare({want(0, 1)});
  bank.holding = true;
  confirm();
  confirm();
  CAF_CHECK(!payments[0]->came() && !payments[1]->came());
  answer_late();
  CAF_CHECK(said(0).is == ec::ok);
  CAF_CHECK(same(0, 1));
  CAF_CHECK_EQUAL(attempts(), 1u);
}

CAF_TEST(a twin whose look at the key came too early is told of the first one) {
  hold_and_prepare({want(0, 1)});
  auto early = *look_up("payments.process", "m");
  process_payment what{alice, "m", 10s, {}};
  for (int i = 0; i < 2; ++i) {
    payments.push_back(
      send<checkout_actor>(key_of(id), once<process_payment>{what, early}, millis{20s}));
    run();
  }
  CAF_CHECK(said(0).is == ec::ok);
  CAF_CHECK(same(0, 1)); // Not "already completed".
}

CAF_TEST(process tells the same again and so does one that did nothing) {
  hold_and_prepare({want(0, 1)});
  process();
  CAF_CHECK(said(0).is == ec::ok && !said(0).repeated);
  process();
  CAF_CHECK(same(0, 1));
  request_key = "another"; // C18: it was paid before.
  process();
  CAF_CHECK(said(2).repeated);
  process();
  CAF_CHECK(same(2, 3));
  replace_node();
  process();
  CAF_CHECK(same(2, 4));
  CAF_CHECK_EQUAL(captures(), 1u);
}

CAF_TEST(process without an order opens one and is one payment however often) {
  id = reserve(alice, {want(0, 1)})->value.id;
  process();
  process();
  CAF_CHECK(said(0).is == ec::ok);
  CAF_CHECK(same(0, 1));
  CAF_CHECK_EQUAL(model.rows.payments.size(), 1u);
}

CAF_TEST(what the provider was never asked may be tried again under the same key) {
  hold_and_prepare({want(0, 1)});
  bank.away = true;
  confirm();
  CAF_CHECK(said(0).is == ec::provider_away);
  bank.away = false;
  confirm();
  CAF_CHECK(said(1).is == ec::ok);
  confirm();
  CAF_CHECK(same(1, 2));
  CAF_CHECK_EQUAL(attempts(), 2u);
  CAF_CHECK_EQUAL(captures(), 1u);
}

CAF_TEST(cancelling a payment tells the amount again and gives back once) {
  hold_and_prepare({want(0, 1)});
  confirm();
  cancel_payment_of();
  CAF_CHECK(said(1).is == ec::ok);
  CAF_CHECK(said(1).amount == price());
  cancel_payment_of();
  CAF_CHECK(same(1, 2));
  rest();
  cancel_payment_of();
  CAF_CHECK(same(1, 3));
  request_key = "another";
  cancel_payment_of();
  CAF_CHECK(said(4).is == ec::not_refundable);
  cancel_payment_of();
  CAF_CHECK(said(5).is == ec::not_refundable);
  CAF_CHECK_EQUAL(bank.core.books().refunds.size(), 1u);
  CAF_CHECK(wrong() == "");
}

CAF_TEST(twins that cancel a payment both hear of their refund and a stranger to it does not) {
  hold_and_prepare({want(0, 1)});
  confirm();
  auto early = *look_up("payments.cancel", "");
  auto other = early;
  other.key = "another";
  for (auto& key : {early, early, other}) {
    cancel_payment what{alice, "", {}};
    payments.push_back(send<checkout_actor>(key_of(id), once<cancel_payment>{what, key}));
  }
  run();
  CAF_CHECK(said(1).is == ec::ok && !said(1).repeated);
  CAF_CHECK(same(1, 2));
  CAF_CHECK(said(3).repeated || said(3).is == ec::not_refundable);
  CAF_CHECK_EQUAL(model.rows.refunds.size(), 1u);
}

CAF_TEST(cancelling a hold or a sale is told again as often as asked) {
  for (bool paid : {false, true}) {
    keyed_till x;
    x.hold_and_prepare({want(0, 1)});
    if (paid) x.confirm();
    x.give_up();
    x.give_up();
    x.replace_node();
    x.give_up();
    for (auto& y : x.cancels) CAF_CHECK(y->value.is == ec::ok);
    x.request_key = "another";
    x.give_up();
    CAF_CHECK(x.cancels.back()->value.is == ec::already_cancelled);
    x.rest();
    CAF_CHECK(x.wrong() == "");
    CAF_CHECK_EQUAL(x.model.rows.refunds.size(), paid ? 1u : 0u);
  }
}

CAF_TEST(twins that cancel a hold or a sale hear the same) {
  for (bool paid : {false, true}) {
    keyed_till x;
    x.hold_and_prepare({want(0, 1)});
    if (paid) x.confirm();
    x.hurry.emplace(paid ? 2 : 3);
    for (int i = 0; i < 3; ++i) x.give_up();
    x.hurry.reset();
    x.run();
    for (auto& y : x.cancels) CAF_CHECK(y->value.is == ec::ok);
    x.rest();
    CAF_CHECK(x.wrong() == "");
  }
}

CAF_TEST(of two keys that cancel at once the second one hears that it is cancelled) {
  for (bool paid : {false, true})
    for (int steps = 0; steps < 12; ++steps) {
      keyed_till x;
      x.hold_and_prepare({want(0, 1)});
      if (paid) x.confirm();
      x.hurry.emplace(steps);
      x.give_up();
      x.request_key = "another";
      x.give_up();
      x.hurry.reset();
      x.run();
      CAF_CHECK(x.cancels[0]->value.is == ec::ok);
      CAF_CHECK(x.cancels[1]->value.is == ec::already_cancelled);
      x.give_up(); // The second one again.
      CAF_CHECK(x.cancels[2]->value.is == ec::already_cancelled);
      x.rest();
      CAF_CHECK(x.wrong() == "");
      CAF_CHECK_EQUAL(x.model.rows.refunds.size(), paid ? 1u : 0u);
    }
}

CAF_TEST(one key cancels one of two reservations) {
  hold_and_prepare({want(0, 1)});
  auto first = hold_another();
  auto second = id;
  for (auto& of : {first, second}) {
    tk::request_key key{"reservations.cancel", "k", to_string(of), {}};
    cancels.push_back(send<session_actor>(
      key_of(alice), once<cancel_reservation>{cancel_reservation{of, now(), {}}, key}));
  }
  run();
  CAF_CHECK((cancels[0]->value.is == ec::ok) != (cancels[1]->value.is == ec::ok));
  auto pending = std::ranges::count_if(model.rows.reservations, [](auto& x) {
    return x.second.row.status == reservation_status::pending;
  });
  CAF_CHECK_EQUAL(pending, 1);
}

CAF_TEST(a claim whose verdict was lost is found by whoever asks again) {
  for (auto fault : {model_fault::lose_after_commit, model_fault::lose_before_commit,
                     model_fault::lose_commit_later, model_fault::contended}) {
    keyed_till x;
    x.hold_and_prepare({want(0, 1)});
    x.model.meet_next(fault);
    x.confirm();
    x.later(5s, 100ms);
    x.confirm();
    x.later(5s, 100ms);
    CAF_CHECK(x.said(1).is == ec::ok);
    x.rest();
    CAF_CHECK(x.wrong() == "");
    CAF_CHECK(x.wrong_answers() == "");
    CAF_CHECK_EQUAL(x.captures(), 1u);
  }
}

CAF_TEST_FIXTURE_SCOPE_END()
