// What operators wish of who owns which shards, as it is put on record, and as nodes read it.
#define CAF_SUITE placement

#include <caf/test/dsl.hpp>

#include <algorithm>
#include <memory>
#include <set>
#include <thread>
#include <vector>

#include "persistence/ledger/roster_pg.hpp"
#include "persistence/placement/actor.hpp"
#include "tests/integration/hall.hpp"
#include "tests/integration/store_world.hpp"

using namespace tk;
using namespace tk::test;

namespace {

/// Three nodes, of which the first has joined first and owns every shard.
struct shop {
  hall h;
  std::vector<std::unique_ptr<roster_pg>> rosters;
  std::vector<node_id> nodes;
  std::set<size_t> dead;
  wish_author bob{make_id<user_id>(h.source), "bob"};
  pg::connection store = prepared(h.home, "tiketi_store", placement_statements(), "");

  explicit shop(int count = 3) {
    for (int i = 0; i < count; ++i) {
      nodes.push_back(make_id<node_id>(h.source));
      rosters.push_back(
        std::make_unique<roster_pg>(roster_config{h.home.conninfo("tiketi_ledger")}));
      CAF_REQUIRE(rosters.back()->join(nodes.back(), {"host:1", "1"}).has_value());
      if (i == 0) CAF_REQUIRE(rosters.back()->take().has_value());
    }
  }
  wish_id fresh() { return make_id<wish_id>(h.source); }
  /// However slow the machine is, who lives is seen to live.
  void beat() {
    for (size_t i = 0; i < nodes.size(); ++i)
      if (!dead.contains(i)) rosters[i]->beat();
  }
  void die(size_t node) {
    dead.insert(node);
    h.age(nodes[node]);
  }
  wish_end put(const placement_wish& x) {
    beat();
    auto out = put_wish(store, {x, bob});
    if (!out) CAF_FAIL(out.error().text);
    return out->is;
  }
  wish_end drain(size_t node) {
    return put({fresh(), wish_kind::drain, nodes[node], 0, {}, "why"});
  }
  wish_end move(uint16_t shard, size_t node) {
    return put({fresh(), wish_kind::move, nodes[node], shard, "event:1", ""});
  }
  wish_end rebalance() { return put({fresh(), wish_kind::rebalance, {}, 0, {}, ""}); }
  wish_end undrain(node_id node) {
    auto out = drop_wish(store, {wish_kind::drain, node, 0, bob});
    CAF_REQUIRE(out.has_value());
    return out->is;
  }
  wish_end free(uint16_t shard) {
    auto out = drop_wish(store, {wish_kind::move, {}, shard, bob});
    CAF_REQUIRE(out.has_value());
    return out->is;
  }
  membership seen_by(size_t node) {
    auto out = rosters[node]->beat();
    CAF_REQUIRE(out.has_value());
    return *out;
  }
  int64_t open() {
    return number(h.db, "SELECT count(*) FROM placement_wishes WHERE ended_at IS NULL");
  }
};

bool draining(const membership& of, node_id node) {
  auto x = std::ranges::find(of.peers, node, &roster_peer::node);
  return x != of.peers.end() && x->draining;
}

} // namespace

CAF_TEST(a drain is read by every node and outlives the next life of its own) {
  shop x;
  CAF_CHECK(x.drain(1) == wish_end::done);
  CAF_CHECK(draining(x.seen_by(0), x.nodes[1]));
  CAF_CHECK(!draining(x.seen_by(0), x.nodes[2]));
  CAF_CHECK(x.seen_by(1).draining);
  auto epoch = x.h.epoch_of(5);
  x.beat();
  CAF_CHECK(x.rosters[0]->give({5, epoch, x.nodes[1]}).is == given::end::kept);
  CAF_REQUIRE(x.rosters[1]->leave().has_value());
  roster_pg again{{x.h.home.conninfo("tiketi_ledger")}};
  auto next = again.join(x.nodes[1], {"host:1", "2"});
  CAF_REQUIRE(next.has_value());
  CAF_CHECK(next->draining);
  CAF_CHECK(x.undrain(x.nodes[1]) == wish_end::done);
  CAF_CHECK(!again.beat()->draining);
  CAF_CHECK(x.rosters[0]->give({5, epoch, x.nodes[1]}).is == given::end::gone);
}

