#pragma once

#include <cstdint>
#include <memory>
#include <shared_mutex>
#include <unordered_map>
#include <vector>

#include "actors/base/ids.hpp"
#include "actors/base/placement.hpp"
#include "actors/base/time.hpp"
#include "actors/event/messages.hpp"
#include "actors/gate/board.hpp"
#include "actors/waiting_room/board.hpp"

namespace tk {

/// A block's seats as clients see them: 2 bits a seat, in order of seat id. Full state, latest
/// wins.
struct seat_board {
  event_id event;
  int32_t block_no = 0;
  int64_t epoch = 0;
  uint64_t version = 0;
  instant made_at;
  uint32_t seat_count = 0;
  std::vector<uint8_t> bits; ///< Seat i in bits 2*(i%4).. of byte i/4.
};
using seat_board_ptr = std::shared_ptr<const seat_board>;
/// A quota as clients see it. Full state, latest wins.
struct quota_board {
  event_id event;
  int32_t block_no = 0;
  int64_t epoch = 0;
  uint64_t version = 0;
  instant made_at;
  ticket_type_id type;
  int32_t available = 0, total = 0;
};
using quota_board_ptr = std::shared_ptr<const quota_board>;
using event_board_ptr = std::shared_ptr<const event_board>;
using room_board_ptr = std::shared_ptr<const room_board>;
using gate_board_ptr = std::shared_ptr<const gate_board>;

/// The boards a node has heard of. Owners publish from actors, the ingress reads from its own
/// threads; both only hold a lock for a look-up. An older (epoch, version) never replaces a newer.
class board_store {
public:
  void publish(seat_board_ptr board);
  void publish(quota_board_ptr board);
  void publish(event_board_ptr board);
  void publish(room_board_ptr board);
  void publish(gate_board_ptr board);
  [[nodiscard]] seat_board_ptr find_seats(event_id event, int32_t block_no) const;
  [[nodiscard]] quota_board_ptr find_quota(ticket_type_id type) const;
  [[nodiscard]] event_board_ptr find_event(event_id event) const;
  [[nodiscard]] room_board_ptr find_room(event_id event) const;
  [[nodiscard]] gate_board_ptr find_gate(event_id event) const;
  /// Rises with every accepted seat board of the event: tells whether a rendered map is current.
  [[nodiscard]] uint64_t seats_version(event_id event) const;
  /// Set while owners are suspended: boards go on, marked stale.
  void set_stale(bool stale);
  [[nodiscard]] bool stale() const;

private:
  struct event_boards {
    uint64_t version = 0;
    std::unordered_map<int32_t, seat_board_ptr> blocks;
    event_board_ptr about;
    room_board_ptr room;
    gate_board_ptr gate;
  };
  mutable std::shared_mutex mutex_;
  std::unordered_map<event_id, event_boards, id_hash> events_;
  std::unordered_map<ticket_type_id, quota_board_ptr, id_hash> quotas_;
  bool stale_ = false;
};

} // namespace tk
