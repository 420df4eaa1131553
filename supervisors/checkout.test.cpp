#define CAF_SUITE checkout

// One reservation, everything that can happen to it, in every order: two confirmations, a
// cancellation, its end, a provider that answers late, a node that is replaced.

#include "tests/support/till.hpp"

using namespace tk;
using namespace tk::rig;

namespace {

enum class happening : uint8_t { confirm, confirm_again, cancel, end, late_answer, replacement };

const char* name_of(happening x) {
  switch (x) {
  case happening::confirm: return "confirm ";
  case happening::confirm_again: return "again ";
  case happening::cancel: return "cancel ";
  case happening::end: return "end ";
  case happening::late_answer: return "answer ";
  case happening::replacement: return "replace ";
  }
  return "?";
}

/// One way to play all of them.
struct staging {
  manner how = manner::approves;
  const char* second_key = "key"; ///< Of the second confirmation.
  bool once = false;              ///< All of them come with an idempotency key (C4).
  uint64_t haste = 0;             ///< Seed of how few messages are delivered in between; 0 = all.
};

void happens(till& x, happening what, const staging& play) {
  x.request_key = play.once ? "once" : "";
  switch (what) {
  case happening::confirm: return x.confirm();
  case happening::confirm_again: return x.confirm(play.second_key);
  case happening::cancel: return x.give_up();
  case happening::end: x.later(301s, 7s); return x.sweep();
  case happening::late_answer: return x.answer_late();
  case happening::replacement: return x.replace_node();
  }
}

/// Every order of all happenings; what went wrong, and the first story in which it did.
std::map<std::string, std::string> all_orders(const staging& play, int& sales, int& returns) {
  std::array<happening, 6> order = {happening::confirm,     happening::confirm_again,
                                    happening::cancel,      happening::end,
                                    happening::late_answer, happening::replacement};
  std::map<std::string, std::string> wrong;
  do {
    till x;
    x.bank.holding = true;
    x.bank.how = play.how;
    x.hold_and_prepare({want(0, 1), want(1, 1)});
    std::string story;
    if (play.haste != 0) {
      story = "haste " + std::to_string(play.haste) + ": ";
      x.hurry.emplace(play.haste);
    }
    for (auto what : order) {
      story += name_of(what);
      happens(x, what, play);
    }
    x.rest();
    auto found = x.wrong();
    if (found.empty()) found = x.wrong_answers();
    if (!found.empty()) wrong.emplace(found, story);
    sales += x.sold();
    returns += !x.bank.core.books().refunds.empty();
  } while (std::ranges::next_permutation(order).found);
  return wrong;
}

void check_all_orders(const staging& play, bool sells) {
  int sales = 0, returns = 0;
  for (auto& [what, story] : all_orders(play, sales, returns)) CAF_ERROR(what << ": " << story);
  CAF_MESSAGE(sales << " sold, " << returns << " gave money back");
  CAF_CHECK((sales > 0) == sells);
}

} // namespace

CAF_TEST(every order of events ends with ticket or money when the provider approves late) {
  check_all_orders({manner::approves}, true);
}
CAF_TEST(every order of events ends with ticket or money when the provider declines late) {
  check_all_orders({manner::declines}, false);
}
CAF_TEST(every order of events ends with ticket or money when the answer is lost) {
  check_all_orders({manner::loses_answer}, true);
}
CAF_TEST(every order of events ends with ticket or money when the second payment is another one) {
  for (auto how : {manner::approves, manner::loses_answer}) check_all_orders({how, "other"}, true);
}
CAF_TEST(every order of events ends with ticket or money when nothing waits for what was begun) {
  for (uint64_t haste = 1; haste <= 10; ++haste)
    for (auto* second_key : {"key", "other"}) {
      check_all_orders({manner::approves, second_key, false, haste}, true);
      // Its second attempt, perhaps already on its way, is approved.
      check_all_orders({manner::declines, second_key, false, haste}, true);
      check_all_orders({manner::loses_answer, second_key, false, haste}, true);
    }
}

CAF_TEST(C4 every order of events ends with ticket or money when all of it comes with a key) {
  for (uint64_t haste = 0; haste <= 2; haste += 2)
    for (auto* second_key : {"key", "other"}) {
      check_all_orders({manner::approves, second_key, true, haste}, true);
      check_all_orders({manner::declines, second_key, true, haste}, haste > 0);
      check_all_orders({manner::loses_answer, second_key, true, haste}, true);
    }
}

CAF_TEST_FIXTURE_SCOPE(payment_tests, till)

