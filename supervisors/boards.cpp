#include "supervisors/boards.hpp"

#include <mutex>
#include <tuple>

#include "actors/base/mutants.hpp"

namespace tk {

void board_store::publish(seat_board_ptr board) {
  std::unique_lock guard{mutex_};
  auto& event = events_[board->event];
  auto& known = event.blocks[board->block_no];
  if (known && std::tie(known->epoch, known->version) >= std::tie(board->epoch, board->version))
    return; // A zombie's board (H-22a).
  known = std::move(board);
  ++event.version;
}

void board_store::publish(quota_board_ptr board) {
  std::unique_lock guard{mutex_};
  auto& known = quotas_[board->type];
  if (known && std::tie(known->epoch, known->version) >= std::tie(board->epoch, board->version))
    return;
  known = std::move(board);
}

void board_store::publish(event_board_ptr board) {
  std::unique_lock guard{mutex_};
  auto& known = events_[board->event].about;
  if (known &&
      std::tie(known->owner.epoch, known->version) >= std::tie(board->owner.epoch, board->version))
    return;
  known = std::move(board);
}

void board_store::publish(room_board_ptr board) {
  std::unique_lock guard{mutex_};
  auto& known = events_[board->event].room;
  // Planted: the last board to come is believed, however old it is.
  if (!mutant("believes_old_boards") && known &&
      std::tie(known->epoch, known->version) >= std::tie(board->epoch, board->version))
    return;
  known = std::move(board);
}

void board_store::publish(gate_board_ptr board) {
  std::unique_lock guard{mutex_};
  auto& known = events_[board->event].gate;
  if (known && std::tie(known->epoch, known->version) >= std::tie(board->epoch, board->version))
    return;
  known = std::move(board);
}

seat_board_ptr board_store::find_seats(event_id event, int32_t block_no) const {
  std::shared_lock guard{mutex_};
  auto i = events_.find(event);
  if (i == events_.end()) return nullptr;
  auto k = i->second.blocks.find(block_no);
  return k == i->second.blocks.end() ? nullptr : k->second;
}

quota_board_ptr board_store::find_quota(ticket_type_id type) const {
  std::shared_lock guard{mutex_};
  auto i = quotas_.find(type);
  return i == quotas_.end() ? nullptr : i->second;
}

event_board_ptr board_store::find_event(event_id event) const {
  std::shared_lock guard{mutex_};
  auto i = events_.find(event);
  return i == events_.end() ? nullptr : i->second.about;
}

room_board_ptr board_store::find_room(event_id event) const {
  std::shared_lock guard{mutex_};
  auto i = events_.find(event);
  return i == events_.end() ? nullptr : i->second.room;
}

gate_board_ptr board_store::find_gate(event_id event) const {
  std::shared_lock guard{mutex_};
  auto i = events_.find(event);
  return i == events_.end() ? nullptr : i->second.gate;
}

uint64_t board_store::seats_version(event_id event) const {
  std::shared_lock guard{mutex_};
  auto i = events_.find(event);
  return i == events_.end() ? 0 : i->second.version;
}

void board_store::set_stale(bool stale) {
  std::unique_lock guard{mutex_};
  stale_ = stale;
}

bool board_store::stale() const {
  std::shared_lock guard{mutex_};
  return stale_;
}

} // namespace tk
