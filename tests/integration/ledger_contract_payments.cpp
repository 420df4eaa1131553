#define CAF_SUITE ledger_contract_payments

#include <algorithm>
#include <chrono>
#include <utility>

#include <caf/test/unit_test.hpp>

#include "actors/base/ids.hpp"
#include "tests/integration/ledger_contract.hpp"

/// What the ops about money promise. Kinds of a batch are judged in the order release,
/// begin_attempt, complete_payment, fail_attempt, note_asked, claim_refund, cancel_paid,
/// settle_refund, open_payment, create. An op that has happened is judged first, so sending a lost
/// batch again is the look-up.
using namespace tk;
using namespace std::chrono_literals;

namespace {

constexpr uint16_t session_shard = 21, event_shard = 22, block_shard = 23, checkout_shard = 24;

using story = std::vector<std::pair<std::string, std::string>>;
using sums = std::map<std::string, int64_t>;

/// A held reservation of one seat and two standing tickets, and the ops that follow.
struct fixture {
  std::unique_ptr<ledger_world> world = make_ledger_world();
  user_id user = fresh<user_id>();
  event_id event = fresh<event_id>();
  request_id request = fresh<request_id>();
  seat_id seat = fresh<seat_id>();
  ticket_type_id type = fresh<ticket_type_id>();
  create_reservation order;

