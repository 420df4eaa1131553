#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "actors/base/placement.hpp"
#include "persistence/relay/outbox.hpp"

namespace tk {

/// A dead letter as it is on record.
struct model_dead_letter {
  std::string consumer;
  outbox_row row;
  std::string why;
  bool replayed = false; ///< Its consumer has it now, says whoever replayed it.
};

/// The outbox, the cursors and the dead letters as PostgreSQL shows them to a relay, in memory: for
/// the simulation and for tests. Transactions take their numbers before they commit, so what
/// commits later may come before what is there already (F32).
class outbox_model {
public:
  /// A transaction begins to write, here or in any other table.
  uint64_t begin();
  /// It commits with these rows; number and place are given to them here.
  void commit(uint64_t xid, std::vector<outbox_row> rows);
  /// It ends, with whatever it has committed. Does nothing when it has ended.
  void end(uint64_t xid) { running_.erase(xid); }

  /// What the relay's statement reads: of each shard the first rows behind its cursor that no
  /// running transaction can still precede.
  [[nodiscard]] outbox_rows read(const relay_read& x) const;
  /// What the relay's statement writes: forward only, for the owner of that epoch only, and dead
  /// letters with the move that passes them.
  cursors_moved move(const put_cursors& x, const std::array<int64_t, shard_count>& epochs);

  /// In order of commit.
  [[nodiscard]] const std::vector<outbox_row>& rows() const { return rows_; }
  [[nodiscard]] const std::vector<model_dead_letter>& dead() const { return dead_; }
  /// A consumer's, once for each event.
  void bury(const std::string& consumer, const outbox_row& row, const std::string& why);
  /// It was replayed and taken.
  void end_letter(size_t index) { dead_.at(index).replayed = true; }
  [[nodiscard]] outbox_position cursor(uint16_t shard) const { return cursors_.at(shard); }
  /// Of rows that a running transaction holds back.
  [[nodiscard]] size_t held_back() const;
  /// Of rows that committed behind one with a higher number, in their shard.
  [[nodiscard]] uint64_t out_of_order() const { return out_of_order_; }

private:
  [[nodiscard]] uint64_t oldest_running() const;

  uint64_t next_xid_ = 1, out_of_order_ = 0;
  int64_t next_seq_ = 1;
  std::set<uint64_t> running_;
  std::vector<outbox_row> rows_;
  std::array<std::map<outbox_position, size_t>, shard_count> places_;
  std::array<outbox_position, shard_count> cursors_{};
  std::vector<model_dead_letter> dead_;
  std::set<std::pair<std::string, domain_event_id>> buried_;
};

} // namespace tk
