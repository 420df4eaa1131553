// Heartbeats and takeovers, with lanes that are dead, stuck or busy (ledger.md section 8).
#define CAF_SUITE ledger_takeover

#include <caf/test/dsl.hpp>

#include <algorithm>
#include <atomic>
#include <optional>
#include <thread>
#include <vector>

#include "persistence/ledger/driver_pg.hpp"
#include "persistence/ledger/roster_pg.hpp"
#include "tests/integration/gift_contract.hpp"
#include "tests/integration/hall.hpp"

using namespace tk;
using namespace tk::test;

namespace {

/// Joins, and takes all that is free.
tl::expected<membership, roster_error> join_and_take(roster_pg& roster, node_id node) {
  if (auto own = roster.join(node); !own) return own;
  if (auto count = roster.take(); !count) return tl::unexpected(count.error());
  return roster.read();
}

/// The real roster.
struct two_nodes final : gift_world {
  hall h;
  roster_pg first_node{{h.home.conninfo("tiketi_ledger")}};
  roster_pg second_node{{h.home.conninfo("tiketi_ledger")}};

  two_nodes() {
    giver = make_id<node_id>(h.source);
    taker = make_id<node_id>(h.source);
    CAF_REQUIRE(join_and_take(first_node, giver).has_value());
    CAF_REQUIRE(second_node.join(taker).has_value());
  }
  given give(const give_shard& what) override { return first_node.give(what); }
  int64_t epoch_of(uint16_t shard) override { return h.epoch_of(shard); }
  node_id owner_of(uint16_t shard) override {
    pg::params p;
    p.add_int4(shard);
    return must(h.db, "SELECT node FROM shard_owners WHERE shard = $1", p).uuid<node_id>(0, 0);
  }
  void let_taker_die() override { h.age(taker); }
};

} // namespace

CAF_TEST(a shard is given to a node that lives and to no other) {
  two_nodes world;
  check_gifts(world);
}

CAF_TEST(no shard is given to a node that is being drained) {
  two_nodes world;
  CAF_REQUIRE(world.second_node.beat(true).has_value());
  CAF_CHECK(world.second_node.beat()->draining); // It stays so.
  auto epoch = world.epoch_of(5);
  CAF_CHECK(world.give({5, epoch, world.taker}).is == given::end::kept);
  CAF_REQUIRE(world.second_node.leave().has_value());
  CAF_CHECK(!world.second_node.join(world.taker)->draining); // But not into its next life.
}

CAF_TEST(an op of before a gift has committed or never will) {
  two_nodes world;
  auto& h = world.h;
  auto config = plain_driver(h.home);
  ledger_driver_pg lane{config};
  auto epoch = world.epoch_of(5);
  CAF_CHECK_EQUAL(first(lane.execute({{h.reserve(0, epoch)}})), "ok");
  CAF_CHECK(world.give({5, epoch, world.taker}).is == given::end::gone);
  CAF_CHECK_EQUAL(first(lane.execute({{h.reserve(1, epoch)}})), "fenced");
  CAF_CHECK_EQUAL(first(lane.execute({{h.reserve(1, epoch + 1)}})), "ok");
}

CAF_TEST(a shard whose lock is not to be had is kept) {
  two_nodes world;
  auto epoch = world.epoch_of(5);
  auto busy = world.h.home.connect("tiketi_ledger");
  must(busy, "BEGIN");
  must(busy, "SELECT pg_advisory_xact_lock_shared(7430, 5)");
  CAF_CHECK(world.give({5, epoch, world.taker}).is == given::end::kept);
  CAF_CHECK(world.give({5, epoch, {}}).is == given::end::unknown); // Nobody could look.
  must(busy, "COMMIT");
  CAF_CHECK_EQUAL(world.epoch_of(5), epoch);
  CAF_CHECK(world.give({5, epoch, world.taker}).is == given::end::gone);
}

