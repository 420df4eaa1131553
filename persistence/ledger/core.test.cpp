#define CAF_SUITE ledger_core

#include "persistence/ledger/core.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <set>

#include <caf/test/unit_test.hpp>

using namespace tk;
using namespace std::chrono_literals;

namespace {

constexpr auto start = from_ms(1'774'000'000'000);

op_ptr account_op(uint16_t shard = 1) {
  return std::make_shared<const op>(revoke_tokens{{1, 1}, {shard, 1}});
}

op_ptr sale(uint16_t lead = 0, size_t items = 1) {
  create_reservation x;
  x.session = {20, 1};
  x.event_owner = {21, 1};
  x.items.resize(items);
  for (auto& y : x.items) y.block = {lead, 1};
  return std::make_shared<const op>(std::move(x));
}

/// A core, a clock, and what came out of it so far.
struct fixture {
  ledger_config config;
  std::optional<ledger_core> core;
  instant now = start;
  asker_no last_asker = 0;
  std::map<lane_id, send_batch> wire; ///< By lane: sent and not answered.
  std::map<lane_id, arm_timer> timers;
  std::map<asker_no, outcome> heard;
  std::vector<asker_no> passed;
  uint64_t executions = 0;

  fixture() { reset(); }
  void reset() { core.emplace(config); }

  void take(ledger_effects& fx) {
    for (auto& x : fx.sends) {
      CAF_REQUIRE(wire.count(x.lane) == 0); // One batch on the wire at a time.
      wire[x.lane] = x;
      ++executions;
    }
    for (auto& x : fx.deliveries) {
      CAF_REQUIRE(heard.count(x.asker) == 0); // Exactly one outcome.
      heard[x.asker] = x.what.is;
    }
    for (auto& x : fx.timers) timers[x.lane] = x;
    for (auto& x : fx.barriers) passed.push_back(x.asker);
  }

  asker_no admit(op_ptr x, millis patience = 1500ms) {
    ledger_effects fx;
    core->admit(++last_asker, {std::move(x), now + patience}, now, fx);
    take(fx);
    return last_asker;
  }

  asker_no wait(uint16_t shard) {
    ledger_effects fx;
    core->wait(++last_asker, {shard}, fx);
    take(fx);
    return last_asker;
  }

  /// Answers the batch on the wire; committed batches say `each` for every op.
  void answer(lane_id lane, batch_status is, outcome each = outcome::ok) {
    CAF_REQUIRE(wire.count(lane) == 1);
    const auto sent = wire[lane];
    wire.erase(lane);
    batch_result result;
    result.is = is;
    if (is == batch_status::committed) {
      verdict v;
      v.is = each;
      result.verdicts.assign(sent.what->ops.size(), v);
    }
    ledger_effects fx;
    core->executed(lane, sent.ticket, result, now, fx);
    take(fx);
  }

  /// Lets time pass until the lane's timer rings.
  millis ring(lane_id lane) {
    CAF_REQUIRE(timers.count(lane) == 1);
    const auto timer = timers[lane];
    timers.erase(lane);
    now += timer.after;
    ledger_effects fx;
    core->tick(lane, timer.generation, now, fx);
    take(fx);
    return timer.after;
  }

  size_t size_on_wire(lane_id lane) {
    return wire.count(lane) == 0 ? 0 : wire[lane].what->ops.size();
  }
  bool has_heard(asker_no x, outcome y) { return heard.count(x) > 0 && heard[x] == y; }
  bool open(asker_no x) { return heard.count(x) == 0; }
};

constexpr auto first = lane_id::sales0;
constexpr auto second = lane_id::sales1;
constexpr auto accounts = lane_id::accounts;

} // namespace

CAF_TEST_FIXTURE_SCOPE(ledger_core_cases, fixture)

// -- lanes and batches ----------------------------------------------------------------------------

