#define CAF_SUITE gate_core

#include "actors/gate/core.hpp"

#include <map>
#include <memory>
#include <random>
#include <set>

#include <caf/test/dsl.hpp>

using namespace tk;

namespace {

const instant start = from_ms(1'700'000'000'000);
const event_id event{0xe, 1};

/// What is on record. It judges the turns and shares no code with the core.
struct record {
  int64_t turn = 0;
  gate_state is;

  void write(const gate_turn& x) {
    CAF_REQUIRE_EQUAL(x.turn, turn + 1);
    turn = x.turn;
    auto& s = x.state;
    CAF_REQUIRE(s.activation >= is.activation && s.activation >= 1);
    CAF_REQUIRE(s.told <= s.reserved_to);
    CAF_REQUIRE(s.holes.size() <= gate_core::holes_max);
    if (s.activation == is.activation) {
      CAF_REQUIRE(s.told >= is.told && s.reserved_to >= is.reserved_to && s.serving >= is.serving);
      CAF_REQUIRE_EQUAL(s.order_base, is.order_base);
    } else {
      CAF_REQUIRE(s.order_base >= is.order_base + is.reserved_to);
      CAF_REQUIRE(s.serving == 0 && s.told == 0 && s.holes.empty());
    }
    int64_t last = 0;
    for (auto& hole : s.holes) {
      CAF_REQUIRE(hole.from >= last && hole.from < hole.to && hole.to <= s.reserved_to);
      last = hole.to;
    }
    is = s;
  }
};

struct gate {
  gate_settings settings;
  record kept;
  instant now = start;
  int64_t epoch = 1;
  std::unique_ptr<gate_core> core;

  gate() { restart(); }
  /// Another life, from what is on record.
  void restart() {
    gate_rows rows{true, kept.turn, kept.is};
    core = std::make_unique<gate_core>(event, participant{5, ++epoch}, settings, rows, now);
  }
  /// Writes everything that is due, as the ledger would.
  void write() {
    while (auto turn = core->take_turn(now)) {
      kept.write(*turn);
      core->turn_written(now);
    }
  }
  gate_report word(gate_verb verb, int32_t batch = 0) {
    auto out = core->steer({verb, batch});
    write();
    CAF_REQUIRE(core->written() >= out.after_turn);
    return out.reply;
  }
  assigned_position assign() {
    for (int i = 0; i < 5; ++i) {
      auto out = core->assign();
      if (out.after_turn == 0) return out.reply;
      write();
      CAF_REQUIRE(core->written() >= out.after_turn);
    }
    CAF_FAIL("never answered");
    return {};
  }
  int64_t position() {
    auto out = assign();
    CAF_REQUIRE(out.is == ec::ok);
    CAF_REQUIRE(out.position <= kept.is.reserved_to); // On record before it was told.
    return out.position;
  }
  void crowd(int n) {
    for (int i = 0; i < n; ++i) position();
  }
  void pass(int seconds) {
    for (int i = 0; i < seconds; ++i) {
      now += millis{1000};
      core->round(now);
      write();
    }
  }
  [[nodiscard]] int64_t serving() const { return kept.is.serving; }
  [[nodiscard]] gate_board board() const { return core->board(now); }
};

} // namespace

// -- opening and closing --------------------------------------------------------------------------

CAF_TEST(a gate that was never opened tells nobody anything) {
  gate x;
  CAF_CHECK(x.assign().is == ec::gate_closed);
  CAF_CHECK(x.word(gate_verb::close).is == ec::gate_unknown);
  auto said = x.word(gate_verb::advance, 500);
  CAF_CHECK(said.is == ec::ok && !said.changed);
  CAF_CHECK_EQUAL(x.kept.turn, 0);
  CAF_CHECK(x.core->idle());
}

CAF_TEST(an open gate tells positions from one on) {
  gate x;
  CAF_CHECK(x.word(gate_verb::open).changed);
  CAF_CHECK_EQUAL(x.kept.is.activation, 1);
  auto first = x.assign();
  CAF_CHECK_EQUAL(first.position, 1);
  CAF_CHECK_EQUAL(first.activation, 1);
  CAF_CHECK_EQUAL(first.ahead, 1);
  CAF_CHECK_EQUAL(first.order, 1);
  CAF_CHECK_EQUAL(x.position(), 2);
  CAF_CHECK_EQUAL(x.board().state.told, 2);
}