CAF_TEST(a restarted node ends what is left of it and is a new incarnation) {
  hall h;
  auto node = make_id<node_id>(h.source);
  roster_pg old{{h.home.conninfo("tiketi_ledger")}};
  auto first_life = join_and_take(old, node);
  CAF_REQUIRE(first_life.has_value());
  CAF_CHECK_EQUAL(first_life->owned(), 128);
  auto config = plain_driver(h.home);
  config.node = node;
  config.incarnation = first_life->incarnation;
  config.slot = 2;
  ledger_driver_pg lane{config};
  CAF_CHECK_EQUAL(first(lane.execute({{h.reserve(0, first_life->epochs[5])}})), "ok");
  auto pid = lane.backend_pid();

  h.age(node);
  roster_pg fresh{{h.home.conninfo("tiketi_ledger")}};
  auto second_life = fresh.join(node);
  CAF_REQUIRE(second_life.has_value());
  auto step = second_life->incarnation - first_life->incarnation;
  CAF_CHECK_EQUAL(step, 1);
  CAF_CHECK_EQUAL(second_life->owned(), 128);
  CAF_CHECK(second_life->epochs[5] == first_life->epochs[5] + 1);
  CAF_CHECK(!h.lives(pid));
  auto displaced = old.beat();
  CAF_CHECK(!displaced && displaced.error() == roster_error::displaced);
  // The old lane can neither register again nor write.
  batch b{{h.reserve(1, first_life->epochs[5])}};
  CAF_CHECK_EQUAL(status(lane.execute(b)), "lost");
  CAF_CHECK_EQUAL(status(lane.execute(b)), "not_connected");
  CAF_CHECK(fresh.beat().has_value());
}

CAF_TEST(a name is not taken from a node that lives) {
  hall h;
  auto node = make_id<node_id>(h.source);
  roster_pg old{{h.home.conninfo("tiketi_ledger")}};
  auto life = join_and_take(old, node);
  CAF_REQUIRE(life.has_value());
  roster_pg fresh{{h.home.conninfo("tiketi_ledger")}};
  auto refused = fresh.join(node); // No lane has connected: its roster's connection is enough.
  CAF_CHECK(!refused && refused.error() == roster_error::namesake_seen);
  refused = fresh.join(node);
  CAF_CHECK(!refused && refused.error() == roster_error::namesake_seen);
  CAF_CHECK(old.beat().has_value());
  refused = fresh.join(node);
  CAF_CHECK(!refused && refused.error() == roster_error::namesake_lives);
  auto undisturbed = old.beat();
  CAF_REQUIRE(undisturbed.has_value());
  CAF_CHECK(undisturbed->epochs == life->epochs);
  CAF_REQUIRE(old.leave().has_value());
  CAF_CHECK(fresh.join(node).has_value()); // It ended in order.
}

CAF_TEST(the name of a node that was killed is free when its backends are gone) {
  hall h;
  auto node = make_id<node_id>(h.source);
  std::optional<roster_pg> old{roster_config{h.home.conninfo("tiketi_ledger")}};
  auto life = join_and_take(*old, node);
  CAF_REQUIRE(life.has_value());
  auto config = plain_driver(h.home);
  config.node = node;
  config.incarnation = life->incarnation;
  std::optional<ledger_driver_pg> lane{config};
  CAF_CHECK_EQUAL(first(lane->execute({{h.reserve(0, life->epochs[5])}})), "ok");
  // Seen so lately that only the missing backends can tell.
  pg::params p;
  p.add_id(node);
  must(h.db, "UPDATE nodes SET seen_at = clock_timestamp() + interval '1 day' WHERE node = $1", p);
  roster_pg fresh{{h.home.conninfo("tiketi_ledger")}};
  auto join = [&] { // A closed connection's backend ends a moment later.
    auto x = fresh.join(node);
    for (int i = 0; i < 100 && !x && x.error() == roster_error::namesake_seen; ++i) {
      std::this_thread::sleep_for(millis{10});
      x = fresh.join(node);
    }
    return x;
  };
  old.reset();
  auto refused = join();
  CAF_CHECK(!refused && refused.error() == roster_error::namesake_seen); // A lane is left.
  lane.reset();
  auto second_life = join();
  CAF_REQUIRE(second_life.has_value());
  CAF_CHECK_EQUAL(second_life->owned(), 128);
  CAF_CHECK(second_life->epochs[5] == life->epochs[5] + 1);
  CAF_CHECK(fresh.beat().has_value());
}

