#pragma once

#include <caf/test/dsl.hpp>

#include "persistence/ledger/roster_port.hpp"

/// What a roster promises about shards that are given to another node. The real one and the
/// simulation's model pass the same cases.
namespace tk::test {

/// Two nodes, of which the first owns every shard.
struct gift_world {
  node_id giver, taker;
  virtual ~gift_world() = default;
  /// By `giver`.
  virtual given give(const give_shard& what) = 0;
  virtual int64_t epoch_of(uint16_t shard) = 0;
  virtual node_id owner_of(uint16_t shard) = 0;
  /// The taker has not been seen for too long.
  virtual void let_taker_die() = 0;
};

inline void check_gifts(gift_world& world) {
  using end = given::end;
  auto first = world.epoch_of(5);
  auto x = world.give({5, first, world.taker});
  CAF_CHECK(x.is == end::gone && x.owner == world.taker);
  CAF_CHECK_EQUAL(x.epoch, first + 1);
  CAF_CHECK(world.owner_of(5) == world.taker);
  CAF_CHECK_EQUAL(world.epoch_of(5), first + 1);
  // A repetition, a look, and a gift of what was another's all the time: nothing happens.
  for (auto& to : {world.taker, node_id{}, world.giver}) {
    auto again = world.give({5, first, to});
    CAF_CHECK(again.is == end::gone && again.owner == world.taker);
    CAF_CHECK_EQUAL(world.epoch_of(5), first + 1);
  }
  // It is looked at without being given.
  auto other = world.epoch_of(6);
  CAF_CHECK(world.give({6, other, {}}).is == end::kept);
  CAF_CHECK_EQUAL(world.epoch_of(6), other);
  // In another epoch somebody had it in between.
  CAF_CHECK(world.give({6, other - 1, world.taker}).is == end::gone);
  CAF_CHECK(world.owner_of(6) == world.giver);
  // To nobody, and to the dead.
  CAF_CHECK(world.give({6, other, node_id{9, 9}}).is == end::kept);
  world.let_taker_die();
  CAF_CHECK(world.give({6, other, world.taker}).is == end::kept);
  CAF_CHECK_EQUAL(world.epoch_of(6), other);
  CAF_CHECK(world.owner_of(6) == world.giver);
}

} // namespace tk::test
