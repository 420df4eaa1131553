#define CAF_SUITE session_core

#include "actors/session/core.hpp"

#include <caf/test/dsl.hpp>

using namespace tk;

namespace {

const instant now = from_ms(1'000'000);
const event_id concert{0xe, 1}, other{0xe, 2};
constexpr int32_t limit = 4;

reserve_items wish(std::vector<uint64_t> seats, std::string key = {}, std::string digest = "d") {
  reserve_items out;
  out.event = concert;
  for (auto n : seats) out.items.push_back({{0, n}, 0});
  out.key = std::move(key);
  out.digest = std::move(digest);
  out.token_issued_at = now;
  return out;
}

pending_hold hold(uint64_t id, std::vector<uint64_t> seats, millis left, event_id event = concert) {
  pending_hold out{{0xb, id}, event, now + left, 0, {}};
  for (auto n : seats) out.seats.push_back({0, n});
  return out;
}

session_core fresh(std::vector<pending_hold> pending = {}, std::vector<key_record> keys = {}) {
  session_core out;
  out.reload(true, instant{}, std::move(pending), std::move(keys));
  return out;
}

/// For seats that nobody else in these tests asks for.
open_attempt attempt(uint64_t id, uint64_t seats, std::string key = {}, event_id event = concert) {
  open_attempt out{{0xb, id},          event, reserve_operation, std::move(key), "d",
                   now + millis{3000}, {}};
  for (uint64_t n = 1; n <= seats; ++n) out.wanted.push_back({id, n});
  return out;
}

reserve_items order(uint64_t types, std::string key = {}) {
  auto out = wish({}, std::move(key));
  for (uint64_t n = 1; n <= types; ++n)
    out.items.push_back({{}, first_quota_block + static_cast<int32_t>(n), {0, n}, 2});
  return out;
}

/// What the user holds of the event already: one seat more is asked for.
int32_t in_hand(const session_core& core, event_id event, instant at) {
  auto one = wish({999});
  one.event = event;
  return core.holds_with(one, at) - 1;
}

using kind = reserve_decision::kind;

} // namespace

CAF_TEST(a first wish is forwarded) {
  CAF_CHECK(fresh().decide(wish({1}), limit, now, false).is == kind::forward);
  CAF_CHECK(fresh().decide(wish({1, 2, 3, 4}), limit, now, false).is == kind::forward);
}

CAF_TEST(a lone first wish needs no rows and a second one does) {
  session_core core;
  CAF_CHECK(!core.accepts(now));
  CAF_CHECK(core.decide(wish({1}, "k"), limit, now, false).is == kind::unread);
  core.begin(attempt(1, 1, "k"));
  CAF_CHECK(core.decide(wish({1}, "k"), limit, now, false).is == kind::recheck);
  CAF_CHECK(core.decide(wish({2}), limit, now, false).is == kind::recheck);
  core.commit({0xb, 1}, hold(1, {1}, millis{1000}));
  CAF_CHECK(core.decide(wish({2}), limit, now, false).is == kind::unread);
  core.reload(true, {}, {}, {});
  CAF_CHECK(core.decide(wish({2}), limit, now, false).is == kind::forward);
}

CAF_TEST(a no for the limit is never final from memory) {
  auto core = fresh({hold(1, {1, 2, 3, 4}, millis{1})});
  CAF_CHECK(core.decide(wish({5}), limit, now, false).is == kind::recheck);
  auto final_say = core.decide(wish({5}), limit, now, true);
  CAF_CHECK(final_say.is == kind::refuse);
  CAF_CHECK(final_say.why == ec::hold_limit);
  CAF_CHECK(core.decide(wish({5, 6, 7, 8, 9}), limit, now, true).why == ec::hold_limit);
}

CAF_TEST(the limit counts seats and none means none) {
  auto core = fresh({hold(1, {1, 2}, millis{1000})});
  CAF_CHECK(core.decide(wish({3, 4}), limit, now, false).is == kind::forward);
  CAF_CHECK(core.decide(wish({3, 4, 5}), limit, now, false).is == kind::recheck);
  CAF_CHECK(core.decide(wish({3, 4, 5}), 0, now, false).is == kind::forward);
}