CAF_TEST(shards are taken from the dead only) {
  hall h;
  auto a = make_id<node_id>(h.source), b = make_id<node_id>(h.source);
  roster_pg first_node{{h.home.conninfo("tiketi_ledger")}};
  roster_pg second_node{{h.home.conninfo("tiketi_ledger")}};
  CAF_REQUIRE(join_and_take(first_node, a).has_value());
  auto empty = second_node.join(b);
  CAF_REQUIRE(empty.has_value());
  CAF_CHECK_EQUAL(empty->owned(), 0);
  // Both know both, and tell themselves apart.
  CAF_CHECK_EQUAL(empty->lives.size(), 2u);
  CAF_CHECK(empty->lives == first_node.beat()->lives);
  CAF_CHECK_EQUAL(std::ranges::count(empty->lives, empty->life), 1);
  CAF_CHECK(empty->life > 0 && empty->life != first_node.beat()->life);
  CAF_CHECK(!second_node.take_one(5).value());
  auto epoch = h.epoch_of(5);
  h.age(a);
  auto left = second_node.read();
  CAF_REQUIRE(left.has_value());
  CAF_CHECK(left->free == 128);
  CAF_CHECK(second_node.take(40).value_or(0) == 40);
  CAF_CHECK(second_node.take().value_or(0) == 88);
  auto all = second_node.read();
  CAF_REQUIRE(all.has_value());
  CAF_CHECK(all->free == 0);
  CAF_CHECK_EQUAL(all->owned(), 128);
  CAF_CHECK(all->epochs[5] == epoch + 1);
  CAF_CHECK(all->lives == std::vector{all->life}); // The dead is not on it.
  auto robbed = first_node.beat();
  if (!robbed) robbed = first_node.beat(); // Its connection was ended with those of its lanes.
  CAF_REQUIRE(robbed.has_value());
  CAF_CHECK_EQUAL(robbed->owned(), 0);
  // Nothing to take: no epoch moves.
  CAF_CHECK(second_node.take().value_or(-1) == 0);
  CAF_CHECK(second_node.read()->epochs == all->epochs);
}

CAF_TEST(the roster says who else is there and what is whose) {
  hall h;
  auto a = make_id<node_id>(h.source), b = make_id<node_id>(h.source);
  roster_pg first_node{{h.home.conninfo("tiketi_ledger")}};
  roster_pg second_node{{h.home.conninfo("tiketi_ledger")}};
  CAF_REQUIRE(first_node.join(a, {"10.0.0.1:3301", "1.0"}).has_value());
  CAF_REQUIRE(first_node.take(100).value_or(0) == 100);
  auto seen = second_node.join(b, {"10.0.0.2:3301", "1.1"});
  CAF_REQUIRE(seen.has_value() && seen->peers.size() == 1);
  auto& peer = seen->peers[0];
  CAF_CHECK(peer.node == a && peer.incarnation == 1 && peer.lives && !peer.draining);
  CAF_CHECK(peer.facts.address == "10.0.0.1:3301" && peer.facts.release == "1.0");
  CAF_CHECK(seen->free == 28);
  CAF_CHECK_EQUAL(std::ranges::count(seen->owners, 0), 100);
  CAF_CHECK_EQUAL(std::ranges::count(seen->owners, membership::nobody), 28);
  CAF_CHECK(second_node.take().value_or(0) == 28);
  auto own = first_node.beat();
  CAF_REQUIRE(own.has_value());
  CAF_CHECK_EQUAL(own->owned(), 100);
  CAF_CHECK(own->free == 0);
  CAF_CHECK_EQUAL(std::ranges::count(own->owners, 0), 28);
  h.age(a); // Still on the list, because shards are its, but dead.
  auto later = second_node.beat();
  CAF_REQUIRE(later.has_value() && later->peers.size() == 1);
  CAF_CHECK(!later->peers[0].lives);
  CAF_CHECK(later->free == 100);
}

