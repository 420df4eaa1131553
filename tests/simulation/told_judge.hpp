#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "persistence/relay/outbox_model.hpp"

namespace tk::sim {

/// What a projection has: marks of the events that it has had, and what they add up to.
struct tally {
  std::map<domain_event_id, std::string> marks; ///< With the type.
  std::map<std::string, int64_t> counts;        ///< By type.
  uint64_t again = 0;                           ///< Had before.
  void take(const outbox_row& x) {
    if (marks.emplace(x.id, x.type).second) ++counts[x.type];
    else ++again;
  }
};

/// Compares what is on record with what was told and what was counted (I13, I14). It knows rows,
/// records and sums, and nothing of relays, brokers and consumers.
class told_judge {
public:
  explicit told_judge(const outbox_model& rows) : rows_(rows) {
    // nop
  }

  /// Somebody who listens can hear of it from now on.
  void told(const outbox_row& x);
  /// Whether a row may be given up.
  std::function<bool(const domain_event_id&)> may_be_dead;

  /// What is wrong so far; empty = nothing.
  [[nodiscard]] const std::string& wrong() const { return wrong_; }
  /// What is missing at rest: every row is told and counted once, or a dead letter that nobody has
  /// replayed.
  [[nodiscard]] std::string missing(const tally& sums) const;

private:
  struct seen {
    size_t no = 0; ///< In order of commit.
    bool told = false;
  };
  void look_at_rows();
  [[nodiscard]] bool was_dead(const domain_event_id& x) const;
  void fail(const std::string& what) {
    if (wrong_.empty()) wrong_ = what;
  }

  const outbox_model& rows_;
  size_t looked_at_ = 0;
  std::map<domain_event_id, seen> known_;
  /// By topic and key: the last that was told first.
  std::map<std::pair<std::string, std::string>, size_t> last_;
  std::string wrong_;
};

} // namespace tk::sim