CAF_TEST(a confirmed payment sells the seats of every block) {
  hold_and_prepare({want(0, 1), want(1, 1)});
  confirm();
  CAF_REQUIRE(payments[0]->came());
  CAF_CHECK(payments[0]->value.is == ec::ok);
  CAF_CHECK(payments[0]->value.payment_key == "key");
  later(500ms, 100ms); // Boards are told four times a second.
  CAF_CHECK(shown(0, 1) == 2);
  CAF_CHECK(shown(1, 1) == 2);
  CAF_CHECK(wrong() == "");
  confirm();
  CAF_CHECK(payments[1]->value.is == ec::already_paid);
  process();
  CAF_CHECK(payments[2]->value.is == ec::ok); // C18
  CAF_CHECK(payments[2]->value.repeated);
  CAF_CHECK(bank.core.books().captures.size() == 1);
}

CAF_TEST(C25 process takes the prepared order over) {
  hold_and_prepare({want(0, 1)});
  process("bank_transfer");
  CAF_CHECK(payments[0]->value.is == ec::ok);
  CAF_CHECK(payments[0]->value.order_id == order_id);
  CAF_CHECK(payments[0]->value.method == "bank_transfer");
  CAF_CHECK(payments[0]->value.payment_key.starts_with("tk_"));
}

CAF_TEST(P56 what costs nothing is sold without the provider) {
  for (auto& [key, seat] : model.rows.seats) seat.price = won{0};
  hold_and_prepare({want(0, 1)});
  process();
  CAF_CHECK(payments[0]->value.is == ec::ok);
  CAF_CHECK(sold());
  CAF_CHECK(bank.core.books().captures.empty());
  give_up();
  CAF_CHECK(cancels[0]->value.is == ec::ok);
  rest();
  CAF_CHECK(wrong() == "");
}

CAF_TEST(H06 three declined orders and the hold ends as it would have) {
  hold_and_prepare({want(0, 1)});
  for (int i = 0; i < 3; ++i) {
    confirm(("fail-" + std::to_string(i)).c_str());
    CAF_CHECK(payments.back()->value.is == ec::payment_declined);
    auto next = request<checkout_actor>(key_of(id), prepare_payment{alice, {}, {}});
    CAF_CHECK(next->value.is == (i < 2 ? ec::ok : ec::payment_attempts));
    if (i < 2) {
      CAF_CHECK(next->value.order_id != order_id);
      order_id = next->value.order_id;
    }
  }
  later(301s, 1s);
  CAF_CHECK(model.rows.reservations.at(id).row.status == reservation_status::expired);
  rest();
  CAF_CHECK(wrong() == "");
}

CAF_TEST(a pinned hold does not end by time and an overdue one ends with its pin) {
  hold_and_prepare({want(0, 1)});
  bank.holding = true;
  bank.how = manner::declines;
  later(299s, 1s);
  confirm("fail");
  later(8s, 1s); // Past its end, within the provider's time.
  CAF_CHECK(model.rows.reservations.at(id).row.status == reservation_status::pending);
  answer_late();
  later(500ms, 100ms);
  CAF_CHECK(payments[0]->value.is == ec::payment_declined);
  CAF_CHECK(model.rows.reservations.at(id).row.status == reservation_status::expired);
  CAF_CHECK(shown(0, 1) == 0);
}

CAF_TEST(G02 no answer within ten seconds is pending and it is sold when it comes) {
  hold_and_prepare({want(0, 1)});
  bank.holding = true;
  confirm();
  later(9s, 1s);
  CAF_CHECK(!payments[0]->came());
  later(2s, 100ms);
  CAF_CHECK(payments[0]->value.is == ec::payment_pending);
  give_up();
  CAF_CHECK(cancels[0]->value.is == ec::reservation_pinned);
  later(400s, 2s);
  CAF_CHECK(model.rows.reservations.at(id).row.status == reservation_status::pending);
  answer_late();
  later(40s, 1s);
  CAF_CHECK(sold());
  rest();
  CAF_CHECK(wrong() == "");
}

CAF_TEST(another payment beside one under way hears what is true after it) {
  for (auto how : {manner::approves, manner::declines}) {
    till x;
    x.hold_and_prepare({want(0, 1)});
    x.bank.holding = true;
    x.bank.how = how;
    x.confirm("one");
    x.confirm("two");
    x.process();
    CAF_CHECK(!x.payments[1]->came() && !x.payments[2]->came());
    x.later(3s, 100ms);
    CAF_CHECK(!x.payments[1]->came());
    x.answer_late();
    auto sells = how == manner::approves;
    CAF_CHECK(x.payments[0]->value.is == (sells ? ec::ok : ec::payment_declined));
    CAF_CHECK(x.payments[1]->value.is == (sells ? ec::already_paid : ec::payment_declined));
    CAF_CHECK(x.payments[2]->value.is == x.payments[0]->value.is); // It joined.
    x.rest();
    CAF_CHECK(x.wrong() == "");
  }
}