CAF_TEST(opening an open gate leaves its counters) {
  gate x;
  x.word(gate_verb::open);
  x.crowd(700);
  x.pass(10);
  auto before = x.board().state;
  CAF_CHECK(!x.word(gate_verb::open).changed);
  CAF_CHECK(x.board().state == before);
}

CAF_TEST(nobody hears of an opening that is not on record) {
  gate x;
  auto out = x.core->steer({gate_verb::open, 0});
  CAF_CHECK(out.reply.changed);
  CAF_CHECK_EQUAL(out.after_turn, 1);
  CAF_CHECK(!x.board().state.active);
  auto early = x.core->assign();
  CAF_CHECK_EQUAL(early.after_turn, 1); // They wait for it.
  auto turn = x.core->take_turn(x.now);
  CAF_REQUIRE(turn);
  early = x.core->assign();
  CAF_CHECK_EQUAL(early.after_turn, 1);
  CAF_CHECK_EQUAL(x.core->steer({gate_verb::open, 0}).after_turn, 1); // A twin hears then, too.
  x.kept.write(*turn);
  x.core->turn_written(x.now);
  CAF_CHECK_EQUAL(x.position(), 1);
}

CAF_TEST(a gate that is opened again starts at zero and comes behind) {
  gate x;
  x.word(gate_verb::open);
  x.crowd(3);
  auto last = x.assign();
  x.pass(10);
  CAF_CHECK_EQUAL(x.serving(), 500);
  CAF_CHECK(x.word(gate_verb::close).changed);
  CAF_CHECK(!x.word(gate_verb::close).changed);
  CAF_CHECK(x.assign().is == ec::gate_closed);
  CAF_CHECK(x.core->idle());
  CAF_CHECK(x.word(gate_verb::open).changed);
  auto first = x.assign();
  CAF_CHECK_EQUAL(first.position, 1);
  CAF_CHECK_EQUAL(first.activation, 2);
  CAF_CHECK_EQUAL(first.serving, 0);
  CAF_CHECK(first.order > last.order);
}

CAF_TEST(closing and opening in one turn is a new activation) {
  gate x;
  x.word(gate_verb::open);
  x.crowd(3);
  auto closed = x.core->steer({gate_verb::close, 0});
  auto opened = x.core->steer({gate_verb::open, 0});
  CAF_CHECK(closed.reply.changed && opened.reply.changed);
  CAF_CHECK_EQUAL(closed.after_turn, opened.after_turn);
  CAF_CHECK(x.core->assign().after_turn != 0); // No position of the activation that ends.
  x.write();
  CAF_CHECK_EQUAL(x.kept.is.activation, 2);
  CAF_CHECK_EQUAL(x.position(), 1);
}

CAF_TEST(a close on its way and an opening behind it are two turns) {
  gate x;
  x.word(gate_verb::open);
  x.crowd(3);
  auto closed = x.core->steer({gate_verb::close, 0});
  auto turn = x.core->take_turn(x.now);
  CAF_REQUIRE(turn);
  auto opened = x.core->steer({gate_verb::open, 0});
  CAF_CHECK_EQUAL(opened.after_turn, closed.after_turn + 1);
  CAF_CHECK_EQUAL(x.core->assign().after_turn, opened.after_turn);
  x.kept.write(*turn);
  x.core->turn_written(x.now);
  x.write();
  CAF_CHECK_EQUAL(x.assign().activation, 2);
}

// -- letting through ------------------------------------------------------------------------------

CAF_TEST(every ten seconds the next ones are let through while anybody waits) {
  gate x;
  x.word(gate_verb::open);
  x.crowd(1200);
  x.pass(9);
  CAF_CHECK_EQUAL(x.serving(), 0);
  x.pass(1);
  CAF_CHECK_EQUAL(x.serving(), 500);
  x.pass(20);
  CAF_CHECK_EQUAL(x.serving(), 1500); // It may run ahead.
  x.pass(60);
  CAF_CHECK_EQUAL(x.serving(), 1500);
  auto out = x.assign();
  CAF_CHECK_EQUAL(out.position, 1201);
  CAF_CHECK_EQUAL(out.ahead, 0);
}

