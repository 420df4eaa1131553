#pragma once

#include <cstdint>
#include <string>

#include "http/operators/told.hpp"
#include "tests/simulation/world.hpp"

namespace tk::sim {

/// I20: what nodes tell operators, in the operators' own words (`http/operators/memory.hpp`),
/// beside what is. A node may be behind, but not further than it can be while it says that it
/// decides; and nothing that it tells was made up.
class operators_judge {
public:
  /// @param clock_error by how much a node's clock may jump, in either direction.
  /// @param news_lost frames may vanish between nodes although their link stands, which no
  /// connection of the product does: then a node may know old news of blocks that are not its own.
  operators_judge(world& w, millis clock_error, bool news_lost)
      : world_(w), behind_max_(behind_max + 2 * clock_error), news_lost_(news_lost) {}

  /// Who owns what, as the next node tells it at this moment; what is wrong with it, or empty.
  [[nodiscard]] std::string look();
  /// The same of all shards, and what is free, held and sold, as every node tells it when nothing
  /// happens any more.
  [[nodiscard]] std::string look_at_rest();
  /// Owners that were told and compared.
  [[nodiscard]] uint64_t compared() const { return compared_; }

private:
  [[nodiscard]] std::string judge(int32_t node, const http::ordered& told, bool fresh);
  [[nodiscard]] std::string compare_blocks(int32_t node, const host& at) const;

  /// A node that hears nothing of the roster for 2.5 s, by its clock, suspends itself and says so.
  /// On the way come the heartbeat's own time and a turn of its supervisor.
  static constexpr millis behind_max{4'000};

  world& world_;
  millis behind_max_;
  bool news_lost_;
  int32_t turn_ = 0; ///< Whom was looked at.
  uint64_t compared_ = 0;
};

} // namespace tk::sim
