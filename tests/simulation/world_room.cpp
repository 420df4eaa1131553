#include <utility>

#include <caf/all.hpp>

#include "tests/simulation/world.hpp"

/// What a world does with the waiting room of its sale.
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
    special_turn_ = turn->reserved_to > reserved || (draw && draw->turn == turn->turn);
  }
  constexpr uint32_t special_ppm = 300'000;
  if (!turn_dice_.chance(special_turn_ ? special_ppm : faults.turn_crash_ppm) ||
      !happens("crash-at-turn", true))
    return false;
  faults.note(&fault_mix::turn_crash_ppm);
  kill(node);
  return true;
}

/// As its room publishes it at home: the store keeps the newest.
void world::take_board(int32_t node, const link_frame& x) {
  auto at = find(node);
  room_board board;
  caf::binary_deserializer source{system, x.bytes};
  if (auto wrong = source(board)) CAF_RAISE_ERROR("a board cannot be decoded");
  if (at != nullptr) at->boards.publish(std::make_shared<const room_board>(std::move(board)));
}

int32_t world::node_of_room() const {
  for (auto& [no, x] : hosts_)
    if (x->node.epochs.of(room_key(sale_event)).epoch != 0) return no;
  return 0;
}

/// A room publishes at its node; from there its newest board goes to the others a few times a
/// second. Who has lost the room and does not know it yet goes on telling.
void world::spread_room_boards() {
  for (auto& [no, x] : hosts_) {
    auto board = x->boards.find_room(sale_event);
    if (time.now() < x->paused_until || !board ||
        board->epoch != x->node.epochs.of(room_key(sale_event)).epoch)
      continue;
    auto& sent = boards_sent_[no];
    if (std::exchange(sent, {board->epoch, board->version}) ==
        std::pair{board->epoch, board->version})
      continue;
    link_frame frame;
    frame.about = "room_board";
    caf::binary_serializer sink{system, frame.bytes};
    auto copy = *board;
    if (auto wrong = sink(copy)) CAF_RAISE_ERROR("a board cannot be encoded");
    for (int32_t other = 1; other <= plan.nodes; ++other)
      if (other != no) net.send_board(x->who, other, frame);
  }
}

} // namespace tk::sim
