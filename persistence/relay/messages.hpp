#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "actors/base/ids.hpp"
#include "actors/base/time.hpp"

/// What is said of domain events on their way out (ledger.md 9). Inside one node only.
namespace tk {

using domain_event_id = id<struct domain_event_tag>;

/// A shard that this node relays, as its owner of this epoch.
struct owned_shard {
  uint16_t shard = 0;
  int64_t epoch = 0;
  auto operator<=>(const owned_shard&) const = default;
};

/// Where a row stands in its shard. Of two rows the one with the lower transaction is told first,
/// whichever committed first.
struct outbox_position {
  uint64_t xid = 0;
  int64_t seq = 0;
  auto operator<=>(const outbox_position&) const = default;
};

/// A domain event as it was written with its change.
struct outbox_row {
  uint16_t shard = 0;
  outbox_position at;
  std::string topic, key, type;
  domain_event_id id;
  request_id correlation; ///< Nil: of nobody's request.
  instant made_at;
  std::string body; ///< A JSON object: the type's own fields.
  auto operator<=>(const outbox_row&) const = default;
};
using outbox_rows = std::vector<outbox_row>;

/// What came of handing one row over. *Unknown* is neither: it is handed over again.
enum class row_fate : uint8_t {
  delivered = 1, ///< It is where it belongs, durably.
  refused,       ///< It itself cannot be taken, whoever tries.
  unknown,       ///< Perhaps it arrived.
};
struct row_outcome {
  row_fate is = row_fate::unknown;
  std::string why; ///< For people; of a refused one.
  auto operator<=>(const row_outcome&) const = default;
};

/// Asks a sink to take rows, each shard's in this order.
struct hand_over {
  std::shared_ptr<const outbox_rows> rows;
  bool dead = false; ///< They were refused too often: put them where dead letters belong.
  std::vector<std::string> why; ///< Of dead ones, for each the reason.
};
/// An outcome for every row, in their order.
struct handed_over {
  std::vector<row_outcome> rows;
};

} // namespace tk
