#define CAF_SUITE checkout_core

#include "actors/checkout/core.hpp"

#include <map>
#include <set>

#include <caf/test/dsl.hpp>

using namespace tk;
using namespace std::chrono_literals;

namespace {

constexpr user_id alice{0xa, 1}, mallory{0xa, 2};
constexpr payment_id first_order{0xb, 1};
constexpr attempt_id attempt{0xc, 1};
constexpr refund_id back{0xd, 1};
const instant start = from_ms(1'800'000'000'000);
constexpr millis resolve = 900s;

checkout_rows rows_of(int64_t total = 50'000) {
  checkout_rows x;
  x.known = true;
  x.user = alice;
  x.event = {0xe, 1};
  x.total = won{total};
  return x;
}

order_row order(order_status status = order_status::pending, int64_t amount = 50'000) {
  return {first_order, "ORD_1", "", "", won{amount}, status, {}};
}

attempt_row row_of_attempt(int64_t amount = 50'000) {
  attempt_row x;
  x.id = attempt;
  x.payment = first_order;
  x.provider = "mock";
  x.payment_key = "key";
  x.method = "toss";
  x.amount = won{amount};
  x.started_at = start;
  return x;
}

refund_row owed() { return {back, attempt, won{50'000}, false, 0, start}; }

confirm_payment click(const char* key = "key") {
  return {alice, "ORD_1", key, won{50'000}, 10s, {}};
}

provider_said word(provider_word is) {
  provider_said x;
  x.is = is;
  x.approved_at = start;
  x.why = is == provider_word::untried ? ec::provider_away : ec::payment_declined;
  return x;
}

/// A core with an attempt that was just begun.
checkout_core begun(int64_t amount = 50'000) {
  auto rows = rows_of(amount);
  rows.orders.push_back(order(order_status::pending, amount));
  checkout_core x{rows, resolve};
  x.begin(row_of_attempt(amount), {}, start);
  return x;
}

using kind = checkout_step::kind;

kind step(const checkout_core& x, instant now) { return x.next(now).is; }

} // namespace

// -- what buyers ask ------------------------------------------------------------------------------

CAF_TEST(prepare: the owner and the amount of the server) {
  checkout_core x{rows_of(), resolve};
  CAF_CHECK(x.decide_prepare({alice, won{0}, {}}).is == pay_decision::kind::open);
  CAF_CHECK(x.decide_prepare({alice, won{50'000}, {}}).is == pay_decision::kind::open);
  CAF_CHECK(x.decide_prepare({alice, won{49'999}, {}}).why == ec::amount_mismatch);
  CAF_CHECK(x.decide_prepare({mallory, won{0}, {}}).why == ec::access_denied);
  checkout_core nobody{{}, resolve};
  CAF_CHECK(nobody.decide_prepare({alice, won{0}, {}}).why == ec::reservation_unknown);
}

CAF_TEST(C19 prepare after confirmation and C18 process after confirmation) {
  auto rows = rows_of();
  rows.orders.push_back(order(order_status::confirmed));
  checkout_core x{rows, resolve};
  CAF_CHECK(x.decide_prepare({alice, won{0}, {}}).why == ec::already_paid);
  CAF_CHECK(x.decide_confirm(click()).why == ec::already_paid);
  auto again = x.decide_process({alice, "naver_pay", 10s, {}});
  CAF_CHECK(again.is == pay_decision::kind::tell);
  CAF_CHECK(again.order == first_order);
  CAF_CHECK(x.decide_process({mallory, "naver_pay", 10s, {}}).why == ec::access_denied);
}

CAF_TEST(confirm: order and owner and amount) {
  auto rows = rows_of();
  rows.orders.push_back(order());
  checkout_core x{rows, resolve};
  CAF_CHECK(x.decide_confirm(click()).is == pay_decision::kind::begin);
  auto other = click();
  other.order_id = "ORD_2";
  CAF_CHECK(x.decide_confirm(other).why == ec::payment_unknown);
  auto cheap = click();
  cheap.amount = won{1};
  CAF_CHECK(x.decide_confirm(cheap).why == ec::amount_mismatch);
  auto foreign = click();
  foreign.user = mallory;
  CAF_CHECK(x.decide_confirm(foreign).why == ec::access_denied);
}

CAF_TEST(a cancellation tells what goes back) {
  auto rows = rows_of();
  rows.orders.push_back(order(order_status::confirmed));
  rows.attempts.push_back(row_of_attempt());
  rows.attempts.back().status = attempt_status::approved;
  checkout_core x{rows, resolve};
  auto part = owed();
  part.amount = won{45'000};
  x.apply_cancel(part);
  CAF_CHECK(x.told_back(back).amount == won{45'000});
  CAF_CHECK(x.told_back(back).payment == first_order);
  CAF_CHECK(x.told(first_order).amount == won{50'000});
  CAF_CHECK(x.told_back({0xd, 9}).payment.nil());
}

CAF_TEST(the house takes back what is paid and nothing else) {
  auto rows = rows_of();
  CAF_CHECK(checkout_core(rows, resolve).why_no_recall() == ec::not_refundable);
  rows.orders.push_back(order(order_status::confirmed));
  CAF_CHECK(checkout_core(rows, resolve).why_no_recall() == ec::ok);
  rows.orders.back().status = order_status::refund_pending;
  CAF_CHECK(checkout_core(rows, resolve).why_no_recall() == ec::not_refundable);
  CAF_CHECK(begun().why_no_recall() == ec::reservation_pinned);
  CAF_CHECK(checkout_core({}, resolve).why_no_recall() == ec::reservation_unknown);
}

CAF_TEST(one live attempt: a twin joins and another payment waits for its end) {
  auto x = begun();
  CAF_CHECK(x.decide_confirm(click()).is == pay_decision::kind::join);
  CAF_CHECK(x.decide_confirm(click("other")).is == pay_decision::kind::wait);
  CAF_CHECK(x.decide_process({alice, "bank_transfer", 10s, {}}).is == pay_decision::kind::join);
  CAF_CHECK(x.decide_prepare({alice, won{0}, {}}).is == pay_decision::kind::tell);
  CAF_CHECK(x.decide_cancel({alice, "", {}}).why == ec::reservation_pinned);
}

CAF_TEST(C25 process takes the open order over) {
  auto rows = rows_of();
  checkout_core fresh{rows, resolve};
  CAF_CHECK(fresh.decide_process({alice, "kakao_pay", 10s, {}}).is == pay_decision::kind::open);
  rows.orders.push_back(order());
  checkout_core x{rows, resolve};
  auto what = x.decide_process({alice, "kakao_pay", 10s, {}});
  CAF_CHECK(what.is == pay_decision::kind::begin);
  CAF_CHECK(what.order == first_order);
}

CAF_TEST(a confirmation of what failed hears what the first one heard) {
  auto x = begun();
  x.on_pinned(ec::ok, start);
  x.on_asked(word(provider_word::not_taken), start);
  x.on_failed(ec::ok, start);
  CAF_CHECK(x.decide_confirm(click()).why == ec::payment_declined);
  CAF_CHECK(x.decide_confirm(click("other")).why == ec::payment_declined);
  CAF_CHECK(x.decide_process({alice, "m", 10s, {}}).is == pay_decision::kind::open);
}

CAF_TEST(nobody looks again for the money of an order that ended with its hold) {
  auto rows = rows_of();
  rows.orders.push_back(order(order_status::failed));
  CAF_CHECK(checkout_core(rows, resolve).decide_confirm(click()).why == ec::not_payable);
  rows.attempts.push_back(row_of_attempt());
  rows.attempts.back().status = attempt_status::untried;
  CAF_CHECK(checkout_core(rows, resolve).decide_confirm(click()).why == ec::not_payable);
  // Of what was asked for it is asked again, and what was taken goes back then.
  rows.attempts.back().status = attempt_status::voided;
  CAF_CHECK(checkout_core(rows, resolve).decide_confirm(click()).why == ec::payment_declined);
}

CAF_TEST(P52 a refunded order is never used again) {
  for (auto status : {order_status::refund_pending, order_status::refunded}) {
    auto rows = rows_of();
    rows.orders.push_back(order(status));
    checkout_core x{rows, resolve};
    CAF_CHECK(x.decide_prepare({alice, won{0}, {}}).is == pay_decision::kind::open);
    CAF_CHECK(x.decide_confirm(click()).why == ec::paid_too_late);
    CAF_CHECK(x.decide_cancel({alice, "", {}}).why == ec::not_refundable);
  }
}

// -- under a key ----------------------------------------------------------------------------------

CAF_TEST(C4 what is yet to be made is made as the key says) {
  const effect_id named{0xf, 1};
  auto rows = rows_of();
  checkout_core empty{rows, resolve};
  auto what = empty.decide_prepare({alice, {}, {}}, named);
  CAF_CHECK(what.is == pay_decision::kind::open);
  CAF_CHECK(what.effect == named && what.order.nil());
  rows.orders.push_back(order());
  checkout_core x{rows, resolve};
  for (auto& y :
       {x.decide_confirm(click(), named), x.decide_process({alice, "m", 10s, {}}, named)}) {
    CAF_CHECK(y.is == pay_decision::kind::begin);
    CAF_CHECK(y.effect == named);
  }
  CAF_CHECK(x.decide_confirm(click()).effect.nil()); // A fresh one.
}

CAF_TEST(C4 an attempt that a key names is told whatever has become of its order) {
  const auto named = same_id<effect_id>(attempt);
  auto decide = [&](attempt_status how, order_status status) {
    auto rows = rows_of();
    rows.orders.push_back(order(status));
    rows.attempts.push_back(row_of_attempt());
    rows.attempts.back().status = how;
    return checkout_core{rows, resolve}.decide_confirm(click(), named);
  };
  for (auto status :
       {order_status::confirmed, order_status::refund_pending, order_status::refunded}) {
    auto what = decide(attempt_status::approved, status);
    CAF_CHECK(what.is == pay_decision::kind::tell);
    CAF_CHECK(what.order == first_order && what.effect == named && !what.repeated);
  }
  CAF_CHECK(decide(attempt_status::declined, order_status::failed).why == ec::payment_declined);
  CAF_CHECK(decide(attempt_status::voided, order_status::failed).why == ec::payment_declined);
  CAF_CHECK(decide(attempt_status::late, order_status::refunded).why == ec::paid_too_late);
  auto live = decide(attempt_status::live, order_status::pending);
  CAF_CHECK(live.is == pay_decision::kind::join && live.effect == named);
  // Nothing came of it, so it may be tried again, under another id.
  auto untried = decide(attempt_status::untried, order_status::pending);
  CAF_CHECK(untried.is == pay_decision::kind::begin);
  CAF_CHECK(untried.effect.nil());
}

CAF_TEST(C4 what was told of an order is told again) {
  const auto named = same_id<effect_id>(first_order);
  auto rows = rows_of();
  rows.orders.push_back(order(order_status::refunded));
  checkout_core x{rows, resolve};
  auto prepared = x.decide_prepare({alice, {}, {}}, named);
  CAF_CHECK(prepared.is == pay_decision::kind::tell);
  CAF_CHECK(prepared.order == first_order);
  auto processed = x.decide_process({alice, "m", 10s, {}}, named);
  CAF_CHECK(processed.is == pay_decision::kind::tell);
  CAF_CHECK(processed.repeated); // It was paid already when it was told.
  CAF_CHECK(x.decide_prepare({mallory, {}, {}}, named).why == ec::access_denied);
}

CAF_TEST(C4 a refund that a key names is told and another one is not made) {
  auto rows = rows_of();
  rows.orders.push_back(order(order_status::refunded));
  rows.attempts.push_back(row_of_attempt());
  rows.attempts.back().status = attempt_status::approved;
  rows.refunds.push_back(owed());
  checkout_core x{rows, resolve};
  auto what = x.decide_cancel({alice, "", {}}, same_id<effect_id>(back));
  CAF_CHECK(what.is == pay_decision::kind::tell);
  CAF_CHECK(x.told(what.order).amount == won{50'000});
  CAF_CHECK(x.decide_cancel({alice, "", {}}, {0xf, 1}).why == ec::not_refundable);
}

// -- the attempt ----------------------------------------------------------------------------------

CAF_TEST(pin then ask then sell) {
  auto x = begun();
  CAF_CHECK(step(x, start) == kind::pin);
  x.on_pinned(ec::ok, start);
  CAF_CHECK(step(x, start) == kind::ask);
  x.on_asked(word(provider_word::taken), start);
  CAF_CHECK(step(x, start) == kind::sell);
  x.on_sold(ec::ok, start);
  CAF_CHECK(step(x, start) == kind::wait);
  auto ended = x.take_result();
  CAF_REQUIRE(ended.has_value());
  CAF_CHECK(ended->what.is == ec::ok);
  CAF_CHECK(ended->what.order_id == "ORD_1");
  CAF_CHECK(ended->what.payment_key == "key");
  CAF_CHECK(!x.take_result().has_value());
  CAF_CHECK(x.paid_order() != nullptr);
  CAF_CHECK(!x.waiting());
  CAF_CHECK(x.next_chore(start + 48h).is == kind::wait);
}

CAF_TEST(P56 what costs nothing is sold without a provider) {
  auto x = begun(0);
  x.on_pinned(ec::ok, start);
  CAF_CHECK(step(x, start) == kind::sell);
  x.on_sold(ec::paid_too_late, start); // And nothing is given back that was never taken.
  CAF_CHECK(step(x, start) == kind::fail);
}

CAF_TEST(a pin that is refused ends the attempt before the provider hears of it) {
  for (auto why : {ec::hold_over, ec::not_payable, ec::busy, ec::fenced, ec::late,
                   ec::payment_declined, ec::amount_mismatch}) {
    auto x = begun();
    x.on_pinned(why, start);
    CAF_CHECK(x.take_result()->what.is == why);
    CAF_CHECK(x.live() == nullptr);
    CAF_CHECK(!x.confused());
  }
}

CAF_TEST(a pin without an answer is asked for again under the same id) {
  auto x = begun();
  x.on_pinned(ec::unknown, start);
  CAF_CHECK(step(x, start) == kind::wait);
  CAF_CHECK(step(x, start + 1s) == kind::pin);
  CAF_CHECK(x.next(start + 1s).attempt == attempt);
}

CAF_TEST(a pin that may be on record is asked for until somebody has looked at the rows) {
  for (auto nobody_looked : {ec::unavailable, ec::busy, ec::late, ec::fenced, ec::in_flight}) {
    auto x = begun();
    x.on_pinned(ec::unknown, start);
    x.on_pinned(nobody_looked, start + 1s);
    CAF_REQUIRE(x.live());
    CAF_CHECK(step(x, start + 10s) == kind::pin);
    x.on_pinned(ec::hold_over, start + 10s);
    CAF_CHECK(x.live() == nullptr);
    CAF_CHECK(x.take_result()->what.is == ec::hold_over);
    CAF_CHECK(x.confused());
  }
}

CAF_TEST(a pin of somebody else means that the memory is wrong) {
  auto x = begun();
  x.on_pinned(ec::reservation_pinned, start);
  CAF_CHECK(x.take_result()->what.is == ec::payment_pending);
  CAF_CHECK(x.confused());
}

CAF_TEST(H06 unknown is not failed: the provider is asked until it says something definite) {
  auto x = begun();
  x.on_pinned(ec::ok, start);
  auto now = start;
  x.on_asked(word(provider_word::unknown), now);
  std::set<kind> asked;
  while (now < start + resolve - 31s) {
    CAF_REQUIRE(x.live() != nullptr);
    now = x.next(now).at;
    auto what = step(x, now);
    asked.insert(what);
    auto said = word(asked.size() % 2 ? provider_word::unknown : provider_word::open);
    if (what == kind::query) x.on_queried(said, now);
    else x.on_asked(word(provider_word::untried), now); // Heard of before: not untried any more.
  }
  CAF_CHECK(asked.count(kind::query) == 1);
  CAF_CHECK(asked.count(kind::void_order) == 0);
  CAF_CHECK(step(x, start + resolve + 31s) == kind::void_order);
  for (auto said : {provider_word::unknown, provider_word::open, provider_word::untried}) {
    x.on_queried(word(said), start + resolve); // A pin ends with a definite outcome only.
    CAF_CHECK(x.live() != nullptr);
    CAF_CHECK(step(x, start + resolve + 31s) == kind::void_order);
  }
  auto late = x;
  late.on_queried(word(provider_word::taken), start + resolve);
  CAF_CHECK(step(late, start + resolve) == kind::sell); // Still pinned: the buyer gets it.
  x.on_queried(word(provider_word::not_taken), start + resolve);
  CAF_CHECK(step(x, start + resolve) == kind::fail);
  CAF_CHECK(x.live()->end == attempt_end::voided);
}

CAF_TEST(an attempt the provider never heard of leaves the order open) {
  auto x = begun();
  x.on_pinned(ec::ok, start);
  x.on_asked(word(provider_word::untried), start);
  CAF_CHECK(step(x, start) == kind::fail);
  CAF_CHECK(x.live()->end == attempt_end::untried);
  x.on_failed(ec::ok, start);
  CAF_CHECK(x.take_result()->what.is == ec::provider_away);
  CAF_CHECK(x.decide_confirm(click()).is == pay_decision::kind::begin);
  CAF_CHECK(x.next_chore(start + 48h).is == kind::wait);
}

CAF_TEST(a sale without a verdict keeps the pin and is asked for again) {
  for (auto is : {ec::unknown, ec::fenced, ec::busy, ec::unavailable, ec::in_flight, ec::late}) {
    auto x = begun();
    x.on_pinned(ec::ok, start);
    x.on_asked(word(provider_word::taken), start);
    x.on_sold(is, start);
    CAF_CHECK(!x.take_result().has_value());
    CAF_CHECK(step(x, start + 5s) == kind::sell);
  }
}

CAF_TEST(C28 paid for what is gone: the money goes back) {
  auto x = begun();
  x.on_pinned(ec::ok, start);
  x.on_asked(word(provider_word::taken), start);
  x.on_sold(ec::paid_too_late, start);
  CAF_CHECK(step(x, start) == kind::claim);
  x.on_claimed(ec::unavailable, owed(), start);
  CAF_CHECK(step(x, start + 5s) == kind::claim);
  x.on_claimed(ec::ok, owed(), start);
  CAF_CHECK(x.take_result()->what.is == ec::paid_too_late);
  auto chore = x.next_chore(start);
  CAF_CHECK(chore.is == kind::refund);
  CAF_CHECK(chore.refund == back);
  CAF_CHECK(x.waiting());
  x.on_refund(back, ec::ok, false, start + 1s);
  CAF_CHECK(x.next_chore(start).is == kind::wait);
  CAF_CHECK(x.next_chore(start + 1s).is == kind::refund);
  x.on_refund(back, ec::ok, true, start);
  CAF_CHECK(!x.waiting());
  CAF_CHECK(x.find_order(first_order)->status == order_status::refunded);
}

CAF_TEST(a failed attempt is asked about after 1 and 10 minutes and an hour and a day) {
  auto x = begun();
  x.on_pinned(ec::ok, start);
  x.on_asked(word(provider_word::not_taken), start);
  x.on_failed(ec::ok, start);
  for (auto after : {millis{1min}, millis{10min}, millis{1h}, millis{24h}}) {
    CAF_CHECK(x.next_chore(start + after - 1ms).is == kind::wait);
    CAF_CHECK(x.next_chore(start + after).is == kind::late);
    x.on_late(attempt, ec::unavailable, false, {}, start + after + 1s);
    CAF_CHECK(x.next_chore(start + after).is == kind::wait); // Not heard: the same again.
    CAF_CHECK(x.next_chore(start + after + 1s).is == kind::late);
    x.on_late(attempt, ec::ok, false, {}, {});
  }
  CAF_CHECK(x.next_chore(start + 480h).is == kind::wait);
}

CAF_TEST(what turns out captured is given back) {
  auto x = begun();
  x.on_pinned(ec::ok, start);
  x.on_asked(word(provider_word::not_taken), start);
  x.on_failed(ec::ok, start);
  x.on_late(attempt, ec::ok, true, owed(), {});
  CAF_CHECK(x.next_chore(start).is == kind::refund);
  CAF_CHECK(x.find_order(first_order)->status == order_status::refund_pending);
}

CAF_TEST(a start with a live attempt goes on under the same key) {
  auto rows = rows_of();
  rows.orders.push_back(order());
  rows.attempts.push_back(row_of_attempt());
  checkout_core x{rows, resolve};
  CAF_CHECK(x.waiting());
  CAF_CHECK(step(x, start) == kind::ask);
  CAF_CHECK(x.next(start).attempt == attempt);
  x.on_asked(word(provider_word::untried), start); // It may have been heard of before the start.
  CAF_CHECK(x.live() != nullptr);
  CAF_CHECK(x.live()->is != attempt_phase::failing);
  checkout_core old{rows, resolve};
  CAF_CHECK(step(old, start + resolve) == kind::void_order);
}

CAF_TEST(a start with refunds and failed attempts goes on with them) {
  auto rows = rows_of();
  rows.orders.push_back(order(order_status::refund_pending));
  auto failed = row_of_attempt();
  failed.status = attempt_status::late;
  rows.attempts.push_back(failed);
  rows.refunds.push_back(owed());
  checkout_core x{rows, resolve};
  CAF_CHECK(x.waiting());
  CAF_CHECK(x.next_chore(start).is == kind::refund);
}

CAF_TEST(cancel: what was paid is owed back) {
  auto x = begun();
  x.on_pinned(ec::ok, start);
  x.on_asked(word(provider_word::taken), start);
  x.on_sold(ec::ok, start);
  CAF_CHECK(x.decide_cancel({mallory, "", {}}).why == ec::access_denied);
  CAF_CHECK(x.decide_cancel({alice, "", {}}).is == pay_decision::kind::begin);
  x.apply_cancel(owed());
  CAF_CHECK(x.decide_cancel({alice, "", {}}).why == ec::not_refundable);
  CAF_CHECK(x.next_chore(start).is == kind::refund);
}

// -- all of it ------------------------------------------------------------------------------------

namespace {

/// Follows every possible answer to every step, to a depth; counts what was reached.
struct explorer {
  std::map<std::string, int> ends;
  void follow(const checkout_core& x, instant now, int depth) {
    CAF_REQUIRE(!x.live() || x.live()->is != attempt_phase::selling || x.live()->heard ||
                x.live()->approved_at != instant{});
    if (!x.live()) {
      auto copy = x;
      auto ended = copy.take_result();
      CAF_REQUIRE(ended.has_value()); // Nobody is left without an answer.
      ++ends[std::string{to_string(ended->what.is)}];
      return;
    }
    if (depth == 0) return;
    auto next = x.next(now);
    auto at = next.is == kind::wait ? next.at : now;
    CAF_REQUIRE(at < instant::max()); // There is always a next step.
    auto what = x.next(at).is;
    CAF_REQUIRE(what != kind::wait);
    branch(x, what, at, depth - 1);
  }
  void branch(const checkout_core& x, kind what, instant at, int depth) {
    auto each_ec = [&](auto act) {
      for (auto is : {ec::ok, ec::unknown, ec::fenced, ec::paid_too_late, ec::hold_over,
                      ec::reservation_pinned}) {
        auto y = x;
        act(y, is);
        follow(y, at, depth);
      }
    };
    auto each_word = [&](auto act) {
      for (auto is : {provider_word::unknown, provider_word::untried, provider_word::taken,
                      provider_word::open, provider_word::not_taken}) {
        auto y = x;
        act(y, word(is));
        follow(y, at, depth);
      }
    };
    switch (what) {
    case kind::pin: return each_ec([&](auto& y, ec is) { y.on_pinned(is, at); });
    case kind::ask: return each_word([&](auto& y, const provider_said& w) { y.on_asked(w, at); });
    case kind::query:
    case kind::void_order:
      return each_word([&](auto& y, const provider_said& w) { y.on_queried(w, at); });
    case kind::sell: return each_ec([&](auto& y, ec is) { y.on_sold(is, at); });
    case kind::fail: return each_ec([&](auto& y, ec is) { y.on_failed(is, at); });
    case kind::claim: return each_ec([&](auto& y, ec is) { y.on_claimed(is, owed(), at); });
    default: CAF_FAIL("not a step of a live attempt");
    }
  }
};

} // namespace

CAF_TEST(every answer to every step leads on and every end tells) {
  explorer all;
  all.follow(begun(), start, 7);
  for (auto* end : {"ok", "unknown", "paid_too_late", "payment_declined", "provider_away",
                    "payment_pending", "hold_over"}) {
    if (std::string{end} == "unknown") CAF_CHECK(all.ends.count(end) == 0);
    else CAF_CHECK(all.ends[end] > 0);
  }
}
