#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <caf/actor.hpp>

#include "actors/waiting_room/draw.hpp"
#include "actors/waiting_room/messages.hpp"
#include "http/api/poll_watch.hpp"
#include "supervisors/boards.hpp"
#include "supervisors/node_context.hpp"

namespace tk::http {

/// Where somebody stands, as far as a board tells.
struct seen_place {
  uint32_t ahead = 0; ///< Of nothing before the draw.
  room_board_ptr board;
};

/// What a board tells of the place that a ticket names.
enum class sight : uint8_t {
  waiting, ///< Its owner waits there.
  older,   ///< Nothing yet: somebody was told something newer.
  unclear  ///< The room has to be asked.
};
struct place_sight {
  sight is = sight::unclear;
  uint32_t ahead = 0; ///< Of who waits.
};

/// An ingress's side of the waiting rooms: it answers *still waiting* from ticket and board,
/// without asking the room, and tells each room in which somebody waits once a second whom it has
/// heard of, be it nobody (H-10, H-11).
class queue_front {
public:
  explicit queue_front(node_context& node) : node_(node) {
    // nop
  }

  /// Starts telling; ends with the actor that is returned.
  caf::actor start();

  /// Where the ticket stands, when its room need not be asked. Counts as a sign of life.
  std::optional<seen_place> look(event_id event, const queue_ticket& ticket);
  /// What `board` tells, null for none, without being a sign of life.
  place_sight see(const room_board_ptr& board, const queue_ticket& ticket);
  /// A sign of life of the ticket's owner.
  void alive(event_id event, const queue_ticket& ticket);
  /// A room's answer was passed on: boards that are older do not tell what its asker knows.
  void note(event_id event, int64_t epoch, uint64_t version);
  /// Polls that came sooner than their `nextPoll`: answered like others, and counted.
  [[nodiscard]] const std::atomic<uint64_t>& early_polls() const { return early_polls_; }
  /// To be called once a second.
  void tell_rooms();

private:
  struct room {
    int32_t generation = 0;
    std::vector<uint32_t> heard; ///< Places, since the last batch.
    uint64_t batch = 0;
    int64_t epoch = 0;
    uint64_t version = 0; ///< The newest that anybody here knows of.
    instant used_at;
    poll_watch polls;
  };
  void note_poll(const room_board& board, const queue_ticket& ticket, uint32_t ahead);
  void hear(room& to, const queue_ticket& ticket);
  [[nodiscard]] std::optional<uint32_t> ahead_of(const room_board& board, queue_place place);
  /// Null while another thread makes it.
  std::shared_ptr<const drawn_order> order_of(const room_board& board);

  node_context& node_;
  std::atomic<uint64_t> early_polls_ = 0;
  std::mutex mutex_;
  std::map<event_id, room> rooms_;
  struct known_draw {
    board_draw of;
    std::shared_ptr<const drawn_order> order; ///< Null while it is being made.
    instant used_at;
  };
  std::mutex draws_mutex_;
  std::map<event_id, known_draw> draws_;
};

} // namespace tk::http
