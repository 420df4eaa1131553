#define CAF_SUITE ledger_contract_subjects

#include "tests/integration/ledger_fixture.hpp"

/// Money for listings and memberships. Verdicts:
/// - open_payment: `replayed` (this order, or the payer's open one) | `fenced` | `in_flight` |
///   `not_pending` (there is none, not theirs to pay, sold, taken back) | `closed` (members only) |
///   `ok`.
/// - begin_attempt: `done` | `fenced` | `in_flight` | `busy` | `pinned` (another one is live) |
///   `not_pending` | `closed` | `no_order` | `amount` | `key_used` | `ok`.
/// - complete_payment: `done` | `fenced` | `in_flight` | `not_pinned` | `amount` | `lost` (no
/// longer
///   to be had: the money goes back) | `number_used` | `ok`.
/// - fail_attempt: `done` | `fenced` | `in_flight` | `not_pinned` | `ok`.
using namespace tk;
using namespace std::chrono_literals;

namespace {

struct subject_fixture : test::payment_fixture {
  payment_subject of = payment_subject::membership;
  reservation_id subject;
  user_id payer = user;
  artist_id artist = world->add_artist(event);

  open_payment ordering(user_id by) {
    auto x = opening();
    x.reservation = subject;
    x.of = of;
    x.user = by;
    return x;
  }
  open_payment ordering() { return ordering(payer); }

  begin_attempt trying(payment_id order_of, won amount) {
    auto x = beginning(order_of);
    x.reservation = subject;
    x.amount = amount;
    x.block = x.checkout;
    x.of = of;
    return x;
  }

  /// An attempt on a fresh order of `by`, not begun.
  begin_attempt wish_of(user_id by, won amount) {
    const auto x = ordering(by);
    does(x);
    return trying(x.id, amount);
  }

  complete_payment selling(const begin_attempt& x) {
    auto y = completing(x);
    y.items.clear();
    y.of = of;
    return y;
  }

  fail_attempt giving_up(const begin_attempt& x) {
    auto y = failing(x);
    y.block = y.checkout;
    y.of = of;
    return y;
  }

  claim_refund owing(const begin_attempt& x) {
    auto y = claiming(x);
    y.of = of;
    return y;
  }

  settle_refund repaying(const claim_refund& x) {
    auto y = settling(x.id, true);
    y.reservation = subject;
    y.of = of;
    return y;
  }

  checkout_rows loaded(user_id asker = {}) {
    return world->checkout({subject, at(checkout_shard), of, asker});
  }
  subject_entry row() { return world->subject(of, subject); }