CAF_TEST(an administrator lets through at once and nobody who is not there) {
  gate x;
  x.word(gate_verb::open);
  CAF_CHECK(!x.word(gate_verb::advance, 500).changed);
  x.crowd(30);
  auto said = x.word(gate_verb::advance, 20);
  CAF_CHECK(said.changed);
  CAF_CHECK_EQUAL(said.state.serving, 20);
  CAF_CHECK_EQUAL(said.waiting, 10);
  CAF_CHECK_EQUAL(x.word(gate_verb::advance, 20).state.serving, 40);
  CAF_CHECK(!x.word(gate_verb::advance, 20).changed);
}

CAF_TEST(nobody is let through before that is on record) {
  gate x;
  x.word(gate_verb::open);
  x.crowd(30);
  auto said = x.core->steer({gate_verb::advance, 20});
  CAF_CHECK_EQUAL(x.board().state.serving, 0);
  CAF_CHECK(said.after_turn > x.core->written());
  x.write();
  CAF_CHECK_EQUAL(x.board().state.serving, 20);
}

CAF_TEST(time without a database does not add up) {
  gate x;
  x.word(gate_verb::open);
  x.crowd(5000);
  x.pass(10);
  CAF_CHECK_EQUAL(x.serving(), 500);
  for (int i = 0; i < 300; ++i) {
    x.now += millis{1000};
    x.core->round(x.now);
    x.core->take_turn(x.now); // Sent, and never heard of.
  }
  CAF_REQUIRE(x.core->in_flight());
  x.kept.write(*x.core->in_flight());
  x.core->turn_written(x.now);
  CAF_CHECK_EQUAL(x.serving(), 1000);
}

// -- crashes --------------------------------------------------------------------------------------

CAF_TEST(positions are reserved before they are told) {
  gate x;
  x.word(gate_verb::open);
  for (int64_t n = 1; n <= 3 * gate_core::range; ++n) CAF_REQUIRE_EQUAL(x.position(), n);
}

CAF_TEST(a position is never told twice and nobody waits for those that were never told) {
  gate x;
  x.word(gate_verb::open);
  x.crowd(100);
  x.now += millis{1000};
  x.write(); // Told up to 100, on record.
  x.crowd(20);
  x.restart();
  CAF_CHECK_EQUAL(x.position(), gate_core::range + 1);
  auto seen = x.board().state;
  CAF_CHECK_EQUAL(people_to(seen, 120), 100); // Twenty of them are not sure to exist.
  CAF_CHECK_EQUAL(people_to(seen, gate_core::range + 1), 101);
  x.core->hear({1, 115});
  x.core->hear({1, 107}); // An earlier one says nothing new.
  x.core->hear({2, 5000});
  CAF_CHECK_EQUAL(people_to(x.board().state, gate_core::range + 1), 116);
  x.pass(10);
  CAF_CHECK_EQUAL(x.serving(), 500); // Not sure yet: positions, not people.
  x.pass(10);
  CAF_CHECK(x.serving() >= gate_core::range + 1); // Nobody was heard of in between.
}

CAF_TEST(the counter stops at people and jumps over holes) {
  gate x;
  x.settings.advance_batch = 50;
  x.restart();
  x.word(gate_verb::open);
  x.crowd(100);
  x.now += millis{1000};
  x.write();
  x.restart();
  x.crowd(100);
  x.pass(20); // Twice fifty: all who are before the hole.
  CAF_CHECK_EQUAL(x.serving(), gate_core::range);
  x.pass(10);
  CAF_CHECK_EQUAL(x.serving(), gate_core::range + 50);
  CAF_CHECK(x.kept.is.holes.empty()); // It is behind.
}

CAF_TEST(a hole is on record for every later owner) {
  gate x;
  x.word(gate_verb::open);
  x.crowd(10);
  x.restart();
  x.crowd(10);
  x.restart();
  x.crowd(10);
  x.now += millis{1000};
  x.write();
  CAF_CHECK_EQUAL(x.kept.is.holes.size(), 2u);
  auto last = x.board().state;
  CAF_CHECK_EQUAL(last.told, 2 * gate_core::range + 10);
  CAF_CHECK(people_to(last, last.told) < 40);
  x.restart(); // Nothing new: what is on record is all there was.
  CAF_CHECK(people_to(x.board().state, last.told) < 40);
}

