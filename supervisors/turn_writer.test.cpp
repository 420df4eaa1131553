#define CAF_SUITE turn_writer

// The writing of turns by a shell whose core does nothing but count: what is asked of the ledger,
// who hears when, and what the board shows.

#include "supervisors/turn_writer.hpp"

#include <optional>

#include "actors/gate/messages.hpp"
#include "tests/support/node_rig.hpp"

using namespace tk;
using namespace tk::rig;

namespace {

const event_id event = event_no(1);
constexpr millis lingers{100};

/// Each wish is to be on record; several go into one turn.
class counting_core {
public:
  /// The turn that puts one more on record.
  int64_t wish(instant now, bool urgent) {
    if (wishes_ == 0 || urgent) turn_at_ = urgent ? now : now + lingers;
    ++wishes_;
    ++version_;
    return written_ + (in_flight_ ? 2 : 1);
  }
  void turn_written() {
    on_record_ += in_flight_->state.told;
    written_ = in_flight_->turn;
    in_flight_.reset();
    ++version_;
  }
  void round(instant) { ++rounds; }

  std::optional<gate_turn> take_turn(instant now) {
    if (next_turn_at() > now) return std::nullopt;
    in_flight_.emplace();
    in_flight_->event = event;
    in_flight_->turn = written_ + 1;
    in_flight_->state.told = std::exchange(wishes_, 0);
    return in_flight_;
  }
  [[nodiscard]] instant next_turn_at() const {
    return in_flight_ || wishes_ == 0 ? instant::max() : turn_at_;
  }
  [[nodiscard]] int64_t written() const { return written_; }
  [[nodiscard]] const gate_turn* in_flight() const { return in_flight_ ? &*in_flight_ : nullptr; }
  [[nodiscard]] gate_board board(instant now) const {
    gate_board out{event, 1, version_, now, {}};
    out.state.told = on_record_;
    return out;
  }
  [[nodiscard]] uint64_t version() const { return version_; }
  void renew_board() { ++version_; }
  [[nodiscard]] bool idle() const { return wishes_ == 0 && !in_flight_; }

  int rounds = 0;

private:
  int64_t written_ = 0, wishes_ = 0, on_record_ = 0;
  uint64_t version_ = 1;
  std::optional<gate_turn> in_flight_;
  instant turn_at_;
};

struct clerk_state : turn_state<counting_core> {
  static inline const char* name = "clerk";
  bool fresh = true;
  void turn_written(const verdict&) { core->turn_written(); }
  [[nodiscard]] millis board_pause() const { return millis{200}; }
  [[nodiscard]] bool board_kept_fresh() const { return fresh; }
};

/// `open` is an urgent wish, `advance` one that can wait; `close` is a round.
using clerk_port =
  caf::typed_actor<caf::replies_to<steer_gate>::with<gate_report>,
                   caf::replies_to<passivate>::with<passivation>,
                   caf::reacts_to<atom::tick, uint64_t>, caf::reacts_to<atom::publish>>;
using clerk_ptr = clerk_port::stateful_pointer<clerk_state>;
using turns = turn_writer<clerk_ptr>;

caf::result<gate_report> on_word(clerk_ptr self, gate_verb what) {
  auto& st = self->state;
  if (what == gate_verb::close) {
    turns::round(self);
    return gate_report{};
  }
  gate_report out;
  out.waiting = st.core->wish(st.now(), what == gate_verb::open);
  return turns::when_written(self, out.waiting, out);
}

clerk_port::behavior_type behave(clerk_ptr self, node_context* node) {
  self->state.node = node;
  self->state.core = std::make_unique<counting_core>();
  self->state.tell_board();
  return {
    [=](const steer_gate& x) { return on_word(self, x.verb); },
    [=](passivate) { return turns::passivate(self); },
    [=](atom::tick, uint64_t what) { turns::due(self, what); },
    [=](atom::publish) { turns::board_due(self); },
  };
}

struct office : node_rig {
  clerk_port clerk = sys.spawn(behave, &node);

  office() { run(); }
  ~office() { stop(caf::actor_cast<caf::actor>(clerk)); }

