#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "actors/base/time.hpp"

namespace tk::http {

/// Notices who asks sooner than they were told to. A table of one size however many ask: two places
/// may share an entry, and then the one before is forgotten, so it counts too few rather than too
/// many. Not synchronised.
class poll_watch {
public:
  /// True when `place` asked last less than `next_poll_s` ago, but for half a second of grace.
  bool early(uint32_t place, instant now, int32_t next_poll_s);

private:
  struct seen {
    uint32_t place = 0;
    uint32_t at = 0; ///< Tenths of a second, of the lower bits of the time.
  };
  static constexpr size_t size = 1u << 14;
  std::vector<seen> table_; ///< Made at the first question.
};

} // namespace tk::http
