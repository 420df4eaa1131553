#define CAF_SUITE ledger_actor

#include "persistence/ledger/actor.hpp"
#include "persistence/ledger/lane_figures.hpp"

#include <memory>
#include <utility>
#include <vector>

#include <caf/test/dsl.hpp>

#include "persistence/ledger/model_actors.hpp"
#include "supervisors/reply_once.hpp"

using namespace tk;
using namespace std::chrono_literals;

namespace {

constexpr auto start = from_ms(1'774'000'000'000);

struct test_clock final : wall_clock {
  instant at = start;
  [[nodiscard]] instant now() const override { return at; }
};

/// A driver that never answers: libpq inside a stalled server.
ledger_driver_actor::behavior_type stalled_driver(ledger_driver_actor::pointer self,
                                                  std::shared_ptr<std::vector<uint64_t>> sizes) {
  using promise = caf::typed_response_promise<batch_executed>;
  auto kept = std::make_shared<std::vector<promise>>();
  return {
    [=](const execute_batch& x) {
      sizes->push_back(x.what->ops.size());
      kept->push_back(self->make_response_promise<batch_executed>());
      return kept->back();
    },
  };
}

struct fixture : test_coordinator_fixture<> {
  test_clock clock;
  ledger_model model{start};
  ledger_probe probe;
  lane_table lanes;
  ledger_config config;
  ledger_actor ledger;
  ledger_driver_actor stalled;
  event_id event{1, 1};
  user_id user{2, 2};
  std::vector<verdict> heard;
  std::vector<caf::error> failed;
  uint64_t last_id = 0;

