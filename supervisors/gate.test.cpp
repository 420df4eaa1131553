#define CAF_SUITE gate

// A gate on a node: real region, gate and ledger actor over the ledger's model, whose batches can
// be lost, and an owner that can be replaced.

#include "actors/gate/core.hpp"
#include "actors/gate/port.hpp"
#include "tests/support/model_rig.hpp"

using namespace tk;
using namespace tk::rig;

namespace {

const event_id event = event_no(1);

struct entrance : model_rig {
  auto assign() { return request<gate_actor>(gate_key(event), assign_position{}); }
  auto word(gate_verb verb, int32_t batch = 0) {
    return request<gate_actor>(gate_key(event), steer_gate{verb, batch});
  }
  int64_t position() {
    auto x = told(assign());
    CAF_REQUIRE(x.is == ec::ok);
    return x.position;
  }
  void crowd(int n) {
    for (int i = 0; i < n; ++i) position();
  }
  [[nodiscard]] const gate_state& kept() const { return model.rows.gates.at(event).state; }
  [[nodiscard]] gate_state board() const {
    auto x = boards.find_gate(event);
    CAF_REQUIRE(x);
    return x->state;
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(gate_tests, entrance)

CAF_TEST(positions are told and the board tells who is let through) {
  CAF_CHECK(told(assign()).is == ec::gate_closed);
  CAF_CHECK(told(word(gate_verb::open)).changed);
  CAF_CHECK(board().active); // Whoever heard of it finds it so.
  CAF_CHECK_EQUAL(position(), 1);
  CAF_CHECK_EQUAL(position(), 2);
  wait(millis{200});
  CAF_CHECK_EQUAL(board().told, 2);
  CAF_CHECK_EQUAL(node.probe.gate_positions, 2u);
  wait(millis{10'000});
  CAF_CHECK_EQUAL(board().serving, 500);
  CAF_CHECK_EQUAL(kept().serving, 500);
  CAF_CHECK_EQUAL(kept().told, 2);
  CAF_CHECK(told(word(gate_verb::close)).changed);
  CAF_CHECK(!board().active);
  CAF_CHECK(told(assign()).is == ec::gate_closed);
}

CAF_TEST(an event that is not known has no gate) {
  auto x = request<gate_actor>(gate_key(event_no(9)), assign_position{});
  CAF_REQUIRE(x->came());
  CAF_CHECK(x->error == ec::event_unknown);
}

CAF_TEST(positions cost the ledger next to nothing) {
  told(word(gate_verb::open));
  auto before = model.ops_executed();
  crowd(4000);
  CAF_CHECK_EQUAL(model.ops_executed(), before);
  wait(millis{3000});
  CAF_CHECK(model.ops_executed() <= before + 2);
}

CAF_TEST(a turn whose outcome is not known is written once) {
  for (auto how : {fate::lost_before, fate::lost_after}) {
    database.fates = {how, how};
    auto x = word(how == fate::lost_before ? gate_verb::open : gate_verb::close);
    CAF_CHECK(!x->came()); // Not before it is on record.
    CAF_CHECK(told(x).changed);
  }
  CAF_CHECK_EQUAL(kept().activation, 1);
  CAF_CHECK(!kept().active);
}

CAF_TEST(without a database a gate tells what is reserved and opens for nobody) {
  told(word(gate_verb::open));
  crowd(1200);
  wait(millis{1500});
  database.away = true;
  wait(millis{40'000});
  CAF_CHECK_EQUAL(board().serving, 0); // Not on record: not told.
  CAF_CHECK_EQUAL(position(), 1201);
  CAF_CHECK(told(word(gate_verb::close)).is == ec::unavailable);
  database.away = false;
  wait(millis{3000});
  CAF_CHECK(kept().serving <= 500); // Time did not add up.
  CAF_CHECK(!kept().active);        // It is done all the same.
}

CAF_TEST(a gate goes on elsewhere and tells no position twice) {
  told(word(gate_verb::open));
  crowd(600);
  wait(millis{10'000});
  CAF_CHECK_EQUAL(board().serving, 500);
  crowd(20);
  take_over();
  CAF_CHECK_EQUAL(position(), gate_core::range + 1);
  CAF_CHECK_EQUAL(told(word(gate_verb::report)).state.serving, 500);
  tell<gate_actor>(node, gate_key(event), heard_position{1, 620});
  wait(millis{200});
  CAF_CHECK_EQUAL(boards.find_gate(event)->waiting(), 121);
  wait(millis{25'000});
  CAF_CHECK(board().serving > gate_core::range); // Nobody waited for who never was.
}

CAF_TEST(the gate of an owner that was replaced decides nothing) {
  told(word(gate_verb::open));
  // The ledger has another owner; this node has not heard of it.
  for (auto& x : model.rows.epochs) x++;
  auto x = word(gate_verb::close);
  wait(millis{500});
  CAF_REQUIRE(x->came());
  CAF_CHECK(x->error == ec::unknown);
  CAF_CHECK(kept().active);
}

CAF_TEST(a suspended node lets nobody through) {
  told(word(gate_verb::open));
  crowd(10);
  node.suspended = true;
  wait(millis{30'000});
  CAF_CHECK_EQUAL(kept().serving, 0);
  node.suspended = false;
  wait(millis{11'000});
  CAF_CHECK_EQUAL(kept().serving, 500);
}

CAF_TEST(an open gate does not sleep and a closed one does) {
  told(word(gate_verb::open));
  wait(millis{1200'000});
  CAF_CHECK_EQUAL(node.probe.gates_active, 1);
  told(word(gate_verb::close));
  wait(millis{1200'000});
  CAF_CHECK_EQUAL(node.probe.gates_active, 0);
  CAF_CHECK(told(word(gate_verb::open)).changed);
  CAF_CHECK_EQUAL(kept().activation, 2);
}

CAF_TEST(many at once wait for a range and each gets a number of their own) {
  told(word(gate_verb::open));
  database.fates = {fate::lost_before, fate::lost_before, fate::lost_before};
  std::set<int64_t> seen;
  std::vector<answer_ptr<assigned_position>> all;
  all.reserve(12'000);
  for (int i = 0; i < 12'000; ++i)
    all.push_back(send<gate_actor>(gate_key(event), assign_position{}));
  run();
  for (auto& x : all) CAF_REQUIRE(seen.insert(told(x).position).second);
  CAF_CHECK_EQUAL(*seen.rbegin(), 12'000);
}

CAF_TEST_FIXTURE_SCOPE_END()
