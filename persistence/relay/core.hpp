#pragma once

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "persistence/relay/messages.hpp"

namespace tk {

struct relay_settings {
  int32_t rows_max = 4096; ///< Of one read: what is in memory and under way at a time.
  millis idle_min{50};     ///< Between two reads, growing while nothing is found,
  millis idle_max{250};
  millis failed_min{100}; ///< and after a failure, growing while it lasts.
  millis failed_max{5000};
  /// A row that is refused is tried again after these; then it is a dead letter.
  std::array<millis, 3> retries{millis{1000}, millis{2000}, millis{4000}};
};

/// What is read next: of each shard the first rows behind its cursor.
struct relay_read {
  std::vector<owned_shard> shards;
  int32_t per_shard = 0;
};

/// A cursor that may move: everything up to there is delivered, or a dead letter.
struct cursor_move {
  owned_shard of;
  outbox_position to;
  auto operator<=>(const cursor_move&) const = default;
};
struct dead_row {
  size_t row = 0; ///< Of the rows that were read.
  int32_t tries = 0;
  std::string why;
};
/// What the cursors' record is told; dead letters are put there with the move over them.
struct relay_moves {
  std::vector<cursor_move> moves;
  std::vector<dead_row> dead;
};

/// The rules of a relay: what to read, what is under way, what may move a cursor. One read is under
/// way at a time, and each begins at the cursors as they are on record, so a relay that is started
/// afresh, or another node's, tells again what was not acknowledged and leaves nothing out.
class relay_core {
public:
  explicit relay_core(relay_settings settings) : settings_(settings) {}

  /// Shards that wait for another try of a refused row are left out until then. Nothing: there is
  /// nothing to read now.
  std::optional<relay_read> next(const std::vector<owned_shard>& owned, instant now);

  /// The rows that the last `next` brought, by shard and in order. False: they are not what was
  /// asked for, and nothing may be done with them.
  bool took(std::shared_ptr<const outbox_rows> rows);
  [[nodiscard]] const std::shared_ptr<const outbox_rows>& under_way() const { return rows_; }

  /// What may be put on record after the outcomes, one for each row under way.
  relay_moves judge(const std::vector<row_outcome>& outcomes, instant now);

  /// The read, the handing over or the record failed: none of it counts.
  void failed();
  /// The round is over and all of it is on record.
  void done();
  /// How long to wait before the next read.
  [[nodiscard]] millis pause() const { return pause_; }
  /// Shards whose first row is refused.
  [[nodiscard]] size_t stuck() const { return refused_.size(); }

private:
  struct refusal {
    outbox_position at;
    int32_t tries = 0;
    instant again_at;
  };
  /// Judges the rows [from, to) of one shard; false when something of it is to be tried again.
  bool judge_shard(size_t from, size_t to, const std::vector<row_outcome>& outcomes, instant now,
                   relay_moves& out);
  /// Whether the refused row is given up now.
  bool give_up(uint16_t shard, const outbox_position& at, instant now);

  relay_settings settings_;
  relay_read read_;
  std::shared_ptr<const outbox_rows> rows_;
  std::map<uint16_t, refusal> refused_;
  std::set<uint16_t> behind_; ///< Shards of which as much came as was asked for.
  bool only_behind_ = false;
  bool whole_ = true; ///< Of the round: everything was delivered.
  millis pause_{0}, idle_{0}, backoff_{0};
};

} // namespace tk