CAF_TEST(who cannot be reached and has no backend is dead at once) {
  hall h;
  auto a = make_id<node_id>(h.source), b = make_id<node_id>(h.source);
  auto dying = std::make_optional<roster_pg>(roster_config{h.home.conninfo("tiketi_ledger")});
  CAF_REQUIRE(join_and_take(*dying, a).has_value());
  roster_pg other{{h.home.conninfo("tiketi_ledger")}};
  CAF_REQUIRE(other.join(b).has_value());
  auto slow = other.beat(false, {}, {a}); // Only its link is broken.
  CAF_REQUIRE(slow.has_value());
  CAF_CHECK(slow->peers.at(0).lives && slow->free == 0);
  dying.reset();                             // Its process ends, and the server hears of it.
  auto gone = other.beat(false, {}, {a, b}); // Never oneself.
  for (int i = 0; i < 1000 && gone && gone->free == 0; ++i) gone = other.beat(false, {}, {a, b});
  CAF_REQUIRE(gone.has_value());
  CAF_CHECK(!gone->peers.at(0).lives);
  CAF_CHECK_EQUAL(gone->lives.size(), 1u);
  CAF_CHECK(gone->free == 128);
  CAF_CHECK(other.take().value_or(0) == 128);
}

CAF_TEST(who was taken for dead and beats again lives) {
  hall h;
  auto a = make_id<node_id>(h.source), b = make_id<node_id>(h.source);
  auto cut_off = std::make_optional<roster_pg>(roster_config{h.home.conninfo("tiketi_ledger")});
  auto life = join_and_take(*cut_off, a);
  CAF_REQUIRE(life.has_value());
  roster_pg other{{h.home.conninfo("tiketi_ledger")}};
  CAF_REQUIRE(other.join(b).has_value());
  cut_off.reset();
  auto gone = other.beat(false, {}, {a});
  for (int i = 0; i < 1000 && gone && gone->free == 0; ++i) gone = other.beat(false, {}, {a});
  CAF_REQUIRE(gone.has_value() && gone->free == 128);
  roster_pg back{{h.home.conninfo("tiketi_ledger")}};
  back.act_as(a, life->incarnation);
  CAF_REQUIRE(back.beat().has_value());
  CAF_CHECK(other.take().value_or(-1) == 0); // Judged again where it is decided.
  CAF_CHECK_EQUAL(back.read()->owned(), 128);
}

CAF_TEST(a node that counts shards otherwise is refused) {
  hall h;
  auto wrong =
    h.db.query("INSERT INTO nodes (node, shards) VALUES (gen_random_uuid(), 64)", {}, millis{5000});
  CAF_CHECK(!wrong.ok());
}

