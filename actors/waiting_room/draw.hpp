#pragma once

#include <cstdint>
#include <vector>

#include "actors/base/digest.hpp"
#include "actors/base/ids.hpp"
#include "actors/waiting_room/board.hpp"

/// The draw of a pre-queue, as docs/fair-draw.md tells it to everybody who wants to check it. What
/// is here and what is there, in tests/support/fair_draw.py and on the static page must agree.
namespace tk {

/// What everybody may know before joining opens.
sha256_digest commitment_of(const sha256_digest& seed);

/// Who somebody is on the published list: only who knows the user's id finds them.
std::string pseudonym_of(const sha256_digest& seed, user_id user);

/// The list digest after one more line.
sha256_digest chained(const sha256_digest& before, uint32_t number, std::string_view pseudonym);

/// Where everybody stands after the draw: the numbers from `from` up to `cutoff` in another order,
/// shuffled by Fisher and Yates; others stay where they are.
class drawn_order {
public:
  drawn_order(event_id event, const board_draw& draw);
  /// The place of whoever joined with `number`; all lower places are served before.
  [[nodiscard]] uint32_t place_of(uint32_t number) const {
    const auto index = number - from_;
    return index < places_.size() ? places_[index] : number;
  }
  [[nodiscard]] size_t bytes() const { return places_.capacity() * sizeof(uint32_t); }

private:
  uint32_t from_;
  std::vector<uint32_t> places_; ///< Of `from_`, `from_` + 1, ...
};

/// Seconds after which somebody in the pre-queue is to ask again: seldom while the opening is far,
/// then once after it, spread so that a crowd does not come in one second.
int32_t pre_queue_poll_s(millis to_opening, uint32_t number, uint32_t waiting);

} // namespace tk
