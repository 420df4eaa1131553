#define CAF_SUITE ledger_contract_gate

#include "tests/integration/ledger_fixture.hpp"

using namespace tk;
using namespace std::chrono_literals;

namespace {

struct fixture : test::world_fixture {
  static constexpr uint16_t gate_shard = 22;
  int64_t last_turn = 0;
  gate_state state{1, true, 0, 0, 10'000, 0, {}};

  /// The next turn, with the state as it is.
  gate_turn turn() {
    gate_turn x;
    x.event = event;
    x.gate = at(gate_shard);
    x.turn = ++last_turn;
    x.state = state;
    return x;
  }

  void torn(gate_turn x) {
    const auto before = world->counts();
    CAF_CHECK(run({std::move(x)}).is == batch_status::torn);
    CAF_CHECK(world->counts() == before);
    CAF_CHECK(kept() == state);
  }

  gate_state kept() { return world->gate(event).state; }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(ledger_contract_gate_cases, fixture)

CAF_TEST(a gate that never was is closed) {
  const auto gate = world->gate(event);
  CAF_CHECK(gate.known);
  CAF_CHECK_EQUAL(gate.turn, 0);
  CAF_CHECK(gate.state == gate_state{});
  CAF_CHECK(!world->gate(fresh<event_id>()).known);
}

CAF_TEST(all of a gate comes back as it went) {
  state = {1, true, 7, 3'000'000'000, 3'000'010'000, 2'999'999'999, {{1, 2}, {5, 900}}};
  does(turn());
  CAF_CHECK(kept() == state);
  CAF_CHECK_EQUAL(world->gate(event).turn, 1);
  state.holes = {{5, 900}};
  state.active = false;
  does(turn());
  CAF_CHECK(kept() == state);
  state.holes.clear();
  does(turn());
  CAF_CHECK(kept() == state);
}

CAF_TEST(open gates are found and closed ones are not) {
  does(turn());
  auto open = world->gates_open();
  CAF_CHECK(std::ranges::find(open, event) != open.end());
  state.active = false;
  does(turn());
  open = world->gates_open();
  CAF_CHECK(std::ranges::find(open, event) == open.end());
}

CAF_TEST(a turn of a gate that is on record is done and changes nothing) {
  const auto x = turn();
  does(x);
  refused(x, outcome::done);
  state.serving = 500;
  does(turn());
  refused(x, outcome::done);
  CAF_CHECK(kept() == state);
}

CAF_TEST(the owner of a gate that was replaced is fenced) {
  does(turn());
  auto old = turn();
  take_over(gate_shard);
  refused(old, outcome::fenced);
  state.told = 40;
  auto next = turn();
  next.turn = old.turn;
  does(next);
  refused(old, outcome::fenced); // The same number, but another turn.
  refused(next, outcome::done);
  CAF_CHECK(kept() == state);
}

CAF_TEST(of two turns of one gate in a batch the second waits) {
  auto x = turn();
  auto y = turn();
  y.state.serving = 500;
  judged({x, y}, {outcome::ok, outcome::in_flight});
  judged({x, y}, {outcome::done, outcome::in_flight});
  CAF_CHECK(kept() == state);
  does(y);
}

CAF_TEST(gates of two events and a room in one batch get what is theirs) {
  auto x = turn();
  x.state.holes = {{3, 4}};
  auto y = x;
  y.event = fresh<event_id>();
  world->add_event({y.event, false, world->now() - 1h, instant::max()});
  y.state.holes = {{5, 6}, {7, 8}};
  room_turn z;
  z.event = event;
  z.room = at(gate_shard);
  z.turn = 1;
  z.reserved_to = 1;
  judged({x, y, z}, {outcome::ok, outcome::ok, outcome::ok});
  CAF_CHECK(kept() == x.state);
  CAF_CHECK(world->gate(y.event).state == y.state);
}

CAF_TEST(a gate that is opened again begins behind all that were told before) {
  state.reserved_to = 20'000;
  does(turn());
  auto bad = turn();
  bad.state.activation = 2;
  bad.state.order_base = 19'999;
  torn(bad);
  --last_turn;
  state = {2, true, 20'000, 0, 10'000, 0, {}};
  does(turn());
  CAF_CHECK(kept() == state);
}

CAF_TEST(what a gate cannot send is torn) {
  state = {2, true, 0, 100, 10'000, 50, {}};
  does(turn());
  const auto good = turn();
  auto spoilt = [&](auto spoil) {
    auto x = good;
    spoil(x);
    torn(x);
  };
  spoilt([](auto& x) { ++x.turn; });
  spoilt([](auto& x) { x.state.activation = 1; });
  spoilt([](auto& x) { x.state.told = 99; });
  spoilt([](auto& x) { x.state.told = 10'001; });
  spoilt([](auto& x) { x.state.reserved_to = 9'999; }); // It may have been told.
  spoilt([](auto& x) { x.state.serving = 49; });        // Somebody has heard of it.
  spoilt([](auto& x) { x.state.order_base = 1; });
  spoilt([](auto& x) { x.state.holes.resize(65); });
  auto nowhere = good;
  nowhere.event = fresh<event_id>();
  nowhere.turn = 1;
  torn(nowhere);
  does(good);
}

CAF_TEST_FIXTURE_SCOPE_END()
