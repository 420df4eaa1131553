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
  explicit operators_judge(world& w) : world_(w) {}

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

  world& world_;
  int32_t turn_ = 0; ///< Whom was looked at.
  uint64_t compared_ = 0;
};

} // namespace tk::sim
