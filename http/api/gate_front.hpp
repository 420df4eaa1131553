#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>

#include <caf/actor.hpp>

#include "actors/base/errors.hpp"
#include "supervisors/boards.hpp"
#include "supervisors/node_context.hpp"

namespace tk::http {

/// An ingress's side of the gates: it knows their boards, and tells a gate that came back after a
/// crash which of the positions it is not sure of are somebody's.
class gate_front {
public:
  explicit gate_front(node_context& node) : node_(node) {
    // nop
  }

  /// Starts telling; ends with the actor that is returned.
  caf::actor start();

  /// The board, when it is not older than a few seconds.
  gate_board_ptr look(event_id event);
  using done = std::function<void(ec, const gate_board_ptr&)>;
  /// The board, asked of the gate when need be; a gate that sleeps is woken. `then` runs at once or
  /// on `self`: ok with a board, `event_unknown`, or why none is to be had.
  void with(caf::event_based_actor* self, event_id event, done then);
  /// A gate has told a position of this activation: boards of earlier ones are old.
  void note(event_id event, int32_t activation);
  /// Somebody waits with this position.
  void hear(const gate_board& board, int64_t position);
  /// To be called once a second.
  void tell_gates();

private:
  struct gate {
    gate_board_ptr board; ///< As a gate told it.
    instant told_at, used_at;
    int32_t activation = 0;           ///< The newest that anybody here knows of.
    std::map<int64_t, int64_t> heard; ///< The greatest position in a hole, by the hole's end.
  };
  /// The newest board and when it was made.
  std::pair<gate_board_ptr, instant> newest(event_id event);
  void keep(event_id event, gate_board board);

  node_context& node_;
  std::mutex mutex_;
  std::map<event_id, gate> gates_;
};

} // namespace tk::http