CAF_TEST(ops go to sales or to accounts or to the queue) {
  CAF_CHECK(lane_of(*sale(6)) == first);
  CAF_CHECK(lane_of(*sale(7)) == first);
  CAF_CHECK(lane_of(op{reread_items{{{1, 1}}, start, {7, 1}}}) == first);
  CAF_CHECK(lane_of(op{open_family{}}) == lane_id::accounts);
  CAF_CHECK(lane_of(op{rotate_token{}}) == lane_id::accounts);
  CAF_CHECK(lane_of(*account_op()) == lane_id::accounts);
  CAF_CHECK(lane_of(op{room_turn{}}) == lane_id::queue);
}

CAF_TEST(an idle lane sends at once and a busy one grows its next batch in order) {
  admit(sale());
  CAF_CHECK_EQUAL(size_on_wire(first), 1u);
  std::vector<op_ptr> ops = {sale(), sale(), sale()};
  for (auto& x : ops) admit(x);
  CAF_CHECK_EQUAL(executions, 1u);
  answer(first, batch_status::committed);
  CAF_CHECK(wire[first].what->ops == ops);
  answer(first, batch_status::committed);
  CAF_CHECK_EQUAL(heard.size(), 4u);
  CAF_CHECK_EQUAL(core->depth(first), 0u);
}

CAF_TEST(H19 lanes are independent) {
  admit(sale());
  admit(account_op());
  CAF_CHECK_EQUAL(wire.size(), 2u);
  answer(lane_id::accounts, batch_status::read_only);
  CAF_CHECK(core->down(lane_id::accounts));
  CAF_CHECK(!core->down(first));
  CAF_CHECK(!core->down(second));
  answer(first, batch_status::committed);
  CAF_CHECK(has_heard(1, outcome::ok));
}

CAF_TEST(sales fill a batch of the first lane before they use the second) {
  config.batch_items_max = 3;
  reset();
  admit(sale());
  for (int i = 0; i < 3; ++i) admit(sale());
  CAF_CHECK_EQUAL(core->depth(first), 4u);
  CAF_CHECK_EQUAL(core->depth(second), 0u);
  admit(sale());
  CAF_CHECK_EQUAL(size_on_wire(second), 1u);
  answer(first, batch_status::committed);
  CAF_CHECK_EQUAL(size_on_wire(first), 3u);
  admit(sale());
  CAF_CHECK_EQUAL(core->depth(first), 4u); // There is room in its next batch again.
}

CAF_TEST(H19 sales go round a lane whose connection is sick) {
  const auto lost = admit(sale());
  answer(first, batch_status::lost);
  admit(sale());
  CAF_CHECK_EQUAL(size_on_wire(second), 1u);
  ring(first);
  answer(first, batch_status::committed);
  CAF_CHECK(has_heard(lost, outcome::ok));
  admit(sale());
  CAF_CHECK_EQUAL(size_on_wire(first), 1u);
  now += config.overdue + 1ms; // Nobody answers: a lock, a disk, a server that is gone.
  admit(sale());
  CAF_CHECK_EQUAL(core->depth(second), 2u);
  answer(first, batch_status::not_connected);
  CAF_CHECK(core->down(first));
  CAF_CHECK(open(admit(sale())));
  CAF_CHECK_EQUAL(core->depth(second), 3u);
}

CAF_TEST(a batch stops at the cap and a larger op travels alone) {
  admit(sale());
  for (int i = 0; i < 60; ++i) admit(sale(0, 4));
  admit(sale(0, 300));
  admit(sale());
  answer(first, batch_status::committed);
  CAF_CHECK_EQUAL(size_on_wire(first), 50u);
  answer(first, batch_status::committed);
  CAF_CHECK_EQUAL(size_on_wire(first), 10u);
  answer(first, batch_status::committed);
  CAF_CHECK_EQUAL(size_on_wire(first), 1u);
  answer(first, batch_status::committed);
  CAF_CHECK_EQUAL(size_on_wire(first), 1u);
}

// -- admission ------------------------------------------------------------------------------------

CAF_TEST(H07 the bound by count refuses in the same step) {
  config.ops_max = 10;
  reset();
  for (int i = 0; i < 10; ++i) admit(sale());
  CAF_CHECK(heard.empty());
  CAF_CHECK(has_heard(admit(sale()), outcome::busy));
  CAF_CHECK(open(admit(account_op()))); // Another lane has a bound of its own (H-19).
  answer(first, batch_status::committed);
  CAF_CHECK(open(admit(sale())));
}

