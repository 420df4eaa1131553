#define CAF_SUITE ledger_contract_release

#include <algorithm>

#include "tests/integration/ledger_fixture.hpp"

using namespace tk;
using namespace std::chrono_literals;

CAF_TEST_FIXTURE_SCOPE(ledger_contract_release_cases, test::order_fixture)

// -- release --------------------------------------------------------------------------------------

CAF_TEST(release ok gives everything back and tells of it) {
  const auto x = seat();
  const auto t = type(5);
  const auto order = hold({of(x), of(t, 2)});
  does(giving_back(order));
  free_still(x);
  CAF_CHECK(world->seat(x)->version == 9);
  CAF_CHECK(world->seat(x)->fence == 41);
  CAF_CHECK_EQUAL(world->available(t), 5);
  CAF_CHECK(has_status(order.id, reservation_status::cancelled));
  const auto told = world->outbox(order.id);
  CAF_REQUIRE_EQUAL(told.size(), 2u);
  CAF_CHECK_EQUAL(told[1].type, "RESERVATION_CANCELLED");
  CAF_CHECK_EQUAL(told[1].shard, block_shard);
  const auto past = world->history(order.id);
  CAF_REQUIRE_EQUAL(past.size(), 2u);
  CAF_CHECK_EQUAL(past[1].from, "pending");
  CAF_CHECK_EQUAL(past[1].to, "cancelled");
  CAF_CHECK(past[1].actor == user);
}

CAF_TEST(release expired: early until ledger time is past the expiry) {
  const auto order = hold({of(seat())});
  const auto expiry = expiry_of(order);
  const auto v = judge({expiry}).front();
  CAF_CHECK_EQUAL(v.is, outcome::early);
  CAF_CHECK(v.expires_at == world->reservation(order.id)->expires_at);
  world->set_expiry(order.id, world->now() - 1s);
  does(expiry);
  CAF_CHECK(has_status(order.id, reservation_status::expired));
  CAF_CHECK(world->outbox(order.id).back().type == "RESERVATION_EXPIRED");
  CAF_CHECK(world->history(order.id).back().actor.nil());
  CAF_CHECK(world->history(order.id).back().to == "expired");
  free_still(order.items[0].seat);
}

CAF_TEST(release done comes before everything else) {
  const auto order = hold({of(seat())});
  const auto end = giving_back(order);
  does(end);
  take_over(block_shard);
  refused(end, outcome::done);
}

CAF_TEST(release not pending: unknown or sold or ended otherwise) {
  const auto unknown = wish({of(seat())});
  refused(giving_back(unknown), outcome::not_pending);
  const auto sold = hold({of(seat())});
  world->confirm(sold.id);
  refused(giving_back(sold), outcome::not_pending);
  CAF_CHECK(world->seat(sold.items[0].seat)->status == 'r');
  const auto ended = hold({of(seat())});
  does(giving_back(ended));
  refused(expiry_of(ended), outcome::not_pending);
}

CAF_TEST(release fenced by the epoch of any block) {
  auto far = of(seat());
  far.block = at(far_block_shard);
  const auto order = hold({of(seat()), far});
  const auto end = giving_back(order);
  take_over(far_block_shard);
  refused(end, outcome::fenced);
  CAF_CHECK(has_status(order.id, reservation_status::pending));
}

CAF_TEST(release pinned: a pin wins over cancelling and over expiry) {
  const auto order = hold({of(seat())});
  world->pin(order.id);
  CAF_CHECK(world->seat(order.items[0].seat).has_value());
  refused(giving_back(order), outcome::pinned);
  world->set_expiry(order.id, world->now() - 1s);
  refused(expiry_of(order), outcome::pinned);
  CAF_CHECK(has_status(order.id, reservation_status::pending));
}

CAF_TEST(release in flight: an earlier op of the batch ends the same reservation) {
  const auto order = hold({of(seat())});
  world->set_expiry(order.id, world->now() - 1s);
  const auto expiry = expiry_of(order);
  judged({giving_back(order), expiry}, {outcome::ok, outcome::in_flight});
  CAF_CHECK_EQUAL(world->outbox(order.id).size(), 2u);
  refused(expiry, outcome::not_pending);
}

