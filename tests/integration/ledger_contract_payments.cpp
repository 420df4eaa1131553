#define CAF_SUITE ledger_contract_payments

#include "tests/integration/ledger_fixture.hpp"

/// What the ops about money promise. Kinds of a batch are judged in the order release,
/// begin_attempt, complete_payment, fail_attempt, note_asked, claim_refund, cancel_paid,
/// settle_refund, open_payment, create. An op that has happened is judged first, so sending a lost
/// batch again is the look-up.
using namespace tk;
using namespace std::chrono_literals;

CAF_TEST_FIXTURE_SCOPE(ledger_contract_payments_cases, test::payment_fixture)

// -- open_payment ---------------------------------------------------------------------------------

CAF_TEST(open ok makes an order of the amount of the reservation) {
  const auto x = opening();
  const auto v = judge({x}).front();
  CAF_REQUIRE_EQUAL(v.is, outcome::ok);
  CAF_CHECK(v.payment == x.id);
  CAF_CHECK_EQUAL(v.order_id, x.order_id);
  CAF_CHECK_EQUAL(v.amount.amount, 210'000);
  const auto row = world->payment(x.id);
  CAF_REQUIRE(row.has_value());
  CAF_CHECK_EQUAL(row->status, "pending");
  CAF_CHECK_EQUAL(row->amount.amount, 210'000);
  CAF_CHECK(row->user == user);
  CAF_CHECK(row->reservation == order.id);
  CAF_CHECK(!is_pinned());
}

CAF_TEST(a second opening finds the open order) {
  const auto first = opening(), second = opening();
  does(first);
  const auto before = world->counts();
  for (const auto& x : {first, second}) {
    const auto v = judge({x}).front();
    CAF_CHECK_EQUAL(v.is, outcome::replayed);
    CAF_CHECK(v.payment == first.id);
    CAF_CHECK_EQUAL(v.order_id, first.order_id);
  }
  CAF_CHECK(world->counts() == before);
}

CAF_TEST(two openings in one batch make one order) {
  const auto first = opening(), second = opening();
  judged({first, second}, {outcome::ok, outcome::in_flight});
  CAF_CHECK(!world->payment(second.id).has_value());
}

CAF_TEST(open is refused for what cannot be paid) {
  auto nowhere = opening();
  nowhere.reservation = fresh<reservation_id>();
  refused(nowhere, outcome::not_pending);
  auto old = opening();
  take_over(checkout_shard);
  refused(old, outcome::fenced);
  expire();
  refused(opening(), outcome::expired);
  does(expiry_of(order));
  refused(opening(), outcome::expired); // As it ended: by time (contract 2.7).
}

CAF_TEST(open: cancelled before) {
  does(giving_back(order));
  refused(opening(), outcome::not_pending);
}

CAF_TEST(open: paid already) {
  sold();
  refused(opening(), outcome::paid);
}

CAF_TEST(a pinned reservation keeps its order past its end) {
  const auto x = pinned();
  expire();
  const auto v = judge({opening()}).front();
  CAF_CHECK_EQUAL(v.is, outcome::replayed);
  CAF_CHECK(v.payment == x.payment);
}

CAF_TEST(H06 a hold has at most three failed orders) {
  for (int i = 0; i < 3; ++i) does(failing(pinned()));
  refused(opening(), outcome::attempts);
}

CAF_TEST(an order ends with its reservation) {
  const auto x = open();
  does(giving_back(order));
  CAF_CHECK(order_status(x) == "failed");
}

// -- begin_attempt --------------------------------------------------------------------------------

CAF_TEST(begin ok pins and records the attempt in one go) {
  const auto x = beginning(open());
  const auto before = world->now();
  does(x);
  CAF_CHECK(is_pinned());
  const auto row = world->attempt(x.id);
  CAF_REQUIRE(row.has_value());
  CAF_CHECK_EQUAL(row->status, "live");
  CAF_CHECK(row->started_at >= before - 1s);
  CAF_CHECK(row->next_ask_at != instant{});
  CAF_CHECK(order_status(x.payment) == "pending");
  CAF_CHECK(world->books(x.id).empty());
}

CAF_TEST(rows of a checkout say whether who asks for them is the owner still) {
  const auto x = pinned();
  const auto self = at(checkout_shard);
  auto rows = world->checkout({order.id, self});
  CAF_CHECK(rows.known);
  CAF_CHECK(!rows.fenced);
  CAF_REQUIRE_EQUAL(rows.attempts.size(), 1u);
  CAF_CHECK(rows.attempts[0].id == x.id);
  take_over(checkout_shard);
  rows = world->checkout({order.id, self});
  CAF_CHECK(rows.known);
  CAF_CHECK(rows.fenced);
  CAF_CHECK(!world->checkout({order.id, at(checkout_shard)}).fenced);
  CAF_CHECK(!world->checkout({fresh<reservation_id>(), self}).known);
}

CAF_TEST(begin done by its own id whatever else is true by now) {
  const auto x = pinned();
  take_over(checkout_shard);
  expire();
  refused(x, outcome::done);
}

CAF_TEST(begin fenced by both participants) {
  auto x = beginning(open());
  take_over(checkout_shard);
  refused(x, outcome::fenced);
  auto y = beginning(x.payment);
  take_over(block_shard);
  refused(y, outcome::fenced);
  CAF_CHECK(!is_pinned());
}

CAF_TEST(H06 no pin after expiry by ledger time) {
  const auto x = open();
  expire();
  refused(beginning(x), outcome::expired);
  does(expiry_of(order));
  refused(beginning(x), outcome::expired);
}

CAF_TEST(one live attempt per reservation) {
  const auto x = pinned();
  refused(beginning(x.payment), outcome::pinned);
}

CAF_TEST(two attempts in one batch: one pins) {
  const auto payment = open();
  judged({beginning(payment), beginning(payment)}, {outcome::ok, outcome::in_flight});
}

CAF_TEST(begin: the order must be open and of this reservation) {
  auto x = beginning(fresh<payment_id>());
  refused(x, outcome::no_order);
  const auto failed = pinned();
  does(failing(failed));
  refused(beginning(failed.payment), outcome::no_order);
}

CAF_TEST(begin: the amount is what is owed) {
  auto x = beginning(open());
  x.amount = won{209'999};
  refused(x, outcome::amount);
}

CAF_TEST(begin: a key of the provider belongs to one order) {
  const auto first = pinned();
  does(failing(first));
  auto second = beginning(open());
  second.payment_key = first.payment_key;
  refused(second, outcome::key_used);
}

CAF_TEST(begin: of two orders with one key in a batch one begins and the other may ask again) {
  const auto first = beginning(open());
  order = hold({of(seat())});
  auto second = beginning(open());
  second.payment_key = first.payment_key;
  judged({first, second}, {outcome::ok, outcome::busy});
  CAF_CHECK(!is_pinned()); // The second one's reservation.
  refused(second, outcome::key_used);
}

CAF_TEST(begin: ended or sold) {
  const auto x = open();
  does(giving_back(order));
  refused(beginning(x), outcome::not_pending);
}

CAF_TEST(a pinned reservation is neither expired nor cancelled) {
  pinned();
  expire();
  refused(expiry_of(order), outcome::pinned);
  refused(giving_back(order), outcome::pinned);
}

CAF_TEST(an expiry and a pin in one batch: one of them wins and the other knows) {
  const auto x = open();
  const auto pin = beginning(x);
  const auto v = judge({pin, giving_back(order)});
  CAF_CHECK_EQUAL(v[1].is, outcome::ok);
  CAF_CHECK_EQUAL(v[0].is, outcome::not_pending);
  CAF_CHECK(!world->attempt(pin.id).has_value());
}

// -- complete_payment -----------------------------------------------------------------------------

CAF_TEST(complete ok sells everything and tells of it) {
  const auto x = pinned();
  does(completing(x));
  CAF_CHECK(status() == reservation_status::confirmed);
  CAF_CHECK(world->payment_status(order.id) == "completed");
  CAF_CHECK(world->seat(held_seat)->status == 'r');
  CAF_CHECK(world->seat(held_seat)->version == 9);
  CAF_CHECK(world->seat(held_seat)->fence == 41);
  CAF_CHECK(world->available(held_type) == 8);
  const auto paid = world->payment(x.payment);
  CAF_CHECK_EQUAL(paid->status, "confirmed");
  CAF_CHECK_EQUAL(paid->key, x.payment_key);
  CAF_CHECK_EQUAL(paid->method, "toss");
  const auto attempt = world->attempt(x.id);
  CAF_CHECK_EQUAL(attempt->status, "approved");
  CAF_CHECK(attempt->next_ask_at == instant{});
  CAF_CHECK(world->books(x.id) == (sums{{"provider", 210'000}, {"sales", -210'000}}));
  CAF_CHECK(past() == (story{{"", "pending"}, {"pending", "confirmed"}}));
  const auto told = world->outbox(order.id);
  CAF_REQUIRE_EQUAL(told.size(), 2u);
  CAF_CHECK_EQUAL(told[1].type, "RESERVATION_CONFIRMED");
  CAF_CHECK_EQUAL(told[1].shard, block_shard);
  const auto money = world->outbox_of(paid->order_id);
  CAF_REQUIRE_EQUAL(money.size(), 1u);
  CAF_CHECK_EQUAL(money[0].topic, "payment-events");
  CAF_CHECK_EQUAL(money[0].type, "PAYMENT_CONFIRMED");
}

CAF_TEST(complete ok past the end of the hold: the pin kept it) {
  const auto x = pinned();
  expire();
  does(completing(x));
}

CAF_TEST(complete done by its own attempt whatever else is true by now) {
  const auto x = sold();
  const auto again = completing(x);
  take_over(checkout_shard);
  take_over(block_shard);
  refused(again, outcome::done);
}

CAF_TEST(complete fenced by every participant) {
  const auto x = pinned();
  for (const auto shard : {checkout_shard, block_shard}) {
    const auto y = completing(x);
    take_over(shard);
    refused(y, outcome::fenced);
  }
  CAF_CHECK(is_pinned());
}

CAF_TEST(complete not pinned: never without the pin of this very attempt) {
  auto x = beginning(open());
  refused(completing(x), outcome::not_pinned);
  does(x);
  auto other = x;
  other.id = fresh<attempt_id>();
  refused(completing(other), outcome::not_pinned);
  does(failing(x));
  refused(completing(x), outcome::not_pinned);
  auto nowhere = completing(x);
  nowhere.reservation = fresh<reservation_id>();
  refused(nowhere, outcome::not_pinned);
}

CAF_TEST(complete amount: what the provider took is not what is owed) {
  const auto x = pinned();
  auto y = completing(x);
  y.amount = won{1};
  refused(y, outcome::amount);
}

CAF_TEST(complete lost: another fence or not all items) {
  const auto x = pinned();
  auto fence = completing(x);
  fence.items[0].fence = 40;
  refused(fence, outcome::lost);
  auto partial = completing(x);
  partial.items.pop_back();
  refused(partial, outcome::lost);
  auto wrong = completing(x);
  wrong.items[1].quantity = 1;
  refused(wrong, outcome::lost);
  does(completing(x));
}

CAF_TEST(twins of a completion: one sells) {
  const auto x = pinned();
  judged({completing(x), completing(x)}, {outcome::ok, outcome::in_flight});
  CAF_CHECK(world->outbox(order.id).size() == 2u);
}

// -- fail_attempt ---------------------------------------------------------------------------------

CAF_TEST(fail ok unpins and fails the order) {
  const auto x = pinned();
  does(failing(x));
  CAF_CHECK(!is_pinned());
  CAF_CHECK(status() == reservation_status::pending);
  CAF_CHECK(order_status(x.payment) == "failed");
  const auto row = world->attempt(x.id);
  CAF_CHECK_EQUAL(row->status, "declined");
  // Asked again a minute later: what turns out captured is given back.
  CAF_CHECK(row->next_ask_at == row->closed_at + 1min);
  CAF_CHECK(world->books(x.id).empty());
  expire();
  does(expiry_of(order));
}

CAF_TEST(an untried attempt leaves its order open) {
  const auto x = pinned();
  does(failing(x, attempt_end::untried));
  CAF_CHECK(order_status(x.payment) == "pending");
  CAF_CHECK(world->attempt(x.id)->next_ask_at == instant{});
  does(beginning(x.payment));
}

CAF_TEST(fail: done and fenced and not pinned) {
  const auto x = pinned();
  const auto y = failing(x);
  take_over(block_shard);
  refused(y, outcome::fenced);
  does(failing(x));
  refused(y, outcome::done); // Before epochs.
  refused(failing(x, attempt_end::voided), outcome::not_pinned);
  const auto z = sold();
  refused(failing(z), outcome::not_pinned);
}

// -- note_asked -----------------------------------------------------------------------------------

CAF_TEST(a failed attempt is asked about after 1 and 10 minutes and an hour and a day) {
  const auto x = pinned();
  does(failing(x, attempt_end::voided));
  const auto closed = world->attempt(x.id)->closed_at;
  const std::vector<millis> after = {10min, 1h, 24h};
  for (int32_t n = 1; n <= 3; ++n) {
    does(note_asked{x.id, order.id, n, at(checkout_shard)});
    const auto row = world->attempt(x.id);
    CAF_CHECK_EQUAL(row->asked, n);
    CAF_CHECK(row->next_ask_at == closed + after[static_cast<size_t>(n - 1)]);
    refused(note_asked{x.id, order.id, n, at(checkout_shard)}, outcome::done);
  }
  does(note_asked{x.id, order.id, 4, at(checkout_shard)});
  CAF_CHECK(world->attempt(x.id)->next_ask_at == instant{});
}

CAF_TEST(note asked: fenced and only of failed attempts) {
  const auto x = pinned();
  const note_asked y{x.id, order.id, 1, at(checkout_shard)};
  refused(y, outcome::not_pending);
  does(failing(x));
  take_over(checkout_shard);
  refused(y, outcome::fenced);
}

CAF_TEST_FIXTURE_SCOPE_END()