CAF_TEST(H07 the bound by bytes refuses in the same step) {
  config.bytes_max = 3 * bytes_of(*sale());
  reset();
  for (int i = 0; i < 3; ++i) admit(sale());
  CAF_CHECK(has_heard(admit(sale()), outcome::busy));
}

CAF_TEST(what cannot be judged is refused at the door) {
  CAF_CHECK(has_heard(admit(sale(0, 0)), outcome::broken));
  CAF_CHECK(has_heard(admit(sale(128)), outcome::broken));
  CAF_CHECK(has_heard(admit(nullptr), outcome::broken));
  CAF_CHECK(has_heard(admit(sale(), -1ms), outcome::late));
  CAF_CHECK_EQUAL(executions, 0u);
}

CAF_TEST(H30 late ops are dropped when the batch is formed) {
  admit(sale());
  const auto late = admit(sale(), 100ms), live = admit(sale());
  now += 101ms;
  CAF_CHECK(open(late));
  answer(first, batch_status::committed);
  CAF_CHECK(has_heard(late, outcome::late));
  CAF_CHECK_EQUAL(size_on_wire(first), 1u);
  answer(first, batch_status::committed);
  CAF_CHECK(has_heard(live, outcome::ok));
}

CAF_TEST(an op is not late in the millisecond of its deadline) {
  admit(sale());
  admit(sale(), 100ms);
  now += 100ms;
  answer(first, batch_status::committed);
  CAF_CHECK_EQUAL(size_on_wire(first), 1u);
}

// -- torn and contended ---------------------------------------------------------------------------

CAF_TEST(H08 halving finds every culprit and spares its neighbours) {
  for (size_t size = 1; size <= 64; ++size)
    for (size_t culprit = 0; culprit < size; culprit += 1 + size / 9) {
      fixture f;
      f.admit(sale());
      std::vector<op_ptr> ops;
      for (size_t i = 0; i < size; ++i) f.admit(ops.emplace_back(sale()));
      f.answer(first, batch_status::committed);
      while (f.wire.count(first) > 0) {
        const auto& sent = f.wire[first].what->ops;
        const auto bad = std::find(sent.begin(), sent.end(), ops[culprit]) != sent.end();
        f.answer(first, bad ? batch_status::torn : batch_status::committed);
      }
      size_t levels = 0;
      while ((size_t{1} << levels) < size) ++levels;
      CAF_REQUIRE(f.executions - 1 <= 2 * levels + 1);
      CAF_REQUIRE_EQUAL(f.heard.size(), size + 1);
      for (size_t i = 0; i < size; ++i) {
        const auto expected = i == culprit ? outcome::broken : outcome::ok;
        CAF_REQUIRE(f.has_heard(static_cast<asker_no>(i + 2), expected));
      }
    }
}

CAF_TEST(nothing overtakes a batch that is being halved) {
  admit(sale());
  admit(sale());
  admit(sale());
  answer(first, batch_status::committed);
  const auto behind = sale();
  admit(behind);
  answer(first, batch_status::torn);
  CAF_CHECK_EQUAL(size_on_wire(first), 1u);
  answer(first, batch_status::committed);
  CAF_CHECK_EQUAL(size_on_wire(first), 1u);
  CAF_CHECK(wire[first].what->ops[0] != behind);
  answer(first, batch_status::committed);
  CAF_CHECK(wire[first].what->ops[0] == behind);
  CAF_CHECK_EQUAL(core->batch_aborts(), 1u);
}

CAF_TEST(contended once: the same batch again) {
  const auto x = admit(sale());
  const auto sent = wire[first].what;
  answer(first, batch_status::contended);
  CAF_CHECK(wire[first].what == sent);
  answer(first, batch_status::committed);
  CAF_CHECK(has_heard(x, outcome::ok));
}

CAF_TEST(contended twice: busy for all and never halved) {
  admit(sale());
  const auto x = admit(sale()), y = admit(sale());
  answer(first, batch_status::committed);
  answer(first, batch_status::contended);
  CAF_CHECK_EQUAL(size_on_wire(first), 2u);
  answer(first, batch_status::contended);
  CAF_CHECK(has_heard(x, outcome::busy));
  CAF_CHECK(has_heard(y, outcome::busy));
  CAF_CHECK(wire.empty());
}

