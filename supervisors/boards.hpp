#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <shared_mutex>
#include <unordered_map>
#include <variant>
#include <vector>

#include "actors/base/ids.hpp"
#include "actors/base/placement.hpp"
#include "actors/base/time.hpp"
#include "actors/event/messages.hpp"
#include "actors/gate/board.hpp"
#include "actors/seat_block/board.hpp"
#include "actors/waiting_room/board.hpp"

namespace tk {

using seat_board_ptr = std::shared_ptr<const seat_board>;
using quota_board_ptr = std::shared_ptr<const quota_board>;
using event_board_ptr = std::shared_ptr<const event_board>;
using room_board_ptr = std::shared_ptr<const room_board>;
using gate_board_ptr = std::shared_ptr<const gate_board>;

/// A board of whichever kind, with whose it is.
using any_board =
  std::variant<seat_board_ptr, quota_board_ptr, event_board_ptr, room_board_ptr, gate_board_ptr>;
entity_key owner_of(const any_board& x);
int64_t epoch_of(const any_board& x);

/// The boards a node has heard of. Owners publish from actors, the ingress reads from its own
/// threads; both only hold a lock for a look-up. An older (epoch, version) never replaces a newer.
class board_store {
public:
  /// From its owner, which is at this node: other nodes are to be told.
  void publish(any_board board);
  /// From another node.
  void hear(const any_board& board);
  /// Calls `tell` when something was published, once until `take_changed`; from any thread. Set
  /// before anybody publishes, by who tells other nodes.
  void on_change(std::function<void()> tell) { tell_ = std::move(tell); }
  /// The newest boards that were published since the last call, by owner.
  [[nodiscard]] std::vector<any_board> take_changed();
  /// All of them that `wanted` likes.
  [[nodiscard]] std::vector<any_board> all(
    const std::function<bool(const any_board&)>& wanted) const;
  [[nodiscard]] seat_board_ptr find_seats(event_id event, int32_t block_no) const;
  [[nodiscard]] quota_board_ptr find_quota(ticket_type_id type) const;
  [[nodiscard]] event_board_ptr find_event(event_id event) const;
  [[nodiscard]] room_board_ptr find_room(event_id event) const;
  [[nodiscard]] gate_board_ptr find_gate(event_id event) const;
  /// Events in whose rooms somebody waits, as far as is known; ascending.
  [[nodiscard]] std::vector<event_id> waited_for() const;
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
  bool keep(const any_board& board);
  bool keep(const seat_board_ptr& board);
  bool keep(const quota_board_ptr& board);
  bool keep(const event_board_ptr& board);
  bool keep(const room_board_ptr& board);
  bool keep(const gate_board_ptr& board);

  mutable std::shared_mutex mutex_;
  std::map<entity_key, any_board> changed_;
  std::function<void()> tell_;
  std::unordered_map<event_id, event_boards, id_hash> events_;
  std::unordered_map<ticket_type_id, quota_board_ptr, id_hash> quotas_;
  bool stale_ = false;
};

} // namespace tk