CAF_TEST(H38 release partial: the list of items is judged) {
  const auto t = type(9);
  const auto order = hold({of(seat()), of(seat()), of(t, 2)});
  const auto right = giving_back(order);
  auto left_out = right;
  left_out.items.pop_back();
  refused(left_out, outcome::partial);
  auto foreign = right;
  foreign.items[1].seat = seat();
  refused(foreign, outcome::partial);
  auto twice = right;
  twice.items[1].seat = right.items[0].seat;
  refused(twice, outcome::partial);
  auto wrong_quantity = right;
  wrong_quantity.items[2].quantity = 1;
  refused(wrong_quantity, outcome::partial);
  auto wrong_type = right;
  wrong_type.items[2].type = type(9);
  refused(wrong_type, outcome::partial);
  auto too_many = right;
  too_many.items.push_back(right.items[2]);
  refused(too_many, outcome::partial);
  CAF_CHECK_EQUAL(world->available(t), 7);
  CAF_CHECK(world->seat(order.items[0].seat)->status == 'l');
  auto any_order = right;
  std::reverse(any_order.items.begin(), any_order.items.end());
  does(any_order);
}

// -- reread ---------------------------------------------------------------------------------------

CAF_TEST(H04 reread is final only past the deadline) {
  const auto x = seat();
  reread_items look{{x}, world->now() + 1min, at(block_shard)};
  const auto open = judge({look}).front();
  CAF_CHECK_EQUAL(open.is, outcome::ok);
  CAF_CHECK(!open.final_read);
  CAF_CHECK(open.at <= world->now() + 1ms);
  look.deadline = world->now();
  world->wait_past(look.deadline + 2ms);
  const auto closed = judge({look}).front();
  CAF_CHECK(closed.final_read);
  CAF_CHECK(closed.at > look.deadline);
}

CAF_TEST(reread shows the rows in order of their ids) {
  std::vector<seat_id> ids = {seat(), seat(), seat()};
  std::sort(ids.begin(), ids.end());
  const auto order = hold({of(ids[1])});
  world->pin(order.id);
  const auto v =
    judge({reread_items{{ids[2], fresh<seat_id>(), ids[0], ids[1]}, world->now(), at(block_shard)}})
      .front();
  CAF_REQUIRE_EQUAL(v.rows.size(), 3u);
  for (size_t i = 0; i < 3; ++i) CAF_CHECK(v.rows[i].seat == ids[i]);
  CAF_CHECK_EQUAL(v.rows[0].status, 'a');
  CAF_CHECK_EQUAL(v.rows[0].version, 7);
  CAF_CHECK_EQUAL(v.rows[0].fence, 40);
  CAF_CHECK(v.rows[0].reservation.nil());
  CAF_CHECK_EQUAL(v.rows[1].status, 'l');
  CAF_CHECK_EQUAL(v.rows[1].version, 8);
  CAF_CHECK_EQUAL(v.rows[1].fence, 41);
  CAF_CHECK(v.rows[1].reservation == order.id);
  CAF_CHECK(v.rows[1].holder == user);
  CAF_CHECK(v.rows[1].pinned);
  CAF_CHECK(v.rows[1].expires_at == world->reservation(order.id)->expires_at);
}

CAF_TEST(a reread changes nothing and is not fenced) {
  const auto x = seat();
  const reread_items look{{x}, world->now(), at(block_shard)};
  take_over(block_shard);
  refused(look, outcome::ok);
}

CAF_TEST(a reread sees what its batch has done) {
  const auto x = seat();
  const auto order = wish({of(x)});
  const auto v = judge({reread_items{{x}, world->now(), at(block_shard)}, order});
  CAF_REQUIRE_EQUAL(v[1].is, outcome::ok);
  CAF_REQUIRE_EQUAL(v[0].rows.size(), 1u);
  CAF_CHECK(v[0].rows[0].reservation == order.id);
}