CAF_TEST(contended: what is late by then is not repeated) {
  const auto x = admit(sale(), 100ms);
  now += 101ms;
  answer(first, batch_status::contended);
  CAF_CHECK(has_heard(x, outcome::late));
  CAF_CHECK(wire.empty());
}

// -- lost -----------------------------------------------------------------------------------------

CAF_TEST(H04 a lost batch is sent again before anything else) {
  const auto x = admit(sale(), 100ms);
  const auto sent = wire[first].what;
  const auto behind = admit(sale(), 60'000ms);
  answer(first, batch_status::lost);
  CAF_CHECK(wire.empty());
  CAF_CHECK_EQUAL(ring(first).count(), 50);
  CAF_CHECK(wire[first].what == sent);
  answer(first, batch_status::lost);
  now += 1s; // Long past its deadline: the second run is the look-up all the same.
  CAF_CHECK_EQUAL(ring(first).count(), 100);
  CAF_CHECK(wire[first].what == sent);
  CAF_CHECK(open(x));
  answer(first, batch_status::committed, outcome::replayed);
  CAF_CHECK(has_heard(x, outcome::replayed));
  CAF_CHECK(open(behind));
  CAF_CHECK_EQUAL(size_on_wire(first), 1u);
}

CAF_TEST(pauses double up to their bound and start anew after a success) {
  admit(sale(), 600'000ms);
  std::vector<int64_t> pauses;
  for (int i = 0; i < 8; ++i) {
    answer(first, batch_status::lost);
    pauses.push_back(ring(first).count());
  }
  CAF_CHECK(pauses == (std::vector<int64_t>{50, 100, 200, 400, 800, 1600, 2000, 2000}));
  answer(first, batch_status::committed);
  admit(sale());
  answer(first, batch_status::lost);
  CAF_CHECK_EQUAL(ring(first).count(), 50);
}

CAF_TEST(a lost batch stays unknown whatever refuses its second run) {
  for (const auto refusal : {batch_status::contended, batch_status::read_only,
                             batch_status::not_connected, batch_status::lost}) {
    fixture f;
    const auto x = f.admit(sale());
    const auto sent = f.wire[first].what;
    f.answer(first, batch_status::lost);
    for (int i = 0; i < 5; ++i) {
      f.ring(first);
      CAF_CHECK(f.wire[first].what == sent);
      f.answer(first, refusal);
      CAF_CHECK(f.open(x));
    }
    f.ring(first);
    f.answer(first, batch_status::committed);
    CAF_CHECK(f.has_heard(x, outcome::ok));
    CAF_CHECK(!f.core->down(first));
  }
}

CAF_TEST(a lost op that trips the wire alone is unknown and not broken) {
  const auto x = admit(sale());
  answer(first, batch_status::lost);
  ring(first);
  answer(first, batch_status::torn);
  CAF_CHECK(has_heard(x, outcome::unknown));
}

CAF_TEST(the halves of a lost batch are not dropped as late) {
  admit(sale());
  const auto x = admit(sale()), y = admit(sale());
  answer(first, batch_status::committed);
  answer(first, batch_status::lost);
  now += 1h;
  ring(first);
  answer(first, batch_status::torn);
  CAF_CHECK_EQUAL(size_on_wire(first), 1u);
  answer(first, batch_status::committed, outcome::late);
  answer(first, batch_status::committed, outcome::replayed);
  CAF_CHECK(has_heard(x, outcome::late));
  CAF_CHECK(has_heard(y, outcome::replayed));
}

CAF_TEST(behind a lost batch ops wait up to the bound and hear late in time) {
  config.ops_max = 3;
  reset();
  admit(account_op());
  answer(accounts, batch_status::lost);
  const auto x = admit(account_op(), 10ms), y = admit(account_op(), 10'000ms);
  CAF_CHECK(has_heard(admit(account_op()), outcome::busy));
  ring(accounts);
  CAF_CHECK(has_heard(x, outcome::late));
  CAF_CHECK(open(y));
}

CAF_TEST(an old answer and an old timer change nothing) {
  admit(sale());
  const auto ticket = wire[first].ticket;
  answer(first, batch_status::lost);
  const auto timer = timers[first];
  ledger_effects fx;
  core->executed(first, ticket, batch_result{batch_status::torn, {}, {}}, now, fx);
  core->tick(first, timer.generation + 1, now, fx);
  core->tick(second, timer.generation, now, fx);
  CAF_CHECK(fx.sends.empty() && fx.deliveries.empty() && fx.timers.empty());
  ring(first);
  core->tick(first, timer.generation, now, fx);
  CAF_CHECK(fx.sends.empty());
}

CAF_TEST(a committed batch with too few verdicts is unknown) {
  const auto x = admit(sale());
  const auto ticket = wire[first].ticket;
  ledger_effects fx;
  core->executed(first, ticket, batch_result{batch_status::committed, {}, {}}, now, fx);
  take(fx);
  CAF_CHECK(has_heard(x, outcome::unknown));
  CAF_CHECK_EQUAL(core->batch_aborts(), 1u);
}

// -- down -----------------------------------------------------------------------------------------

CAF_TEST(a lane that cannot write answers at once and probes once a second) {
  for (const auto refusal : {batch_status::read_only, batch_status::not_connected}) {
    fixture f;
    const auto x = f.admit(account_op()), queued = f.admit(account_op(), 1500ms);
    f.answer(accounts, refusal);
    CAF_CHECK(f.has_heard(x, outcome::unavailable));
    CAF_CHECK(f.open(queued));
    CAF_CHECK(f.has_heard(f.admit(account_op()), outcome::unavailable));
    CAF_CHECK_EQUAL(f.ring(accounts).count(), 1000);
    CAF_CHECK_EQUAL(f.size_on_wire(accounts), 0u);
    CAF_CHECK(f.has_heard(f.admit(account_op()), outcome::unavailable));
    f.answer(accounts, batch_status::lost);
    CAF_CHECK(f.open(queued));
    f.ring(accounts);
    CAF_CHECK(f.has_heard(queued, outcome::unavailable));
    f.answer(accounts, batch_status::committed);
    CAF_CHECK(!f.core->down(accounts));
    CAF_CHECK(f.wire.empty());
    const auto again = f.admit(account_op());
    f.answer(accounts, batch_status::committed);
    CAF_CHECK(f.has_heard(again, outcome::ok));
    CAF_CHECK(f.timers.empty()); // An idle ledger has no timer.
  }
}

CAF_TEST(a server that answers is not down whatever it says) {
  admit(sale());
  answer(first, batch_status::lost);
  ring(first);
  answer(first, batch_status::not_connected);
  ring(first);
  answer(first, batch_status::torn); // Nothing is left to send: nobody would look again.
  CAF_CHECK(!core->down(first));
}

CAF_TEST(what waited through a short outage is served) {
  admit(sale());
  const auto queued = admit(sale(), 5'000ms);
  answer(first, batch_status::not_connected);
  ring(first);
  answer(first, batch_status::committed);
  CAF_CHECK_EQUAL(size_on_wire(first), 1u);
  answer(first, batch_status::committed);
  CAF_CHECK(has_heard(queued, outcome::ok));
}

// -- barriers -------------------------------------------------------------------------------------

CAF_TEST(H13 a barrier waits for what was admitted before it and for nothing else) {
  const auto at_once = wait(0);
  CAF_CHECK(passed == std::vector<asker_no>{at_once});
  passed.clear();
  admit(sale(0));
  admit(sale(0));
  const auto b = wait(0), session = wait(20), elsewhere = wait(2);
  CAF_CHECK(passed == std::vector<asker_no>{elsewhere});
  admit(sale(0));
  answer(first, batch_status::committed);
  CAF_CHECK_EQUAL(passed.size(), 1u);
  answer(first, batch_status::committed); // The second op, and the third with it.
  CAF_CHECK_EQUAL(passed.size(), 3u);
  CAF_CHECK(passed[1] == b || passed[2] == b);
  CAF_CHECK(passed[1] == session || passed[2] == session);
}

CAF_TEST(H13 a barrier waits across lanes) {
  admit(account_op(20));
  admit(sale(0)); // Its session's shard is 20.
  const auto b = wait(20);
  answer(first, batch_status::committed);
  CAF_CHECK(passed.empty());
  answer(lane_id::accounts, batch_status::committed);
  CAF_CHECK(passed == std::vector<asker_no>{b});
}

CAF_TEST(H13 an op admitted after the barrier does not stand in for one before it) {
  admit(sale(0)); // Its session's shard is 20.
  const auto b = wait(20);
  admit(account_op(20));
  answer(lane_id::accounts, batch_status::committed);
  CAF_CHECK(passed.empty());
  answer(first, batch_status::committed);
  CAF_CHECK(passed == std::vector<asker_no>{b});
}

CAF_TEST(H13 a barrier waits until a lost op is settled) {
  admit(sale(0));
  const auto b = wait(0);
  answer(first, batch_status::lost);
  ring(first);
  answer(first, batch_status::lost);
  CAF_CHECK(passed.empty());
  ring(first);
  answer(first, batch_status::committed);
  CAF_CHECK(passed == std::vector<asker_no>{b});
}

// -- everything at once ---------------------------------------------------------------------------

/// Random faults against the truth: an outcome that promises "nothing happened" must be right, and
/// in the end everybody has heard exactly once.
CAF_TEST(a hostile database never makes the core lie) {
  for (uint64_t seed = 0; seed < 3'000; ++seed) {
    std::mt19937_64 rng{seed};
    fixture f;
    f.config.ops_max = 12;
    f.config.batch_items_max = 5;
    f.reset();
    std::map<op_ptr, asker_no> asker;
    std::set<op_ptr> happened;
    std::set<asker_no> barriers;
    const auto culprit = rng() % 40;
    auto execute = [&](lane_id lane, bool calm) {
      const auto ops = f.wire[lane].what->ops; // A copy: the answer replaces it.
      const auto bad =
        std::any_of(ops.begin(), ops.end(), [&](auto& x) { return asker[x] == culprit; });
      auto is = calm ? batch_status::committed : static_cast<batch_status>(1 + rng() % 6);
      if (bad && is == batch_status::committed) is = batch_status::torn;
      const auto wrote =
        is == batch_status::committed || (is == batch_status::lost && !bad && rng() % 2 == 0);
      if (wrote) happened.insert(ops.begin(), ops.end());
      f.answer(lane, is);
    };
    auto step = [&](bool calm) {
      const auto lane = static_cast<lane_id>(rng() % lane_count);
      if (f.wire.count(lane) > 0) return execute(lane, calm);
      if (f.timers.count(lane) > 0) f.ring(lane);
    };
    for (int i = 0; i < 150; ++i) {
      f.now += millis{rng() % 50};
      if (rng() % 3 == 0) {
        auto x =
          rng() % 4 == 0 ? account_op(20) : sale(static_cast<uint16_t>(rng() % 4), 1 + rng() % 3);
        asker[x] = f.last_asker + 1;
        f.admit(x, millis{rng() % 400});
      } else if (rng() % 8 == 0) {
        barriers.insert(f.wait(static_cast<uint16_t>(rng() % 4)));
      } else {
        step(false);
      }
    }
    while (!f.wire.empty() || !f.timers.empty()) step(true);
    CAF_REQUIRE_EQUAL(f.heard.size(), asker.size());
    CAF_REQUIRE_EQUAL(f.passed.size(), barriers.size());
    for (const auto& [x, no] : asker) {
      const auto is = f.heard.at(no);
      if (is == outcome::ok) CAF_REQUIRE(happened.count(x) > 0);
      if (is != outcome::ok && is != outcome::unknown) CAF_REQUIRE(happened.count(x) == 0);
    }
    for (size_t i = 0; i < lane_count; ++i)
      CAF_REQUIRE_EQUAL(f.core->depth(static_cast<lane_id>(i)), 0u);
  }
}

CAF_TEST_FIXTURE_SCOPE_END()
