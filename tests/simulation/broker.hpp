#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "gateways/kafka/consumer.hpp"
#include "persistence/relay/messages.hpp"
#include "tests/simulation/agenda.hpp"
#include "tests/simulation/database.hpp"
#include "tests/simulation/dice.hpp"
#include "tests/simulation/sale_plan.hpp"

namespace tk::sim {

/// Kafka as nodes meet it: topics with partitions that keep an order, and one group of consumers.
/// It is away for a while (F37), keeps what it does not acknowledge, now or a little later (F38),
/// refuses some rows whoever tries (F42), and gives partitions from member to member (F40).
class broker {
public:
  broker(agenda& time, dice& random, const fault_mix& faults)
      : time_(time), dice_(random), faults_(faults) {
    // nop
  }

  /// Puts rows onto their topics; the answer has an outcome for each. What has none may be there,
  /// and of each partition a beginning is, as an idempotent producer has it.
  void deliver(const std::shared_ptr<const outbox_rows>& rows, bool dead,
               std::function<void(std::vector<row_outcome>)> answer);

  void join(life who);
  void leave(life who);
  /// What comes next in the member's partitions, after a while when there is nothing.
  void fetch(life who, std::function<void(fetched_records)> answer);
  /// False when it is not told, or not the member's any more.
  void commit(life who, const std::vector<record_place>& next, std::function<void(bool)> answer);

  void go_away(millis length) { away_until_ = time_.now() + length; }
  /// Partitions change hands, and whoever gets one begins behind what was acknowledged.
  void rebalance();
  void heal();

  /// What is wrong with a row, whoever takes it; drawn when it is seen first (F42).
  enum class poison : uint8_t { none, for_broker, for_consumer };
  [[nodiscard]] poison poison_in(const domain_event_id& x);
  /// From now on everybody can take it.
  void mend(const domain_event_id& x) { mended_.insert(x); }
  /// Whether somebody has ever refused it.
  [[nodiscard]] bool ever_poison(const domain_event_id& x) const {
    auto i = poison_.find(x);
    return i != poison_.end() && i->second != poison::none;
  }
  /// Hears of every row that is appended.
  std::function<void(const outbox_row& x)> on_told;

  [[nodiscard]] uint64_t told() const { return told_; }
  [[nodiscard]] uint64_t unheard() const { return unheard_; }
  [[nodiscard]] uint64_t told_late() const { return told_late_; }
  [[nodiscard]] uint64_t commits_refused() const { return commits_refused_; }

private:
  static constexpr uint32_t partitions_of_topic = 3;
  using place = std::pair<std::string, int32_t>; ///< Topic and partition.
  struct partition {
    std::vector<outbox_row> records;
    size_t acknowledged = 0; ///< The group's.
    size_t position = 0;     ///< Its owner's.
    life owner;              ///< No node: nobody's.
  };

  [[nodiscard]] bool away() const { return time_.now() < away_until_; }
  partition& of(const outbox_row& x);
  void append(const outbox_row& x);
  std::vector<row_outcome> take(const outbox_rows& rows);
  std::vector<row_outcome> take_unheard(const outbox_rows& rows);
  void assign(partition& x);

  agenda& time_;
  dice& dice_;
  fault_mix faults_;
  instant away_until_;
  std::map<place, partition> partitions_;
  std::set<life> members_;
  std::map<domain_event_id, poison> poison_;
  std::set<domain_event_id> mended_;
  uint64_t told_ = 0, unheard_ = 0, told_late_ = 0, commits_refused_ = 0;
};

} // namespace tk::sim