CAF_TEST(to say it again changes nothing) {
  shop x;
  const placement_wish once{x.fresh(), wish_kind::drain, x.nodes[1], 0, {}, ""};
  CAF_CHECK(x.put(once) == wish_end::done);
  CAF_CHECK(x.put(once) == wish_end::nothing);
  CAF_CHECK(x.drain(1) == wish_end::nothing);
  CAF_CHECK_EQUAL(x.open(), 1);
  CAF_CHECK(x.undrain(x.nodes[1]) == wish_end::done);
  CAF_CHECK(x.undrain(x.nodes[1]) == wish_end::nothing);
  CAF_CHECK(x.put(once) == wish_end::taken_back); // A late repetition.
  CAF_CHECK_EQUAL(x.open(), 0);
  CAF_CHECK(x.drain(1) == wish_end::done); // Another operation is another wish.
}

CAF_TEST(an operation that was something else is refused) {
  shop x;
  const auto id = x.fresh();
  CAF_CHECK(x.put({id, wish_kind::drain, x.nodes[1], 0, {}, ""}) == wish_end::done);
  CAF_CHECK(x.put({id, wish_kind::drain, x.nodes[2], 0, {}, ""}) == wish_end::other);
  CAF_CHECK(x.put({id, wish_kind::move, x.nodes[2], 5, "event:1", ""}) == wish_end::other);
  CAF_CHECK(x.put({id, wish_kind::rebalance, {}, 0, {}, ""}) == wish_end::other);
  CAF_CHECK_EQUAL(x.open(), 1);
}

CAF_TEST(what is taken back late does not undo what was said since) {
  shop x;
  auto take_back = [&x](std::optional<instant> seen) {
    auto out = drop_wish(x.store, {wish_kind::drain, x.nodes[1], 0, x.bob, seen});
    if (!out) CAF_FAIL(out.error().text);
    return out->is;
  };
  auto now = [&x] { return x.store.query("SELECT clock_timestamp()").time(0, 0); };
  CAF_CHECK(x.drain(1) == wish_end::done);
  auto seen = now();
  CAF_CHECK(take_back(seen) == wish_end::done);
  std::this_thread::sleep_for(millis{5}); // Times of the wire are whole milliseconds.
  CAF_CHECK(x.drain(1) == wish_end::done);
  CAF_CHECK(take_back(seen) == wish_end::unseen);
  CAF_CHECK_EQUAL(x.open(), 1);
  CAF_CHECK(take_back(now()) == wish_end::done);
  CAF_CHECK(take_back(now()) == wish_end::nothing);
}

CAF_TEST(the last node that takes shards is not drained) {
  shop x;
  CAF_CHECK(x.drain(0) == wish_end::done);
  CAF_CHECK(x.drain(1) == wish_end::done);
  CAF_CHECK(x.drain(2) == wish_end::last_node);
  CAF_CHECK(x.undrain(x.nodes[0]) == wish_end::done);
  x.die(0); // It is there no more.
  CAF_CHECK(x.drain(2) == wish_end::last_node);
  shop alone{1};
  CAF_CHECK(alone.drain(0) == wish_end::last_node);
  CAF_CHECK(alone.rebalance() == wish_end::nothing);
}

