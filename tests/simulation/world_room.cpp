#include <utility>

#include <caf/all.hpp>

#include "actors/event/port.hpp"
#include "actors/registry.hpp"
#include "tests/simulation/world.hpp"

/// What a world does with the waiting room of its sale, and for whoever looks at events.
namespace tk::sim {

/// Its node dies at a turn, before the commit or after it. Most often where something is decided
/// once: when the first numbers are reserved, and when the draw is made.
bool world::die_at_turn(int32_t node, const batch& what, bool committed) {
  const room_turn* turn = nullptr;
  for (auto& x : what.ops)
    if (auto found = std::get_if<room_turn>(x.get())) turn = found;
  if (turn == nullptr || faults.turn_crash_ppm == 0 || healing_) return false;
  if (!committed) {
    auto known = db.model.rows.rooms.find(turn->event);
    auto reserved = known == db.model.rows.rooms.end() ? 0 : known->second.now.reserved_to;
    auto& draw = turn->control.draw;
    auto generation = known == db.model.rows.rooms.end() ? 1 : known->second.now.generation;
    special_turn_ = turn->generation > generation || turn->reserved_to > reserved ||
                    (draw && draw->turn == turn->turn);
  }
  constexpr uint32_t special_ppm = 300'000;
  if (!turn_dice_.chance(special_turn_ ? special_ppm : faults.turn_crash_ppm) ||
      !happens("crash-at-turn", true))
    return false;
  faults.note(&fault_mix::turn_crash_ppm);
  kill(node);
  return true;
}

int32_t world::node_of_room() const {
  for (auto& [no, x] : hosts_)
    if (x->node.epochs.of(room_key(sale_event)).epoch != 0) return no;
  return 0;
}

/// What a node's ingress does for the events it shows: asks for their boards.
void world::spread_boards() {
  for (auto& [no, x] : hosts_) {
    if (time.now() < x->paused_until) continue;
    auto at = x.get();
    auto seen = at->boards.find_event(sale_event);
    if (seen && chance.chance(800'000)) continue;
    ask_at<event_actor>(no, key_of(sale_event), describe_event{}, millis{3000},
                        [=](const answer<event_board>& y) {
                          if (y.came() && !y.gone && y.error == ec::ok)
                            at->boards.hear(std::make_shared<const event_board>(y.value));
                        });
  }
}

} // namespace tk::sim