  fixture() {
    event_row row;
    row.id = event;
    row.known = true;
    row.sale_start = start - 1h;
    row.sale_end = instant::max();
    model.rows.events[event] = row;
    model.rows.users[user] = instant{};
    for (uint64_t i = 0; i < 200; ++i)
      model.rows.seats[{9, i}] = {event, 0, won{1'000}, 0, 0, 'a', {}, {}};
  }

  ~fixture() {
    if (ledger) self->send_exit(ledger, caf::exit_reason::user_shutdown);
    // Its own promises keep a stalled driver alive.
    if (stalled) self->send_exit(stalled, caf::exit_reason::user_shutdown);
    consume_messages();
  }

  void with_model() {
    std::vector<ledger_driver_actor> drivers;
    for (size_t i = 0; i < lane_count; ++i) drivers.push_back(spawn_model_driver(sys, model));
    ledger = spawn_ledger(sys, config, std::move(drivers), clock, probe, lanes);
    consume_messages();
  }

  std::shared_ptr<std::vector<uint64_t>> with_stalled_driver() {
    auto sizes = std::make_shared<std::vector<uint64_t>>();
    stalled = sys.spawn(stalled_driver, sizes);
    ledger = spawn_ledger(sys, config, std::vector<ledger_driver_actor>(lane_count, stalled), clock,
                          &probe);
    consume_messages();
    return sizes;
  }

  op_ptr order(uint64_t seat, uint16_t shard = 0) {
    create_reservation x;
    x.id = {3, ++last_id};
    x.user = user;
    x.event = event;
    x.number = "TK" + std::to_string(last_id);
    x.operation = "seats.reserve";
    x.deadline = start + 1h;
    x.session = {20, 1};
    x.event_owner = {21, 1};
    x.items.push_back({{9, seat}, {}, 0, 1, 1, won{1'000}, {shard, 1}, 0});
    return std::make_shared<const op>(std::move(x));
  }

  /// Both lanes of sales have lost a batch of one: what comes now grows their next ones.
  void hold_lanes() {
    for (uint64_t seat : {100, 101}) {
      model.meet_next(model_fault::lose_before_commit);
      ask(order(seat));
      consume_messages();
    }
  }

  /// Asks like a block does: another actor, whose answers are kept.
  void ask(op_ptr x, millis patience = 1h, millis timeout = 1h) {
    auto asker = sys.spawn(
      [this, x, patience, timeout](caf::event_based_actor* me, int) {
        me->request(ledger, timeout, submit{x, clock.at + patience})
          .then([this](const verdict& v) { heard.push_back(v); },
                [this](caf::error& e) { failed.push_back(std::move(e)); });
      },
      0); // CAF 0.17 dereferences a null pointer when a function takes nothing but its actor.
    static_cast<void>(asker);
  }

  void pass(millis x) {
    clock.at += x;
    model.set_now(clock.at);
    advance_time(x);
    consume_messages();
  }

  size_t count(outcome x) {
    size_t n = 0;
    for (const auto& v : heard) n += v.is == x;
    return n;
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(ledger_actor_cases, fixture)

CAF_TEST(an op is executed and its verdict is delivered) {
  with_model();
  ask(order(1));
  consume_messages();
  CAF_CHECK_EQUAL(count(outcome::ok), 1u);
  CAF_CHECK(heard[0].expires_at == start + 300s);
  CAF_CHECK_EQUAL(probe.verdicts[static_cast<size_t>(outcome::ok)].load(), 1u);
  CAF_CHECK_EQUAL(probe.lanes[0].depth.load(), 0u);
}

CAF_TEST(each lane counts what came of its ops and of its batches) {
  with_model();
  hold_lanes();
  for (uint64_t i = 2; i < 12; ++i) ask(order(i), 20ms);
  pass(50ms);
  ask(order(20));
  consume_messages();
  for (auto is : {outcome::ok, outcome::late}) {
    uint64_t sum = 0;
    for (auto& lane : lanes) sum += lane.verdicts[static_cast<size_t>(is)];
    CAF_CHECK_EQUAL(sum, count(is));
    CAF_CHECK_EQUAL(sum, probe.verdicts[static_cast<size_t>(is)].load());
  }
  for (size_t i = 0; i < lane_count; ++i) {
    uint64_t timed = 0, sized = 0;
    for (auto& x : lanes[i].times) timed += x;
    for (auto& x : lanes[i].batch_sizes) sized += x;
    CAF_CHECK_EQUAL(sized, probe.lanes[i].batches.load());
    CAF_CHECK_EQUAL(timed, probe.lanes[i].batches.load());
  }
  CAF_CHECK(lanes[0].verdicts[static_cast<size_t>(outcome::ok)] > 0);
  CAF_CHECK(lanes[1].verdicts[static_cast<size_t>(outcome::ok)] > 0);
}

CAF_TEST(H07 with a stalled driver the bound and one is refused in the same step) {
  config.ops_max = 100;
  const auto sizes = with_stalled_driver();
  for (uint64_t i = 0; i < 100; ++i) ask(order(i));
  consume_messages();
  CAF_CHECK(heard.empty());
  CAF_CHECK_EQUAL(probe.lanes[0].depth.load(), 100u);
  for (uint64_t i = 0; i < 50; ++i) ask(order(i));
  consume_messages();
  CAF_CHECK_EQUAL(count(outcome::busy), 50u);
  CAF_CHECK_EQUAL(probe.lanes[0].depth.load(), 100u);
  CAF_CHECK_EQUAL(sizes->size(), 1u);
}

CAF_TEST(H30 late ops are never executed) {
  with_model();
  hold_lanes();
  for (uint64_t i = 2; i < 12; ++i) ask(order(i), 20ms);
  consume_messages();
  CAF_CHECK(heard.empty());
  const auto before = model.ops_executed();
  pass(50ms);
  CAF_CHECK_EQUAL(count(outcome::late), 10u);
  CAF_CHECK_EQUAL(count(outcome::ok), 2u);
  CAF_CHECK_EQUAL(model.ops_executed(), before + 2);
}

CAF_TEST(H08 one broken op among 64 takes no neighbour along) {
  with_model();
  hold_lanes();
  op_ptr culprit;
  for (uint64_t i = 0; i < 64; ++i) {
    auto x = order(i);
    if (i == 37) culprit = x;
    ask(x);
  }
  model.poison(culprit);
  consume_messages();
  const auto before = model.executions();
  pass(50ms);
  CAF_CHECK_EQUAL(count(outcome::broken), 1u);
  CAF_CHECK_EQUAL(count(outcome::ok), 65u); // 63 and the two that held the lanes.
  CAF_CHECK(model.executions() - before <= 14);
  CAF_CHECK_EQUAL(probe.batch_aborts.load(), 6u); // Of the lane with half of them.
  CAF_CHECK_EQUAL(lanes[0].aborts.load() + lanes[1].aborts.load(), 6u);
  CAF_CHECK(lanes[0].aborts.load() == 0 || lanes[1].aborts.load() == 0);
  CAF_CHECK_EQUAL(model.rows.reservations.size(), 65u);
}

CAF_TEST(contended twice is busy) {
  with_model();
  model.meet_next(model_fault::contended);
  model.meet_next(model_fault::contended);
  ask(order(1));
  consume_messages();
  CAF_CHECK_EQUAL(count(outcome::busy), 1u);
  CAF_CHECK(model.rows.reservations.empty());
}

CAF_TEST(H04 a lost batch is sent again and its verdict is delivered once) {
  for (const auto fault : {model_fault::lose_before_commit, model_fault::lose_after_commit,
                           model_fault::lose_commit_later}) {
    heard.clear();
    if (!ledger) with_model();
    model.meet_next(fault);
    ask(order(last_id));
    consume_messages();
    CAF_CHECK(heard.empty());
    pass(49ms);
    CAF_CHECK(heard.empty());
    pass(1ms);
    CAF_REQUIRE_EQUAL(heard.size(), 1u);
    const auto wrote = fault != model_fault::lose_before_commit;
    CAF_CHECK(heard[0].is == (wrote ? outcome::replayed : outcome::ok));
    pass(10s);
    CAF_CHECK_EQUAL(heard.size(), 1u);
  }
  CAF_CHECK_EQUAL(model.rows.reservations.size(), 3u);
}

CAF_TEST(an asker that gave up hears nothing more and the op is settled all the same) {
  with_model();
  model.meet_next(model_fault::lose_after_commit);
  model.meet_next(model_fault::not_connected);
  ask(order(1), 1h, 20ms);
  consume_messages();
  pass(20ms);
  CAF_REQUIRE_EQUAL(failed.size(), 1u);
  CAF_CHECK(to_ec(failed[0]) == ec::unknown);
  pass(30ms);
  pass(100ms);
  CAF_CHECK(heard.empty());
  CAF_CHECK_EQUAL(probe.verdicts[static_cast<size_t>(outcome::replayed)].load(), 1u);
  CAF_CHECK_EQUAL(probe.lanes[0].depth.load(), 0u);
}

CAF_TEST(a driver that does not answer in time has lost its batch) {
  const auto sizes = with_stalled_driver();
  ask(order(1));
  consume_messages();
  pass(9'999ms);
  CAF_CHECK_EQUAL(sizes->size(), 1u);
  pass(1ms);
  pass(50ms);
  CAF_CHECK_EQUAL(sizes->size(), 2u);
  CAF_CHECK(heard.empty());
}

CAF_TEST(a lane that cannot write recovers by itself) {
  with_model();
  model.meet_always(model_fault::read_only);
  ask(order(1));
  consume_messages();
  CAF_CHECK_EQUAL(count(outcome::unavailable), 1u);
  CAF_CHECK(probe.lanes[0].down.load());
  ask(order(2));
  consume_messages();
  CAF_CHECK_EQUAL(count(outcome::unavailable), 2u);
  pass(1s);
  CAF_CHECK(probe.lanes[0].down.load());
  model.meet_always(model_fault::none);
  pass(1s);
  CAF_CHECK(!probe.lanes[0].down.load());
  ask(order(3));
  consume_messages();
  CAF_CHECK_EQUAL(count(outcome::ok), 1u);
}

CAF_TEST(a lane without a driver is down) {
  ledger = spawn_ledger(sys, config, {}, clock);
  ask(order(1));
  consume_messages();
  CAF_CHECK_EQUAL(count(outcome::unavailable), 1u);
}

CAF_TEST(lanes are independent of each other) {
  with_model();
  model.meet_next(model_fault::lose_before_commit);
  ask(order(1, 0));
  consume_messages();
  ask(order(2, 1));
  ask(std::make_shared<const op>(revoke_tokens{user, {20, 1}}));
  consume_messages();
  CAF_CHECK_EQUAL(count(outcome::ok), 2u);
}

CAF_TEST(H13 a barrier is answered when what came before it is settled) {
  with_model();
  model.meet_next(model_fault::lose_after_commit);
  ask(order(1, 4));
  consume_messages();
  auto passed = 0;
  auto asker = sys.spawn(
    [&](caf::event_based_actor* me, int) {
      me->request(ledger, 1000s, barrier{4})
        .then([&](const barrier_passed& x) { passed += x.shard; }, [](caf::error&) {});
    },
    0);
  consume_messages();
  CAF_CHECK_EQUAL(passed, 0);
  pass(50ms);
  CAF_CHECK_EQUAL(passed, 4);
  static_cast<void>(asker);
}

CAF_TEST(R11 whoever waits when the ledger ends hears unknown) {
  with_stalled_driver();
  ask(order(1));
  consume_messages();
  self->send_exit(ledger, caf::exit_reason::user_shutdown);
  consume_messages();
  CAF_REQUIRE_EQUAL(failed.size(), 1u);
  CAF_CHECK(to_ec(failed[0]) == ec::unknown);
}

CAF_TEST(the reads port shows the rows the ledger wrote) {
  with_model();
  const auto reads = spawn_model_reads(sys, model);
  ask(order(1));
  consume_messages();
  size_t pending = 0, led = 0;
  auto asker = sys.spawn(
    [&](caf::event_based_actor* me, int) {
      me->request(reads, 1s, load_session{user})
        .then([&](const session_rows& x) { pending = x.pending.size(); }, [](caf::error&) {});
      me->request(reads, 1s, load_block{event, 0})
        .then([&](const block_rows& x) { led = x.led.size(); }, [](caf::error&) {});
    },
    0);
  consume_messages();
  CAF_CHECK_EQUAL(pending, 1u);
  CAF_CHECK_EQUAL(led, 1u);
  static_cast<void>(asker);
}

CAF_TEST_FIXTURE_SCOPE_END()
