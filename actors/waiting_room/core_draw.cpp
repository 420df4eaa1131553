#include <algorithm>
#include <utility>

#include "actors/base/mutants.hpp"
#include "actors/waiting_room/core.hpp"

/// The pre-queue of a waiting room and its draw, and what it lets in by the inventory.
namespace tk {

board_draw published(const room_draw& x) {
  return {x.opens_at, commitment_of(x.seed), x.seed, x.list, x.from, x.cutoff};
}

board_draw waiting_room_core::shown_draw() const {
  board_draw out;
  if (!control_.draw) return out;
  if (order_) return published(*control_.draw); // What is not on record nobody hears of.
  out.opens_at = control_.draw->opens_at;
  out.commitment = commitment_of(control_.draw->seed);
  return out;
}

ec waiting_room_core::steer_draw(const steer_queue& x, const sha256_digest& seed) {
  auto& draw = control_.draw;
  if (draw && draw->cutoff != 0) return ec::queue_in_use;
  if (x.verb == queue_verb::drop_pre_queue) {
    draw.reset();
    return ec::ok;
  }
  if (draw) { // Committed to its seed, and perhaps joined: only the time may change.
    draw->opens_at = x.at;
    return ec::ok;
  }
  // The commitment comes before anybody joins.
  if (people_.size() > 0 || !slots_.empty()) return ec::queue_in_use;
  draw = room_draw{seed, x.at, next_direct_, 0, 0, {}};
  return ec::ok;
}

/// Chains who has joined to the list of the draw. When it is time this is the last turn of it:
/// all numbers that were given so far are in this turn or on record.
void waiting_room_core::note_joins(instant now) {
  auto& draw = *control_.draw;
  for (auto& x : next_.joins)
    if (auto place = queue_place::of(x.place); place.direct && place.number >= draw.from)
      draw.list = chained(draw.list, place.number, pseudonym_of(draw.seed, x.user));
  if (draw.opens_at > now) return;
  draw.cutoff = next_direct_;
  draw.turn = next_.turn;
}

/// The draw is on record: everybody goes to their place.
void waiting_room_core::line_up_as_drawn() {
  auto before = std::exchange(direct_, waiting_line{control_.draw->from});
  order_.emplace(event_, published(*control_.draw));
  for (auto n = before.head(); n < before.end(); ++n)
    if (auto entry = before.at(n); entry != waiting_line::no_entry) stand(entry);
  changed();
}

// -- the inventory --------------------------------------------------------------------------------

seats_left waiting_room_core::seats() const {
  seats_left out;
  if (!control_.follow_inventory || !inventory_.known) return out;
  // Before there is anything to learn from: one in five lets go of what it held.
  constexpr int64_t usual = 10, usual_unpaid = 2;
  out.known = true;
  out.free = inventory_.free;
  out.held = inventory_.held;
  auto unpaid = ended_ - ended_paid_ + usual_unpaid;
  out.coming_back = out.held * unpaid / (ended_ + usual);
  auto holding = (out.held + seats_left::a_person - 1) / seats_left::a_person;
  // What those have taken whose slots ended since the look is not in it: they still count.
  auto inside = static_cast<int64_t>(slots_.size()) + ended_ - inventory_ended_;
  out.choosing = std::max<int64_t>(0, inside - holding);
  return out;
}

bool waiting_room_core::enough_seats() const {
  // Planted: people are let in for whom there is nothing.
  if (!control_.follow_inventory || mutant("lets_in_without_seats")) return true;
  auto x = seats();
  return x.known && x.for_line() > 0; // What was not looked at yet is nobody's.
}

void waiting_room_core::note_inventory(const event_inventory& x, int64_t ended) {
  if (x == inventory_ && ended == inventory_ended_) return;
  inventory_ended_ = ended;
  // Planted: that seats came back is not noticed.
  if (inventory_.known && x.free > inventory_.free && mutant("keeps_old_inventory")) return;
  inventory_ = x;
  changed();
}

} // namespace tk
