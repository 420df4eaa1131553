#define CAF_SUITE ledger_contract_refunds

#include "tests/integration/ledger_fixture.hpp"

using namespace tk;
using namespace std::chrono_literals;

CAF_TEST_FIXTURE_SCOPE(ledger_contract_refunds_cases, test::payment_fixture)

// -- claim_refund ---------------------------------------------------------------------------------

CAF_TEST(a late capture is owed back from a durable row) {
  const auto x = pinned();
  does(failing(x));
  expire();
  does(expiry_of(order));
  const auto y = claiming(x);
  does(y);
  const auto row = world->refund(y.id);
  CAF_REQUIRE(row.has_value());
  CAF_CHECK(row->attempt == x.id);
  CAF_CHECK_EQUAL(row->amount.amount, 210'000);
  CAF_CHECK(!row->done);
  CAF_CHECK(order_status(x.payment) == "refund_pending");
  CAF_CHECK(world->attempt(x.id)->status == "late");
  CAF_CHECK(world->books(x.id) == (sums{{"provider", 210'000}, {"owed", -210'000}}));
}

CAF_TEST(one refund per attempt) {
  const auto x = pinned();
  does(failing(x));
  judged({claiming(x), claiming(x)}, {outcome::ok, outcome::in_flight});
  refused(claiming(x), outcome::done);
}

CAF_TEST(a live attempt that cannot be sold is unpinned with its refund) {
  const auto x = pinned();
  does(claiming(x));
  CAF_CHECK(!is_pinned());
  refused(completing(x), outcome::not_pinned);
  refused(failing(x), outcome::not_pinned);
}

CAF_TEST(claim: fenced and unknown and sold) {
  const auto x = pinned();
  const auto y = claiming(x);
  take_over(checkout_shard);
  refused(y, outcome::fenced);
  auto nothing = claiming(x);
  nothing.attempt = fresh<attempt_id>();
  refused(nothing, outcome::not_pending);
  does(completing(x));
  refused(claiming(x), outcome::not_pending);
}

// -- cancel_paid ----------------------------------------------------------------------------------

CAF_TEST(cancel ok gives everything back and owes the money) {
  const auto x = sold();
  const auto y = cancelling();
  does(y);
  CAF_CHECK(status() == reservation_status::cancelled);
  CAF_CHECK(world->payment_status(order.id) == "refund_requested");
  const auto row = world->seat(held_seat);
  CAF_CHECK_EQUAL(row->status, 'a');
  CAF_CHECK_EQUAL(row->version, 10);
  CAF_CHECK(row->reservation.nil());
  CAF_CHECK(world->available(held_type) == 10);
  CAF_CHECK(order_status(x.payment) == "refund_pending");
  CAF_CHECK(world->refund(y.refund)->attempt == x.id);
  CAF_CHECK(world->books(x.id) == (sums{{"provider", 210'000}, {"owed", -210'000}}));
  CAF_CHECK(past() ==
            (story{{"", "pending"}, {"pending", "confirmed"}, {"confirmed", "cancelled"}}));
  CAF_CHECK(world->history(order.id).back().actor == user);
  CAF_CHECK(world->outbox(order.id).back().type == "RESERVATION_CANCELLED");
}

CAF_TEST(cancel: done and fenced and not paid and partial) {
  const auto early = cancelling();
  refused(early, outcome::not_pending);
  sold();
  auto partial = cancelling();
  partial.items.pop_back();
  refused(partial, outcome::partial);
  const auto y = cancelling();
  take_over(block_shard);
  refused(y, outcome::fenced);
  const auto z = cancelling();
  does(z);
  take_over(checkout_shard);
  refused(z, outcome::done);
  refused(cancelling(), outcome::not_pending);
}

CAF_TEST(a fee is kept in the books and the rest goes back) {
  const auto x = sold();
  auto y = cancelling();
  y.fee = won{21'000};
  y.until = world->now() + 60s;
  does(y);
  const auto row = world->refund(y.refund);
  CAF_REQUIRE(row.has_value());
  CAF_CHECK_EQUAL(row->amount.amount, 189'000);
  CAF_CHECK(world->books(x.id) ==
            (sums{{"provider", 210'000}, {"owed", -189'000}, {"fees", -21'000}}));
  does(settling(y.refund, true));
  CAF_CHECK(world->books(x.id) == (sums{{"provider", 21'000}, {"fees", -21'000}}));
  CAF_CHECK(world->payment(x.payment)->refunded.amount == 189'000);
  CAF_CHECK(order_status(x.payment) == "refunded");
  CAF_CHECK(world->payment_status(order.id) == "refunded");
}

CAF_TEST(all of it may be kept) {
  const auto x = sold();
  auto y = cancelling();
  y.fee = won{210'000};
  does(y);
  does(settling(y.refund, true));
  CAF_CHECK(world->books(x.id) == (sums{{"provider", 210'000}, {"fees", -210'000}}));
}

CAF_TEST(terms that are others by now and fees that are none do nothing) {
  const auto x = sold();
  auto moved = cancelling();
  moved.terms = 77;
  refused(moved, outcome::moved);
  auto late = cancelling();
  late.until = world->now() - 1ms;
  refused(late, outcome::late);
  auto dear = cancelling();
  dear.fee = won{210'001};
  refused(dear, outcome::amount);
  CAF_CHECK(status() == reservation_status::confirmed);
  CAF_CHECK(world->books(x.id) == (sums{{"provider", 210'000}, {"sales", -210'000}}));
  auto now = cancelling();
  now.terms = 0; // As the event was made.
  does(now);
}

CAF_TEST(what was cancelled can be sold again) {
  sold();
  does(cancelling());
  hold_again();
}

// -- settle_refund --------------------------------------------------------------------------------

CAF_TEST(a refund that is done ends the story of its money) {
  const auto x = sold();
  const auto y = cancelling();
  does(y);
  does(settling(y.refund, true));
  CAF_CHECK(world->refund(y.refund)->done);
  CAF_CHECK(order_status(x.payment) == "refunded");
  CAF_CHECK(world->payment(x.payment)->refunded.amount == 210'000);
  CAF_CHECK(world->payment_status(order.id) == "refunded");
  CAF_CHECK(world->books(x.id).empty());
  const auto money = world->outbox_of(world->payment(x.payment)->order_id);
  CAF_REQUIRE_EQUAL(money.size(), 2u);
  CAF_CHECK_EQUAL(money[1].type, "PAYMENT_REFUNDED");
  CAF_CHECK_EQUAL(money[1].shard, block_shard);
  refused(settling(y.refund, true), outcome::done);
  refused(settling(y.refund, false), outcome::done);
}

CAF_TEST(a refund that is not done is tried again later) {
  sold();
  const auto y = cancelling();
  does(y);
  const auto before = world->now();
  does(settling(y.refund, false));
  const auto row = world->refund(y.refund);
  CAF_CHECK(!row->done);
  CAF_CHECK_EQUAL(row->tries, 1);
  CAF_CHECK(row->next_try_at >= before + 59s);
  CAF_CHECK(world->payment_status(order.id) == "refund_requested");
  does(settling(y.refund, true));
}

CAF_TEST(the refund of an expired reservation leaves its payment status) {
  const auto x = pinned();
  does(failing(x));
  expire();
  does(expiry_of(order));
  const auto y = claiming(x);
  does(y);
  does(settling(y.id, true));
  CAF_CHECK(world->payment_status(order.id) == "pending");
  CAF_CHECK(order_status(x.payment) == "refunded");
  CAF_CHECK(world->books(x.id).empty());
}

CAF_TEST(settle: fenced and unknown and twins) {
  refused(settling(fresh<refund_id>(), true), outcome::not_pending);
  sold();
  const auto y = cancelling();
  does(y);
  const auto old = settling(y.refund, true);
  take_over(checkout_shard);
  refused(old, outcome::fenced);
  judged({settling(y.refund, true), settling(y.refund, true)}, {outcome::ok, outcome::in_flight});
}

CAF_TEST_FIXTURE_SCOPE_END()