  std::vector<std::string> told(const std::string& key) {
    std::vector<std::string> out;
    for (const auto& x : world->outbox_of(key)) out.push_back(x.topic + " " + x.type);
    return out;
  }
};

struct membership_fixture : subject_fixture {
  static constexpr won price{30'000};
  explicit membership_fixture(int32_t points = 0) {
    subject = world->add_unpaid(user, artist, price, points);
  }
};

struct transfer_fixture : subject_fixture {
  static constexpr won price{231'000};
  user_id buyer = fresh<user_id>(), other = fresh<user_id>();
  begin_attempt first = sold();

  transfer_fixture() {
    of = payment_subject::transfer;
    for (auto x : {buyer, other}) {
      world->add_user(x);
      world->add_membership(x, artist, 0, world->now() + 24h);
    }
    subject = world->add_listing(order.id, user, artist, price);
    payer = buyer;
  }

  complete_payment selling(const begin_attempt& x) {
    auto y = subject_fixture::selling(x);
    y.listed = order.id;
    y.tickets = {ticket(), ticket(), ticket()};
    return y;
  }

  begin_attempt begun(user_id by) {
    auto x = wish_of(by, price);
    does(x);
    return x;
  }

  int64_t tickets_that_are(const std::string& status, user_id whose) {
    int64_t n = 0;
    for (const auto& x : world->tickets(order.id)) n += x.status == status && x.user == whose;
    return n;
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(ledger_contract_membership_cases, membership_fixture)

CAF_TEST(a membership that is paid for begins its year) {
  const auto x = ordering();
  const auto v = judged({x}, {outcome::ok});
  CAF_CHECK(v[0].amount.amount == 30'000);
  CAF_CHECK(loaded().subject.open);
  const auto a = trying(x.id, price);
  does(a);
  const auto before = world->now();
  does(selling(a));
  CAF_CHECK(row().status == "active");
  CAF_CHECK(row().points == 200);
  CAF_CHECK(row().expires_at > before + 24h * 364 && row().expires_at < before + 24h * 367);
  CAF_CHECK(world->books(a.id) == (sums{{"provider", 30'000}, {"sales", -30'000}}));
  CAF_CHECK(order_status(x.id) == "confirmed");
  CAF_CHECK(world->attempt(a.id)->status == "approved");
  CAF_CHECK(told(x.order_id) == (std::vector<std::string>{"payment-events PAYMENT_CONFIRMED"}));
  CAF_CHECK(told(to_string(subject)) ==
            (std::vector<std::string>{"membership-events MEMBERSHIP_ACTIVATED"}));
  const auto rows = loaded();
  CAF_CHECK(!rows.subject.open);
  CAF_CHECK(rows.subject.paid_by == x.id);
  refused(selling(a), outcome::done);
  refused(ordering(), outcome::not_pending);
}

CAF_TEST(one open order and one live attempt for a membership) {
  const auto x = ordering();
  does(x);
  auto again = ordering();
  const auto v = judged({again}, {outcome::replayed});
  CAF_CHECK(v[0].payment == x.id);
  const auto a = trying(x.id, price);
  judged({a, trying(x.id, price)}, {outcome::ok, outcome::in_flight});
  refused(a, outcome::done);
  refused(trying(x.id, price), outcome::pinned);
}

CAF_TEST(a membership is paid for by its owner and at its price) {
  const auto stranger = fresh<user_id>();
  world->add_user(stranger);
  refused(ordering(stranger), outcome::not_pending);
  const auto x = ordering();
  does(x);
  refused(trying(x.id, won{29'999}), outcome::amount);
  refused(trying(fresh<payment_id>(), price), outcome::not_pending);
  auto a = trying(x.id, price);
  take_over(checkout_shard);
  refused(a, outcome::fenced);
}

CAF_TEST(a declined card leaves the membership to be paid for) {
  const auto a = wish_of(user, price);
  does(a);
  does(giving_up(a));
  refused(giving_up(a), outcome::done);
  CAF_CHECK(order_status(a.payment) == "failed");
  CAF_CHECK(row().status == "pending");
  const auto b = wish_of(user, price);
  does(b);
  does(selling(b));
  CAF_CHECK(row().status == "active");
  refused(selling(a), outcome::not_pinned);
}

CAF_TEST(money for a membership that is active goes back) {
  const auto a = wish_of(user, price);
  does(a);
  does(giving_up(a));
  const auto b = wish_of(user, price);
  does(b);
  does(selling(b));
  const auto back = owing(a); // Captured after all.
  does(back);
  CAF_CHECK(world->books(a.id) == (sums{{"provider", 30'000}, {"owed", -30'000}}));
  auto rows = loaded();
  CAF_CHECK(rows.refunds.size() == 1u);
  does(repaying(back));
  CAF_CHECK(world->books(a.id).empty());
  CAF_CHECK(order_status(a.payment) == "refunded");
  CAF_CHECK(row().status == "active");
  CAF_CHECK(row().points == 200);
}

CAF_TEST(a ticket earns its buyer points once) {
  const auto a = wish_of(user, price);
  does(a);
  does(selling(a));
  sold();
  CAF_CHECK(row().points == 300);
}

CAF_TEST(who is no member earns nothing) {
  sold();
  CAF_CHECK(row().points == 0);
}

CAF_TEST_FIXTURE_SCOPE_END()

CAF_TEST(who comes back is renewed) {
  membership_fixture x{450};
  const auto a = x.wish_of(x.user, x.price);
  x.does(a);
  x.does(x.selling(a));
  CAF_CHECK(x.row().points == 650);
}

CAF_TEST_FIXTURE_SCOPE(ledger_contract_transfer_cases, transfer_fixture)

CAF_TEST(a reservation changes hands with its seats and units) {
  const auto a = begun(buyer);
  const auto y = selling(a);
  does(y);
  CAF_CHECK(row().status == "completed");
  CAF_CHECK(row().owner == buyer);
  CAF_CHECK(world->reservation(order.id)->user == buyer);
  CAF_CHECK(status() == reservation_status::confirmed);
  CAF_CHECK(world->seat(held_seat)->holder == buyer);
  CAF_CHECK(world->seat(held_seat)->status == 'r');
  CAF_CHECK(tickets_that_are("transferred", user) == 3);
  CAF_CHECK(tickets_that_are("valid", buyer) == 3);
  CAF_CHECK(tickets_that_are("valid", user) == 0);
  CAF_CHECK(world->books(a.id) == (sums{{"provider", 231'000}, {"sales", -231'000}}));
  CAF_CHECK(past() ==
            (story{{"", "pending"}, {"pending", "confirmed"}, {"confirmed", "confirmed"}}));
  CAF_CHECK(world->history(order.id).back().actor == buyer);
  CAF_CHECK(told(to_string(subject)) ==
            (std::vector<std::string>{"transfer-events TRANSFER_COMPLETED"}));
  CAF_CHECK(world->outbox_of(to_string(subject))[0].shard == block_shard);
  refused(y, outcome::done);
  const auto theirs = world->checkout({order.id, at(checkout_shard)});
  CAF_CHECK(theirs.resold);
  CAF_CHECK(theirs.pin == a.id);
  CAF_CHECK(theirs.orders.size() == 2u);
  CAF_CHECK(theirs.attempts.size() == 2u);
}

CAF_TEST(of two buyers one has it and the other pays nothing) {
  const auto a = wish_of(buyer, price), b = wish_of(other, price);
  judged({a, b}, {outcome::ok, outcome::in_flight});
  refused(b, outcome::pinned);
  does(selling(a));
  refused(b, outcome::not_pending);
  CAF_CHECK(world->reservation(order.id)->user == buyer);
  CAF_CHECK(order_status(b.payment) == "pending");
}

CAF_TEST(a listing is open to members other than its seller) {
  const auto stranger = fresh<user_id>();
  world->add_user(stranger);
  refused(ordering(stranger), outcome::closed);
  refused(ordering(user), outcome::not_pending);
  CAF_CHECK(loaded(buyer).subject.member);
  CAF_CHECK(!loaded(stranger).subject.member);
  CAF_CHECK(loaded(buyer).subject.open);
  CAF_CHECK(loaded(buyer).subject.units == 3);
  CAF_CHECK(loaded(buyer).user == user);
  CAF_CHECK(loaded(buyer).total == price);
}

CAF_TEST(what was taken back or cancelled meanwhile is lost and paid back) {
  const auto a = begun(buyer);
  world->end_listing(subject);
  refused(selling(a), outcome::lost);
  const auto back = owing(a);
  does(back);
  does(repaying(back));
  CAF_CHECK(world->books(a.id).empty());
  CAF_CHECK(order_status(a.payment) == "refunded");
  CAF_CHECK(world->reservation(order.id)->user == user);
  const auto events = told(world->payment(a.payment)->order_id);
  CAF_CHECK(events == (std::vector<std::string>{"payment-events PAYMENT_REFUNDED"}));
}

CAF_TEST(a reservation that was cancelled is not sold on) {
  const auto a = begun(buyer);
  does(cancelling());
  refused(selling(a), outcome::lost);
  refused(ordering(other), outcome::not_pending);
}

CAF_TEST(numbers that are taken and tickets that are too few sell nothing) {
  const auto a = begun(buyer);
  auto x = selling(a);
  x.tickets.pop_back();
  refused(x, outcome::lost);
  auto y = selling(a);
  y.tickets[1].number = world->tickets(order.id)[0].number;
  refused(y, outcome::number_used);
  auto z = selling(a);
  z.amount = won{1};
  refused(z, outcome::amount);
  does(selling(a));
}

CAF_TEST(who has bought it cannot cancel nor can who has sold it but the house can) {
  const auto a = begun(buyer);
  does(selling(a));
  refused(cancelling(), outcome::not_pending);
  auto theirs = cancelling();
  theirs.actor = buyer;
  refused(theirs, outcome::not_pending);
  auto house = cancelling();
  house.actor = {};
  does(house);
  CAF_CHECK(world->refund(house.refund)->attempt == a.id);
  CAF_CHECK(world->refund(house.refund)->amount.amount == 231'000);
  CAF_CHECK(world->books(first.id) == (sums{{"provider", 210'000}, {"sales", -210'000}}));
  does(settling(house.refund, true));
  CAF_CHECK(world->books(a.id).empty());
  CAF_CHECK(order_status(a.payment) == "refunded");
  CAF_CHECK(world->payment_status(order.id) == "refunded");
}

CAF_TEST_FIXTURE_SCOPE_END()