CAF_TEST(H36 half a batch without a Sync does not stop a takeover) {
  hall h;
  auto a = make_id<node_id>(h.source), b = make_id<node_id>(h.source);
  roster_pg dead{{h.home.conninfo("tiketi_ledger")}};
  auto life = join_and_take(dead, a);
  CAF_REQUIRE(life.has_value());
  auto lane = h.home.connect("tiketi_ledger");
  for (auto& x : sql::prepared({})) CAF_REQUIRE(lane.prepare(x.name, x.text.c_str()).ok());
  pg::params self;
  self.add_id(a);
  must(lane,
       "UPDATE nodes SET backend_pids[1] = pg_backend_pid(), backend_starts[1] = (SELECT "
       "backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()) WHERE node = $1",
       self);
  pg::array shards{pg::oid::int4};
  shards.push_int(5);
  pg::params fence;
  fence.add(shards);
  pg::time_limit soon{millis{2000}};
  bool synced = false;
  CAF_REQUIRE(lane.enter_pipeline() && lane.push("begin", {}) && lane.push("fence", fence));
  CAF_REQUIRE(lane.push_flush_request() && lane.flush(soon));
  CAF_REQUIRE(lane.next(soon, synced).ok() && lane.next(soon, synced).ok());

  h.age(a);
  roster_pg taker{{h.home.conninfo("tiketi_ledger")}};
  auto taken = join_and_take(taker, b);
  CAF_REQUIRE(taken.has_value());
  CAF_CHECK_EQUAL(taken->owned(), 128);
  // The rest of the batch finds its connection gone.
  lane.push("commit", {});
  lane.push_sync();
  lane.flush(soon);
  CAF_CHECK(!lane.next(soon, synced).ok());
}

CAF_TEST(H37 a pid with another start is left alone) {
  hall h;
  auto a = make_id<node_id>(h.source), b = make_id<node_id>(h.source);
  roster_pg dead{{h.home.conninfo("tiketi_ledger")}};
  CAF_REQUIRE(join_and_take(dead, a).has_value());
  ledger_driver_pg healthy{plain_driver(h.home)};
  healthy.execute({});
  auto pid = healthy.backend_pid();
  pg::params p;
  p.add_id(a).add_int4(pid);
  must(h.db,
       "UPDATE nodes SET backend_pids[1] = $2, backend_starts[1] = now() - interval '1 day' "
       "WHERE node = $1",
       p);
  h.age(a);
  roster_pg taker{{h.home.conninfo("tiketi_ledger")}};
  CAF_REQUIRE(join_and_take(taker, b).has_value());
  CAF_CHECK(h.lives(pid));
  CAF_CHECK_EQUAL(status(healthy.execute({})), "committed");
}

CAF_TEST(H03 twenty takeovers under six busy lanes leave no MultiXact) {
  hall h{600};
  auto ghost = make_id<node_id>(h.source);
  roster_pg taker{{h.home.conninfo("tiketi_ledger")}};
  CAF_REQUIRE(taker.join(make_id<node_id>(h.source)).has_value());
  auto multixact = [&] {
    must(h.db, "CHECKPOINT");
    return text(h.db, "SELECT next_multixact_id::text FROM pg_control_checkpoint()");
  };
  auto before = multixact();
  std::atomic<bool> stop = false;
  std::atomic<int> committed = 0, failed = 0;
  std::vector<std::thread> lanes;
  for (size_t n = 0; n < 6; ++n) {
    lanes.emplace_back([&, n] {
      ledger_driver_pg driver{plain_driver(h.home)};
      for (size_t i = 0; !stop; ++i) {
        batch b;
        // All lanes on the same shard: overlapping sharers without a gap.
        for (size_t k = 0; k < 10; ++k) b.ops.push_back(h.reserve(n * 100 + (i * 10 + k) % 100, 2));
        // Waiting too long behind a takeover is allowed; anything else is not.
        auto is = driver.execute(b).is;
        committed += is == batch_status::committed ? 1 : 0;
        failed += is == batch_status::committed || is == batch_status::contended ? 0 : 1;
      }
    });
  }
  int taken = 0;
  for (int i = 0; i < 20; ++i) {
    pg::params p;
    p.add_id(ghost);
    must(h.db, "UPDATE shard_owners SET node = $1 WHERE shard = 5", p);
    auto one = taker.take_one(5);
    taken += one && *one ? 1 : 0;
    std::this_thread::sleep_for(millis{20});
  }
  stop = true;
  for (auto& x : lanes) x.join();
  CAF_CHECK_EQUAL(taken, 20);
  CAF_CHECK(committed > 20);
  CAF_CHECK_EQUAL(failed.load(), 0);
  CAF_CHECK_EQUAL(multixact(), before);
}