CAF_TEST(a reread of ticket types shows what is left of those that exist) {
  const auto t = type(5), other = type(7);
  const auto order = wish({of(t, 3)});
  const reread_items look{{}, world->now() - 1s, at(block_shard), {t, fresh<ticket_type_id>()}};
  const auto v = judge({look, order});
  CAF_REQUIRE_EQUAL(v[1].is, outcome::ok);
  CAF_REQUIRE_EQUAL(v[0].is, outcome::ok);
  CAF_CHECK(v[0].final_read);
  CAF_CHECK(v[0].rows.empty());
  CAF_REQUIRE_EQUAL(v[0].types.size(), 1u); // Behind the order of its batch.
  CAF_CHECK(v[0].types[0].type == t);
  CAF_CHECK_EQUAL(v[0].types[0].available, 2);
  CAF_CHECK_EQUAL(v[0].types[0].total, 100);
  CAF_CHECK_EQUAL(world->available(other), 7);
}

CAF_TEST(H04 a reread of seats and types together is final when all of it is) {
  const auto x = seat();
  const auto t = type(5);
  auto look = reread_items{{x}, world->now() + 1min, at(block_shard), {t}};
  auto v = judge({look}).front();
  CAF_CHECK(!v.final_read);
  CAF_CHECK_EQUAL(v.rows.size(), 1u);
  CAF_CHECK_EQUAL(v.types.size(), 1u);
  look.deadline = world->now() - 1s;
  v = judge({look}).front();
  CAF_CHECK(v.final_read);
}

CAF_TEST(a reread of a type that does not exist is ok and empty) {
  const auto v =
    judge({reread_items{{}, world->now() - 1s, at(block_shard), {fresh<ticket_type_id>()}}});
  CAF_CHECK_EQUAL(v[0].is, outcome::ok);
  CAF_CHECK(v[0].final_read);
  CAF_CHECK(v[0].types.empty());
}

// -- batches --------------------------------------------------------------------------------------

CAF_TEST(verdicts stand in the order of the ops whatever their kinds) {
  const auto held = hold({of(seat())});
  auto late = wish({of(seat())});
  late.deadline = world->now() - 1s;
  const auto x = seat();
  const auto v =
    judged({late, ending(), giving_back(held), reread_items{{x}, world->now(), at(block_shard)},
            family(), wish({of(x)})},
           {outcome::late, outcome::ok, outcome::ok, outcome::ok, outcome::ok, outcome::ok});
  CAF_REQUIRE_EQUAL(v[3].rows.size(), 1u);
}

CAF_TEST(a create sees what a release of its batch gave back) {
  const auto x = seat();
  const auto held = hold({of(x)});
  auto item = of(x);
  item.version = 9;
  item.fence = 42;
  const auto next = wish({item});
  judged({next, giving_back(held)}, {outcome::ok, outcome::ok});
  CAF_CHECK(world->seat(x)->reservation == next.id);
}

CAF_TEST(the second run of a batch is the look_up) {
  const auto held = hold({of(seat())});
  auto late = wish({of(seat())});
  late.deadline = world->now() - 1s;
  const auto order = wish({of(seat())});
  const auto token = family();
  const std::vector<op> ops = {order, giving_back(held), late, token};
  judge(ops);
  const auto before = world->counts();
  take_over(block_shard);
  take_over(session_shard);
  const auto v = judged(ops, {outcome::replayed, outcome::done, outcome::fenced, outcome::done});
  CAF_CHECK(v[0].replay_of == order.id);
  CAF_CHECK(world->counts() == before);
}

CAF_TEST(H08 an op that violates a constraint tears the batch and leaves nothing) {
  const auto x = seat();
  const auto t = type(5);
  const auto held = hold({of(seat())});
  auto same_number = wish({of(seat())});
  same_number.number = held.number;
  const auto nothing = wish({of(t, 0)});
  for (const auto& culprit : {same_number, nothing}) {
    const auto before = world->counts();
    const auto result = run({wish({of(x)}), culprit, giving_back(held), family()});
    CAF_CHECK_EQUAL(result.is, batch_status::torn);
    CAF_CHECK(world->counts() == before);
    free_still(x);
    CAF_CHECK(has_status(held.id, reservation_status::pending));
  }
  // The session works on after a torn batch.
  does(wish({of(x)}));
}

CAF_TEST_FIXTURE_SCOPE_END()