CAF_TEST(another payment beside one that was not tried is tried itself) {
  hold_and_prepare({want(0, 1)});
  bank.holding = true;
  confirm("away-one");
  confirm("two");
  answer_late();
  CAF_CHECK(payments[0]->value.is == ec::provider_away);
  CAF_CHECK(payments[1]->value.is == ec::ok);
  CAF_CHECK(payments[1]->value.payment_key == "two");
  CAF_CHECK(wrong() == "");
}

CAF_TEST(another payment beside one that nobody decides hears so after its patience) {
  hold_and_prepare({want(0, 1)});
  bank.holding = true;
  confirm("one");
  later(5s, 100ms);
  confirm("two");
  later(6s, 100ms);
  CAF_CHECK(payments[0]->value.is == ec::payment_pending);
  CAF_CHECK(!payments[1]->came());
  later(5s, 100ms);
  CAF_CHECK(payments[1]->value.is == ec::payment_pending);
  rest();
  CAF_CHECK(wrong() == "");
}

CAF_TEST(what the rows call due is done although the memory knows nothing of it) {
  hold_and_prepare({want(0, 1)});
  begin_attempt unheard;
  unheard.id = {0xa, 1};
  unheard.payment = model.rows.payments.begin()->first;
  unheard.reservation = id;
  unheard.amount = price();
  unheard.provider = unheard.method = "mock";
  unheard.payment_key = "key";
  unheard.checkout = node.epochs.of(key_of(id));
  unheard.block = node.epochs.of(key_of(event_no(1), 0));
  caf::anon_send(node.ledger, submit{std::make_shared<const op>(unheard), now() + 10s});
  run();
  CAF_REQUIRE(model.rows.reservations.at(id).row.pinned);
  CAF_REQUIRE_EQUAL(node.probe.checkouts_active.load(), 1);
  later(10s, 1s);
  sweep();
  later(10s, 1s);
  CAF_CHECK(sold());
  CAF_CHECK(wrong() == "");
}

CAF_TEST(a payment that nobody decides is voided and its seats come back) {
  hold_and_prepare({want(0, 1)});
  bank.holding = true;
  confirm();
  later(950s, 5s);
  CAF_CHECK(model.rows.reservations.at(id).row.status == reservation_status::expired);
  rest(); // The late approval finds the order ended.
  CAF_CHECK(bank.core.books().captures.empty());
  CAF_CHECK(wrong() == "");
}

CAF_TEST(what was captured by an attempt that the database has lost goes back) {
  hold_and_prepare({want(0, 1)});
  // Another tab had paid the order, and a fail-over has taken every row of it away.
  bank.core.approve({order_id, "lost key", price(), "lost attempt", {}}, st.clock.now());
  confirm();
  CAF_CHECK(payments[0]->value.is == ec::payment_declined);
  later(960s, 5s); // It is asked about again.
  rest();
  CAF_REQUIRE(bank.core.books().refunds.size() == 1);
  CAF_CHECK(bank.core.books().refunds[0].payment_key == "lost key");
}

CAF_TEST(P40 a cancelled sale is refunded however often the provider refuses) {
  hold_and_prepare({want(0, 1), want(1, 1)});
  confirm();
  bank.refusals = 5;
  give_up();
  CAF_CHECK(cancels[0]->value.is == ec::ok);
  CAF_CHECK(model.rows.reservations.at(id).payment_status == "refund_requested");
  later(500ms, 100ms);
  CAF_CHECK(shown(0, 1) == 0);
  CAF_CHECK(shown(1, 1) == 0);
  give_up();
  CAF_CHECK(cancels[1]->value.is == ec::already_cancelled);
  replace_node();
  for (int i = 0; i < 60; ++i) {
    later(2s, 500ms);
    sweep();
  }
  CAF_CHECK(model.rows.reservations.at(id).payment_status == "refunded");
  CAF_CHECK(bank.core.books().refunds.size() == 1);
  CAF_CHECK(wrong() == "");
  CAF_CHECK(reserve(bob, {want(0, 1)})->value.is == ec::ok); // And sold to somebody else.
}

