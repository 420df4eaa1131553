#include "http/api/gate_front.hpp"

#include <algorithm>
#include <tuple>
#include <utility>
#include <vector>

#include <caf/all.hpp>

#include "actors/gate/port.hpp"
#include "supervisors/reply_once.hpp"
#include "supervisors/router.hpp"

namespace tk::http {

namespace {

constexpr millis tell_interval{1000};
constexpr millis gate_budget{3000};
/// An open gate tells every second that it is alive.
constexpr millis board_age_max{3000};
/// What is believed while the gate cannot be asked.
constexpr millis board_age_in_need{30'000};
constexpr millis forget_after{600'000};
constexpr size_t gates_max = 10'000;

struct teller_state {
  static inline const char* name = "tk.gate-front";
};

caf::behavior teller(caf::stateful_actor<teller_state>* self, gate_front* front) {
  self->delayed_send(self, tell_interval, atom::tick_v);
  return {
    [=](atom::tick) {
      front->tell_gates();
      self->delayed_send(self, tell_interval, atom::tick_v);
    },
  };
}

} // namespace

caf::actor gate_front::start() { return node_.system->spawn(teller, this); }

std::pair<gate_board_ptr, instant> gate_front::newest(event_id event) {
  std::pair<gate_board_ptr, instant> out{node_.boards->find_gate(event), instant{}};
  if (out.first) out.second = out.first->made_at;
  std::unique_lock guard{mutex_};
  auto i = gates_.find(event);
  if (i == gates_.end()) return out;
  auto& x = i->second;
  x.used_at = node_.clock->now();
  auto age = [](const gate_board& y, instant at) { return std::tuple{y.epoch, y.version, at}; };
  if (x.board && (!out.first || age(*out.first, out.second) < age(*x.board, x.told_at)))
    out = {x.board, x.told_at};
  if (out.first && out.first->state.activation < x.activation) out.second = instant{};
  return out;
}

gate_board_ptr gate_front::look(event_id event) {
  auto [board, at] = newest(event);
  return board && node_.clock->now() - at <= board_age_max ? board : nullptr;
}

void gate_front::keep(event_id event, gate_board board) {
  std::unique_lock guard{mutex_};
  if (gates_.size() >= gates_max) gates_.clear();
  auto& x = gates_[event];
  x.told_at = x.used_at = node_.clock->now();
  x.activation = std::max(x.activation, board.state.activation);
  x.board = std::make_shared<const gate_board>(std::move(board));
}

void gate_front::with(caf::event_based_actor* self, event_id event, done then) {
  if (auto board = look(event)) return then(ec::ok, board);
  ask<gate_actor>(self, node_, gate_key(event), gate_budget, look_at_gate{})
    .then(
      [this, event, then](const gate_board& x) {
        keep(event, x);
        then(ec::ok, newest(event).first);
      },
      [this, event, then](const caf::error& e) {
        auto [board, at] = newest(event);
        bool recent = board && node_.clock->now() - at <= board_age_in_need;
        if (to_ec(e) != ec::event_unknown && recent) then(ec::ok, board);
        else then(to_ec(e), nullptr);
      });
}

void gate_front::note(event_id event, int32_t activation) {
  std::unique_lock guard{mutex_};
  if (gates_.size() >= gates_max) gates_.clear();
  auto& x = gates_[event];
  x.used_at = node_.clock->now();
  x.activation = std::max(x.activation, activation);
}

void gate_front::hear(const gate_board& board, int64_t position) {
  auto& holes = board.state.holes;
  auto in = std::ranges::find_if(
    holes, [position](const gate_hole& y) { return y.from < position && position <= y.to; });
  if (in == holes.end()) return;
  std::unique_lock guard{mutex_};
  auto& x = gates_[board.event];
  x.used_at = node_.clock->now();
  x.activation = std::max(x.activation, board.state.activation);
  auto& most = x.heard[in->to];
  most = std::max(most, position);
}

void gate_front::tell_gates() {
  std::vector<std::pair<event_id, heard_position>> out;
  {
    std::unique_lock guard{mutex_};
    auto now = node_.clock->now();
    std::erase_if(gates_, [now](auto& x) { return now - x.second.used_at > forget_after; });
    for (auto& [event, x] : gates_) {
      for (auto& [end, position] : std::exchange(x.heard, {}))
        out.emplace_back(event, heard_position{x.activation, position});
    }
  }
  for (auto& [event, what] : out) tell<gate_actor>(node_, gate_key(event), what);
}

} // namespace tk::http
