#define CAF_SUITE session_actor

#include "actors/session/actor.hpp"

#include "tests/support/node_rig.hpp"

using namespace tk;
using namespace tk::rig;

namespace {

const user_id alice = user_no(1), bob = user_no(2);

struct fixture : node_rig {
  fixture() { open_sale(); }

  auto revoke(user_id user) { return request<session_actor>(key_of(user), revoke_all{now()}); }
  [[nodiscard]] reservation_status in_rows(reservation_id id) const {
    return st.rows.reservations.at(id).status;
  }
  /// The session sleeps and starts again from its rows.
  void forget_everything() {
    end_entities();
    open_sale();
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(session_actor_tests, fixture)

// -- idempotency ----------------------------------------------------------------------------------

CAF_TEST(H22c twins with the same key join and are one op) {
  st.fates = {fate::held};
  auto x = reserve(alice, {want(0, 1)}, "k");
  auto y = reserve(alice, {want(0, 1)}, "k");
  auto z = reserve(alice, {want(0, 1)}, "k");
  CAF_CHECK(!x->came() && !y->came() && !z->came());
  let_go();
  CAF_CHECK_EQUAL(count_ops<create_reservation>(), 1);
  for (auto& a : {x, y, z}) {
    CAF_CHECK_EQUAL(a->count, 1);
    CAF_CHECK(a->value.is == ec::ok);
    CAF_CHECK(a->value.id == x->value.id);
    CAF_CHECK_EQUAL(a->value.replayed, a != x); // Made before they asked, perhaps long before.
  }
}

CAF_TEST(H22c the same key with another payload is a conflict in flight and later) {
  st.fates = {fate::held};
  auto x = reserve(alice, {want(0, 1)}, "k");
  CAF_CHECK(reserve(alice, {want(0, 2)}, "k")->value.is == ec::idempotency_conflict);
  let_go();
  CAF_CHECK(x->value.is == ec::ok);
  CAF_CHECK(reserve(alice, {want(0, 2)}, "k")->value.is == ec::idempotency_conflict);
  forget_everything();
  CAF_CHECK(reserve(alice, {want(0, 2)}, "k")->value.is == ec::idempotency_conflict);
  CAF_CHECK_EQUAL(status(seat_no(0, 2)), 'a');
}

CAF_TEST(C27 a replay has the first answer with the status of now) {
  auto x = reserve(alice, {want(0, 1)}, "k");
  auto y = reserve(alice, {want(0, 1)}, "k");
  CAF_CHECK(y->value.replayed);
  CAF_CHECK(y->value.id == x->value.id);
  CAF_CHECK(y->value.number == x->value.number);
  CAF_CHECK(y->value.total == x->value.total);
  CAF_CHECK_EQUAL(y->value.status, static_cast<uint8_t>(reservation_status::pending));
  cancel(alice, x->value.id);
  auto z = reserve(alice, {want(0, 1)}, "k");
  CAF_CHECK(z->value.is == ec::ok);
  CAF_CHECK(z->value.id == x->value.id);
  CAF_CHECK_EQUAL(z->value.status, static_cast<uint8_t>(reservation_status::cancelled));
  CAF_CHECK_EQUAL(count_ops<create_reservation>(), 1);
  CAF_CHECK_EQUAL(status(seat_no(0, 1)), 'a');
}

CAF_TEST(a key of choosing again is used and of the reservation that was told) {
  auto x = reserve(alice, {want(0, 1), want(0, 2)}, "k");
  auto again = reserve(alice, {want(0, 2)}, "again");
  CAF_CHECK(again->value.id == x->value.id);
  CAF_CHECK(reserve(alice, {want(0, 3)}, "again")->value.is == ec::idempotency_conflict);
  cancel(alice, x->value.id);
  auto z = reserve(alice, {want(0, 2)}, "again");
  CAF_CHECK(z->value.is == ec::ok);
  CAF_CHECK(z->value.id == x->value.id);
  CAF_CHECK_EQUAL(z->value.status, static_cast<uint8_t>(reservation_status::cancelled));
  CAF_CHECK_EQUAL(status(seat_no(0, 2)), 'a');
}

CAF_TEST(a key of choosing again is used for a session that has read nothing) {
  auto x = reserve(alice, {want(0, 1)}, "k");
  forget_everything();
  CAF_CHECK(reserve(alice, {want(0, 1)}, "again")->value.id == x->value.id);
  cancel(alice, x->value.id);
  CAF_CHECK(reserve(alice, {want(0, 1)}, "again")->value.id == x->value.id);
  CAF_CHECK_EQUAL(count_ops<create_reservation>(), 1);
}

CAF_TEST(the key of a double click is used too) {
  st.fates = {fate::held};
  auto x = reserve(alice, {want(0, 1)}, "a");
  auto y = reserve(alice, {want(0, 1)}, "b");
  let_go();
  CAF_CHECK(y->value.id == x->value.id);
  CAF_CHECK(reserve(alice, {want(0, 2)}, "b")->value.is == ec::idempotency_conflict);
}

CAF_TEST(a used key is told before what does not exist) {
  reserve(alice, {want(0, 1)}, "k");
  forget_everything();
  wanted_item nowhere{seat_no(9, 9), unplaced};
  CAF_CHECK(reserve(alice, {nowhere}, "k")->value.is == ec::idempotency_conflict);
  CAF_CHECK(reserve(alice, {nowhere}, "new")->value.is == ec::seat_unknown);
  CAF_CHECK_EQUAL(count_ops<create_reservation>(), 1);
  auto mine = wish({nowhere}, "k");
  revoke(alice);
  CAF_CHECK(request<session_actor>(key_of(alice), mine)->value.is == ec::not_authenticated);
}

CAF_TEST(H22b a session that moved finds the row of its user) {
  auto x = reserve(alice, {want(0, 1)}, "k");
  forget_everything();
  auto y = reserve(alice, {want(0, 1)}, "k");
  CAF_CHECK(y->value.replayed);
  CAF_CHECK(y->value.id == x->value.id);
  auto z = reserve(alice, {want(0, 1)}); // Without key: the pending one that exists.
  CAF_CHECK(z->value.replayed);
  CAF_CHECK(z->value.id == x->value.id);
  CAF_CHECK_EQUAL(count_ops<create_reservation>(), 1);
}

CAF_TEST(H22c a key belongs to its user) {
  auto x = reserve(alice, {want(0, 1)}, "k");
  auto y = reserve(bob, {want(0, 2)}, "k");
  CAF_CHECK(y->value.is == ec::ok);
  CAF_CHECK(!y->value.replayed);
  CAF_CHECK(y->value.id != x->value.id);
}

CAF_TEST(H22c the ledger knows a key that the session does not) {
  auto x = reserve(alice, {want(0, 1)}, "k");
  // The session forgets the key but the block goes on; the seat is another one.
  st.rows.reservations.at(x->value.id).key = "";
  forget_everything();
  cancel(alice, {0xbad, 1}); // Reads the rows without the key.
  st.rows.reservations.at(x->value.id).key = "k";
  auto w = wish({want(0, 2)}, "k");
  w.digest = st.rows.reservations.at(x->value.id).digest;
  auto y = request<session_actor>(key_of(alice), w);
  CAF_CHECK(y->value.is == ec::ok);
  CAF_CHECK(y->value.replayed);
  CAF_CHECK(y->value.id == x->value.id);
  CAF_CHECK_EQUAL(status(seat_no(0, 2)), 'a');
  CAF_CHECK(reserve(bob, {want(0, 2)})->value.is == ec::ok); // Its claim was given back.
}

CAF_TEST(a refused wish leaves its key free) {
  reserve(bob, {want(0, 1)});
  CAF_CHECK(reserve(alice, {want(0, 1)}, "k")->value.is == ec::seat_held);
  CAF_CHECK(reserve(alice, {want(0, 2)}, "k")->value.is == ec::ok);
}

// -- limits ---------------------------------------------------------------------------------------

CAF_TEST(seats one holds and seats beside them are refused as ours below the limit) {
  auto x = reserve(alice, {want(0, 1), want(0, 2)});
  auto more = reserve(alice, {want(0, 1), want(0, 2), want(0, 3)});
  CAF_CHECK(more->value.is == ec::seat_held);
  CAF_CHECK(more->value.id == x->value.id);
  auto five = reserve(alice, {want(0, 1), want(0, 3), want(0, 4), want(0, 5)});
  CAF_CHECK(five->value.is == ec::hold_limit);
}

CAF_TEST(H17 four holds that ran out unheard do not count) {
  for (uint64_t n = 1; n <= 4; ++n) CAF_REQUIRE(reserve(alice, {want(0, n)})->value.is == ec::ok);
  CAF_CHECK(reserve(alice, {want(0, 5)})->value.is == ec::hold_limit);
  pass(millis{300'100}, millis{100});
  st.reads_down = true; // From memory alone: nothing tells the session of an expiry.
  CAF_CHECK(reserve(alice, {want(0, 5)})->value.is == ec::ok);
}

CAF_TEST(H17 two creations one below the limit and one passes) {
  CAF_REQUIRE(reserve(alice, {want(0, 1), want(0, 2), want(0, 3)})->value.is == ec::ok);
  st.fates = {fate::held};
  auto x = reserve(alice, {want(1, 1)}, "a");
  auto y = reserve(alice, {want(1, 2)}, "b");
  CAF_CHECK(y->value.is == ec::hold_limit);
  let_go();
  CAF_CHECK(x->value.is == ec::ok);
}

CAF_TEST(a lone wish that succeeds reads no rows) {
  reserve(alice, {want(0, 1)});
  auto loads = st.loads;
  CAF_CHECK(reserve(bob, {want(0, 2)})->value.is == ec::ok);
  CAF_CHECK(reserve(bob, {want(0, 3)}, "k")->value.is == ec::ok);
  CAF_CHECK_EQUAL(st.loads, loads);
}

CAF_TEST(H17 the limit holds for a session that has read nothing) {
  for (uint64_t n = 1; n <= 4; ++n) reserve(alice, {want(0, n)});
  forget_everything();
  CAF_CHECK(reserve(alice, {want(0, 5)})->value.is == ec::hold_limit);
  CAF_CHECK_EQUAL(status(seat_no(0, 5)), 'a');
}

CAF_TEST(H22c a key is replayed to a session that has read nothing) {
  auto x = reserve(alice, {want(0, 1)}, "k");
  cancel(alice, x->value.id);
  reserve(bob, {want(0, 1)});
  forget_everything();
  auto y = reserve(alice, {want(0, 1)}, "k"); // The block says no before the ledger is asked.
  CAF_CHECK(y->value.is == ec::ok);
  CAF_CHECK(y->value.replayed);
  CAF_CHECK(y->value.id == x->value.id);
  forget_everything();
  CAF_CHECK(reserve(alice, {want(0, 2)}, "k")->value.is == ec::idempotency_conflict);
  CAF_CHECK_EQUAL(status(seat_no(0, 2)), 'a');
}

CAF_TEST(a revoked token hears nothing from a session that has read nothing) {
  auto mine = wish({want(0, 1)}, "k");
  CAF_REQUIRE(request<session_actor>(key_of(alice), mine)->value.is == ec::ok);
  pass(millis{5});
  revoke(alice);
  forget_everything();
  auto x = request<session_actor>(key_of(alice), mine);
  CAF_CHECK(x->value.is == ec::not_authenticated);
  CAF_CHECK(x->value.id.nil());
  forget_everything();
  auto y = request<session_actor>(
    key_of(alice),
    cancel_reservation{st.rows.reservations.begin()->first, mine.token_issued_at, {}});
  CAF_CHECK(y->value.is == ec::not_authenticated);
}

CAF_TEST(an overloaded ledger is not asked again after reading) {
  reserve(bob, {want(0, 2)});
  auto loads = st.loads;
  verdict v;
  v.is = outcome::busy;
  st.answers = {v};
  CAF_CHECK(reserve(alice, {want(0, 1)})->value.is == ec::busy);
  CAF_CHECK_EQUAL(st.loads, loads);
}

CAF_TEST(H17 before a final no the rows are read) {
  auto x = reserve(alice, {want(0, 1), want(0, 2), want(0, 3), want(0, 4)});
  st.rows.end(st.rows.reservations.at(x->value.id), reservation_status::cancelled);
  CAF_CHECK(reserve(alice, {want(1, 1)})->value.is == ec::ok);
}

CAF_TEST(H17 without rows there is no final no) {
  reserve(alice, {want(0, 1), want(0, 2), want(0, 3), want(0, 4)});
  st.reads_down = true;
  CAF_CHECK(reserve(alice, {want(1, 1)})->value.is == ec::unavailable);
}

CAF_TEST(H17 rows that are older than a commit are read again) {
  CAF_REQUIRE(reserve(alice, {want(0, 1), want(0, 2)})->value.is == ec::ok);
  st.fates = {fate::held};
  auto x = reserve(alice, {want(1, 1), want(1, 2)}, "a"); // On its way: four in hand.
  st.reads_held = true;
  auto y = reserve(alice, {want(2, 1)}); // Its rows are read before the commit of `x`.
  let_go();
  CAF_CHECK(x->value.is == ec::ok);
  CAF_CHECK(!y->came());
  st.reads_held = false;
  deliver(std::exchange(st.held_reads, {}));
  CAF_CHECK_EQUAL(y->count, 1);
  CAF_CHECK(y->value.is == ec::hold_limit);
  CAF_CHECK_EQUAL(status(seat_no(2, 1)), 'a');
}

CAF_TEST(a cancelled hold makes room) {
  auto x = reserve(alice, {want(0, 1), want(0, 2), want(0, 3), want(0, 4)});
  cancel(alice, x->value.id);
  CAF_CHECK(reserve(alice, {want(1, 1)})->value.is == ec::ok);
}

// -- the sale -------------------------------------------------------------------------------------

CAF_TEST(C30 an unknown event comes first) {
  auto w = wish({want(0, 99)});
  w.event = event_no(9);
  CAF_CHECK(request<session_actor>(key_of(alice), w)->value.is == ec::event_unknown);
}

CAF_TEST(an unknown seat is refused) {
  CAF_CHECK(reserve(alice, {want(0, 99)})->value.is == ec::seat_unknown);
  CAF_CHECK(reserve(alice, {want(7, 1)})->count == 1);
}

CAF_TEST(outside the sale nothing reaches a block) {
  st.rows.events[event_no(1)].cancelled = true;
  pass(millis{10});
  forget_everything();
  CAF_CHECK(reserve(alice, {want(0, 1)})->value.is == ec::sale_closed);
  CAF_CHECK_EQUAL(node.probe.blocks_active.load(), 0);
  CAF_CHECK(st.ops.empty());
}

CAF_TEST(a wish for no seat at all is refused) {
  CAF_CHECK(reserve(alice, {})->value.is == ec::seat_unknown);
}

// -- cancelling -----------------------------------------------------------------------------------

CAF_TEST(a cancel frees the seats and the second one says so) {
  auto x = reserve(alice, {want(0, 1)});
  auto y = cancel(alice, x->value.id);
  CAF_CHECK_EQUAL(y->count, 1);
  CAF_CHECK(y->value.is == ec::ok);
  CAF_CHECK(in_rows(x->value.id) == reservation_status::cancelled);
  CAF_CHECK(cancel(alice, x->value.id)->value.is == ec::already_cancelled);
  CAF_CHECK_EQUAL(st.rows.ends, 1);
  CAF_CHECK(reserve(bob, {want(0, 1)})->value.is == ec::ok);
}

CAF_TEST(a foreign reservation is as good as none) {
  auto x = reserve(alice, {want(0, 1)});
  CAF_CHECK(cancel(bob, x->value.id)->value.is == ec::reservation_unknown);
  CAF_CHECK(cancel(bob, {0xb, 4711})->value.is == ec::reservation_unknown);
  CAF_CHECK(in_rows(x->value.id) == reservation_status::pending);
}

CAF_TEST(a double click on cancel is one end and the second hears of it) {
  auto x = reserve(alice, {want(0, 1)});
  st.fates = {fate::held};
  auto y = cancel(alice, x->value.id);
  auto z = cancel(alice, x->value.id);
  CAF_CHECK(!z->came());
  let_go();
  CAF_CHECK(y->value.is == ec::ok);
  CAF_CHECK(z->value.is == ec::already_cancelled);
  CAF_CHECK_EQUAL(st.rows.ends, 1);
}

CAF_TEST(G14 a double click on a seat without a key is one reservation) {
  st.fates = {fate::held};
  auto x = reserve(alice, {want(0, 1), want(0, 2)});
  auto y = reserve(alice, {want(0, 2), want(0, 1)});
  CAF_CHECK(!y->came());
  let_go();
  CAF_CHECK(y->value.is == ec::ok);
  CAF_CHECK(y->value.id == x->value.id);
  CAF_CHECK_EQUAL(count_ops<create_reservation>(), 1);
}

CAF_TEST(a wish for some of ones own seats and others names the reservation) {
  auto own = reserve(alice, {want(1, 1), want(1, 2)});
  reserve(bob, {want(2, 1)});
  for (auto& mixed : std::vector<std::vector<wanted_item>>{
         {want(1, 2), want(1, 3)}, {want(0, 1), want(1, 1)}, {want(1, 1), want(2, 2)}}) {
    auto x = reserve(alice, mixed); // Held by the lead block, by a further one, led elsewhere.
    CAF_CHECK(x->value.is == ec::seat_held);
    CAF_CHECK(x->value.id == own->value.id);
  }
  CAF_CHECK(reserve(alice, {want(0, 1), want(2, 1)})->value.id.nil()); // Somebody else's.
  CAF_CHECK(reserve(bob, {want(1, 1), want(1, 3)})->value.id.nil());
  cancel(alice, own->value.id);
  reserve(bob, {want(1, 1)});
  CAF_CHECK(reserve(alice, {want(1, 1), want(1, 2)})->value.id.nil()); // Not any more.
  CAF_CHECK(in_rows(own->value.id) == reservation_status::cancelled);
}

CAF_TEST(seats of an order that ended unheard of can be had again) {
  auto x = reserve(alice, {want(0, 1), want(1, 1)});
  request<seat_block_actor>(key_of(event_no(1), 0), release_hold{x->value.id, alice, {}});
  CAF_CHECK(in_rows(x->value.id) == reservation_status::cancelled);
  auto y = reserve(alice, {want(1, 1)}); // The old order's lead block has none of it.
  CAF_CHECK(y->value.is == ec::ok);
  CAF_CHECK(y->value.id != x->value.id);
}

CAF_TEST(a cancel after the end hears of the end) {
  auto x = reserve(alice, {want(0, 1)});
  pass(millis{300'100}, millis{100});
  CAF_CHECK(cancel(alice, x->value.id)->value.is == ec::reservation_expired);
  forget_everything();
  CAF_CHECK(cancel(alice, x->value.id)->value.is == ec::reservation_expired);
}

CAF_TEST(a cancel of what was paid is for its checkout to decide) {
  auto x = reserve(alice, {want(0, 1)});
  st.rows.confirm(x->value.id);
  // This world has no checkout of it, so nothing is paid back and nothing is freed.
  auto answer = cancel(alice, x->value.id)->value.is;
  CAF_CHECK_EQUAL(to_string(answer), to_string(ec::reservation_unknown));
  CAF_CHECK_EQUAL(status(seat_no(0, 1)), 'r');
}

CAF_TEST(a cancel of unknown outcome may be repeated) {
  auto x = reserve(alice, {want(0, 1)});
  st.fates = {fate::lost_after};
  CAF_CHECK(cancel(alice, x->value.id)->value.is == ec::unknown);
  auto y = cancel(alice, x->value.id);
  CAF_CHECK(y->value.is == ec::ok || y->value.is == ec::already_cancelled);
  CAF_CHECK_EQUAL(st.rows.ends, 1);
  pass(millis{1000});
  CAF_CHECK(reserve(bob, {want(0, 1)})->value.is == ec::ok);
}

CAF_TEST(a session that slept cancels what it has forgotten) {
  auto x = reserve(alice, {want(0, 1), want(1, 1)});
  forget_everything();
  CAF_CHECK(cancel(alice, x->value.id)->value.is == ec::ok);
  CAF_CHECK_EQUAL(status(seat_no(0, 1)), 'a');
  CAF_CHECK_EQUAL(status(seat_no(1, 1)), 'a');
}

// -- tokens ---------------------------------------------------------------------------------------

CAF_TEST(H22g a revoked token buys nothing and cancels nothing) {
  auto x = reserve(alice, {want(0, 1)});
  auto stale = wish({want(0, 2)});
  auto issued = now();
  pass(millis{5});
  CAF_CHECK(revoke(alice)->value.is == ec::ok);
  auto y = request<session_actor>(key_of(alice), stale);
  CAF_CHECK(y->value.is == ec::not_authenticated);
  auto z = request<session_actor>(key_of(alice), cancel_reservation{x->value.id, issued, {}});
  CAF_CHECK(z->value.is == ec::not_authenticated);
  auto again = request<session_actor>(key_of(alice), revoke_all{issued});
  CAF_CHECK(again->value.is == ec::not_authenticated);
  CAF_CHECK(reserve(bob, {want(0, 2)})->value.is == ec::ok);
}

CAF_TEST(C32 a log in right after a log out works) {
  pass(millis{5});
  revoke(alice);
  pass(millis{1}, millis{1});
  CAF_CHECK(reserve(alice, {want(0, 1)})->value.is == ec::ok);
}

CAF_TEST(a revocation outlives the session) {
  auto stale = wish({want(0, 2)});
  pass(millis{5});
  revoke(alice);
  forget_everything();
  CAF_CHECK(request<session_actor>(key_of(alice), stale)->value.is == ec::not_authenticated);
}

CAF_TEST(P2 a log in is on record before anybody hears of it) {
  st.fates = {fate::held};
  auto x = request<session_actor>(key_of(alice), start_family{{0xf, 1}, "hash", 100});
  CAF_CHECK(!x->came());
  let_go();
  CAF_CHECK(x->value.is == ec::ok);
  CAF_CHECK_EQUAL(count_ops<open_family>(), 1);
  auto& op = std::get<open_family>(*st.ops.front());
  CAF_CHECK(op.user == alice);
  CAF_CHECK_EQUAL(op.ttl_s, 100);
}

CAF_TEST(a log in tells the ledger where it came from and what it follows) {
  start_family_v2 cmd{{0xf, 2}, "hash", 100, 1000, 3, {0xf, 1}, "Browser", "192.0.2.1"};
  CAF_CHECK(request<session_actor>(key_of(alice), cmd)->value.is == ec::ok);
  auto& op = std::get<open_family>(*st.ops.front());
  CAF_CHECK_EQUAL(op.life_s, 1000);
  CAF_CHECK_EQUAL(op.credentials, 3);
  CAF_CHECK(op.ends == cmd.ends);
  CAF_CHECK_EQUAL(op.user_agent, "Browser");
  CAF_CHECK_EQUAL(op.address, "192.0.2.1");
}

CAF_TEST(C32 a log in that overlaps a log out hears of it) {
  verdict judged;
  judged.is = outcome::ok;
  judged.at = now() + millis{7};
  st.answers = {judged};
  auto x =
    request<session_actor>(key_of(alice), start_family_v2{{0xf, 1}, "h", 1, 1, 1, {}, "", ""});
  CAF_CHECK(x->value.is == ec::ok);
  CAF_CHECK(x->value.revoked_before == judged.at);
}

CAF_TEST(a log in whose password was changed meanwhile is refused) {
  for (auto is : {outcome::moved, outcome::not_pending}) {
    verdict judged;
    judged.is = is;
    st.answers = {judged};
    auto x =
      request<session_actor>(key_of(alice), start_family_v2{{0xf, 1}, "h", 1, 1, 1, {}, "", ""});
    CAF_CHECK(x->value.is == ec::bad_credentials);
  }
}

CAF_TEST(S7 a refresh is on record before anybody hears of it) {
  st.fates = {fate::held};
  auto x = request<session_actor>(key_of(alice), rotate_family{{0xf, 1}, "used", "next", 100});
  CAF_CHECK(!x->came());
  let_go();
  CAF_CHECK(x->value.is == ec::ok);
  auto& op = std::get<rotate_token>(*st.ops.front());
  CAF_CHECK(op.user == alice);
  CAF_CHECK_EQUAL(op.token_hash, "used");
  CAF_CHECK_EQUAL(op.next_hash, "next");
}

CAF_TEST(C31 after a reuse the access tokens of before are refused at once) {
  auto stale = wish({want(0, 2)});
  pass(millis{5});
  verdict judged;
  judged.is = outcome::reused;
  judged.at = now();
  st.answers = {judged};
  auto x = request<session_actor>(key_of(alice), rotate_family{{0xf, 1}, "used", "next", 100});
  CAF_CHECK(x->value.is == ec::refresh_reused);
  CAF_CHECK(x->value.revoked_before == judged.at);
  CAF_CHECK(request<session_actor>(key_of(alice), stale)->value.is == ec::not_authenticated);
  pass(millis{1}, millis{1});
  CAF_CHECK(reserve(alice, {want(0, 2)})->value.is == ec::ok); // Another session goes on.
}

CAF_TEST(a refresh that is not on record is refused and one of unknown outcome is unknown) {
  verdict judged;
  judged.is = outcome::not_pending;
  st.answers = {judged};
  rotate_family cmd{{0xf, 1}, "used", "next", 100};
  CAF_CHECK(request<session_actor>(key_of(alice), cmd)->value.is == ec::refresh_invalid);
  st.fates = {fate::lost_after};
  CAF_CHECK(request<session_actor>(key_of(alice), cmd)->value.is == ec::unknown);
}

CAF_TEST(H22g ending other sessions refuses their access tokens and asks for a good one) {
  auto stale = wish({want(0, 2)});
  end_sessions cmd;
  cmd.token_issued_at = now();
  cmd.keep = {0xf, 1};
  cmd.old_hash = "old";
  cmd.new_hash = "new";
  pass(millis{5});
  auto x = request<session_actor>(key_of(alice), cmd);
  CAF_CHECK(x->value.is == ec::ok);
  CAF_CHECK(x->value.revoked_before == now());
  auto& op = std::get<revoke_tokens>(*st.ops.front());
  CAF_CHECK(op.keep == cmd.keep);
  CAF_CHECK_EQUAL(op.new_hash, "new");
  CAF_CHECK(request<session_actor>(key_of(alice), stale)->value.is == ec::not_authenticated);
  CAF_CHECK(request<session_actor>(key_of(alice), cmd)->value.is == ec::not_authenticated);
  CAF_CHECK_EQUAL(count_ops<revoke_tokens>(), 1);
}

CAF_TEST(what the ledger refuses to end is told apart) {
  end_sessions cmd;
  cmd.token_issued_at = now();
  verdict judged;
  judged.is = outcome::moved;
  st.answers = {judged};
  CAF_CHECK(request<session_actor>(key_of(alice), cmd)->value.is == ec::password_wrong);
  judged.is = outcome::not_pending;
  st.answers = {judged};
  CAF_CHECK(request<session_actor>(key_of(alice), cmd)->value.is == ec::route_unknown);
}

CAF_TEST(somebody who does not exist is refused) {
  CAF_CHECK(reserve(user_no(99), {want(0, 1)})->value.is == ec::not_authenticated);
}

CAF_TEST_FIXTURE_SCOPE_END()

// -- an event of which this node has not heard ----------------------------------------------------

CAF_TEST_FIXTURE_SCOPE(session_unheard_tests, node_rig)

CAF_TEST(its owner is asked and the wish decided) {
  auto x = request<session_actor>(key_of(user_no(1)), wish({want(0, 1)}));
  CAF_CHECK(x->value.is == ec::ok);
  CAF_CHECK(boards.find_event(event_no(1)) != nullptr);
}

CAF_TEST(an earlier owner s board is not enough) {
  open_sale();
  auto shard = shard_of(key_of(event_no(1)));
  CAF_REQUIRE(shard != shard_of(key_of(event_no(1), 0)));
  CAF_REQUIRE(shard != shard_of(key_of(user_no(1))));
  st.rows.epochs[shard] = 2;
  node.epochs.epochs[shard] = 2;
  caf::anon_send(node.region, atom::thaw_v, true);
  run();
  auto x = request<session_actor>(key_of(user_no(1)), wish({want(0, 1)}));
  CAF_CHECK(x->value.is == ec::ok);
}

CAF_TEST_FIXTURE_SCOPE_END()