CAF_TEST(by the terms of its event a fee is kept and the rest goes back) {
  auto& event = model.rows.events.at(event_no(1));
  hold_and_prepare({want(0, 1), want(1, 1)});
  confirm();
  event.cancellation.fees = {{fee_days_max, 10}}; // Said after it was sold: it holds all the same.
  ++event.terms_version;
  auto x = request<checkout_actor>(key_of(id), cancel_payment{alice, "r", {}});
  CAF_REQUIRE(x->came());
  CAF_CHECK(x->value.is == ec::ok);
  CAF_CHECK(x->value.amount == won{90'000});
  rest();
  CAF_REQUIRE_EQUAL(bank.core.books().refunds.size(), 1u);
  CAF_CHECK(bank.core.books().refunds[0].amount == won{90'000});
  std::map<std::string, int64_t> sums;
  for (auto& y : model.rows.books) sums[y.account] += y.amount.amount;
  CAF_CHECK_EQUAL(sums["fees"], -10'000);
  CAF_CHECK_EQUAL(sums["provider"], 10'000);
  CAF_CHECK_EQUAL(sums["sales"] + sums["owed"], 0);
}

CAF_TEST(a part that went back without an answer is not given back again) {
  model.rows.events.at(event_no(1)).cancellation.fees = {{fee_days_max, 40}};
  hold_and_prepare({want(0, 1)});
  confirm();
  bank.refusals = 1;
  give_up();
  CAF_CHECK(bank.core.books().refunds.empty());
  auto& refund = model.rows.refunds.begin()->second;
  bank.core.refund({"key", refund.amount, "a key that nobody remembers", {}}, now());
  rest();
  CAF_CHECK(refund.done);
  CAF_CHECK_EQUAL(bank.core.books().refunds.size(), 1u);
}

CAF_TEST(after its time nobody cancels but the house) {
  auto& event = model.rows.events.at(event_no(1));
  event.cancellation.until_hours = cancel_hours_max;
  hold_and_prepare({want(0, 1)});
  confirm();
  give_up();
  CAF_CHECK(cancels[0]->value.is == ec::cancellation_closed);
  CAF_CHECK(sold());
  auto x = request<checkout_actor>(key_of(id), recall_sale{{}, "EVENT_CANCELLED", {}});
  CAF_REQUIRE(x->came());
  CAF_CHECK(x->value.is == ec::ok);
  CAF_CHECK(x->value.amount == won{50'000});
  auto again = request<checkout_actor>(key_of(id), recall_sale{{}, "EVENT_CANCELLED", {}});
  CAF_CHECK(again->value.is == ec::not_refundable);
  rest();
  CAF_CHECK_EQUAL(bank.core.books().refunds.size(), 1u);
  CAF_CHECK(wrong() == "");
}

CAF_TEST(of a cancelled event everything goes back whatever its terms were) {
  auto& event = model.rows.events.at(event_no(1));
  event.cancellation.fees = {{fee_days_max, 100}};
  hold_and_prepare({want(0, 1)});
  confirm();
  event.cancelled = true;
  give_up();
  CAF_CHECK(cancels[0]->value.is == ec::ok);
  rest();
  CAF_CHECK(bank.core.books().refunds.at(0).amount == won{50'000});
  CAF_CHECK(wrong() == "");
}

CAF_TEST(the house ends a hold of anybody) {
  hold_and_prepare({want(0, 1)});
  auto x = request<seat_block_actor>(key_of(event_no(1), 0), release_hold{id, {}, {}});
  CAF_REQUIRE(x->came());
  CAF_CHECK(x->value.is == ec::ok);
  CAF_CHECK(model.rows.reservations.at(id).row.status == reservation_status::cancelled);
  CAF_CHECK(model.rows.history.back().actor.nil());
}

CAF_TEST(R12 lost verdicts of every step change nothing) {
  for (auto fault : {model_fault::lose_after_commit, model_fault::lose_before_commit,
                     model_fault::lose_commit_later, model_fault::contended}) {
    for (int at = 0; at < 2; ++at) {
      till x;
      x.hold_and_prepare({want(0, 1), want(1, 1)});
      x.bank.holding = at == 1;
      if (at == 0) x.model.meet_next(fault); // The pin.
      x.confirm();
      if (at == 1) {
        x.model.meet_next(fault); // The sale.
        x.answer_late();
      }
      x.rest();
      CAF_CHECK(x.wrong() == "");
      CAF_CHECK(x.wrong_answers() == "");
      CAF_CHECK(x.sold());
    }
  }
}

// A node that stood still beyond its takeover must take no money for an attempt of the new owner,
// who may hear at once that nobody is there, and end it as untried.
CAF_TEST(H01 who is no longer the owner does not carry out what the owner has begun) {
  for (bool awake : {false, true}) {
    till x;
    x.hold_and_prepare({want(0, 1)});
    if (!awake) x.replace_node();
    x.begin_elsewhere();
    x.send<checkout_actor>(key_of(x.id), wake_checkout{});
    x.run();
    x.later(3s, 500ms);
    CAF_CHECK(x.bank.core.books().captures.empty());
    auto told = x.request<checkout_actor>(key_of(x.id), prepare_payment{alice, {}, {}});
    CAF_CHECK((awake ? told->value.is : told->error) == (awake ? ec::busy : ec::unavailable));
  }
}

CAF_TEST(standing tickets are sold and given back like seats) {
  constexpr ticket_type_id floor{0x7, 1}, balcony{0x7, 2};
  model.rows.types[floor] = {event_no(1), 5, 5, first_quota_block, won{30'000}};
  model.rows.types[balcony] = {event_no(1), 1, 1, first_quota_block + 1, won{20'000}};
  hold_and_prepare({{{}, first_quota_block, floor, 2}, {{}, first_quota_block + 1, balcony, 1}});
  confirm();
  CAF_CHECK(payments[0]->value.is == ec::ok);
  CAF_CHECK(payments[0]->value.amount == won{80'000});
  CAF_CHECK(model.rows.types.at(floor).available == 3);
  give_up();
  CAF_CHECK(cancels[0]->value.is == ec::ok);
  CAF_CHECK(model.rows.types.at(floor).available == 5);
  CAF_CHECK(model.rows.types.at(balcony).available == 1);
  later(1s, 100ms);
  // Both blocks know that their quantities are back.
  auto again =
    reserve(bob, {{{}, first_quota_block, floor, 3}, {{}, first_quota_block + 1, balcony, 1}});
  CAF_CHECK(again->value.is == ec::ok);
  rest();
  CAF_CHECK(wrong() == "");
}

CAF_TEST(what was paid by another key than the attempts goes back by that one) {
  hold_and_prepare({want(0, 1)});
  // On the provider's page, before anybody asked for it.
  bank.core.approve({order_id, "page", price(), "page", {}}, now());
  bank.holding = true; // The answer to the attempt does not come: the order is asked about.
  confirm("card");
  later(20s, 500ms);
  CAF_CHECK(sold());
  CAF_CHECK(wrong() == "");
  pay(cancel_payment{alice, "changed my mind", {}}, "cancel");
  CAF_CHECK(payments.back()->value.is == ec::ok);
  rest();
  CAF_CHECK(bank.core.books().refunded() == price());
  CAF_CHECK(wrong() == "");
}

CAF_TEST(what a callback has given back is not given back again) {
  hold_and_prepare({want(0, 1)});
  bank.how = manner::loses_answer;
  bank.holding = true;
  confirm();
  later(901s, 10s); // Ended, and then taken after all.
  CAF_CHECK(!sold());
  bank.core.approve({order_id, "key", price(), "late", {}}, now(), true);
  bank.core.refund({"key", price(), "unsold-" + order_id, {}, {}, order_id}, now());
  bank.held.clear();
  rest();
  CAF_CHECK(bank.core.books().refunded() == price());
  CAF_CHECK(wrong() == "");
}

CAF_TEST(somebody elses reservation cannot be paid or cancelled) {
  hold_and_prepare({want(0, 1)});
  auto opened = request<checkout_actor>(key_of(id), prepare_payment{bob, {}, {}});
  CAF_CHECK(opened->value.is == ec::access_denied);
  auto paid = request<checkout_actor>(key_of(id), process_payment{bob, "m", 10s, {}});
  CAF_CHECK(paid->value.is == ec::access_denied);
  auto ended = request<checkout_actor>(key_of(id), cancel_payment{bob, "", {}});
  CAF_CHECK(ended->value.is == ec::access_denied);
  auto nothing =
    request<checkout_actor>(key_of(reservation_id{9, 9}), prepare_payment{alice, {}, {}});
  CAF_CHECK(nothing->error == ec::reservation_unknown);
}

CAF_TEST(without a provider nothing that costs money can be paid) {
  hold_and_prepare({want(0, 1)});
  auto gateway = std::exchange(node.payments, nullptr);
  confirm();
  CAF_CHECK(payments[0]->value.is == ec::payment_method_unavailable);
  node.payments = gateway;
}

CAF_TEST_FIXTURE_SCOPE_END()