  template <class Reply, class Message> answer_ptr<Reply> ask_clerk(const Message& what) {
    return ask_actor<Reply>(clerk, caf::infinite, what);
  }
  answer_ptr<gate_report> wish(gate_verb how = gate_verb::open) {
    auto out = ask_clerk<gate_report>(steer_gate{how, 0});
    run();
    return out;
  }
  void round() { CAF_REQUIRE(wish(gate_verb::close)->came()); }
  bool sleeps() {
    auto out = ask_clerk<passivation>(passivate{});
    run();
    CAF_REQUIRE(out->came());
    return out->error != ec::ok || out->value.stopped;
  }
  [[nodiscard]] const gate_turn& written(size_t i) const {
    return std::get<gate_turn>(*st.ops.at(i));
  }
  [[nodiscard]] counting_core& core() {
    auto* actor = caf::actor_cast<caf::abstract_actor*>(clerk);
    return *dynamic_cast<std::remove_pointer_t<clerk_ptr>&>(*actor).state.core;
  }
  [[nodiscard]] gate_board board() const { return *boards.find_gate(event); }
  void ledger_says(const std::vector<outcome>& what) {
    for (auto x : what) {
      st.answers.emplace_back();
      st.answers.back().is = x;
    }
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(turn_writer_tests, office)

CAF_TEST(whoever waits for a turn hears when it is on record) {
  st.fates = {fate::held};
  auto first = wish();
  CAF_REQUIRE_EQUAL(st.ops.size(), 1u);
  CAF_CHECK(!first->came());
  ledger_says({outcome::ok}); // Of the turn behind it.
  auto second = wish(), third = wish();
  CAF_CHECK_EQUAL(st.ops.size(), 1u); // One at a time.
  st.answering.push_back([rp = st.held.front().reply]() mutable {
    verdict v;
    v.is = outcome::ok;
    rp.deliver(v);
  });
  st.held.clear();
  caf::anon_send(caf::actor_cast<caf::actor>(node.ledger), atom::tick_v);
  run();
  CAF_REQUIRE_EQUAL(st.ops.size(), 2u);
  CAF_CHECK_EQUAL(written(1).turn, 2);
  CAF_CHECK_EQUAL(written(1).state.told, 2); // All that came meanwhile.
  for (auto& x : {first, second, third}) CAF_CHECK_EQUAL(x->count, 1);
  CAF_CHECK_EQUAL(first->value.waiting, 1);
  CAF_CHECK_EQUAL(third->value.waiting, 2);
}

CAF_TEST(what can wait is written together and once) {
  ledger_says({outcome::ok});
  auto first = wish(gate_verb::advance);
  pass(millis{50});
  auto second = wish(gate_verb::advance);
  pass(millis{40});
  CAF_CHECK(st.ops.empty());
  pass(millis{20});
  CAF_REQUIRE_EQUAL(st.ops.size(), 1u);
  CAF_CHECK_EQUAL(written(0).state.told, 2);
  CAF_CHECK(first->came() && second->came());
  pass(millis{1000});
  CAF_CHECK_EQUAL(st.ops.size(), 1u);
}

CAF_TEST(a turn without an outcome is sent again and again until it has one) {
  ledger_says({outcome::unknown, outcome::unavailable, outcome::busy, outcome::done});
  auto x = wish();
  CAF_CHECK_EQUAL(st.ops.size(), 1u);
  pass(turns::pause_min);
  CAF_CHECK_EQUAL(st.ops.size(), 2u);
  pass(turns::pause_min); // The pause doubles.
  CAF_CHECK_EQUAL(st.ops.size(), 2u);
  pass(turns::pause_min);
  CAF_CHECK_EQUAL(st.ops.size(), 3u);
  CAF_CHECK(!x->came());
  pass(4 * turns::pause_min);
  CAF_REQUIRE_EQUAL(st.ops.size(), 4u);
  for (size_t i = 0; i < st.ops.size(); ++i) {
    CAF_CHECK_EQUAL(written(i).turn, 1);
    CAF_CHECK_EQUAL(written(i).state.told, 1);
  }
  CAF_REQUIRE_EQUAL(x->count, 1);
  CAF_CHECK(x->value.is == ec::ok);
  // The next trouble begins with a short pause.
  ledger_says({outcome::unknown, outcome::ok});
  auto y = wish();
  pass(turns::pause_min);
  CAF_CHECK(y->came());
}

CAF_TEST(a shell that was replaced ends and decides nothing) {
  ledger_says({outcome::fenced});
  auto x = wish();
  CAF_REQUIRE(x->came());
  CAF_CHECK(x->error == ec::unknown);
  CAF_CHECK(wish()->error != ec::ok);
  CAF_CHECK_EQUAL(st.ops.size(), 1u);
}

CAF_TEST(who has waited for long is told so and the turn is written all the same) {
  ledger_says(std::vector<outcome>(5, outcome::unavailable));
  auto x = wish();
  pass(turn_patience - millis{100});
  round();
  CAF_CHECK(!x->came());
  pass(millis{100});
  round();
  CAF_REQUIRE_EQUAL(x->count, 1);
  CAF_CHECK(x->value.is == ec::unavailable);
  CAF_CHECK_EQUAL(board().state.told, 0);
  ledger_says({outcome::ok});
  pass(turns::pause_max);
  CAF_CHECK_EQUAL(board().state.told, 1);
  CAF_CHECK_EQUAL(x->count, 1);
}

CAF_TEST(not everybody may wait) {
  st.fates = {fate::silent};
  std::vector<answer_ptr<gate_report>> all;
  all.reserve(turns::waiting_max);
  for (size_t i = 0; i < turns::waiting_max; ++i)
    all.push_back(ask_clerk<gate_report>(steer_gate{gate_verb::open, 0}));
  run();
  for (auto& x : all) CAF_REQUIRE(!x->came());
  auto last = wish();
  CAF_REQUIRE(last->came());
  CAF_CHECK(last->value.is == ec::busy);
}

CAF_TEST(boards come one at a time and the last one tells all) {
  auto start = board();
  ledger_says(std::vector<outcome>(12, outcome::ok));
  pass(millis{300});
  std::set<uint64_t> seen;
  for (int i = 0; i < 12; ++i) {
    CAF_CHECK(wish()->came());
    seen.insert(board().version);
    pass(millis{10});
  }
  CAF_CHECK_EQUAL(seen.size(), 1u);
  CAF_CHECK(!seen.contains(start.version)); // At once, after a calm.
  pass(millis{200});
  CAF_CHECK_EQUAL(board().state.told, 12);
  CAF_CHECK_EQUAL(board().version, core().version());
  auto last = board().version;
  pass(millis{1000});
  CAF_CHECK_EQUAL(board().version, last); // Nothing has changed.
}

CAF_TEST(a board is kept fresh while its shell says so) {
  auto start = board().version;
  round();
  CAF_CHECK_EQUAL(board().version, start);
  pass(turns::board_at_least);
  round();
  CAF_CHECK(board().version > start);
  CAF_CHECK(board().made_at == now());
}

CAF_TEST(a suspended node decides nothing and answers) {
  node.suspended = true;
  st.fates = {fate::silent};
  auto x = wish();
  pass(turn_patience);
  round();
  CAF_CHECK_EQUAL(core().rounds, 0);
  CAF_CHECK(x->came());
  node.suspended = false;
  round();
  CAF_CHECK_EQUAL(core().rounds, 1);
}

CAF_TEST(a shell does not sleep while a turn is on its way) {
  ledger_says({outcome::unknown, outcome::ok});
  auto x = wish();
  CAF_CHECK(!sleeps());
  pass(turns::pause_min);
  CAF_CHECK(x->came());
  CAF_CHECK(sleeps());
  CAF_CHECK(sleeps()); // Gone.
}

CAF_TEST(a shell that falls asleep has told its last board) {
  ledger_says({outcome::ok, outcome::ok});
  CAF_CHECK(wish()->came());
  CAF_CHECK(wish()->came());
  CAF_CHECK_EQUAL(board().state.told, 0); // It is too soon for another board.
  CAF_CHECK(sleeps());
  CAF_CHECK_EQUAL(board().state.told, 2);
}

CAF_TEST_FIXTURE_SCOPE_END()