CAF_TEST(a hold that ran out stops counting at its millisecond) {
  auto core = fresh({hold(1, {1, 2, 3, 4}, millis{1})});
  CAF_CHECK_EQUAL(in_hand(core, concert, now), 4);
  CAF_CHECK_EQUAL(in_hand(core, concert, now + millis{1}), 0);
  CAF_CHECK(core.decide(wish({5}), limit, now + millis{1}, false).is == kind::forward);
}

CAF_TEST(seats of another event do not count) {
  auto core = fresh({hold(1, {1, 2, 3, 4}, millis{1000}, other)});
  core.begin(attempt(9, 4, {}, other));
  CAF_CHECK_EQUAL(in_hand(core, concert, now), 0);
  CAF_CHECK_EQUAL(in_hand(core, other, now), 8);
  CAF_CHECK(core.decide(wish({5}), limit, now, false).is == kind::forward);
}

CAF_TEST(H17 what is in flight counts) {
  auto core = fresh({hold(1, {1, 2, 3}, millis{1000})});
  core.begin(attempt(2, 1));
  CAF_CHECK_EQUAL(in_hand(core, concert, now), 4);
  CAF_CHECK(core.decide(wish({5}), limit, now, true).why == ec::hold_limit);
  core.drop({0xb, 2});
  CAF_CHECK(core.decide(wish({5}), limit, now, false).is == kind::forward);
}

CAF_TEST(an attempt whose row was read already counts once) {
  auto core = fresh();
  core.begin(attempt(1, 2));
  core.reload(true, {}, {hold(1, {1, 2}, millis{1000})}, {});
  CAF_CHECK_EQUAL(in_hand(core, concert, now), 2);
  core.commit({0xb, 1}, hold(1, {1, 2}, millis{1000}));
  CAF_CHECK_EQUAL(in_hand(core, concert, now), 2);
  CAF_CHECK(core.idle());
}

CAF_TEST(the same key joins what is in flight and replays what is done) {
  auto core = fresh();
  core.begin(attempt(1, 1, "k"));
  auto twin = core.decide(wish({1}, "k"), limit, now, false);
  CAF_CHECK(twin.is == kind::join);
  CAF_CHECK(twin.reservation == (reservation_id{0xb, 1}));
  core.commit({0xb, 1}, hold(1, {1}, millis{1000}));
  auto late = core.decide(wish({1}, "k"), limit, now, false);
  CAF_CHECK(late.is == kind::replay);
  CAF_CHECK(late.reservation == (reservation_id{0xb, 1}));
}

CAF_TEST(the same key with another payload is a conflict at any time) {
  auto core = fresh();
  core.begin(attempt(1, 1, "k"));
  CAF_CHECK(core.decide(wish({2}, "k", "x"), limit, now, false).why == ec::idempotency_conflict);
  core.commit({0xb, 1}, hold(1, {1}, millis{1000}));
  CAF_CHECK(core.decide(wish({2}, "k", "x"), limit, now, false).why == ec::idempotency_conflict);
}

CAF_TEST(I6 another payload in flight does not take a used key away) {
  auto core = fresh({}, {{reserve_operation, "k", "first", {0xb, 1}}});
  core.begin(attempt(2, 1, "k")); // Sent when nobody had read that the key is used.
  auto again = core.decide(wish({1}, "k", "first"), limit, now, true);
  CAF_CHECK(again.is == kind::replay);
  CAF_CHECK(again.reservation == (reservation_id{0xb, 1}));
  CAF_CHECK(core.decide(wish({1}, "k", "third"), limit, now, true).why == ec::idempotency_conflict);
}

CAF_TEST(a replay is told even when the limit is reached) {
  auto core =
    fresh({hold(1, {1, 2, 3, 4}, millis{1000})}, {{reserve_operation, "k", "d", {0xb, 1}}});
  CAF_CHECK(core.decide(wish({1, 2, 3, 4}, "k"), limit, now, false).is == kind::replay);
}

CAF_TEST(a key of another operation is another key) {
  auto core = fresh({}, {{"reservations.create", "k", "d", {0xb, 1}}});
  CAF_CHECK(core.decide(wish({1}, "k"), limit, now, false).is == kind::forward);
}

