#include "tests/simulation/gate_crowd.hpp"

#include <algorithm>
#include <utility>

namespace tk::sim {

namespace {

constexpr millis gate_budget{5000};

constexpr uint32_t percent(uint32_t x) { return x * 10'000; }

millis seconds(int64_t x) { return millis{1000 * x}; }

} // namespace

// -- judging --------------------------------------------------------------------------------------

void gate_judge::fail(const std::string& what) {
  if (wrong_.empty()) wrong_ = "I12: " + what;
}

void gate_judge::committed(const gate_turn& x) {
  auto& is = x.state;
  if (is.activation == record_.activation && is.serving < record_.serving)
    fail("the counter of the gate has fallen");
  if (is.activation < record_.activation) fail("an earlier gate is open again");
  record_ = is;
}

/// Nobody has the position of somebody else, nor a number that comes before those of an earlier
/// activation.
void gate_judge::told(const assigned_position& x) {
  if (!positions_.emplace(x.activation, x.position).second)
    fail("position " + std::to_string(x.position) + " of the gate was told twice");
  if (x.activation > record_.activation || x.position < 1)
    fail("a position of a gate was told that is not on record");
  if (x.activation == record_.activation && x.position > record_.reserved_to)
    fail("position " + std::to_string(x.position) + " was told and is not reserved");
  if (!orders_.emplace(x.order, x.activation).second)
    fail("number " + std::to_string(x.order) + " of the gate was told twice");
  for (auto i = orders_.upper_bound(x.order); i != orders_.end(); ++i)
    if (i->second < x.activation) fail("an earlier activation of the gate stands behind a later");
}

void gate_judge::let_through(int32_t activation, int64_t position) {
  if (activation == record_.activation && record_.active && position > record_.serving)
    fail("position " + std::to_string(position) + " was let through, the counter is at " +
         std::to_string(record_.serving));
}

// -- the organiser --------------------------------------------------------------------------------

void gate_crowd::start() {
  used_ = organiser_.chance(percent(world_.plan.queue.gated));
  if (!used_) return;
  steer(gate_verb::open);
  if (!organiser_.chance(percent(50))) return;
  auto closes = organiser_.between(seconds(5), world_.plan.length);
  world_.time.after(closes, [this] { steer(gate_verb::close); });
  world_.time.after(closes + organiser_.between(seconds(1), seconds(20)), [this] {
    if (open_) steer(gate_verb::open);
  });
}

void gate_crowd::close() {
  open_ = false;
  if (used_) steer(gate_verb::close);
}

/// Until it is done.
void gate_crowd::steer(gate_verb verb) {
  ++waiting_;
  world_.ask_at<gate_actor>(world_.any_node(organiser_), gate_key(sale_event), steer_gate{verb, 0},
                            gate_budget, [=, this](const answer<gate_report>& x) {
                              --waiting_;
                              auto is = x.is();
                              bool late = !open_ && verb == gate_verb::open;
                              if (is == ec::ok || is == ec::gate_unknown || late) return;
                              world_.time.after(millis{500}, [=, this] { steer(verb); });
                            });
}

// -- the people -----------------------------------------------------------------------------------

void gate_crowd::come(dice& luck, const then& go_on) {
  if (!used_) return go_on(0);
  ++waiting_;
  world_.ask_at<gate_actor>(world_.any_node(luck), gate_key(sale_event), assign_position{},
                            gate_budget, [=, this, &luck](const answer<assigned_position>& x) {
                              --waiting_;
                              if (x.is() == ec::gate_closed) return go_on(0);
                              if (x.is() == ec::ok) {
                                judge.told(x.value);
                                return ask_whether(luck, x.value, go_on);
                              }
                              world_.time.after(luck.between(millis{300}, seconds(2)),
                                                [=, this, &luck] { come(luck, go_on); });
                            });
}

void gate_crowd::ask_whether(dice& luck, const assigned_position& mine, const then& go_on) {
  ++waiting_;
  world_.ask_at<gate_actor>(
    world_.any_node(luck), gate_key(sale_event), look_at_gate{}, gate_budget,
    [=, this, &luck](const answer<gate_board>& x) {
      --waiting_;
      auto& is = x.value.state;
      bool told = !x.gone && x.error == ec::ok;
      if (told && is.activation > mine.activation) return come(luck, go_on);
      if (told && is.activation == mine.activation && x.value.passes(mine.position)) {
        world_.covered.count("let_through_a_gate", 1);
        judge.let_through(mine.activation, mine.position);
        return go_on(static_cast<uint32_t>(mine.order));
      }
      world_.time.after(luck.between(millis{500}, seconds(2)),
                        [=, this, &luck] { ask_whether(luck, mine, go_on); });
    });
}

} // namespace tk::sim
