#pragma once

#include <cstdint>
#include <optional>

#include "actors/gate/messages.hpp"
#include "actors/gate/settings.hpp"
#include "persistence/ledger/queue_ops.hpp"
#include "persistence/reads/queue_rows.hpp"

namespace tk {

/// What the gate says to one question. With `after_turn` it cannot say yet: ask again when that
/// turn is on record.
struct gate_assignment {
  assigned_position reply;
  int64_t after_turn = 0;
};
/// The answer is told when `after_turn` is on record; 0 = at once.
struct gate_word {
  gate_report reply;
  int64_t after_turn = 0;
};

/// The rules of a gate: pure. Positions are told at memory speed out of ranges that are on record
/// before the first of them is told; opening, closing and letting through are on record before
/// anybody hears of them. It keeps no person.
class gate_core {
public:
  gate_core(event_id event, participant address, const gate_settings& settings,
            const gate_rows& rows, instant now);

  // -- what is asked ------------------------------------------------------------------------------
  gate_assignment assign();
  gate_word steer(const steer_gate& x);
  /// Somebody has a position that an earlier owner told: it and those before it are no holes.
  void hear(const heard_position& x);

  // -- time ---------------------------------------------------------------------------------------
  /// Lets people through when it is time. To be called about once a second.
  void round(instant now);

  // -- the record ---------------------------------------------------------------------------------
  /// When the next turn is to be taken; `instant::max()` while one is on its way or none is needed.
  [[nodiscard]] instant next_turn_at() const;
  /// The turn to be sent now, if any. It stays on its way until `turn_written`.
  std::optional<gate_turn> take_turn(instant now);
  void turn_written(instant now);
  [[nodiscard]] int64_t written() const { return written_; }
  [[nodiscard]] const gate_turn* in_flight() const { return in_flight_ ? &*in_flight_ : nullptr; }

  // -- looking ------------------------------------------------------------------------------------
  [[nodiscard]] gate_board board(instant now) const;
  /// Rises with everything that a board shows, over restarts too.
  [[nodiscard]] uint64_t version() const { return version_; }
  /// Has the next board replace the last one although nothing has changed.
  void renew_board() { changed(); }
  [[nodiscard]] bool open() const { return record_.active; }
  /// Closed, and nothing is on its way.
  [[nodiscard]] bool idle() const { return !record_.active && !in_flight_ && !urgent_; }

  /// So many positions are reserved at a time.
  static constexpr int64_t range = 10'000;
  /// The greatest position: request ids have 28 bits for it.
  static constexpr int64_t position_max = (int64_t{1} << 28) - 1;
  /// How long positions that were told wait to be put on record as told.
  static constexpr millis linger{1000};
  static constexpr size_t holes_max = 64;

private:
  [[nodiscard]] int64_t turn_of_activation() const;
  [[nodiscard]] int64_t turn_of_range() const;
  [[nodiscard]] bool reopens() const { return wanted_.activation != record_.activation; }
  [[nodiscard]] gate_report report(bool changed) const;
  [[nodiscard]] int64_t step(int64_t serving, int64_t people) const;
  void let_through(int64_t people);
  bool open_again();
  void want_range();
  void changed() { ++version_; }

  event_id event_;
  participant address_;
  gate_settings settings_;
  gate_state record_; ///< On record, but for `told`: every position told, and `holes`.
  gate_state wanted_; ///< As the next turn will have it; `told` and `holes` unused.
  int64_t told_written_ = 0;
  int64_t written_ = 0; ///< The last turn on record.
  int64_t next_turn_ = 1;
  std::optional<gate_turn> in_flight_;
  bool urgent_ = false;
  bool settled_ = false; ///< Whoever waits with a position of an earlier owner has been heard of.
  instant settle_at_, advance_at_, told_turn_at_;
  uint64_t version_;
};

} // namespace tk
