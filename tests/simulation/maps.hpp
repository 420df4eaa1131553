#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "actors/base/ids.hpp"
#include "tests/simulation/linearizability.hpp"

namespace tk::sim {

/// What the map of one block, or of one standing area, showed to somebody.
struct told_map {
  int32_t client = 0, node = 0, block = 0;
  int64_t life = 0; ///< Of the node: the next one begins without maps.
  int64_t epoch = 0;
  uint64_t version = 0;
  std::vector<uint8_t> seats; ///< 0 = free, 1 = held, 2 = sold.
  int32_t available = 0;      ///< Of a standing area, which has no seats.
  instant at;
  /// By a node that has the block and does not say that it is stale: as young as is promised.
  bool current = false;
};

/// A look at one seat, and when it was as it was shown.
struct look_at_seat {
  seat_id seat;
  seat_act what;
  instant from, until;
};

/// What people saw of a map, and nothing else. Of a version only the first and the last look
/// matter: the others say less.
class map_history {
public:
  /// What is wrong with it beside what was shown before (I24), or empty.
  std::string saw(const told_map& x);
  /// @param old as long may a map be behind the time. @param start when nothing had happened yet.
  [[nodiscard]] std::vector<look_at_seat> looks(millis old, instant start) const;
  /// Seats that a client was shown as sold, and later by the same node as something else.
  struct return_seen {
    seat_id seat;
    instant at;
  };
  [[nodiscard]] const std::vector<return_seen>& returns() const { return returns_; }

private:
  struct shown {
    told_map first, last;
  };
  /// By client, node, its life, and block.
  std::map<std::tuple<int32_t, int32_t, int64_t, int32_t>, told_map> newest_;
  std::map<std::tuple<int32_t, int64_t, uint64_t>, shown> versions_; ///< By block and version.
  std::vector<return_seen> returns_;
};

} // namespace tk::sim
