#pragma once

#include <algorithm>
#include <cstdint>

#include "actors/base/ids.hpp"
#include "actors/base/money.hpp"
#include "actors/base/wire.hpp"

/// What is sold: a numbered seat, or a quantity of a standing ticket type. Of `seat` and `type`
/// exactly one is set.
namespace tk {

/// The block of an item that its event's plan does not know.
inline constexpr int32_t unplaced = -1;

/// Something somebody wants, with the block that owns it.
struct wanted_item {
  seat_id seat;
  int32_t block_no = 0; ///< Or `unplaced`.
  ticket_type_id type = {};
  int32_t quantity = 1; ///< 1 for a seat.
  auto operator<=>(const wanted_item&) const = default;
};

/// A part of a reservation. Version and fence are a seat's; a quantity has none.
struct held_item {
  seat_id seat;
  int32_t block_no = 0;
  int32_t version = 0;
  int64_t fence = 0;
  won price; ///< Of one unit.
  ticket_type_id type = {};
  int32_t quantity = 1;
  [[nodiscard]] bool is_seat() const { return !seat.nil(); }
  bool operator==(const held_item&) const = default;
};

/// Quota blocks are numbered from here, one per ticket type, so behind every seat block an event
/// can have: a reservation of both is led by a seat block, and neither kind renumbers the other.
inline constexpr int32_t first_quota_block = 1'000'000;

/// Whether the block sells a ticket type's quantity, not seats.
constexpr bool is_quota_block(int32_t block_no) { return block_no >= first_quota_block; }

/// What a reservation of `items` counts against the limit of holds: each seat is one (G01), and an
/// order of standing tickets is one, whatever its lines (D18).
template <class Items> int32_t holds_in(const Items& items) {
  auto seats = std::ranges::count_if(items, [](const auto& x) { return !x.seat.nil(); });
  bool standing = seats < std::ranges::ssize(items);
  return static_cast<int32_t>(seats) + (standing ? 1 : 0);
}

template <class F> wire<F> inspect(F& f, wanted_item& x) {
  return f(x.seat, x.block_no, x.type, x.quantity);
}
template <class F> wire<F> inspect(F& f, held_item& x) {
  return f(x.seat, x.block_no, x.version, x.fence, x.price, x.type, x.quantity);
}

} // namespace tk
