#include "supervisors/boards.hpp"

#include <algorithm>
#include <mutex>
#include <utility>

#include "actors/base/mutants.hpp"

namespace tk {

namespace {

entity_key key_of_board(const seat_board& x) { return key_of(x.event, x.block_no); }
entity_key key_of_board(const quota_board& x) { return key_of(x.event, x.block_no); }
entity_key key_of_board(const event_board& x) { return key_of(x.event); }
entity_key key_of_board(const room_board& x) { return room_key(x.event); }
entity_key key_of_board(const gate_board& x) { return gate_key(x.event); }

template <class Board> int64_t epoch_of_board(const Board& x) { return x.epoch; }
int64_t epoch_of_board(const event_board& x) { return x.owner.epoch; }

/// A zombie's board, or one that was overtaken (H-22a).
template <class Ptr> bool is_old(const Ptr& known, const Ptr& board) {
  return known && std::pair{epoch_of_board(*known), known->version} >=
                    std::pair{epoch_of_board(*board), board->version};
}

template <class Ptr> bool replace(Ptr& known, const Ptr& board) {
  if (is_old(known, board)) return false;
  known = board;
  return true;
}

} // namespace

entity_key owner_of(const any_board& x) {
  return std::visit([](auto& y) { return key_of_board(*y); }, x);
}

int64_t epoch_of(const any_board& x) {
  return std::visit([](auto& y) { return epoch_of_board(*y); }, x);
}

bool board_store::keep(const seat_board_ptr& board) {
  auto& event = events_[board->event];
  if (!replace(event.blocks[board->block_no], board)) return false;
  ++event.version;
  return true;
}

bool board_store::keep(const quota_board_ptr& board) {
  return replace(quotas_[board->type], board);
}

bool board_store::keep(const event_board_ptr& board) {
  return replace(events_[board->event].about, board);
}

bool board_store::keep(const room_board_ptr& board) {
  auto& known = events_[board->event].room;
  if (mutant("believes_old_boards")) { // Planted: the last to come is believed, however old it is.
    known = board;
    return true;
  }
  return replace(known, board);
}

bool board_store::keep(const gate_board_ptr& board) {
  return replace(events_[board->event].gate, board);
}

bool board_store::keep(const any_board& board) {
  return std::visit([this](auto& x) { return keep(x); }, board);
}

void board_store::hear(const any_board& board) {
  std::unique_lock guard{mutex_};
  keep(board);
}

void board_store::publish(any_board board) {
  {
    std::unique_lock guard{mutex_};
    if (!keep(board) || !tell_) return;
    bool told = !changed_.empty();
    changed_.insert_or_assign(owner_of(board), std::move(board));
    if (told) return;
  }
  tell_();
}

std::vector<any_board> board_store::take_changed() {
  std::map<entity_key, any_board> taken;
  {
    std::unique_lock guard{mutex_};
    taken.swap(changed_);
  }
  std::vector<any_board> out;
  out.reserve(taken.size());
  for (auto& [key, x] : taken) out.push_back(std::move(x));
  return out;
}

std::vector<any_board> board_store::all(const std::function<bool(const any_board&)>& wanted) const {
  std::vector<any_board> out;
  auto add = [&](const auto& x) {
    if (x && wanted(x)) out.emplace_back(x);
  };
  {
    std::shared_lock guard{mutex_};
    for (auto& [id, x] : events_) {
      for (auto& [no, y] : x.blocks) add(y);
      add(x.about);
      add(x.room);
      add(x.gate);
    }
    for (auto& [id, x] : quotas_) add(x);
  }
  // What is sent must not depend on a hash table's order (R19).
  std::ranges::sort(out, {}, [](auto& x) { return owner_of(x); });
  return out;
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

std::vector<event_id> board_store::waited_for() const {
  std::vector<event_id> out;
  {
    std::shared_lock guard{mutex_};
    for (auto& [event, x] : events_)
      if (x.room && x.room->waiting() > 0) out.push_back(event);
  }
  std::ranges::sort(out);
  return out;
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