CAF_TEST(more crashes than holes can be kept make people wait and nothing else) {
  gate x;
  x.word(gate_verb::open);
  for (size_t i = 0; i < gate_core::holes_max + 5; ++i) {
    x.crowd(1);
    x.restart();
  }
  x.crowd(1);
  x.now += millis{1000};
  x.write();
  CAF_CHECK_EQUAL(x.kept.is.holes.size(), gate_core::holes_max);
}

CAF_TEST(a gate that was closed when its owner died has no holes) {
  gate x;
  x.word(gate_verb::open);
  x.crowd(10);
  x.word(gate_verb::close);
  x.restart();
  CAF_CHECK(x.core->idle());
  CAF_CHECK_EQUAL(x.board().state.told, 10);
  x.word(gate_verb::open);
  CAF_CHECK_EQUAL(x.assign().activation, 2);
}

CAF_TEST(versions rise over restarts) {
  gate x;
  x.word(gate_verb::open);
  auto before = x.core->version();
  x.crowd(1);
  CAF_CHECK(x.core->version() > before);
  before = x.core->version();
  x.now += millis{1};
  x.restart();
  CAF_CHECK(x.core->version() > before);
}

CAF_TEST(at the last position nobody more is told one) {
  gate x;
  x.word(gate_verb::open);
  x.kept.is.told = x.kept.is.reserved_to = gate_core::position_max - 2;
  x.kept.is.serving = gate_core::position_max - 2;
  x.restart();
  CAF_CHECK_EQUAL(x.position(), gate_core::position_max - 1);
  CAF_CHECK_EQUAL(x.position(), gate_core::position_max);
  CAF_CHECK(x.assign().is == ec::queue_full);
}

// -- everything at random -------------------------------------------------------------------------

namespace {

/// Does what can be done, in any order, with a crash at any boundary: before a turn is taken, when
/// it is lost on its way, when it was written and nobody heard.
void play(uint64_t seed) {
  std::mt19937_64 random{seed};
  gate x;
  std::set<std::pair<int32_t, int64_t>> told;
  std::set<int64_t> orders;
  std::map<int32_t, int64_t> served; ///< The greatest counter that anybody heard, by activation.
  for (int i = 0; i < 400; ++i) {
    switch (random() % 12) {
    case 0: x.core->steer({gate_verb::open, 0}); break;
    case 1:
      if (random() % 4 == 0) x.core->steer({gate_verb::close, 0});
      break;
    case 2: x.core->steer({gate_verb::advance, static_cast<int32_t>(1 + random() % 300)}); break;
    case 3:
      x.now += millis{random() % 12'000};
      x.core->round(x.now);
      break;
    case 4:
      if (random() % 4 == 0) x.restart();
      break;
    case 5: // Written, or on its way when the owner dies.
      if (auto turn = x.core->take_turn(x.now)) {
        if (random() % 2 == 0) x.kept.write(*turn);
        x.restart();
      }
      break;
    case 6:
      if (!told.empty()) {
        auto one = std::next(told.begin(), static_cast<int64_t>(random() % told.size()));
        x.core->hear({one->first, one->second});
      }
      break;
    case 7: x.write(); break;
    default:
      for (auto n = random() % 400; n > 0; --n) {
        auto out = x.core->assign();
        if (out.after_turn != 0 || out.reply.is != ec::ok) break;
        CAF_REQUIRE(out.reply.position <= x.kept.is.reserved_to);
        CAF_REQUIRE_EQUAL(out.reply.activation, x.kept.is.activation);
        CAF_REQUIRE(told.emplace(out.reply.activation, out.reply.position).second);
        CAF_REQUIRE(orders.insert(out.reply.order).second);
      }
    }
    auto seen = x.board().state;
    CAF_REQUIRE(seen.serving == x.kept.is.serving && seen.active == x.kept.is.active);
    auto& most = served[seen.activation];
    CAF_REQUIRE(seen.serving >= most);
    most = seen.serving;
  }
  // Whoever was told a position is let through in the end, and the order is the order of arrival.
  x.write();
  if (!x.kept.is.active) return;
  for (int i = 0; i < 500 && x.serving() < x.board().state.told; ++i) x.pass(10);
  for (auto& [activation, position] : told)
    if (activation == x.kept.is.activation) CAF_REQUIRE(position <= x.serving());
}

} // namespace

CAF_TEST(no position twice and no counter that falls whatever happens) {
  for (uint64_t seed = 1; seed <= 400; ++seed) play(seed);
}
