#define CAF_SUITE checkout_subjects

// Listings and memberships: entities and gateway are real, the provider answers when it is told to.

#include "tests/support/till.hpp"

using namespace tk;
using namespace tk::rig;

namespace {

constexpr artist_id band{7, 7};
constexpr reservation_id membership_no{70, 1}, listing_no{71, 1};
const user_id carol = user_no(3);

struct market : till {
  market() {
    model.rows.users[carol] = instant{};
    auto& mine = model.rows.memberships[{alice, band}];
    mine.id = membership_no;
    mine.price = won{30'000};
    mine.status = "pending";
  }

  /// Alice sells what she has paid for; Bob and Carol are members.
  void list() {
    hold_and_prepare({want(0, 1)});
    confirm("first");
    CAF_REQUIRE(payments.back()->value.is == ec::ok);
    model.rows.listings[listing_no] = {id, alice, {}, band, won{55'000}, "listed"};
    for (auto& x : {bob, carol}) model.rows.memberships[{x, band}].id = {72, x.lo};
  }

  static entity_key key(payment_subject of) {
    return key_of(of, of == payment_subject::transfer ? listing_no : membership_no);
  }
  payment_reply prepared(payment_subject of, user_id by, won amount = {}) {
    return request<checkout_actor>(key(of), prepare_payment{by, amount, {}})->value;
  }
  answer_ptr<payment_reply> paying(payment_subject of, user_id by) {
    auto out = send<checkout_actor>(key(of), process_payment{by, "naver_pay", 10s, {}}, 20s);
    run();
    return out;
  }
  answer_ptr<payment_reply> confirming(user_id by, const payment_reply& order, const char* card) {
    confirm_payment what{by, order.order_id, card, order.amount, 10s, {}};
    auto out = send<checkout_actor>(key(payment_subject::transfer), what, 20s);
    run();
    return out;
  }

  [[nodiscard]] user_id owner() const { return model.rows.reservations.at(id).row.user; }
  [[nodiscard]] int confirmed(payment_subject of) const {
    int n = 0;
    for (auto& [no, p] : model.rows.payments) n += p.of == of && p.status == "confirmed";
    return n;
  }
  /// What the provider has of all that was ever paid.
  [[nodiscard]] int64_t kept() const {
    int64_t sum = 0;
    for (auto& x : model.rows.books)
      if (x.account == "provider") sum += x.amount.amount;
    return sum;
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(subject_cases, market)

CAF_TEST(a membership is paid for once whoever asks how often) {
  constexpr auto of = payment_subject::membership;
  CAF_CHECK(prepared(of, bob).is == ec::membership_foreign);
  CAF_CHECK(prepared(of, alice, won{1}).is == ec::amount_mismatch);
  auto order = prepared(of, alice);
  CAF_CHECK_EQUAL(order.amount.amount, 30'000);
  CAF_CHECK(prepared(of, alice).order_id == order.order_id);
  bank.holding = true;
  auto one = paying(of, alice), two = paying(of, alice);
  answer_late();
  CAF_CHECK(one->value.is == ec::ok && two->value.is == ec::ok);
  CAF_CHECK(one->value.payment == order.payment && two->value.payment == order.payment);
  CAF_CHECK_EQUAL(model.rows.memberships.at({alice, band}).points, 200);
  CAF_CHECK_EQUAL(confirmed(of), 1);
  CAF_CHECK_EQUAL(kept(), 30'000);
  CAF_CHECK(paying(of, alice)->value.repeated);
  CAF_CHECK(prepared(of, alice).is == ec::already_paid);
  // Another year: the organiser of memberships has asked for it under the same id.
  model.rows.memberships.at({alice, band}).status = "pending";
  CAF_CHECK(paying(of, alice)->value.is == ec::ok);
  CAF_CHECK_EQUAL(model.rows.memberships.at({alice, band}).points, 400);
  CAF_CHECK_EQUAL(kept(), 60'000);
}

CAF_TEST(a membership outlives the node that it was paid at) {
  constexpr auto of = payment_subject::membership;
  bank.holding = true;
  paying(of, alice);
  replace_node();
  bank.holding = false;
  later(5s, 1s);
  sweep();
  later(60s, 5s);
  CAF_CHECK_EQUAL(model.rows.memberships.at({alice, band}).status, "active");
  CAF_CHECK_EQUAL(kept(), 30'000);
}

CAF_TEST(of two buyers who pay at once one has it and nobody pays for nothing) {
  constexpr auto of = payment_subject::transfer;
  list();
  CAF_CHECK(prepared(of, alice).is == ec::own_transfer);
  auto bobs = prepared(of, bob), carols = prepared(of, carol);
  CAF_CHECK(bobs.is == ec::ok && carols.is == ec::ok);
  CAF_CHECK(bobs.order_id != carols.order_id);
  bank.holding = true;
  auto one = confirming(bob, bobs, "b"), two = confirming(carol, carols, "c");
  answer_late();
  later(5s, 1s);
  CAF_CHECK(one->value.is == ec::ok);
  CAF_CHECK(two->value.is == ec::not_payable); // 409, and a capture would go back.
  CAF_CHECK(owner() == bob);
  CAF_CHECK_EQUAL(confirmed(of), 1);
  CAF_CHECK_EQUAL(kept(), 105'000);
  CAF_CHECK(prepared(of, bob).is == ec::already_paid);
  CAF_CHECK(prepared(of, carol).is == ec::transfer_gone);
  CAF_CHECK(confirming(carol, bobs, "x")->value.is == ec::access_denied);
  // The seller's checkout had an owner in mind who is none any more.
  auto back = request<checkout_actor>(key_of(id), cancel_payment{alice, "r", {}});
  CAF_CHECK(back->value.is == ec::access_denied);
  back = request<checkout_actor>(key_of(id), cancel_payment{bob, "r", {}});
  CAF_CHECK(back->value.is == ec::not_cancellable);
}

CAF_TEST(of two who pay the second has it when the first is declined) {
  constexpr auto of = payment_subject::transfer;
  list();
  bank.holding = true;
  bank.how = manner::declines;
  auto one = paying(of, bob), two = paying(of, carol);
  answer_late();
  later(5s, 1s);
  CAF_CHECK(one->value.is == ec::payment_declined);
  CAF_CHECK(two->value.is == ec::ok);
  CAF_CHECK(owner() == carol);
}

CAF_TEST(what was taken back while it was paid for gives the money back) {
  constexpr auto of = payment_subject::transfer;
  list();
  bank.holding = true;
  auto one = paying(of, bob);
  model.rows.listings.at(listing_no).status = "cancelled";
  answer_late();
  CAF_CHECK(one->value.is == ec::paid_too_late);
  later(5s, 1s);
  CAF_CHECK(owner() == alice);
  CAF_CHECK_EQUAL(confirmed(of), 0);
  CAF_CHECK_EQUAL(kept(), 50'000);
  CAF_CHECK_EQUAL(bank.core.books().refunds.size(), 1u);
}

CAF_TEST(a cancelled event gives who bought it what it cost them) {
  list();
  CAF_CHECK(paying(payment_subject::transfer, bob)->value.is == ec::ok);
  later(5s, 1s);
  auto back = request<checkout_actor>(key_of(id), recall_sale{{}, "EVENT_CANCELLED", {}});
  CAF_CHECK(back->value.is == ec::ok);
  CAF_CHECK_EQUAL(back->value.amount.amount, 55'000);
  later(5s, 1s);
  CAF_CHECK_EQUAL(kept(), 50'000); // What the seller was paid is theirs.
}

CAF_TEST(nobody has to wait for ever and nothing is known of what there is not) {
  auto nothing = request<checkout_actor>(key_of(payment_subject::transfer, reservation_id{9, 9}),
                                         prepare_payment{bob, {}, {}});
  CAF_CHECK(nothing->error == ec::transfer_unknown);
  nothing = request<checkout_actor>(key_of(payment_subject::membership, reservation_id{9, 9}),
                                    prepare_payment{bob, {}, {}});
  CAF_CHECK(nothing->error == ec::membership_unknown);
  list();
  model.rows.memberships.erase({carol, band});
  CAF_CHECK(prepared(payment_subject::transfer, carol).is == ec::buyer_no_member);
  auto end =
    request<checkout_actor>(key(payment_subject::membership), cancel_payment{alice, "", {}});
  CAF_CHECK(end->value.is == ec::not_cancellable);
}

CAF_TEST_FIXTURE_SCOPE_END()
