#pragma once

#include <cstdint>
#include <vector>

#include "actors/base/digest.hpp"
#include "actors/base/ids.hpp"
#include "actors/base/time.hpp"
#include "actors/base/wire.hpp"
#include "actors/waiting_room/line.hpp"

/// A waiting room as everybody may see it: full state, versioned, latest wins, lossy without harm.
/// From it an ingress may answer *still waiting*, and refuse the pass of a slot that has ended;
/// nothing else (H-10).
namespace tk {

/// How fast people were admitted lately: for estimates that nobody has to ask the room for.
struct admission_pace {
  uint32_t admitted = 0; ///< Within `over`.
  millis over{0};        ///< At most a minute.
  bool operator==(const admission_pace&) const = default;
};

/// Seconds until the position `position` (from 1) is served (contract 4.1).
int32_t estimated_wait_s(const admission_pace& pace, uint32_t position);
/// Seconds after which whoever has `position` is to ask again (contract 4.1); 3 for who does not
/// wait.
int32_t next_poll_s(uint32_t position);

/// A pre-queue as everybody may see it; without an opening there is none.
struct board_draw {
  instant opens_at;
  sha256_digest commitment{}; ///< SHA-256 of the seed, public before anybody joins.
  /// Once it is drawn and on record: how everybody finds their place (`drawn_order`). The cut-off
  /// is 0 before.
  sha256_digest seed{};
  sha256_digest list{};
  uint32_t from = 0, cutoff = 0;
  bool operator==(const board_draw&) const = default;
  [[nodiscard]] bool wanted() const { return opens_at != instant{}; }
  [[nodiscard]] bool drawn() const { return cutoff != 0; }
};

/// What somebody who waits may hope for, while their room follows the inventory.
enum class outlook : uint8_t { unknown = 1, likely, unlikely, sold_out };

/// The numbers behind it: seats and standing tickets alike.
struct seats_left {
  bool known = false;
  int64_t free = 0, held = 0;
  int64_t coming_back = 0; ///< Of those held, as many as usually are given back.
  int64_t choosing = 0;    ///< People inside who hold nothing yet.
  bool operator==(const seats_left&) const = default;

  /// How many somebody takes who gets in, as far as can be told before.
  static constexpr int64_t a_person = 2;
  /// For those who wait.
  [[nodiscard]] int64_t for_line() const { return free + coming_back - choosing * a_person; }
  /// Of whoever has `position`, from 1.
  [[nodiscard]] outlook for_position(uint32_t position) const;
};

struct room_board {
  event_id event;
  int64_t epoch = 0;
  uint64_t version = 0;
  instant made_at;
  int32_t generation = 0;
  /// A direct number from here on that an earlier epoch gave may be unknown to the room: its ticket
  /// is to be shown to it.
  uint32_t unsure_from = 0;
  line_view gated, direct; ///< Those the gate numbered come first.
  uint32_t active = 0, threshold = 0;
  bool paused = false;
  board_draw draw;
  seats_left seats; ///< Known while the room follows the inventory.
  admission_pace pace;
  /// Slots that are open, a bit an admission from `first_slot` on. Earlier ones have ended, later
  /// ones are newer than this board.
  int32_t first_slot = 1, next_slot = 1;
  std::vector<uint64_t> open_slots;
  bool operator==(const room_board&) const = default;

  [[nodiscard]] uint32_t waiting() const { return gated.waiting + direct.waiting; }
  /// Beyond so many who wait a room tells its board seldom.
  static constexpr size_t crowded_from = 10'000;
  /// Whether it is new enough for a slot that it shows as open to be taken for open; else the room
  /// is to be asked.
  [[nodiscard]] bool tells_of_slots(instant now) const;
  /// Whether a pass of this slot is known to be worthless.
  [[nodiscard]] bool ended(int32_t of_generation, int32_t admission) const;
};

template <class F> wire<F> inspect(F& f, line_view& x) {
  return f(x.head, x.waiting, x.near, x.far);
}
template <class F> wire<F> inspect(F& f, admission_pace& x) { return f(x.admitted, x.over); }
template <class F> wire<F> inspect(F& f, board_draw& x) {
  return f(x.opens_at, x.commitment, x.seed, x.list, x.from, x.cutoff);
}
template <class F> wire<F> inspect(F& f, seats_left& x) {
  return f(x.known, x.free, x.held, x.coming_back, x.choosing);
}
template <class F> wire<F> inspect(F& f, room_board& x) {
  return f(x.event, x.epoch, x.version, x.made_at, x.generation, x.unsure_from, x.gated, x.direct,
           x.active, x.threshold, x.paused, x.pace, x.first_slot, x.next_slot, x.open_slots, x.draw,
           x.seats);
}

} // namespace tk
