#define CAF_SUITE ledger_queue_ops

#include "persistence/ledger/queue_ops.hpp"

#include <vector>

#include <caf/test/unit_test.hpp>

#include "persistence/ledger/core.hpp"

using namespace tk;

namespace {

constexpr auto now = from_ms(1'774'000'000'000);

op_ptr turn_of(uint64_t room, size_t joins = 0) {
  room_turn x;
  x.event = {1, room};
  x.room = {30, 1};
  x.joins.resize(joins);
  return std::make_shared<const op>(std::move(x));
}

} // namespace

CAF_TEST(a turn counts all that it brings) {
  room_turn x;
  CAF_CHECK_EQUAL(items_of(op{x}), 1u); // Nothing but its number.
  x.room = {30, 1};
  x.joins.resize(10'000);
  x.leavers.resize(20);
  x.admissions.resize(300);
  x.ends.resize(4);
  CAF_CHECK_EQUAL(items_of(op{x}), 10'325u);
  CAF_CHECK(bytes_of(op{x}) > bytes_of(op{room_turn{}}) + 200'000);
  std::vector<uint16_t> shards;
  shards_of(op{x}, shards);
  CAF_CHECK(shards == std::vector<uint16_t>{30});
}

CAF_TEST(a turn of a gate is small and goes with those of the rooms) {
  gate_turn x;
  x.gate = {31, 1};
  x.state.holes.resize(64);
  CAF_CHECK_EQUAL(items_of(op{x}), 1u);
  CAF_CHECK(lane_of(op{x}) == lane_id::queue);
  CAF_CHECK(bytes_of(op{x}) == bytes_of(op{gate_turn{}}) + 64 * sizeof(gate_hole));
  std::vector<uint16_t> shards;
  shards_of(op{x}, shards);
  CAF_CHECK(shards == std::vector<uint16_t>{31});
}

CAF_TEST(a turn larger than a batch is a batch of its own) {
  ledger_core core{{}};
  ledger_effects fx;
  const std::vector<op_ptr> ops = {turn_of(1), turn_of(2), turn_of(3, 10'000), turn_of(4)};
  for (asker_no i = 0; i < ops.size(); ++i) core.admit(i, {ops[i], now}, now, fx);
  CAF_CHECK(fx.deliveries.empty()); // Nobody is refused.
  std::vector<size_t> sizes;
  for (size_t n = 0; n < fx.sends.size(); ++n) {
    const auto sent = fx.sends[n];
    CAF_CHECK(sent.lane == lane_id::queue);
    sizes.push_back(sent.what->ops.size());
    batch_result done;
    done.is = batch_status::committed;
    done.verdicts.resize(sent.what->ops.size());
    core.executed(sent.lane, sent.ticket, done, now, fx);
  }
  CAF_CHECK(sizes == (std::vector<size_t>{1, 1, 1, 1}));
  CAF_CHECK_EQUAL(fx.deliveries.size(), ops.size());
}
