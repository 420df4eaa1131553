#define CAF_SUITE ledger_contract

#include "tests/integration/ledger_contract.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include <caf/test/unit_test.hpp>

#include "actors/base/ids.hpp"

using namespace tk;
using namespace std::chrono_literals;

namespace {

constexpr uint16_t session_shard = 11, event_shard = 12, block_shard = 13, far_block_shard = 14;

/// Builders for what the cases need; everything is valid until a case spoils it.
struct fixture {
  std::unique_ptr<ledger_world> world = make_ledger_world();
  user_id user = fresh<user_id>();
  event_id event = fresh<event_id>();
  request_id request = fresh<request_id>();

  fixture() {
    world->add_user(user);
    world->add_event({event, false, world->now() - 1h, world->now() + 1h});
  }

  template <class Id> Id fresh() { return make_id<Id>(world->random()); }

  participant at(uint16_t shard) { return {shard, world->epoch_of(shard)}; }
  void take_over(uint16_t shard) { world->set_epoch(shard, world->epoch_of(shard) + 1); }

  seat_id seat(int32_t block_no = 3) {
    const auto x = fresh<seat_id>();
    world->add_seat({x, event, block_no, 7, 40, won{110'000}});
    return x;
  }

  ticket_type_id type(int32_t available) {
    const auto x = fresh<ticket_type_id>();
    world->add_type({x, event, available, 100});
    return x;
  }

  create_item of(seat_id x) { return {x, {}, 7, 41, 1, won{110'000}, at(block_shard), 3}; }
  create_item of(ticket_type_id x, int32_t quantity) {
    return {{}, x, 0, 0, quantity, won{50'000}, at(block_shard), 0};
  }

  create_reservation wish(std::vector<create_item> items) {
    create_reservation x;
    x.id = fresh<reservation_id>();
    x.user = user;
    x.event = event;
    x.number = "TK" + to_string(x.id).substr(0, 30);
    for (const auto& y : items) x.total += y.price * y.quantity;
    x.operation = "seats.reserve";
    x.digest = "digest";
    x.deadline = world->now() + 1min;
    x.session = at(session_shard);
    x.event_owner = at(event_shard);
    x.items = std::move(items);
    x.request = request;
    return x;
  }

  release_reservation giving_back(const create_reservation& x) {
    release_reservation y;
    y.id = x.id;
    y.actor = user;
    y.request = request;
    for (const auto& z : x.items) y.items.push_back({z.seat, z.type, z.quantity, z.block});
    return y;
  }

  std::string fresh_hash() { return to_string(fresh<family_id>()) + to_string(fresh<family_id>()); }

  rotate_token next_of(const open_family& x) { return next_of(x, x.token_hash); }
  rotate_token next_of(const open_family& x, const std::string& hash) {
    return {user, x.family, hash, fresh_hash(), 604'800, at(session_shard)};
  }

  revoke_tokens ending() {
    revoke_tokens x;
    x.user = user;
    x.session = at(session_shard);
    return x;
  }

  int32_t generation(const open_family& x) { return world->family(x.family)->generation; }
  bool ended(const open_family& x) { return world->family(x.family)->revoked; }

  open_family family() {
    open_family x;
    x.user = user;
    x.family = fresh<family_id>();
    x.token_hash = fresh_hash();
    x.session = at(session_shard);
    return x;
  }

  batch_result run(std::vector<op> ops) {
    batch b;
    for (auto& x : ops) b.ops.push_back(std::make_shared<const op>(std::move(x)));
    return world->executor().execute(b);
  }

  /// Executes a batch that must commit.
  std::vector<verdict> judge(std::vector<op> ops) {
    const auto count = ops.size();
    auto result = run(std::move(ops));
    CAF_REQUIRE_EQUAL(result.is, batch_status::committed);
    CAF_REQUIRE_EQUAL(result.verdicts.size(), count);
    return result.verdicts;
  }

  outcome judge_one(op x) {
    std::vector<op> ops;
    ops.push_back(std::move(x));
    return judge(std::move(ops)).front().is;
  }

  /// Judges one op that must be refused with `expected` and leave every row alone.
  void refused(op x, outcome expected) {
    const auto before = world->counts();
    CAF_CHECK_EQUAL(judge_one(std::move(x)), expected);
    CAF_CHECK(world->counts() == before);
  }

  void free_still(seat_id x) {
    const auto row = world->seat(x);
    CAF_REQUIRE(row.has_value());
    CAF_CHECK_EQUAL(row->status, 'a');
    CAF_CHECK(row->reservation.nil());
  }

  bool has_status(reservation_id x, reservation_status expected) {
    const auto row = world->reservation(x);
    return row && row->status == expected;
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(ledger_contract_cases, fixture)

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
  const auto order = wish({of(seat())});
  CAF_REQUIRE_EQUAL(judge_one(order), outcome::ok);
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
  CAF_REQUIRE_EQUAL(judge_one(wish({of(t, 3)})), outcome::ok);
  CAF_CHECK_EQUAL(world->available(t), 2);
}

// -- create: refusals -----------------------------------------------------------------------------

CAF_TEST(create replayed by its own id) {
  const auto order = wish({of(seat())});
  CAF_REQUIRE_EQUAL(judge_one(order), outcome::ok);
  const auto before = world->counts();
  const auto v = judge({order}).front();
  CAF_CHECK_EQUAL(v.is, outcome::replayed);
  CAF_CHECK(v.replay_of == order.id);
  CAF_CHECK(world->counts() == before);
}

CAF_TEST(create replayed by key whatever else is true by now) {
  auto order = wish({of(seat())});
  order.key = "key";
  CAF_REQUIRE_EQUAL(judge_one(order), outcome::ok);
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
  CAF_REQUIRE_EQUAL(judge_one(order), outcome::ok);
  auto other_user = wish({of(seat())});
  other_user.key = "key";
  other_user.user = fresh<user_id>();
  world->add_user(other_user.user);
  CAF_CHECK_EQUAL(judge_one(other_user), outcome::ok);
  auto other_operation = wish({of(seat())});
  other_operation.key = "key";
  other_operation.operation = "tickets.reserve";
  CAF_CHECK_EQUAL(judge_one(other_operation), outcome::ok);
}

CAF_TEST(create conflict: same key and another digest) {
  auto order = wish({of(seat())});
  order.key = "key";
  CAF_REQUIRE_EQUAL(judge_one(order), outcome::ok);
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
  const auto v = judge({first, second});
  CAF_CHECK_EQUAL(v[0].is, outcome::ok);
  CAF_CHECK_EQUAL(v[1].is, outcome::in_flight);
  free_still(y);
  const auto again = judge({second}).front();
  CAF_CHECK_EQUAL(again.is, outcome::replayed);
  CAF_CHECK(again.replay_of == first.id);
}

CAF_TEST(create without a key has no twins) {
  const auto v = judge({wish({of(seat())}), wish({of(seat())})});
  CAF_CHECK_EQUAL(v[0].is, outcome::ok);
  CAF_CHECK_EQUAL(v[1].is, outcome::ok);
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
  world->add_event({event, false, world->now() - 1h, instant::max()});
  CAF_CHECK_EQUAL(judge_one(wish({of(seat())})), outcome::ok);
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
      else CAF_CHECK_EQUAL(judge_one(order), outcome::ok);
    }
  }
}

CAF_TEST(pre_sale counts for events with an artist and memberships that are alive) {
  event = fresh<event_id>();
  world->add_event({event, false, world->now() - 1h, instant::max()});
  auto order = [this] {
    auto x = wish({of(seat())});
    x.presale = true;
    return x;
  };
  CAF_CHECK_EQUAL(judge_one(order()), outcome::ok); // Nobody's event.
  const auto artist = world->add_artist(event);
  refused(order(), outcome::closed);
  CAF_CHECK_EQUAL(judge_one(wish({of(seat())})), outcome::ok); // Not enforced.
  world->add_membership(user, artist, 2000, world->now() - 1min);
  refused(order(), outcome::closed); // It is over.
}

CAF_TEST(create moved: another version or another holder) {
  const auto x = seat(), y = seat();
  auto stale = of(x);
  stale.version = 6;
  refused(wish({of(y), stale}), outcome::moved);
  free_still(y);
  CAF_REQUIRE_EQUAL(judge_one(wish({of(x)})), outcome::ok);
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
  CAF_CHECK_EQUAL(judge_one(wish({item})), outcome::ok);
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
  const auto v = judge({first, second});
  CAF_CHECK_EQUAL(v[0].is, outcome::late);
  CAF_CHECK_EQUAL(v[1].is, outcome::moved);
  free_still(x);
  CAF_CHECK_EQUAL(judge_one(second), outcome::ok);
}

CAF_TEST(rivals for one seat: the first op of the batch wins) {
  const auto x = seat(), y = seat(), z = seat();
  const auto first = wish({of(x), of(y)}), second = wish({of(y), of(z)});
  const auto v = judge({first, second});
  CAF_CHECK_EQUAL(v[0].is, outcome::ok);
  CAF_CHECK_EQUAL(v[1].is, outcome::moved);
  CAF_CHECK(world->seat(y)->reservation == first.id);
  free_still(z);
}

CAF_TEST(create sold out: the quota is drawn in op order) {
  const auto t = type(5);
  const auto v = judge({wish({of(t, 3)}), wish({of(t, 3)}), wish({of(t, 1)})});
  CAF_CHECK_EQUAL(v[0].is, outcome::ok);
  CAF_CHECK_EQUAL(v[1].is, outcome::sold_out);
  // Conservative: the refused order counts against those behind it; the next try passes.
  CAF_CHECK_EQUAL(v[2].is, outcome::sold_out);
  CAF_CHECK_EQUAL(world->available(t), 2);
  CAF_CHECK_EQUAL(judge_one(wish({of(t, 2)})), outcome::ok);
  CAF_CHECK_EQUAL(world->available(t), 0);
  refused(wish({of(t, 1)}), outcome::sold_out);
  refused(wish({of(fresh<ticket_type_id>(), 1)}), outcome::sold_out);
}

CAF_TEST(an op that is refused otherwise draws nothing) {
  const auto t = type(2);
  auto late = wish({of(t, 2)});
  late.deadline = world->now() - 1s;
  const auto v = judge({late, wish({of(t, 2)})});
  CAF_CHECK_EQUAL(v[0].is, outcome::late);
  CAF_CHECK_EQUAL(v[1].is, outcome::ok);
  CAF_CHECK_EQUAL(world->available(t), 0);
}

CAF_TEST(seats and quantities in one order: all or none) {
  const auto x = seat();
  const auto t = type(1);
  refused(wish({of(x), of(t, 2)}), outcome::sold_out);
  free_still(x);
  CAF_CHECK_EQUAL(world->available(t), 1);
  CAF_CHECK_EQUAL(judge_one(wish({of(x), of(t, 1)})), outcome::ok);
}

CAF_TEST(H22g create revoked: the token of a user whom the session has not read) {
  auto order = wish({of(seat())});
  order.items_before_max = 3;
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
  CAF_CHECK_EQUAL(judge_one(order), outcome::ok);
  auto judged_before = wish({of(seat())}); // By a session that has read its rows.
  CAF_CHECK_EQUAL(judge_one(judged_before), outcome::ok);
}

CAF_TEST(H17 create over the limit counts what is pending and alive and of the event) {
  auto order = [this](std::vector<create_item> items, int32_t before_max) {
    auto x = wish(std::move(items));
    x.token_issued_at = world->now() + 1h;
    x.items_before_max = before_max;
    return x;
  };
  CAF_CHECK_EQUAL(judge_one(order({of(seat())}, 0)), outcome::ok);
  const auto pair = order({of(seat()), of(seat())}, 1);
  CAF_CHECK_EQUAL(judge_one(pair), outcome::ok);
  refused(order({of(seat())}, 2), outcome::over_limit);
  CAF_CHECK_EQUAL(judge_one(order({of(seat())}, 3)), outcome::ok);
  world->set_expiry(pair.id, world->now() - 1s);
  CAF_CHECK_EQUAL(judge_one(order({of(seat())}, 2)), outcome::ok);
  const auto quantity = order({of(type(9), 3)}, 3);
  CAF_CHECK_EQUAL(judge_one(quantity), outcome::ok);
  refused(order({of(seat())}, 3), outcome::over_limit); // A line is one, whatever its quantity.
  CAF_CHECK_EQUAL(judge_one(giving_back(quantity)), outcome::ok);
  CAF_CHECK_EQUAL(judge_one(order({of(seat())}, 3)), outcome::ok);
  event = fresh<event_id>();
  world->add_event({event, false, world->now() - 1h, instant::max()});
  CAF_CHECK_EQUAL(judge_one(order({of(seat())}, 0)), outcome::ok);
}

CAF_TEST(the order of refusals) {
  const auto x = seat();
  auto order = wish({of(x)}), twin = wish({of(x)});
  order.key = twin.key = "key";
  order.items[0].version = twin.items[0].version = 6;
  const auto first = judge({order, twin});
  CAF_CHECK_EQUAL(first[0].is, outcome::moved);
  CAF_CHECK_EQUAL(first[1].is, outcome::in_flight); // Before everything but a replay.
  world->cancel_event(event);
  order.token_issued_at = world->now() + 1h;
  order.items_before_max = -1;
  refused(order, outcome::closed); // Before the limit, which is not final.
  order.user = fresh<user_id>();
  refused(order, outcome::revoked);
  order.deadline = world->now() - 1s;
  refused(order, outcome::late);
  take_over(block_shard);
  refused(order, outcome::fenced);
}

// -- release --------------------------------------------------------------------------------------

CAF_TEST(release ok gives everything back and tells of it) {
  const auto x = seat();
  const auto t = type(5);
  const auto order = wish({of(x), of(t, 2)});
  CAF_REQUIRE_EQUAL(judge_one(order), outcome::ok);
  CAF_REQUIRE_EQUAL(judge_one(giving_back(order)), outcome::ok);
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
  auto order = wish({of(seat())});
  CAF_REQUIRE_EQUAL(judge_one(order), outcome::ok);
  auto expiry = giving_back(order);
  expiry.reason = release_reason::expired;
  expiry.actor = {};
  const auto v = judge({expiry}).front();
  CAF_CHECK_EQUAL(v.is, outcome::early);
  CAF_CHECK(v.expires_at == world->reservation(order.id)->expires_at);
  world->set_expiry(order.id, world->now() - 1s);
  CAF_CHECK_EQUAL(judge_one(expiry), outcome::ok);
  CAF_CHECK(has_status(order.id, reservation_status::expired));
  CAF_CHECK(world->outbox(order.id).back().type == "RESERVATION_EXPIRED");
  CAF_CHECK(world->history(order.id).back().actor.nil());
  CAF_CHECK(world->history(order.id).back().to == "expired");
  free_still(order.items[0].seat);
}

CAF_TEST(release done comes before everything else) {
  const auto order = wish({of(seat())});
  CAF_REQUIRE_EQUAL(judge_one(order), outcome::ok);
  const auto end = giving_back(order);
  CAF_REQUIRE_EQUAL(judge_one(end), outcome::ok);
  take_over(block_shard);
  refused(end, outcome::done);
}

CAF_TEST(release not pending: unknown or sold or ended otherwise) {
  const auto unknown = wish({of(seat())});
  refused(giving_back(unknown), outcome::not_pending);
  const auto sold = wish({of(seat())});
  CAF_REQUIRE_EQUAL(judge_one(sold), outcome::ok);
  world->confirm(sold.id);
  refused(giving_back(sold), outcome::not_pending);
  CAF_CHECK(world->seat(sold.items[0].seat)->status == 'r');
  const auto ended = wish({of(seat())});
  CAF_REQUIRE_EQUAL(judge_one(ended), outcome::ok);
  CAF_REQUIRE_EQUAL(judge_one(giving_back(ended)), outcome::ok);
  auto expiry = giving_back(ended);
  expiry.reason = release_reason::expired;
  refused(expiry, outcome::not_pending);
}

CAF_TEST(release fenced by the epoch of any block) {
  auto far = of(seat());
  far.block = at(far_block_shard);
  const auto order = wish({of(seat()), far});
  CAF_REQUIRE_EQUAL(judge_one(order), outcome::ok);
  const auto end = giving_back(order);
  take_over(far_block_shard);
  refused(end, outcome::fenced);
  CAF_CHECK(has_status(order.id, reservation_status::pending));
}

CAF_TEST(release pinned: a pin wins over cancelling and over expiry) {
  const auto order = wish({of(seat())});
  CAF_REQUIRE_EQUAL(judge_one(order), outcome::ok);
  world->pin(order.id);
  CAF_CHECK(world->seat(order.items[0].seat).has_value());
  refused(giving_back(order), outcome::pinned);
  world->set_expiry(order.id, world->now() - 1s);
  auto expiry = giving_back(order);
  expiry.reason = release_reason::expired;
  refused(expiry, outcome::pinned);
  CAF_CHECK(has_status(order.id, reservation_status::pending));
}

CAF_TEST(release in flight: an earlier op of the batch ends the same reservation) {
  const auto order = wish({of(seat())});
  CAF_REQUIRE_EQUAL(judge_one(order), outcome::ok);
  world->set_expiry(order.id, world->now() - 1s);
  auto expiry = giving_back(order);
  expiry.reason = release_reason::expired;
  const auto v = judge({giving_back(order), expiry});
  CAF_CHECK_EQUAL(v[0].is, outcome::ok);
  CAF_CHECK_EQUAL(v[1].is, outcome::in_flight);
  CAF_CHECK_EQUAL(world->outbox(order.id).size(), 2u);
  refused(expiry, outcome::not_pending);
}

CAF_TEST(H38 release partial: the list of items is judged) {
  const auto t = type(9);
  const auto order = wish({of(seat()), of(seat()), of(t, 2)});
  CAF_REQUIRE_EQUAL(judge_one(order), outcome::ok);
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
  CAF_CHECK_EQUAL(judge_one(any_order), outcome::ok);
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
  const auto order = wish({of(ids[1])});
  CAF_REQUIRE_EQUAL(judge_one(order), outcome::ok);
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

// -- accounts -------------------------------------------------------------------------------------

CAF_TEST(open family ok and done and fenced) {
  const auto x = family();
  CAF_REQUIRE_EQUAL(judge_one(x), outcome::ok);
  const auto rows = world->families(user);
  CAF_REQUIRE_EQUAL(rows.size(), 1u);
  CAF_CHECK(rows[0].id == x.family);
  CAF_CHECK_EQUAL(rows[0].token_hash, x.token_hash);
  CAF_CHECK(!rows[0].revoked);
  CAF_CHECK(rows[0].expires_at > world->now() + std::chrono::hours(167));
  CAF_CHECK(rows[0].expires_at <= world->now() + std::chrono::hours(168));
  const auto other = family();
  take_over(session_shard);
  refused(x, outcome::done);
  refused(other, outcome::fenced);
}

CAF_TEST(revoke ends the families that are on record and no later one) {
  const auto x = family();
  CAF_REQUIRE_EQUAL(judge_one(x), outcome::ok);
  CAF_CHECK(world->revoked_before(user) == instant{});
  const auto earliest = world->now();
  const auto v = judge({ending()}).front();
  CAF_REQUIRE_EQUAL(v.is, outcome::ok);
  CAF_CHECK(v.at >= earliest - 1ms);
  CAF_CHECK(v.at <= world->now() + 1ms);
  CAF_CHECK(world->revoked_before(user) == v.at);
  CAF_CHECK(world->families(user).at(0).revoked);
  // C32: a log-in right after a log-out works.
  CAF_REQUIRE_EQUAL(judge_one(family()), outcome::ok);
  const auto rows = world->families(user);
  const auto live = std::count_if(rows.begin(), rows.end(), [](auto& y) { return !y.revoked; });
  CAF_CHECK_EQUAL(live, 1);
}

CAF_TEST(revoke again is ok and never falls) {
  const auto first = judge({ending()}).front();
  const auto second = judge({ending()}).front();
  CAF_CHECK_EQUAL(second.is, outcome::ok);
  CAF_CHECK(second.at >= first.at);
}

CAF_TEST(revoke fenced) {
  const auto x = family();
  CAF_REQUIRE_EQUAL(judge_one(x), outcome::ok);
  const auto end = ending();
  take_over(session_shard);
  refused(end, outcome::fenced);
  CAF_CHECK(world->revoked_before(user) == instant{});
  CAF_CHECK(!world->families(user).at(0).revoked);
}

CAF_TEST(a family remembers where it was opened and ends the one it follows) {
  auto x = family();
  x.user_agent = "Browser";
  x.address = "192.0.2.1";
  x.life_s = 3600;
  CAF_REQUIRE_EQUAL(judge_one(x), outcome::ok);
  const auto row = world->family(x.family);
  CAF_REQUIRE(row);
  CAF_CHECK(row->user_agent == "Browser");
  CAF_CHECK(row->address == "192.0.2.1");
  CAF_CHECK(row->expires_at <= world->now() + 1h);
  CAF_CHECK(world->families(user).at(0).expires_at <= world->now() + 1h);
  auto next = family();
  next.ends = x.family;
  CAF_REQUIRE_EQUAL(judge_one(next), outcome::ok);
  CAF_CHECK(ended(x));
  CAF_CHECK(!ended(next));
  CAF_CHECK_EQUAL(judge_one(next_of(x)), outcome::not_pending);
}

CAF_TEST(a family of somebody else is not ended) {
  const auto theirs = family();
  CAF_REQUIRE_EQUAL(judge_one(theirs), outcome::ok);
  user = fresh<user_id>();
  world->add_user(user);
  auto mine = family();
  mine.ends = theirs.family;
  CAF_REQUIRE_EQUAL(judge_one(mine), outcome::ok);
  CAF_CHECK(!ended(theirs));
}

CAF_TEST(credentials that changed since they were verified open nothing) {
  auto x = family();
  x.credentials = world->credentials(user).number;
  auto change = ending();
  change.new_hash = "new";
  world->set_password(user, "old");
  change.old_hash = "old";
  CAF_REQUIRE_EQUAL(judge_one(change), outcome::ok);
  refused(x, outcome::moved);
  x.credentials = world->credentials(user).number;
  CAF_CHECK_EQUAL(judge_one(x), outcome::ok);
}

CAF_TEST(a refresh token is used once) {
  const auto x = family();
  CAF_REQUIRE_EQUAL(judge_one(x), outcome::ok);
  const auto first = next_of(x);
  const auto v = judge({first}).front();
  CAF_REQUIRE_EQUAL(v.is, outcome::ok);
  CAF_CHECK(v.at == instant{});
  CAF_CHECK(v.expires_at > world->now() + std::chrono::hours(167));
  CAF_CHECK(generation(x) == 2);
  CAF_CHECK_EQUAL(judge_one(next_of(x, first.next_hash)), outcome::ok);
  CAF_CHECK(generation(x) == 3);
}

CAF_TEST(P3 C31 a token that was used before ends its family and no other) {
  const auto other = family();
  const auto x = family();
  judge({other, x});
  const auto first = next_of(x);
  CAF_REQUIRE_EQUAL(judge_one(first), outcome::ok);
  world->age_rotation(x.family, std::chrono::seconds(refresh_grace_s) + 1s);
  const auto earliest = world->now();
  const auto v = judge({next_of(x)}).front();
  CAF_REQUIRE_EQUAL(v.is, outcome::reused);
  CAF_CHECK(ended(x));
  CAF_CHECK(!ended(other));
  CAF_CHECK(v.at >= earliest - 1ms); // H-22g: access tokens are refused, too.
  CAF_CHECK(world->revoked_before(user) == v.at);
  refused(next_of(x, first.next_hash), outcome::not_pending); // The thief's or the owner's.
  CAF_CHECK_EQUAL(judge_one(next_of(other)), outcome::ok);
}

CAF_TEST(a family that has ended is not revoked again by the same theft) {
  const auto x = family();
  const auto first = next_of(x);
  judge({x});
  judge({first});
  world->age_rotation(x.family, 1min);
  const auto stolen = next_of(x);
  const auto v = judge({stolen}).front();
  world->wait_past(v.at + 2ms);
  const auto again = judge({stolen}).front(); // A lost batch that is sent again.
  CAF_CHECK_EQUAL(again.is, outcome::reused);
  CAF_CHECK(again.at == v.at);
  CAF_CHECK(world->revoked_before(user) == v.at);
}

CAF_TEST(D13 the predecessor gets a token of the same generation within the grace) {
  const auto x = family();
  judge({x});
  const auto first = next_of(x);
  const auto second = next_of(x);
  CAF_REQUIRE_EQUAL(judge_one(first), outcome::ok);
  CAF_REQUIRE_EQUAL(judge_one(second), outcome::ok);
  CAF_CHECK(generation(x) == 2);
  // Either may go on. Who is second after the grace is a thief, or was robbed.
  CAF_REQUIRE_EQUAL(judge_one(next_of(x, second.next_hash)), outcome::ok);
  world->age_rotation(x.family, 11s);
  CAF_CHECK_EQUAL(judge_one(next_of(x, first.next_hash)), outcome::reused);
  CAF_CHECK(ended(x));
}

CAF_TEST(D13 the grace is of the immediate predecessor only) {
  const auto x = family();
  judge({x});
  const auto first = next_of(x);
  judge({first});
  judge({next_of(x, first.next_hash)});
  CAF_CHECK_EQUAL(judge_one(next_of(x)), outcome::reused);
  CAF_CHECK(ended(x));
}

CAF_TEST(D13 both tabs in one batch are two tokens of one generation) {
  const auto x = family();
  judge({x});
  const auto first = next_of(x);
  const auto second = next_of(x);
  const auto v = judge({first, second});
  CAF_CHECK_EQUAL(v[0].is, outcome::ok);
  CAF_CHECK_EQUAL(v[1].is, outcome::ok);
  CAF_CHECK(generation(x) == 2);
  const auto w =
    judge({next_of(x, first.next_hash), next_of(x)}); // The current, and the one before.
  CAF_CHECK_EQUAL(w[0].is, outcome::ok);
  CAF_CHECK_EQUAL(w[1].is, outcome::ok);
  CAF_CHECK(generation(x) == 3);
  CAF_CHECK_EQUAL(judge_one(next_of(x, second.next_hash)), outcome::ok);
}

CAF_TEST(P4 a token that is not on record is refused and ends nothing) {
  const auto x = family();
  judge({x});
  refused(next_of(x, fresh_hash()), outcome::not_pending);
  auto foreign = next_of(x);
  foreign.user = fresh<user_id>();
  world->add_user(foreign.user);
  refused(foreign, outcome::not_pending);
  auto mixed = next_of(x);
  mixed.family = fresh<family_id>();
  refused(mixed, outcome::not_pending);
  CAF_CHECK(!ended(x));
}

CAF_TEST(a refresh after the end of the token or of its family is refused) {
  auto brief = family();
  brief.ttl_s = 1;
  auto old = family();
  old.life_s = 1;
  judge({brief, old});
  auto longer = next_of(old);
  longer.ttl_s = 3600;
  CAF_REQUIRE_EQUAL(judge_one(longer), outcome::ok);
  world->wait_past(world->now() + 1100ms);
  refused(next_of(brief), outcome::not_pending);
  refused(next_of(old, longer.next_hash), outcome::not_pending);
}

CAF_TEST(a rotation is fenced and its second run is the look_up) {
  const auto x = family();
  judge({x});
  const auto first = next_of(x);
  const auto late = next_of(x);
  judge({first});
  take_over(session_shard);
  refused(first, outcome::done);
  refused(late, outcome::fenced);
}

CAF_TEST(a token made in the batch of its revocation is revoked with it) {
  const auto x = family();
  judge({x});
  const auto next = next_of(x);
  const auto v = judge({ending(), next});
  CAF_CHECK_EQUAL(v[0].is, outcome::ok);
  CAF_CHECK_EQUAL(v[1].is, outcome::ok);
  CAF_CHECK(ended(x));
  for (const auto& y : world->families(user)) CAF_CHECK(y.revoked);
}

CAF_TEST(a change of the password keeps one family and happens once) {
  const auto mine = family();
  const auto other = family();
  judge({mine, other});
  world->set_password(user, "old");
  const auto before = world->credentials(user).number;
  auto change = ending();
  change.keep = mine.family;
  change.old_hash = "other";
  change.new_hash = "new";
  refused(change, outcome::moved);
  change.old_hash = "old";
  const auto v = judge({change}).front();
  CAF_REQUIRE_EQUAL(v.is, outcome::ok);
  CAF_CHECK(world->revoked_before(user) == v.at);
  CAF_CHECK(!ended(mine));
  CAF_CHECK(ended(other));
  CAF_CHECK(world->credentials(user).password_hash == "new");
  CAF_CHECK(world->credentials(user).number == before + 1);
  take_over(session_shard);
  const auto again = judge({change}).front();
  CAF_CHECK_EQUAL(again.is, outcome::done);
  CAF_CHECK(again.at == v.at);
  CAF_CHECK(world->credentials(user).number == before + 1);
}

CAF_TEST(one family ends alone and access tokens with it) {
  const auto mine = family();
  const auto other = family();
  judge({mine, other});
  auto end = ending();
  end.only = other.family;
  const auto v = judge({end}).front();
  CAF_REQUIRE_EQUAL(v.is, outcome::ok);
  CAF_CHECK(world->revoked_before(user) == v.at);
  CAF_CHECK(ended(other));
  CAF_CHECK(!ended(mine));
  refused(end, outcome::done);
  end.only = fresh<family_id>();
  refused(end, outcome::not_pending);
}

CAF_TEST(a closed account has no session and gets none) {
  const auto x = family();
  judge({x});
  auto end = ending();
  end.close = true;
  CAF_REQUIRE_EQUAL(judge_one(end), outcome::ok);
  CAF_CHECK(ended(x));
  CAF_CHECK(world->credentials(user).closed);
  refused(family(), outcome::not_pending);
  refused(end, outcome::done);
}

// -- batches --------------------------------------------------------------------------------------

CAF_TEST(verdicts stand in the order of the ops whatever their kinds) {
  const auto held = wish({of(seat())});
  CAF_REQUIRE_EQUAL(judge_one(held), outcome::ok);
  auto late = wish({of(seat())});
  late.deadline = world->now() - 1s;
  const auto x = seat();
  const auto v = judge({late, ending(), giving_back(held),
                        reread_items{{x}, world->now(), at(block_shard)}, family(), wish({of(x)})});
  CAF_CHECK_EQUAL(v[0].is, outcome::late);
  CAF_CHECK_EQUAL(v[1].is, outcome::ok);
  CAF_CHECK_EQUAL(v[2].is, outcome::ok);
  CAF_REQUIRE_EQUAL(v[3].rows.size(), 1u);
  CAF_CHECK_EQUAL(v[4].is, outcome::ok);
  CAF_CHECK_EQUAL(v[5].is, outcome::ok);
}

CAF_TEST(a create sees what a release of its batch gave back) {
  const auto x = seat();
  const auto held = wish({of(x)});
  CAF_REQUIRE_EQUAL(judge_one(held), outcome::ok);
  auto item = of(x);
  item.version = 9;
  item.fence = 42;
  const auto next = wish({item});
  const auto v = judge({next, giving_back(held)});
  CAF_CHECK_EQUAL(v[0].is, outcome::ok);
  CAF_CHECK_EQUAL(v[1].is, outcome::ok);
  CAF_CHECK(world->seat(x)->reservation == next.id);
}

CAF_TEST(the second run of a batch is the look_up) {
  const auto held = wish({of(seat())});
  CAF_REQUIRE_EQUAL(judge_one(held), outcome::ok);
  auto late = wish({of(seat())});
  late.deadline = world->now() - 1s;
  const auto order = wish({of(seat())});
  const auto token = family();
  const std::vector<op> ops = {order, giving_back(held), late, token};
  judge(ops);
  const auto before = world->counts();
  take_over(block_shard);
  take_over(session_shard);
  const auto v = judge(ops);
  CAF_CHECK_EQUAL(v[0].is, outcome::replayed);
  CAF_CHECK(v[0].replay_of == order.id);
  CAF_CHECK_EQUAL(v[1].is, outcome::done);
  CAF_CHECK_EQUAL(v[2].is, outcome::fenced);
  CAF_CHECK_EQUAL(v[3].is, outcome::done);
  CAF_CHECK(world->counts() == before);
}

CAF_TEST(H08 an op that violates a constraint tears the batch and leaves nothing) {
  const auto x = seat();
  const auto t = type(5);
  const auto held = wish({of(seat())});
  CAF_REQUIRE_EQUAL(judge_one(held), outcome::ok);
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
  CAF_CHECK_EQUAL(judge_one(wish({of(x)})), outcome::ok);
}

CAF_TEST_FIXTURE_SCOPE_END()
