#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <tuple>
#include <vector>

#include "actors/base/time.hpp"
#include "persistence/ledger/roster_port.hpp"

namespace tk {

/// Which shards a node gives to whom, one after the other: because an operator wants it, because it
/// is being drained, or because somebody has joined and has less than a fair share. Shards that an
/// operator has moved to this node stay, unless it is being drained. Plain rules, without actors.
class gift_plan {
public:
  /// `settle`: so long nobody may have come, gone or changed before shards are moved for the sake
  /// of balance (H-34); 0 = they never are.
  explicit gift_plan(millis settle) : settle_(settle) {
    // nop
  }

  /// To be asked after every look at the roster; none when there is nothing to give now.
  std::optional<wanted_move> next(const membership& of, instant now);
  /// A gift has ended; one that was put off is tried again a little later.
  void ended(uint16_t shard, bool moved, instant now);
  /// Whether a node that is being drained has nothing left to give, or nobody who takes it.
  static bool drained(const membership& of);
  /// Whether nobody has more than a fair share, but for shards that operators have moved to him,
  /// and nobody waits for some: then there is nothing to even out.
  static bool even(const membership& of);

private:
  using signature = std::vector<std::tuple<node_id, int64_t, bool, bool>>;
  std::optional<wanted_move> first_to(const membership& of, node_id to, instant now) const;
  [[nodiscard]] bool waits(uint16_t shard, instant now) const;
  void note_roster(const membership& of, instant now);
  [[nodiscard]] bool may_balance(const membership& of, instant now) const;

  millis settle_;
  signature roster_;
  instant changed_at_;
  bool balanced_ = false; ///< Since the roster changed last.
  instant paced_until_;   ///< Balance has time.
  std::map<uint16_t, instant> put_off_;
};

} // namespace tk
