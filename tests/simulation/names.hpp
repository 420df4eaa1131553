#pragma once

#include <cstdint>

#include "actors/base/ids.hpp"

namespace tk::sim {

/// The one event that is on sale.
inline constexpr event_id sale_event{0xe, 1};
/// Seats of block b are numbered from 1.
constexpr seat_id seat_of(int32_t block, int32_t n) {
  return {0x5ea7, static_cast<uint64_t>(block) * 10'000 + static_cast<uint64_t>(n)};
}
constexpr ticket_type_id type_of(int32_t n) { return {0x7e, static_cast<uint64_t>(n) + 1}; }
constexpr node_id id_of_node(int32_t n) { return {0x40de, static_cast<uint64_t>(n)}; }
constexpr int32_t node_of(const node_id& x) { return static_cast<int32_t>(x.lo); }
constexpr user_id user_of(int32_t n) { return {0xa, static_cast<uint64_t>(n) + 1}; }

} // namespace tk::sim