CAF_TEST(no key never matches no key) {
  auto core = fresh({}, {{reserve_operation, "", "d", {0xb, 1}}});
  core.begin(attempt(2, 1));
  CAF_CHECK(core.decide(wish({1}), limit, now, false).is == kind::forward);
}

CAF_TEST(a dropped attempt frees its key) {
  auto core = fresh();
  core.begin(attempt(1, 1, "k"));
  core.drop({0xb, 1});
  CAF_CHECK(core.decide(wish({1}, "k"), limit, now, false).is == kind::forward);
  CAF_CHECK(core.idle());
}

CAF_TEST(G14 choosing seats one holds is no new hold) {
  auto core = fresh({hold(1, {1, 2, 3, 4}, millis{1000})});
  CAF_CHECK(core.decide(wish({2, 3}), limit, now, false).is == kind::forward);
  CAF_CHECK(core.decide(wish({2, 5}), limit, now, false).is == kind::recheck);
  auto ended = now + millis{1000};
  CAF_CHECK_EQUAL(in_hand(core, concert, ended), 0);
}

CAF_TEST(a seat one holds already is not counted again) {
  auto core = fresh({hold(1, {1, 2}, millis{1000})});
  CAF_CHECK(core.decide(wish({1, 2, 3}), limit, now, true).is == kind::forward);
  CAF_CHECK(core.decide(wish({1, 3, 4}), limit, now, true).is == kind::forward);
  CAF_CHECK(core.decide(wish({1, 3, 4, 5}), limit, now, true).why == ec::hold_limit);
  auto flying = attempt(2, 0);
  flying.wanted = {{0, 3}, {0, 4}};
  core.begin(flying);
  CAF_CHECK(core.decide(wish({3, 4, 2}), limit, now, true).is == kind::forward);
  CAF_CHECK(core.decide(wish({5}), limit, now, true).why == ec::hold_limit);
}

CAF_TEST(D18 an order of standing tickets counts once whatever its lines) {
  auto core = fresh();
  CAF_CHECK(core.decide(order(6), limit, now, true).is == kind::forward);
  core = fresh({hold(1, {}, millis{1000}), hold(2, {}, millis{1000}), hold(3, {7}, millis{1000})});
  CAF_CHECK_EQUAL(in_hand(core, concert, now), 3);
  CAF_CHECK(core.decide(order(6), limit, now, true).is == kind::forward);
  CAF_CHECK(core.decide(wish({8}), limit, now, true).is == kind::forward);
  CAF_CHECK(core.decide(wish({8, 9}), limit, now, true).why == ec::hold_limit);
  core.begin(attempt(4, 0)); // Another one, in flight.
  CAF_CHECK(core.decide(order(1), limit, now, true).why == ec::hold_limit);
}

CAF_TEST(a key that was answered with an earlier reservation is a used key) {
  auto core = fresh({hold(1, {1, 2}, millis{1000})});
  core.remember_key(wish({1}, "again"), {0xb, 1});
  core.remember_key(wish({1}), {0xb, 1}); // None.
  core.reload(true, {}, {}, {});          // Ended since.
  auto known = core.decide(wish({1}, "again"), limit, now, false);
  CAF_CHECK(known.is == kind::replay);
  CAF_CHECK(known.reservation == (reservation_id{0xb, 1}));
  CAF_CHECK(core.decide(wish({2}, "again", "x"), limit, now, false).why ==
            ec::idempotency_conflict);
  CAF_CHECK(core.decide(order(1, "again"), limit, now, false).is == kind::forward);
  CAF_CHECK(core.decide(wish({1}), limit, now, false).is == kind::forward);
  for (int n = 0; n < 100; ++n) core.remember_key(wish({1}, "more" + std::to_string(n)), {0xb, 1});
  CAF_CHECK(core.decide(wish({1}, "again"), limit, now, false).is == kind::forward); // Bounded.
}