  fixture() {
    world->add_user(user);
    world->add_event({event, false, world->now() - 1h, world->now() + 1h});
    world->add_seat({seat, event, 3, 7, 40, won{110'000}});
    world->add_type({type, event, 10, 10});
    order = wish();
    CAF_REQUIRE_EQUAL(judge_one(order), outcome::ok);
  }

  template <class Id> Id fresh() { return make_id<Id>(world->random()); }
  participant at(uint16_t shard) { return {shard, world->epoch_of(shard)}; }
  void take_over(uint16_t shard) { world->set_epoch(shard, world->epoch_of(shard) + 1); }

  create_reservation wish() {
    create_reservation x;
    x.id = fresh<reservation_id>();
    x.user = user;
    x.event = event;
    x.number = "TK" + to_string(x.id).substr(0, 30);
    x.total = won{210'000};
    x.operation = "seats.reserve";
    x.digest = "digest";
    x.deadline = world->now() + 1min;
    x.session = at(session_shard);
    x.event_owner = at(event_shard);
    x.items.push_back({seat, {}, 7, 41, 1, won{110'000}, at(block_shard), 3});
    x.items.push_back({{}, type, 0, 0, 2, won{50'000}, at(block_shard), 3});
    x.request = request;
    return x;
  }

  open_payment opening() {
    open_payment x;
    x.id = fresh<payment_id>();
    x.order_id = "ORD_1_" + to_string(x.id);
    x.reservation = order.id;
    x.checkout = at(checkout_shard);
    x.request = request;
    return x;
  }

  begin_attempt beginning(payment_id payment) {
    begin_attempt x;
    x.id = fresh<attempt_id>();
    x.payment = payment;
    x.reservation = order.id;
    x.amount = order.total;
    x.provider = "mock";
    x.payment_key = "key-" + to_string(x.id);
    x.method = "toss";
    x.checkout = at(checkout_shard);
    x.block = at(block_shard);
    return x;
  }

  complete_payment completing(const begin_attempt& x) {
    complete_payment y;
    y.attempt = x.id;
    y.payment = x.payment;
    y.reservation = x.reservation;
    y.amount = x.amount;
    y.approved_at = world->now();
    y.checkout = at(checkout_shard);
    y.items.push_back({seat, {}, 1, 41, at(block_shard), {ticket()}});
    y.items.push_back({{}, type, 2, 0, at(block_shard), {ticket(), ticket()}});
    y.request = request;
    return y;
  }

  /// The numbers of one reservation's tickets rise.
  new_ticket ticket() {
    auto id = fresh<ticket_id>();
    return {id, "T-" + std::to_string(++tickets_made) + "-" + to_string(id).substr(23)};
  }
  int tickets_made = 0;

  admit_ticket scanning(ticket_id x, const std::string& key) {
    return {x, order.id, key, user_id{0xad, 1}};
  }
  std::vector<std::string> ticket_statuses() {
    std::vector<std::string> out;
    for (const auto& x : world->tickets(order.id)) out.push_back(x.status);
    return out;
  }

  fail_attempt failing(const begin_attempt& x, attempt_end how = attempt_end::declined) {
    fail_attempt y;
    y.attempt = x.id;
    y.payment = x.payment;
    y.reservation = x.reservation;
    y.how = how;
    y.error = "REJECT_CARD";
    y.checkout = at(checkout_shard);
    y.block = at(block_shard);
    return y;
  }

  claim_refund claiming(const begin_attempt& x) {
    return {fresh<refund_id>(), x.id, x.reservation, "captured too late", at(checkout_shard)};
  }

  cancel_paid cancelling() {
    cancel_paid x;
    x.refund = fresh<refund_id>();
    x.reservation = order.id;
    x.actor = user;
    x.reason = "user-request";
    x.checkout = at(checkout_shard);
    x.items.push_back({seat, {}, 1, at(block_shard)});
    x.items.push_back({{}, type, 2, at(block_shard)});
    x.request = request;
    return x;
  }

  settle_refund settling(refund_id x, bool done) {
    return {x, order.id, done, done ? "" : "TIMEOUT", done ? 0 : 60, at(checkout_shard)};
  }

  release_reservation releasing(release_reason reason) {
    release_reservation x;
    x.id = order.id;
    x.reason = reason;
    for (const auto& i : order.items) x.items.push_back({i.seat, i.type, i.quantity, i.block});
    return x;
  }

  std::vector<verdict> judge(std::vector<op> ops) {
    batch b;
    for (auto& x : ops) b.ops.push_back(std::make_shared<const op>(std::move(x)));
    auto result = world->executor().execute(b);
    if (result.is != batch_status::committed)
      CAF_FAIL(to_string(result.is) << ": " << result.error);
    CAF_REQUIRE_EQUAL(result.verdicts.size(), ops.size());
    return result.verdicts;
  }

  outcome judge_one(op x) {
    std::vector<op> ops;
    ops.push_back(std::move(x));
    return judge(std::move(ops)).front().is;
  }

  void does(op x) {
    const auto is = judge_one(std::move(x));
    if (is != outcome::ok) CAF_FAIL("refused: " << std::string{to_string(is)});
  }

  /// Judged as `expected`, and every row left alone.
  void refused(op x, outcome expected) {
    const auto before = world->counts();
    CAF_CHECK_EQUAL(judge_one(std::move(x)), expected);
    CAF_CHECK(world->counts() == before);
  }

  void expire() { world->set_expiry(order.id, world->now() - 1s); }

  payment_id open() {
    const auto x = opening();
    does(x);
    return x.id;
  }

  begin_attempt pinned() {
    const auto x = beginning(open());
    does(x);
    return x;
  }

  begin_attempt sold() {
    const auto x = pinned();
    does(completing(x));
    return x;
  }

  reservation_status status() { return world->reservation(order.id)->status; }
  bool is_pinned() { return world->reservation(order.id)->pinned; }
  std::string order_status(payment_id x) { return world->payment(x)->status; }

  story past() {
    story out;
    for (const auto& x : world->history(order.id)) out.emplace_back(x.from, x.to);
    return out;
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(ledger_contract_payment_cases, fixture)

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
  const auto v = judge({first, second});
  CAF_CHECK_EQUAL(v[0].is, outcome::ok);
  CAF_CHECK_EQUAL(v[1].is, outcome::in_flight);
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
  does(releasing(release_reason::expired));
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
  does(releasing(release_reason::cancelled));
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
}

CAF_TEST(one live attempt per reservation) {
  const auto x = pinned();
  refused(beginning(x.payment), outcome::pinned);
}

CAF_TEST(two attempts in one batch: one pins) {
  const auto payment = open();
  const auto v = judge({beginning(payment), beginning(payment)});
  CAF_CHECK_EQUAL(v[0].is, outcome::ok);
  CAF_CHECK_EQUAL(v[1].is, outcome::in_flight);
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

CAF_TEST(begin: ended or sold) {
  const auto x = open();
  does(releasing(release_reason::cancelled));
  refused(beginning(x), outcome::not_pending);
}

CAF_TEST(a pinned reservation is neither expired nor cancelled) {
  pinned();
  expire();
  refused(releasing(release_reason::expired), outcome::pinned);
  refused(releasing(release_reason::cancelled), outcome::pinned);
}

CAF_TEST(an expiry and a pin in one batch: one of them wins and the other knows) {
  const auto x = open();
  const auto pin = beginning(x);
  const auto v = judge({pin, releasing(release_reason::cancelled)});
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
  CAF_CHECK(world->seat(seat)->status == 'r');
  CAF_CHECK(world->seat(seat)->version == 9);
  CAF_CHECK(world->seat(seat)->fence == 41);
  CAF_CHECK(world->available(type) == 8);
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
  const auto v = judge({completing(x), completing(x)});
  CAF_CHECK_EQUAL(v[0].is, outcome::ok);
  CAF_CHECK_EQUAL(v[1].is, outcome::in_flight);
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
  does(releasing(release_reason::expired));
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

// -- claim_refund ---------------------------------------------------------------------------------

CAF_TEST(a late capture is owed back from a durable row) {
  const auto x = pinned();
  does(failing(x));
  expire();
  does(releasing(release_reason::expired));
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
  const auto v = judge({claiming(x), claiming(x)});
  CAF_CHECK_EQUAL(v[0].is, outcome::ok);
  CAF_CHECK_EQUAL(v[1].is, outcome::in_flight);
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
  const auto row = world->seat(seat);
  CAF_CHECK_EQUAL(row->status, 'a');
  CAF_CHECK_EQUAL(row->version, 10);
  CAF_CHECK(row->reservation.nil());
  CAF_CHECK(world->available(type) == 10);
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

CAF_TEST(what was cancelled can be sold again) {
  sold();
  does(cancelling());
  auto next = wish();
  next.items[0].version = 10;
  next.items[0].fence = 42;
  does(next);
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
  does(releasing(release_reason::expired));
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
  const auto v = judge({settling(y.refund, true), settling(y.refund, true)});
  CAF_CHECK_EQUAL(v[0].is, outcome::ok);
  CAF_CHECK_EQUAL(v[1].is, outcome::in_flight);
}

// -- tickets --------------------------------------------------------------------------------------

CAF_TEST(complete makes one ticket per seat or unit) {
  const auto x = pinned();
  const auto y = completing(x);
  CAF_CHECK(world->tickets(order.id).empty());
  does(y);
  const auto made = world->tickets(order.id);
  CAF_REQUIRE_EQUAL(made.size(), 3u);
  for (const auto& t : made) {
    CAF_CHECK_EQUAL(t.status, "valid");
    CAF_CHECK(t.event == event && t.user == user);
    CAF_CHECK(t.used_at == instant{});
  }
  CAF_CHECK(made[0].id == y.items[0].tickets[0].id);
  CAF_CHECK_EQUAL(made[0].number, y.items[0].tickets[0].number);
  CAF_CHECK(made[0].seat == seat && made[0].type.nil());
  CAF_CHECK(made[0].price == won{110'000});
  CAF_CHECK(made[2].seat.nil() && made[2].type == type);
  CAF_CHECK(made[2].price == won{50'000});
}

CAF_TEST(sending a completion again makes no further tickets) {
  const auto x = pinned();
  does(completing(x));
  refused(completing(x), outcome::done);
  CAF_CHECK_EQUAL(world->tickets(order.id).size(), 3u);
}

CAF_TEST(a number that is taken refuses the whole completion and another one sells) {
  const auto first = completing(pinned());
  does(first);
  const auto taken = first.items[1].tickets[1].number;
  does(cancelling()); // A number is used once, whatever became of its ticket.
  order = wish();
  order.items[0].version = world->seat(seat)->version;
  order.items[0].fence = 42;
  does(order);
  auto again = completing(pinned());
  again.items[0].fence = 42;
  again.items[1].tickets[0].number = taken;
  refused(again, outcome::number_used);
  CAF_CHECK(is_pinned());
  again.items[1].tickets[0] = ticket();
  does(again);
  CAF_CHECK_EQUAL(world->tickets(order.id).size(), 3u);
}

CAF_TEST(a unit without a ticket trips the wire) {
  auto x = completing(pinned());
  x.items[1].tickets.pop_back();
  const auto before = world->counts();
  batch b;
  b.ops.push_back(std::make_shared<const op>(x));
  CAF_CHECK(world->executor().execute(b).is == batch_status::torn);
  CAF_CHECK(world->counts() == before);
  CAF_CHECK(status() == reservation_status::pending);
}

CAF_TEST(cancelling voids every ticket and sold again the seat gets another one) {
  sold();
  does(cancelling());
  CAF_CHECK(ticket_statuses() == (std::vector<std::string>(3, "cancelled")));
  order = wish();
  order.items[0].version = world->seat(seat)->version;
  order.items[0].fence = 42;
  does(order);
  auto again = completing(pinned());
  again.items[0].fence = 42;
  does(again);
  CAF_CHECK(ticket_statuses() == (std::vector<std::string>(3, "valid")));
}

CAF_TEST(admit: once and the same scan hears it again) {
  sold();
  const auto it = world->tickets(order.id).front();
  const auto v = judge({scanning(it.id, "scan-1")}).front();
  CAF_CHECK_EQUAL(v.is, outcome::ok);
  const auto row = world->tickets(order.id).front();
  CAF_CHECK_EQUAL(row.status, "used");
  CAF_CHECK(row.used_at == v.used_at && v.used_at != instant{});
  CAF_CHECK(row.used_by == scanning(it.id, "").by);
  for (const auto& [key, expected] :
       {std::pair{"scan-1", outcome::done}, std::pair{"scan-2", outcome::used}}) {
    const auto w = judge({scanning(it.id, key)}).front();
    CAF_CHECK_EQUAL(w.is, expected);
    CAF_CHECK(w.used_at == v.used_at);
  }
  CAF_CHECK(world->tickets(order.id).front().used_at == v.used_at);
  CAF_CHECK(ticket_statuses() == (std::vector<std::string>{"used", "valid", "valid"}));
}

CAF_TEST(admit: of many scans in one batch the first is let in) {
  sold();
  const auto it = world->tickets(order.id).front();
  std::vector<op> scans;
  for (int i = 0; i < 50; ++i) scans.emplace_back(scanning(it.id, "scan-" + std::to_string(i)));
  scans.emplace_back(scanning(it.id, "scan-0")); // Sent twice by its scanner.
  const auto v = judge(std::move(scans));
  CAF_CHECK_EQUAL(v[0].is, outcome::ok);
  for (size_t i = 1; i < 50; ++i) {
    CAF_CHECK_EQUAL(v[i].is, outcome::used);
    CAF_CHECK(v[i].used_at == v[0].used_at);
  }
  CAF_CHECK_EQUAL(v[50].is, outcome::done);
}

CAF_TEST(admit: unknown and cancelled tickets are not let in) {
  refused(scanning(fresh<ticket_id>(), "scan"), outcome::no_ticket);
  sold();
  const auto it = world->tickets(order.id).front();
  auto elsewhere = scanning(it.id, "scan");
  elsewhere.reservation = fresh<reservation_id>();
  refused(elsewhere, outcome::no_ticket);
  does(cancelling());
  refused(scanning(it.id, "scan"), outcome::voided);
  const auto after = world->tickets(order.id).front();
  CAF_CHECK_EQUAL(after.status, "cancelled");
}

CAF_TEST(who was let in gets no money back by asking but the house may give it) {
  sold();
  const auto it = world->tickets(order.id).front();
  does(scanning(it.id, "scan"));
  refused(cancelling(), outcome::used);
  CAF_CHECK(status() == reservation_status::confirmed);
  auto by_the_house = cancelling();
  by_the_house.actor = {};
  does(by_the_house);
  CAF_CHECK(ticket_statuses() == (std::vector<std::string>(3, "cancelled")));
  refused(scanning(it.id, "scan"), outcome::voided); // Not even the scan that let it in before.
}

CAF_TEST_FIXTURE_SCOPE_END()
