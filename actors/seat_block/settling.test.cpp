#define CAF_SUITE settling

#include "actors/seat_block/actor.hpp"
#include "tests/support/node_rig.hpp"

using namespace tk;
using namespace tk::rig;

namespace {

const user_id alice = user_no(1), bob = user_no(2);

struct fixture : node_rig {
  fixture() { open_sale(); }

  auto claim(int32_t block, uint64_t n, reservation_id id, millis life = millis{3000}) {
    return request<seat_block_actor>(key_of(event_no(1), block),
                                     claim_items{id, alice, {want(block, n)}, now() + life});
  }
  /// A message to a block of which nobody hears whether it arrived.
  template <class Message> void tell_block(int32_t block, Message what) {
    tell<seat_block_actor>(node, key_of(event_no(1), block), std::move(what));
    run();
  }
  /// A pending reservation of the first seats of blocks 0 and 1, of which no block has heard.
  reservation_row& commit_behind(reservation_id id) {
    auto& row = st.rows.reservations[id];
    row.id = id;
    row.user = alice;
    row.event = event_no(1);
    row.expires_at = now() + millis{300'000};
    row.lead_block = 0;
    row.items = {{seat_no(0, 1), 0, 1, 1, won{1}}, {seat_no(1, 1), 1, 1, 1, won{1}}};
    for (auto& item : row.items)
      st.rows.seats.at(item.seat).row = {item.seat, 1, 1, 'l', id, alice, row.expires_at, false};
    return row;
  }
  /// Memory and rows of a seat say the same: a stranger gets what the row allows.
  ec probe(int32_t block, uint64_t n) { return reserve(user_no(5), {want(block, n)})->value.is; }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(settling_tests, fixture)

// -- several blocks -------------------------------------------------------------------------------

CAF_TEST(an op names a block of another node by the epoch that node owns it in) {
  auto x = reserve(alice, {want(0, 1), want(1, 1)});
  auto shard = shard_of(key_of(event_no(1), 1));
  auto lead = shard_of(key_of(event_no(1), 0));
  CAF_REQUIRE(shard != lead);
  // Another node takes block 1 over; ours owns block 0 in a newer epoch, but nobody told it yet.
  node.epochs.epochs[shard] = 0;
  node.peers.epochs[shard] = 7;
  st.rows.epochs[shard] = 7;
  node.epochs.epochs[lead] = 2;
  cancel(alice, x->value.id);
  auto& op = std::get<release_reservation>(*st.ops.back());
  CAF_REQUIRE_EQUAL(op.items.size(), 2u);
  for (auto& item : op.items) {
    bool own = item.seat == seat_no(0, 1);
    CAF_CHECK(item.block == (own ? participant{lead, 1} : participant{shard, 7}));
  }
  CAF_CHECK_EQUAL(status(seat_no(1, 1)), 'a');
  node.epochs.epochs[shard] = 1;
}

CAF_TEST(a sale that was taken back unheard of is noticed within a minute) {
  reservation_id id{7, 7};
  auto& row = commit_behind(id);
  row.status = reservation_status::confirmed;
  for (auto& item : row.items) st.rows.seats.at(item.seat).row.status = 'r';
  CAF_CHECK(probe(1, 1) == ec::seat_sold);
  row.status = reservation_status::cancelled;
  for (auto& item : row.items)
    st.rows.seats.at(item.seat).row = {item.seat, 2, 1, 'a', {}, {}, {}, false};
  for (int i = 0; i < 7; ++i) { // It is asked all the time, so it does not sleep.
    CAF_CHECK(probe(1, 1) == ec::seat_sold || i == 6);
    pass(millis{10'000}, millis{500});
  }
  CAF_CHECK_EQUAL(node.probe.passivations.load(), 0u);
  CAF_CHECK(probe(1, 1) == ec::ok);
}

CAF_TEST(seats of three blocks are one reservation led by the lowest) {
  auto x = reserve(alice, {want(2, 1), want(0, 1), want(1, 1)});
  CAF_REQUIRE(x->value.is == ec::ok);
  CAF_CHECK_EQUAL(x->value.items.size(), 3u);
  CAF_CHECK_EQUAL(x->value.total.amount, 150'003);
  CAF_CHECK_EQUAL(count_ops<create_reservation>(), 1);
  auto& op = std::get<create_reservation>(*st.ops.front());
  CAF_CHECK_EQUAL(op.items.front().block_no, 0);
  for (auto& item : op.items) // H-01: every participant is named with its epoch.
    CAF_CHECK(item.block == node.epochs.of(key_of(event_no(1), item.block_no)));
  CAF_CHECK(op.session == node.epochs.of(key_of(alice)));
  CAF_CHECK(op.event_owner == node.epochs.of(key_of(event_no(1))));
  CAF_CHECK_EQUAL(st.rows.reservations.at(x->value.id).lead_block, 0);
  CAF_CHECK(probe(2, 1) == ec::seat_held);
}

CAF_TEST(all or nothing over two blocks and the claims are abandoned) {
  reserve(bob, {want(1, 1)});
  auto creations = count_ops<create_reservation>();
  auto x = reserve(alice, {want(0, 1), want(1, 1), want(2, 1)});
  CAF_CHECK(x->value.is == ec::seat_held);
  CAF_CHECK(x->value.refused == std::vector{want(1, 1)});
  CAF_CHECK_EQUAL(count_ops<create_reservation>(), creations);
  CAF_CHECK(probe(0, 1) == ec::ok);
  CAF_CHECK(probe(2, 1) == ec::ok);
}

CAF_TEST(a refused op gives the claims of every block back) {
  verdict v;
  v.is = outcome::closed;
  st.answers = {v};
  auto x = reserve(alice, {want(0, 1), want(1, 1), want(2, 1)});
  CAF_CHECK(x->value.is == ec::sale_closed);
  for (int32_t block : {0, 1, 2}) CAF_CHECK(probe(block, 1) == ec::ok);
}

CAF_TEST(H01 a settle is applied whether or not the claim is known) {
  reservation_id id{0xb, 9};
  settle_items held{id, alice, true, now() + millis{300'000}, {{seat_no(1, 1), 1, 1, 1, {}}}};
  tell_block(1, held);
  CAF_CHECK(probe(1, 1) == ec::seat_held);
  settle_items freed{id, alice, false, {}, {{seat_no(1, 1), 1, 2, 1, {}}}};
  tell_block(1, freed);
  tell_block(1, held); // Older than what is known.
  pass(millis{300});
  CAF_CHECK_EQUAL(shown(1, 1), 0);
}

CAF_TEST(a cancel frees the seats of every block) {
  auto x = reserve(alice, {want(0, 1), want(1, 1)});
  CAF_CHECK(cancel(alice, x->value.id)->value.is == ec::ok);
  CAF_CHECK_EQUAL(st.rows.ends, 1);
  CAF_CHECK(probe(0, 1) == ec::ok);
  CAF_CHECK(probe(1, 1) == ec::ok);
}

CAF_TEST(H02 time ends a reservation once and by its lead block alone) {
  reserve(alice, {want(0, 1), want(1, 1)});
  pass(millis{301'000}, millis{100});
  CAF_CHECK_EQUAL(count_ops<release_reservation>(), 1);
  CAF_CHECK_EQUAL(st.rows.ends, 1);
  CAF_CHECK(probe(0, 1) == ec::ok);
  CAF_CHECK(probe(1, 1) == ec::ok);
}

CAF_TEST(H02 a satellite that heard nothing reads and never frees by its own timer) {
  // Claimed by a lead block that is never heard of again; the op commits.
  reservation_id id{0xb, 9};
  auto x = claim(1, 1, id);
  CAF_REQUIRE(x->value.is == ec::ok);
  commit_behind(id);
  pass(millis{2900});
  CAF_CHECK(probe(1, 1) == ec::seat_contested);
  pass(millis{1000});
  CAF_CHECK(probe(1, 1) == ec::seat_held); // Read from the row.
  // It runs out; its lead block sleeps, and nobody tells.
  pass(millis{300'000}, millis{100});
  CAF_CHECK_EQUAL(count_ops<release_reservation>(), 0);
  CAF_CHECK(probe(1, 1) == ec::seat_contested);
  auto rereads = count_ops<reread_items>();
  pass(millis{5000});
  CAF_CHECK(count_ops<reread_items>() - rereads <= 12); // Patiently.
  st.rows.end(st.rows.reservations.at(id), reservation_status::expired);
  pass(millis{1000});
  CAF_CHECK(probe(1, 1) == ec::ok);
}

CAF_TEST(H04 a claim of an op that never came is dropped after a final read only) {
  auto x = claim(1, 1, {0xb, 9});
  CAF_REQUIRE(x->value.is == ec::ok);
  st.ledger_clock.at -= millis{1000}; // The ledger's clock says when it is final.
  pass(millis{3500});
  CAF_CHECK(count_ops<reread_items>() > 0);
  CAF_CHECK(probe(1, 1) == ec::seat_contested);
  pass(millis{1500});
  CAF_CHECK(probe(1, 1) == ec::ok);
}

CAF_TEST(a cancel of a satellite that it never heard of is found out) {
  auto x = reserve(alice, {want(0, 1), want(1, 1)});
  st.rows.end(st.rows.reservations.at(x->value.id), reservation_status::cancelled);
  CAF_CHECK(probe(1, 1) == ec::seat_held);
  pass(millis{301'000}, millis{100});
  CAF_CHECK(probe(1, 1) == ec::ok);
  CAF_CHECK(probe(0, 1) == ec::ok);
}

CAF_TEST(a satellite reads now and then what became of a pinned hold it hears nothing of) {
  auto x = reserve(alice, {want(0, 1), want(1, 1)});
  auto& row = st.rows.reservations.at(x->value.id);
  row.pinned = true;
  pass(millis{301'000}, millis{100});
  CAF_CHECK(probe(1, 1) == ec::seat_held); // Its payment is undecided: time does not end it.
  auto rereads = count_ops<reread_items>();
  pass(millis{60'000}, millis{100});
  CAF_CHECK(probe(1, 1) == ec::seat_held);
  CAF_CHECK(count_ops<reread_items>() - rereads <= 4); // Patiently.
  st.rows.confirm(x->value.id);
  pass(millis{16'000}, millis{100});
  CAF_CHECK(probe(1, 1) == ec::seat_sold);
  rereads = count_ops<reread_items>();
  pass(millis{60'000}, millis{100});
  CAF_CHECK_EQUAL(count_ops<reread_items>(), rereads); // And no more.
}

CAF_TEST(a satellite that starts beside a pinned hold finds out how it ends) {
  auto& row = commit_behind({0xb, 9});
  row.pinned = true;
  for (auto& item : row.items) st.rows.seats.at(item.seat).row.pinned = true;
  CAF_CHECK(probe(1, 1) == ec::seat_held);
  st.rows.end(row, reservation_status::cancelled);
  pass(millis{290'000}, millis{100});
  CAF_CHECK(probe(1, 1) == ec::seat_held);
  pass(millis{10'000}, millis{100}); // Its known end.
  CAF_CHECK(probe(1, 1) == ec::ok);
}

// -- unknown outcomes -----------------------------------------------------------------------------

CAF_TEST(a pin whose end was not heard of is looked up in the rows until it has ended) {
  const attempt_id attempt{1, 1};
  const auto lead = key_of(event_no(1), 0);
  for (bool sells : {true, false}) {
    auto seat = sells ? 1u : 2u;
    auto id = reserve(sells ? alice : bob, {want(0, seat)})->value.id;
    verdict yes;
    yes.is = outcome::ok;
    st.answers.push_back(yes);
    auto pin = request<seat_block_actor>(lead, pin_hold{id, attempt, {}, {}, {}, {}, {}, {}});
    CAF_CHECK(pin->value.is == ec::ok);
    st.rows.reservations.at(id).pinned = true;
    st.fates = {fate::silent};
    auto end = sells ? send<seat_block_actor>(lead, sell_hold{id, attempt, {}, {}, {}, {}, {}})
                     : send<seat_block_actor>(lead, unpin_hold{id, attempt, {}, 1, "", {}});
    pass(millis{20'000}, millis{100});
    CAF_CHECK(end->value.is == ec::unknown);
    CAF_CHECK(probe(0, seat) == ec::seat_held); // The first look came too early.
    if (sells) st.rows.confirm(id);
    else st.rows.reservations.at(id).pinned = false;
    pass(millis{sells ? 16'000 : 300'000}, millis{100}); // Nobody asks the block again.
    CAF_CHECK(probe(0, seat) == (sells ? ec::seat_sold : ec::ok));
  }
}

CAF_TEST(H04 an unknown outcome that committed becomes a hold) {
  st.fates = {fate::lost_after};
  auto x = reserve(alice, {want(0, 1), want(1, 1)});
  CAF_CHECK(x->value.is == ec::unknown);
  CAF_CHECK(probe(0, 1) == ec::seat_contested);
  CAF_CHECK(probe(1, 1) == ec::seat_contested);
  pass(millis{3600});
  CAF_CHECK(probe(0, 1) == ec::seat_held);
  CAF_CHECK(probe(1, 1) == ec::seat_held);
  pass(millis{300'000}, millis{100}); // And its end is not forgotten.
  CAF_CHECK_EQUAL(st.rows.ends, 1);
  CAF_CHECK(probe(0, 1) == ec::ok);
  CAF_CHECK(probe(1, 1) == ec::ok);
}

CAF_TEST(H04 an unknown outcome that did not happen gives the seat back) {
  st.fates = {fate::lost_before};
  auto x = reserve(alice, {want(0, 1)});
  CAF_CHECK(x->value.is == ec::unknown);
  pass(millis{2900});
  CAF_CHECK(probe(0, 1) == ec::seat_contested);
  pass(millis{700});
  CAF_CHECK(probe(0, 1) == ec::ok);
}

CAF_TEST(H04 a ledger that stays silent keeps the claim too) {
  st.fates = {fate::silent};
  auto x = reserve(alice, {want(0, 1)});
  CAF_CHECK(!x->came());
  pass(millis{3100});
  CAF_CHECK_EQUAL(x->count, 1);
  CAF_CHECK(x->value.is == ec::unknown);
  pass(millis{600});
  CAF_CHECK(probe(0, 1) == ec::ok);
}

CAF_TEST(H04 a commit behind the answer of unknown is not overtaken) {
  // The op waits in the ledger for longer than its asker and commits just before its deadline.
  st.fates = {fate::held};
  auto x = reserve(alice, {want(0, 1)});
  pass(millis{2990});
  auto op = st.held.front();
  auto v = st.rows.judge(*op.what, st.ledger_clock.now());
  CAF_CHECK(v.is == outcome::ok);
  pass(millis{5000}); // Its verdict never arrives.
  CAF_CHECK(x->value.is == ec::unknown);
  CAF_CHECK(probe(0, 1) == ec::seat_held);
}

// -- moved ----------------------------------------------------------------------------------------

CAF_TEST(H22d what has moved is read and tried once more) {
  request<seat_block_actor>(key_of(event_no(1), 0), wake_block{});
  auto& row = st.rows.seats.at(seat_no(0, 1)).row;
  row.version = 7; // Behind the block's back.
  row.fence = 9;
  auto x = reserve(alice, {want(0, 1)});
  CAF_CHECK(x->value.is == ec::ok);
  CAF_CHECK_EQUAL(x->value.items[0].version, 8);
  CAF_CHECK_EQUAL(x->value.items[0].fence, 10);
  CAF_CHECK_EQUAL(count_ops<create_reservation>(), 2);
  CAF_CHECK_EQUAL(count_ops<reread_items>(), 1);
}

CAF_TEST(H22d what has moved twice is contested and not more) {
  verdict v;
  v.is = outcome::moved;
  request<seat_block_actor>(key_of(event_no(1), 0), wake_block{});
  verdict read;
  read.is = outcome::ok;
  st.answers = {v, read, v, read};
  auto x = reserve(alice, {want(0, 1)});
  CAF_CHECK(x->value.is == ec::seat_contested);
  CAF_CHECK_EQUAL(x->count, 1);
  CAF_CHECK(probe(0, 1) == ec::ok);
}

CAF_TEST(H04 what has moved in a further block is read there before it is tried once more) {
  request<seat_block_actor>(key_of(event_no(1), 1), wake_block{});
  auto& row = st.rows.seats.at(seat_no(1, 1)).row;
  row.version = 7; // Behind the further block's back.
  row.fence = 9;
  auto x = reserve(alice, {want(0, 1), want(1, 1)});
  CAF_CHECK(x->value.is == ec::ok);
  CAF_REQUIRE_EQUAL(x->value.items.size(), 2u);
  CAF_CHECK_EQUAL(x->value.items[1].version, 8);
  CAF_CHECK_EQUAL(x->value.items[1].fence, 10);
  CAF_CHECK_EQUAL(count_ops<create_reservation>(), 2);
  CAF_CHECK_EQUAL(count_ops<reread_items>(), 2);
  CAF_CHECK(probe(1, 1) == ec::seat_held);
}

CAF_TEST(H04 a further block answers nobody from the old memory while moved seats are read) {
  request<seat_block_actor>(key_of(event_no(1), 1), wake_block{});
  st.rows.seats.at(seat_no(1, 1)).row.version = 7;
  st.fates = {fate::normal, fate::normal, fate::held}; // The further block's re-read waits.
  auto x = reserve(alice, {want(0, 1), want(1, 1)});
  CAF_CHECK(!x->came());
  CAF_CHECK(reserve(bob, {want(1, 1)})->value.is == ec::seat_contested);
  let_go();
  CAF_CHECK(x->value.is == ec::ok);
}

CAF_TEST(a seat of a further block that was sold behind its back gives every claim back) {
  request<seat_block_actor>(key_of(event_no(1), 2), wake_block{});
  auto& row = st.rows.seats.at(seat_no(2, 1)).row;
  row.version = 2;
  row.status = 'r';
  row.reservation = {0xb, 5};
  auto x = reserve(alice, {want(0, 1), want(1, 1), want(2, 1)});
  CAF_CHECK(x->value.is == ec::seat_sold);
  CAF_CHECK(x->value.refused == std::vector{want(2, 1)});
  CAF_CHECK(probe(0, 1) == ec::ok);
  CAF_CHECK(probe(1, 1) == ec::ok);
}

CAF_TEST(a lead seat that was sold behind the back gives the claims of further blocks back) {
  request<seat_block_actor>(key_of(event_no(1), 0), wake_block{});
  auto& row = st.rows.seats.at(seat_no(0, 1)).row;
  row.version = 2;
  row.status = 'r';
  row.reservation = {0xb, 5};
  CAF_CHECK(reserve(alice, {want(0, 1), want(1, 1)})->value.is == ec::seat_sold);
  CAF_CHECK(probe(1, 1) == ec::ok);
}

CAF_TEST(a claim that is abandoned while its seats are read again is not made) {
  reservation_id id{0xb, 9};
  CAF_REQUIRE(claim(1, 1, id)->value.is == ec::ok);
  st.fates = {fate::held};
  claim_items again{id, alice, {want(1, 1)}, now() + millis{3000}, true};
  auto x = request<seat_block_actor>(key_of(event_no(1), 1), again);
  tell_block(1, abandon_claim{id});
  let_go();
  CAF_CHECK(x->value.is == ec::seat_contested);
  CAF_CHECK(probe(1, 1) == ec::ok);
}

CAF_TEST(a seat that was sold behind the back is refused after the read) {
  request<seat_block_actor>(key_of(event_no(1), 0), wake_block{});
  auto& row = st.rows.seats.at(seat_no(0, 1)).row;
  row.version = 2;
  row.status = 'r';
  row.reservation = {0xb, 5};
  CAF_CHECK(reserve(alice, {want(0, 1)})->value.is == ec::seat_sold);
}

CAF_TEST(H01 nobody is answered from the old memory while moved seats are read) {
  request<seat_block_actor>(key_of(event_no(1), 0), wake_block{});
  st.rows.seats.at(seat_no(0, 1)).row.version = 7;
  st.fates = {fate::normal, fate::held}; // The re-read waits.
  auto x = reserve(alice, {want(0, 1)});
  CAF_CHECK(!x->came());
  auto y = reserve(bob, {want(0, 1)});
  CAF_CHECK(y->value.is == ec::seat_contested);
  CAF_CHECK_EQUAL(count_ops<create_reservation>(), 1);
  let_go();
  CAF_CHECK(x->value.is == ec::ok);
}

CAF_TEST_FIXTURE_SCOPE_END()
