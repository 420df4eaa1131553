#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "actors/base/time.hpp"

/// Could what clients saw of one seat have come from a seat that does one thing at a time?
namespace tk::sim {

/// What a client did to a seat, or saw of it. `whose` names a reservation, by any number.
enum class seat_act : uint8_t {
  take = 1,  ///< It was free and is held.
  give_back, ///< It was held by or sold to `whose` and is free: cancelled.
  lapse,     ///< It was held by `whose`, ran out, and is free.
  sell,      ///< It was held by `whose` and is sold to it.
  refund,    ///< It was sold to `whose` and is free.
  see_mine,  ///< It is held by or sold to `whose`.
  see_held,  ///< It is held by somebody.
  see_sold,
  see_free
};

/// An operation with the time in which it took effect: between its beginning and its answer. One
/// without an answer takes effect at some time after its beginning, or never, but not twice.
struct seat_op {
  seat_act what = seat_act::take;
  uint32_t whose = 0;
  instant from;
  std::optional<instant> until;
};
std::string to_string(const seat_op& x, instant zero);

enum class consistency : uint8_t {
  holds = 1,
  broken,   ///< No order of the operations explains all answers.
  undecided ///< Too many orders to look at.
};

struct consistency_result {
  consistency is = consistency::holds;
  size_t culprit = 0;     ///< Of `broken`: the first answer that nothing explains.
  size_t most_states = 0; ///< As many were possible at once.
};

/// Looks for an order in which each operation takes effect within its time and every answer is
/// right (Wing and Gong; answers are looked at one after the other, as Lowe does). Of two states
/// that differ only in what may still happen and in which looks were right, the one where more may
/// and more were is kept: so operations without an answer, and looks, do not multiply.
/// @param states_max gives up beyond so many possible states at once.
consistency_result check_seat(const std::vector<seat_op>& ops, size_t states_max = 2'000);

} // namespace tk::sim
