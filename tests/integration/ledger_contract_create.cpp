#define CAF_SUITE ledger_contract_create

#include "tests/integration/ledger_fixture.hpp"

using namespace tk;
using namespace std::chrono_literals;

CAF_TEST_FIXTURE_SCOPE(ledger_contract_create_cases, test::order_fixture)

// -- create: ok -----------------------------------------------------------------------------------

CAF_TEST(an empty batch commits) { CAF_CHECK(judge({}).empty()); }

CAF_TEST(create ok takes the seats and writes everything in one go) {
  const auto x = seat(), y = seat();
  auto order = wish({of(x), of(y)});
  order.key = "key-1";
  const auto before = world->counts();
  const auto earliest = world->now();
  const auto v = judge({order}).front();
  CAF_REQUIRE_EQUAL(v.is, outcome::ok);
  CAF_CHECK(v.expires_at >= earliest + 299s);
  CAF_CHECK(v.expires_at <= world->now() + 300s);
  for (const auto id : {x, y}) {
    const auto row = world->seat(id);
    CAF_REQUIRE(row.has_value());
    CAF_CHECK_EQUAL(row->status, 'l');
    CAF_CHECK_EQUAL(row->version, 8);
    CAF_CHECK_EQUAL(row->fence, 41);
    CAF_CHECK(row->reservation == order.id);
    CAF_CHECK(row->holder == user);
  }
  const auto row = world->reservation(order.id);
  CAF_REQUIRE(row.has_value());
  CAF_CHECK(row->status == reservation_status::pending);
  CAF_CHECK(row->user == user);
  CAF_CHECK(row->event == event);
  CAF_CHECK_EQUAL(row->number, order.number);
  CAF_CHECK_EQUAL(row->total.amount, 220'000);
  CAF_CHECK(row->expires_at == v.expires_at);
  CAF_CHECK_EQUAL(row->lead_block, 3);
  CAF_CHECK_EQUAL(row->key, "key-1");
  CAF_CHECK_EQUAL(row->operation, "seats.reserve");
  CAF_CHECK_EQUAL(row->digest, "digest");
  CAF_CHECK_EQUAL(row->items.size(), 2u);
  CAF_CHECK_EQUAL(world->shard_of_reservation(order.id), block_shard);
  const auto after = world->counts();
  CAF_CHECK_EQUAL(after.reservations, before.reservations + 1);
  CAF_CHECK_EQUAL(after.items, before.items + 2);
  CAF_CHECK_EQUAL(after.history, before.history + 1);
  CAF_CHECK_EQUAL(after.outbox, before.outbox + 1);
}

CAF_TEST(create ok tells of itself once) {
  const auto order = hold({of(seat())});
  const auto told = world->outbox(order.id);
  CAF_REQUIRE_EQUAL(told.size(), 1u);
  CAF_CHECK_EQUAL(told[0].shard, block_shard);
  CAF_CHECK_EQUAL(told[0].topic, "reservation-events");
  CAF_CHECK_EQUAL(told[0].type, "RESERVATION_CREATED");
  const auto past = world->history(order.id);
  CAF_REQUIRE_EQUAL(past.size(), 1u);
  CAF_CHECK_EQUAL(past[0].from, "");
  CAF_CHECK_EQUAL(past[0].to, "pending");
  CAF_CHECK(past[0].actor == user);
  CAF_CHECK(past[0].request == request);
}

CAF_TEST(create ok draws from a quota) {
  const auto t = type(5);
  does(wish({of(t, 3)}));
  CAF_CHECK_EQUAL(world->available(t), 2);
}

// -- create: refusals -----------------------------------------------------------------------------

CAF_TEST(create replayed by its own id) {
  const auto order = hold({of(seat())});
  const auto before = world->counts();
  const auto v = judge({order}).front();
  CAF_CHECK_EQUAL(v.is, outcome::replayed);
  CAF_CHECK(v.replay_of == order.id);
  CAF_CHECK(world->counts() == before);
}

CAF_TEST(create replayed by key whatever else is true by now) {
  auto order = wish({of(seat())});
  order.key = "key";
  does(order);
  auto again = wish(order.items);
  again.key = "key";
  again.deadline = world->now() - 1s;
  take_over(session_shard);
  world->cancel_event(event);
  const auto before = world->counts();
  const auto v = judge({again}).front();
  CAF_CHECK_EQUAL(v.is, outcome::replayed);
  CAF_CHECK(v.replay_of == order.id);
  CAF_CHECK(world->counts() == before);
}

CAF_TEST(H22c a key belongs to one user and one operation) {
  auto order = wish({of(seat())});
  order.key = "key";
  does(order);
  auto other_user = wish({of(seat())});
  other_user.key = "key";
  other_user.user = fresh<user_id>();
  world->add_user(other_user.user);
  does(other_user);
  auto other_operation = wish({of(seat())});
  other_operation.key = "key";
  other_operation.operation = "tickets.reserve";
  does(other_operation);
}

CAF_TEST(create conflict: same key and another digest) {
  auto order = wish({of(seat())});
  order.key = "key";
  does(order);
  const auto x = seat();
  auto other = wish({of(x)});
  other.key = "key";
  other.digest = "another";
  refused(other, outcome::conflict);
  free_still(x);
}

CAF_TEST(create in flight: an earlier op of the batch has the key) {
  const auto x = seat(), y = seat();
  auto first = wish({of(x)}), second = wish({of(y)});
  first.key = second.key = "key";
  judged({first, second}, {outcome::ok, outcome::in_flight});
  free_still(y);
  const auto again = judge({second}).front();
  CAF_CHECK_EQUAL(again.is, outcome::replayed);
  CAF_CHECK(again.replay_of == first.id);
}

CAF_TEST(create without a key has no twins) {
  judged({wish({of(seat())}), wish({of(seat())})}, {outcome::ok, outcome::ok});
}

CAF_TEST(H01 create fenced by every participant) {
  const auto x = seat(), y = seat();
  for (const auto shard : {session_shard, event_shard, block_shard, far_block_shard}) {
    auto far = of(y);
    far.block = at(far_block_shard);
    const auto order = wish({of(x), far});
    take_over(shard);
    refused(order, outcome::fenced);
  }
  free_still(x);
  free_still(y);
}

CAF_TEST(create fenced by an epoch that is yet to come) {
  auto order = wish({of(seat())});
  ++order.session.epoch;
  refused(order, outcome::fenced);
}

CAF_TEST(H04 create late by ledger time) {
  const auto x = seat();
  auto order = wish({of(x)});
  order.deadline = world->now() + 20ms;
  world->wait_past(order.deadline);
  refused(order, outcome::late);
  free_still(x);
}

CAF_TEST(H15 create closed: a cancelled event) {
  world->cancel_event(event);
  refused(wish({of(seat())}), outcome::closed);
}

CAF_TEST(H18 create closed: outside the window by ledger time) {
  const auto now = world->now();
  const std::vector<event_seed> seeds = {
    {fresh<event_id>(), false, now + 1h, now + 2h},
    {fresh<event_id>(), false, now - 2h, now - 1h},
    {fresh<event_id>(), false, instant{}, instant::max()},
  };
  for (const auto& seed : seeds) {
    world->add_event(seed);
    auto order = wish({of(seat())});
    order.event = seed.id;
    refused(order, outcome::closed);
  }
  auto nowhere = wish({of(seat())});
  nowhere.event = fresh<event_id>();
  refused(nowhere, outcome::closed);
}

CAF_TEST(a window without an end stays open) {
  event = fresh<event_id>();
  open_event();
  does(wish({of(seat())}));
}

CAF_TEST(create closed: a sale opens by the tier of the membership) {
  struct tier {
    int32_t points;
    std::chrono::hours wait;
  };
  const tier tiers[] = {{1500, 0h}, {1499, 1h}, {500, 1h}, {499, 24h}, {0, 24h}, {-1, 48h}};
  for (const auto& x : tiers) {
    for (const auto early : {true, false}) {
      event = fresh<event_id>();
      const auto start = world->now() - x.wait + (early ? 1h : -1h);
      world->add_event({event, false, start, instant::max()});
      const auto artist = world->add_artist(event);
      if (x.points >= 0) world->add_membership(user, artist, x.points, world->now() + 1h);
      auto order = wish({of(seat())});
      order.presale = true;
      if (early) refused(order, outcome::closed);
      else does(order);
    }
  }
}

CAF_TEST(pre_sale counts for events with an artist and memberships that are alive) {
  event = fresh<event_id>();
  open_event();
  auto order = [this] {
    auto x = wish({of(seat())});
    x.presale = true;
    return x;
  };
  does(order()); // Nobody's event.
  const auto artist = world->add_artist(event);
  refused(order(), outcome::closed);
  does(wish({of(seat())})); // Not enforced.
  world->add_membership(user, artist, 2000, world->now() - 1min);
  refused(order(), outcome::closed); // It is over.
}

CAF_TEST(create moved: another version or another holder) {
  const auto x = seat(), y = seat();
  auto stale = of(x);
  stale.version = 6;
  refused(wish({of(y), stale}), outcome::moved);
  free_still(y);
  does(wish({of(x)}));
  auto taken = of(x);
  taken.version = 8;
  taken.fence = 42;
  refused(wish({taken}), outcome::moved);
  auto unknown = of(fresh<seat_id>());
  refused(wish({unknown}), outcome::moved);
}

CAF_TEST(create moved: a fence that is not above the one of the seat) {
  const auto x = seat();
  auto item = of(x);
  item.fence = 40;
  refused(wish({item}), outcome::moved);
  item.fence = 39;
  refused(wish({item}), outcome::moved);
  item.fence = 41;
  does(wish({item}));
}

CAF_TEST(create moved: one seat twice in one order) {
  const auto x = seat();
  refused(wish({of(x), of(x)}), outcome::moved);
  free_still(x);
}

CAF_TEST(H22d twins in one batch: late and moved and then ok) {
  const auto x = seat();
  auto first = wish({of(x)});
  first.deadline = world->now() - 1s;
  const auto second = wish({of(x)});
  judged({first, second}, {outcome::late, outcome::moved});
  free_still(x);
  does(second);
}

CAF_TEST(rivals for one seat: the first op of the batch wins) {
  const auto x = seat(), y = seat(), z = seat();
  const auto first = wish({of(x), of(y)}), second = wish({of(y), of(z)});
  judged({first, second}, {outcome::ok, outcome::moved});
  CAF_CHECK(world->seat(y)->reservation == first.id);
  free_still(z);
}

CAF_TEST(create sold out: the quota is drawn in op order) {
  const auto t = type(5);
  // Conservative: the refused order counts against those behind it; the next try passes.
  judged({wish({of(t, 3)}), wish({of(t, 3)}), wish({of(t, 1)})},
         {outcome::ok, outcome::sold_out, outcome::sold_out});
  CAF_CHECK_EQUAL(world->available(t), 2);
  does(wish({of(t, 2)}));
  CAF_CHECK_EQUAL(world->available(t), 0);
  refused(wish({of(t, 1)}), outcome::sold_out);
  refused(wish({of(fresh<ticket_type_id>(), 1)}), outcome::sold_out);
}

CAF_TEST(an op that is refused otherwise draws nothing) {
  const auto t = type(2);
  auto late = wish({of(t, 2)});
  late.deadline = world->now() - 1s;
  judged({late, wish({of(t, 2)})}, {outcome::late, outcome::ok});
  CAF_CHECK_EQUAL(world->available(t), 0);
}

CAF_TEST(seats and quantities in one order: all or none) {
  const auto x = seat();
  const auto t = type(1);
  refused(wish({of(x), of(t, 2)}), outcome::sold_out);
  free_still(x);
  CAF_CHECK_EQUAL(world->available(t), 1);
  does(wish({of(x), of(t, 1)}));
}

CAF_TEST(H22g create revoked: the token of a user whom the session has not read) {
  auto order = wish({of(seat())});
  order.holds_before_max = 3;
  order.token_issued_at = world->now() - 1h;
  order.user = fresh<user_id>();
  refused(order, outcome::revoked); // Nobody's.
  order.user = user;
  const auto v = judge({revoke_tokens{user, at(session_shard)}}).front();
  CAF_REQUIRE_EQUAL(v.is, outcome::ok);
  refused(order, outcome::revoked);
  order.token_issued_at = v.at;
  refused(order, outcome::revoked);
  order.token_issued_at = v.at + 1ms;
  does(order);
  auto judged_before = wish({of(seat())}); // By a session that has read its rows.
  does(judged_before);
}

CAF_TEST(H17 create over the limit counts what is pending and alive and of the event) {
  auto order = [this](std::vector<create_item> items, int32_t before_max) {
    auto x = wish(std::move(items));
    x.token_issued_at = world->now() + 1h;
    x.holds_before_max = before_max;
    return x;
  };
  does(order({of(seat())}, 0));
  const auto pair = order({of(seat()), of(seat())}, 1);
  does(pair);
  refused(order({of(seat())}, 2), outcome::over_limit);
  does(order({of(seat())}, 3));
  world->set_expiry(pair.id, world->now() - 1s);
  does(order({of(seat())}, 2));
  const auto quantity = order({of(type(9), 3), of(type(9), 1), of(type(9), 1)}, 3);
  does(quantity);
  does(order({of(type(9), 1)}, 4)); // D18: an order is one, whatever its lines and quantities.
  refused(order({of(seat())}, 4), outcome::over_limit);
  does(giving_back(quantity));
  does(order({of(seat())}, 4));
  event = fresh<event_id>();
  open_event();
  does(order({of(seat())}, 0));
}

CAF_TEST(the order of refusals) {
  const auto x = seat();
  auto order = wish({of(x)}), twin = wish({of(x)});
  order.key = twin.key = "key";
  order.items[0].version = twin.items[0].version = 6;
  judged({order, twin}, {outcome::moved, outcome::in_flight}); // Before everything but a replay.
  world->cancel_event(event);
  order.token_issued_at = world->now() + 1h;
  order.holds_before_max = -1;
  refused(order, outcome::closed); // Before the limit, which is not final.
  order.user = fresh<user_id>();
  refused(order, outcome::revoked);
  order.deadline = world->now() - 1s;
  refused(order, outcome::late);
  take_over(block_shard);
  refused(order, outcome::fenced);
}

CAF_TEST_FIXTURE_SCOPE_END()
