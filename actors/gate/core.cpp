#include "actors/gate/core.hpp"

#include <algorithm>
#include <utility>

#include "actors/base/mutants.hpp"

namespace tk {

namespace {

/// So that a gate that starts again goes on above the versions of its last life in the same epoch.
constexpr uint64_t versions_per_ms = 1000;

} // namespace

gate_core::gate_core(event_id event, participant address, const gate_settings& settings,
                     const gate_rows& rows, instant now)
    : event_(event),
      address_(address),
      settings_(settings),
      record_(rows.state),
      told_written_(rows.state.told),
      written_(rows.turn),
      next_turn_(rows.turn + 1),
      settle_at_(now + settings.settle),
      advance_at_(now + settings.advance_every),
      told_turn_at_(now + linger),
      version_(static_cast<uint64_t>(to_ms(now)) * versions_per_ms) {
  // Positions behind `told` may have been given by the last owner, or not. Nobody gets them again.
  const gate_hole unsure{std::max(record_.told, record_.serving), record_.reserved_to};
  // Planted: whatever is not on record was not told.
  if (record_.active && unsure.from < unsure.to && !mutant("gate_gives_again")) {
    if (record_.holes.size() < holes_max) record_.holes.push_back(unsure);
    record_.told = record_.reserved_to;
  }
  wanted_ = record_;
}

// -- answers --------------------------------------------------------------------------------------

gate_report gate_core::report(bool changed) const {
  gate_report out;
  out.changed = changed;
  out.state = record_;
  out.state.activation = wanted_.activation;
  out.state.active = wanted_.active;
  out.state.serving = wanted_.serving;
  if (reopens()) out.state.told = 0;
  out.waiting = people_to(out.state, out.state.told);
  return out;
}

/// The turn that puts on record what is wanted now and is not yet.
int64_t gate_core::turn_of_activation() const {
  const bool on_its_way = in_flight_ && in_flight_->state.activation == wanted_.activation;
  return on_its_way ? in_flight_->turn : next_turn_;
}

int64_t gate_core::turn_of_range() const {
  const bool on_its_way = in_flight_ && in_flight_->state.reserved_to > record_.reserved_to;
  return on_its_way ? in_flight_->turn : next_turn_;
}

// -- positions ------------------------------------------------------------------------------------

/// Has the next range reserved in time.
void gate_core::want_range() {
  if (record_.reserved_to - record_.told >= range / 2 ||
      wanted_.reserved_to != record_.reserved_to || record_.reserved_to >= position_max)
    return;
  wanted_.reserved_to = std::min(record_.reserved_to + range, position_max);
  urgent_ = true;
}

gate_assignment gate_core::assign() {
  gate_assignment out;
  auto& x = out.reply;
  if (reopens() && wanted_.active) return {{}, turn_of_activation()};
  if (!record_.active) {
    x.is = ec::gate_closed;
    return out;
  }
  if (record_.told >= position_max) {
    x.is = ec::queue_full;
    return out;
  }
  want_range();
  if (record_.told >= record_.reserved_to) return {{}, turn_of_range()};
  x.position = ++record_.told;
  x.activation = record_.activation;
  x.order = record_.order_base + x.position;
  x.serving = record_.serving;
  x.ahead = people_to(record_, x.position);
  changed();
  return out;
}

void gate_core::hear(const heard_position& x) {
  if (x.activation != record_.activation) return;
  for (auto& hole : record_.holes) {
    if (x.position <= hole.from || x.position > hole.to) continue;
    hole.from = x.position;
    changed();
  }
  std::erase_if(record_.holes, [](const gate_hole& y) { return y.from >= y.to; });
}

// -- letting through ------------------------------------------------------------------------------

/// Where the counter is when `people` more are let through. It passes over holes once it is known
/// that they are.
int64_t gate_core::step(int64_t serving, int64_t people) const {
  if (!settled_) return serving + people;
  for (const auto& hole : record_.holes) {
    if (hole.to <= serving) continue;
    if (serving < hole.from) {
      const auto before = hole.from - serving;
      if (people < before) break;
      people -= before;
    }
    serving = hole.to;
  }
  return serving + people;
}

void gate_core::let_through(int64_t people) {
  const auto next = step(wanted_.serving, people);
  if (next == wanted_.serving) return;
  wanted_.serving = next;
  urgent_ = true;
}

void gate_core::round(instant now) {
  settled_ = settled_ || now >= settle_at_;
  // What was let through last is not on record yet, or the gate opens anew: time does not add up.
  const bool busy = wanted_.serving != record_.serving || reopens();
  if (!record_.active || !wanted_.active || busy) return;
  if (now >= advance_at_) {
    advance_at_ = now + settings_.advance_every;
    if (record_.serving < record_.told) return let_through(settings_.advance_batch);
  }
  let_through(0); // Over a hole that the counter stands at.
}

// -- steering -------------------------------------------------------------------------------------

bool gate_core::open_again() {
  if (wanted_.active) return false;
  ++wanted_.activation;
  wanted_.active = true;
  wanted_.order_base += wanted_.reserved_to;
  wanted_.reserved_to = range;
  wanted_.serving = 0;
  return true;
}

gate_word gate_core::steer(const steer_gate& x) {
  const auto pending = [this] {
    const bool same = wanted_.activation == record_.activation &&
                      wanted_.active == record_.active && wanted_.serving == record_.serving;
    if (same) return int64_t{0};
    const bool on_its_way = !urgent_ && in_flight_;
    return on_its_way ? in_flight_->turn : next_turn_;
  };
  bool did = false;
  switch (x.verb) {
  case gate_verb::report: return {report(false), 0};
  case gate_verb::open: did = open_again(); break;
  case gate_verb::close:
    if (wanted_.activation == 0) {
      gate_word out{report(false), 0};
      out.reply.is = ec::gate_unknown;
      return out;
    }
    did = std::exchange(wanted_.active, false);
    break;
  case gate_verb::advance: {
    const auto told = reopens() ? 0 : record_.told;
    if (!wanted_.active || wanted_.serving >= told) break;
    const auto before = wanted_.serving;
    let_through(x.batch);
    did = wanted_.serving != before;
    break;
  }
  }
  urgent_ = urgent_ || did;
  return {report(did), pending()};
}

// -- the record -----------------------------------------------------------------------------------

instant gate_core::next_turn_at() const {
  if (in_flight_) return instant::max();
  if (urgent_) return instant{};
  return record_.active && record_.told > told_written_ ? told_turn_at_ : instant::max();
}

std::optional<gate_turn> gate_core::take_turn(instant now) {
  if (next_turn_at() > now) return std::nullopt;
  gate_turn out;
  out.event = event_;
  out.gate = address_;
  out.turn = next_turn_++;
  out.state = wanted_;
  out.state.holes.clear();
  out.state.told = 0;
  if (!reopens()) {
    out.state.told = record_.told;
    std::ranges::copy_if(record_.holes, std::back_inserter(out.state.holes),
                         [this](const gate_hole& y) { return y.to > record_.serving; });
  }
  urgent_ = false;
  told_turn_at_ = now + linger;
  in_flight_ = std::move(out);
  return in_flight_;
}

void gate_core::turn_written(instant now) {
  if (!in_flight_) return;
  auto done = std::move(*in_flight_);
  in_flight_.reset();
  written_ = done.turn;
  told_written_ = done.state.told;
  const bool reopened = done.state.activation != record_.activation;
  // What was told and heard meanwhile is newer than what was written.
  if (!reopened) {
    done.state.told = record_.told;
    done.state.holes = std::move(record_.holes);
  } else {
    advance_at_ = now + settings_.advance_every;
  }
  record_ = std::move(done.state);
  std::erase_if(record_.holes, [this](const gate_hole& y) { return y.to <= record_.serving; });
  changed();
}

// -- looking --------------------------------------------------------------------------------------

gate_board gate_core::board(instant now) const {
  return {event_, address_.epoch, version_, now, record_};
}

} // namespace tk
