#define CAF_SUITE gifts

#include <caf/test/dsl.hpp>

#include <optional>

#include "tests/integration/gift_contract.hpp"
#include "tests/simulation/database.hpp"
#include "tests/simulation/names.hpp"

using namespace tk;
using namespace tk::sim;

namespace {

/// The model of the roster, without faults.
struct modelled final : test::gift_world {
  agenda time{from_ms(1'000'000)};
  dice chance{1, "gifts"};
  database db{time, chance, fault_mix{}};
  life who{1, 1};

  modelled() {
    giver = id_of_node(1);
    taker = id_of_node(2);
    beat(1);
    beat(2);
    db.take(who, shard_count, [](std::optional<int32_t>) {});
    finish();
  }
  void beat(int32_t node) {
    db.beat({node, 1}, {}, [](std::optional<membership>) {});
    finish();
  }
  void finish() {
    while (time.next() != instant::max()) {
      time.move_to(time.next());
      time.take_due()();
    }
  }
  given give(const give_shard& what) override {
    given out;
    db.give(who, what, [&out](given x) { out = x; });
    finish();
    return out;
  }
  int64_t epoch_of(uint16_t shard) override { return db.model.rows.epochs.at(shard); }
  node_id owner_of(uint16_t shard) override {
    std::optional<membership> seen;
    db.beat(who, {}, [&seen](std::optional<membership> x) { seen = std::move(x); });
    finish();
    if (seen->epochs.at(shard) != 0) return giver;
    auto owner = seen->owners.at(shard);
    return owner < 0 ? node_id{} : seen->peers.at(static_cast<size_t>(owner)).node;
  }
  void let_taker_die() override {
    time.move_to(time.now() + millis{60'000});
    beat(1);
  }
};

} // namespace

CAF_TEST(the model of the roster gives as the roster does) {
  modelled world;
  test::check_gifts(world);
}