CAF_TEST(of two drains at once of the last two nodes one is refused) {
  for (int round = 0; round < 10; ++round) {
    shop x{2};
    auto other = prepared(x.h.home, "tiketi_store", placement_statements(), "");
    auto second = set_wish{{x.fresh(), wish_kind::drain, x.nodes[1], 0, {}, ""}, x.bob};
    auto theirs = wish_end::done;
    x.beat();
    std::thread there{[&] { theirs = put_wish(other, second)->is; }};
    auto ours = x.drain(0);
    there.join();
    CAF_CHECK((ours == wish_end::last_node) != (theirs == wish_end::last_node));
    CAF_CHECK_EQUAL(x.open(), 1);
  }
}

CAF_TEST(of nodes that are unknown or dead it is said so) {
  shop x;
  const node_id stranger{9, 9};
  CAF_CHECK(x.put({x.fresh(), wish_kind::drain, stranger, 0, {}, ""}) == wish_end::node_unknown);
  CAF_CHECK(x.put({x.fresh(), wish_kind::move, stranger, 5, {}, ""}) == wish_end::node_unknown);
  CAF_CHECK(x.undrain(stranger) == wish_end::node_unknown);
  x.die(2);
  CAF_CHECK(x.move(5, 2) == wish_end::node_dead);
  CAF_CHECK(x.drain(2) == wish_end::done); // So that it takes none when it comes back.
  CAF_REQUIRE(x.drain(1) == wish_end::done);
  CAF_CHECK(x.move(5, 1) == wish_end::node_drained);
}

CAF_TEST(a move is read by every node until another one or none is wished) {
  shop x;
  CAF_CHECK(x.move(5, 1) == wish_end::done);
  CAF_CHECK(x.move(5, 1) == wish_end::nothing);
  const std::vector<wanted_move> first{{5, x.nodes[1]}}, second{{5, x.nodes[2]}};
  CAF_CHECK(x.seen_by(0).wanted == first && x.seen_by(1).wanted == first);
  const placement_wish late{x.fresh(), wish_kind::move, x.nodes[1], 5, {}, ""};
  CAF_CHECK(x.move(5, 2) == wish_end::done);
  CAF_CHECK(x.seen_by(0).wanted == second);
  CAF_CHECK_EQUAL(x.open(), 1);
  CAF_CHECK(x.put(late) == wish_end::done);
  CAF_CHECK(x.move(5, 2) == wish_end::done);
  CAF_CHECK(x.put(late) == wish_end::taken_back); // It does not end what was wished since.
  CAF_CHECK(x.seen_by(0).wanted == second);
  CAF_CHECK(x.free(5) == wish_end::done);
  CAF_CHECK(x.free(5) == wish_end::nothing);
  CAF_CHECK(x.seen_by(0).wanted.empty());
}

CAF_TEST(a rebalance is a wish until a node has seen that it came true) {
  shop x;
  CAF_CHECK(x.rebalance() == wish_end::done);
  CAF_CHECK(x.rebalance() == wish_end::nothing);
  auto wish = x.seen_by(1).even_wish;
  CAF_CHECK(!wish.nil());
  CAF_CHECK(x.rosters[2]->beat(false, wish)->even_wish.nil());
  CAF_CHECK(x.seen_by(0).even_wish.nil());
  CAF_CHECK(x.rosters[2]->beat(false, wish).has_value()); // Who is late says it again.
  CAF_CHECK(x.rebalance() == wish_end::done);
  CAF_CHECK(x.rosters[2]->beat(false, wish).has_value());
  CAF_CHECK(!x.seen_by(0).even_wish.nil()); // It is another one.
}

CAF_TEST(who wished what and who took it back stays on record) {
  shop x;
  CAF_REQUIRE(x.drain(1) == wish_end::done);
  x.bob.name = "ann";
  CAF_REQUIRE(x.undrain(x.nodes[1]) == wish_end::done);
  CAF_CHECK_EQUAL(text(x.h.db, "SELECT what || ' by ' || set_by_name || ' for ' || reason || "
                               "', ended by ' || ended_by_name FROM placement_wishes"),
                  "drain by bob for why, ended by ann");
}