CAF_TEST(a key conflicts with another payload only) {
  auto core = fresh({}, {{reserve_operation, "k", "d", {0xb, 1}}});
  CAF_CHECK(core.key_conflicts(wish({2}, "k", "x")));
  CAF_CHECK(!core.key_conflicts(wish({2}, "k", "d")));
  CAF_CHECK(!core.key_conflicts(wish({2}, "other", "x")));
  CAF_CHECK(!core.key_conflicts(wish({2}, "", "x")));
  CAF_CHECK(!core.key_conflicts(order(1, "k")));
}

CAF_TEST(the live hold of a seat is found) {
  auto core = fresh({hold(1, {1, 2}, millis{1000}), hold(2, {7}, millis{3000})});
  auto found = core.holder_of(wish({2, 5}).items, now);
  CAF_REQUIRE(found != nullptr);
  CAF_CHECK(found->id == (reservation_id{0xb, 1}));
  CAF_CHECK(core.holder_of(wish({5}).items, now) == nullptr);
  CAF_CHECK(core.holder_of(wish({2}).items, now + millis{1000}) == nullptr);
}

CAF_TEST(H22g a token issued up to the revocation is worthless and the next one works) {
  auto core = fresh();
  core.revoke(now);
  CAF_CHECK(core.decide(wish({1}), limit, now, false).why == ec::not_authenticated);
  CAF_CHECK(!core.accepts(now));
  CAF_CHECK(!core.accepts(now - millis{1}));
  CAF_CHECK(core.accepts(now + millis{1})); // C32: finer than a second.
}

CAF_TEST(a revocation never moves backwards) {
  auto core = fresh();
  core.revoke(now);
  core.revoke(now - millis{500});
  core.reload(true, now - millis{900}, {}, {});
  CAF_CHECK(!core.accepts(now));
  core.reload(true, now + millis{5}, {}, {});
  CAF_CHECK(!core.accepts(now + millis{5}));
}

CAF_TEST(a user who does not exist is refused) {
  session_core core;
  core.reload(false, instant{}, {}, {});
  CAF_CHECK(core.decide(wish({1}), limit, now, false).why == ec::not_authenticated);
}

CAF_TEST(a revoked token hears nothing of a replay) {
  auto core = fresh({}, {{reserve_operation, "k", "d", {0xb, 1}}});
  core.revoke(now);
  CAF_CHECK(core.decide(wish({1}, "k"), limit, now, false).why == ec::not_authenticated);
}

CAF_TEST(a reload replaces what was pending and keeps what is in flight) {
  auto core = fresh({hold(1, {1}, millis{1000})});
  core.begin(attempt(2, 1, "k"));
  core.reload(true, {}, {hold(3, {3, 4}, millis{1000})},
              {{reserve_operation, "old", "d", {0xb, 3}}});
  CAF_CHECK(!core.find_pending({0xb, 1}));
  CAF_CHECK(core.find_pending({0xb, 3}));
  CAF_CHECK(core.find_attempt({0xb, 2}));
  CAF_CHECK(core.decide(wish({3, 4}, "old"), limit, now, false).is == kind::replay);
  CAF_CHECK(core.decide(wish({9}, "k"), limit, now, false).is == kind::join);
}

CAF_TEST(commits are counted and ended reservations forgotten) {
  auto core = fresh();
  auto before = core.commits();
  core.begin(attempt(1, 1));
  CAF_CHECK_EQUAL(core.commits(), before);
  core.commit({0xb, 1}, hold(1, {1}, millis{1000}));
  CAF_CHECK(core.commits() > before);
  core.forget({0xb, 1});
  CAF_CHECK_EQUAL(in_hand(core, concert, now), 0);
}

CAF_TEST(H18 near an edge of the sale the ledger decides) {
  sale_window sale{false, now, now + millis{10'000}};
  auto open = [&](int64_t ms) { return session_core::sale_may_be_open(sale, now + millis{ms}); };
  CAF_CHECK(!open(-1001));
  CAF_CHECK(open(-1000));
  CAF_CHECK(open(0));
  CAF_CHECK(open(11'000));
  CAF_CHECK(!open(11'001));
  sale.sale_end = instant::max();
  CAF_CHECK(open(1'000'000'000));
  sale.cancelled = true;
  CAF_CHECK(!open(5000));
  CAF_CHECK(!session_core::sale_may_be_open({false, {}, instant::max()}, now));
}
