#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "actors/base/time.hpp"

/// A provider's settlement list against what is on record (G19): pure.
namespace tk {

/// A payment as one side has it.
struct settled_payment {
  std::string order_id;
  int64_t amount = 0;   ///< Captured.
  int64_t refunded = 0; ///< Given back of it.
  int64_t fee = 0;      ///< That the provider keeps for itself; below zero: it gives some back.
  bool operator==(const settled_payment&) const = default;
};

/// What a provider says that it took in a time, by when it was captured.
struct settlement_list {
  std::string provider;
  std::optional<instant> from, to; ///< [from, to); without them: ever.
  std::vector<settled_payment> payments;
};

/// The two do not say the same of an order.
struct settlement_difference {
  enum class kind : uint8_t {
    unknown_here = 1, ///< The provider has it, and there is no capture on record.
    missing_there,    ///< A capture is on record that the list does not have.
    amount,
    refunded
  };
  kind is = kind::amount;
  std::string order_id;
  settled_payment here, there;
  bool operator==(const settlement_difference&) const = default;
};
std::string_view to_string(settlement_difference::kind x);

/// Lists of more are refused: they are compared in parts.
constexpr size_t settlement_rows_max = 200'000;

/// By order, whatever order the lists have. What a list names twice is added up, because providers
/// tell a refund in a row of its own.
std::vector<settlement_difference> compare_settlement(std::vector<settled_payment> here,
                                                      std::vector<settled_payment> there);

/// What a list names twice in one row, by order.
std::vector<settled_payment> add_up(std::vector<settled_payment> list);

/// A list as staff send it: whose it is and of which time stands in it.
struct told_settlement {
  settlement_list list;
  std::string settled_on; ///< A day, YYYY-MM-DD; empty: none is named.
};

/// Lists of more that are sent over HTTP are refused.
constexpr size_t settlement_sent_max = 20'000;

/// Reads `{"provider", "from", "to", "settledOn", "payments": [...]}`; the error is one line.
tl::expected<told_settlement, std::string> read_settlement(std::string_view text);

/// Reads a list: JSON, `[{"orderId", "amount", "refunded", "fee"}]` or `{"payments": [...]}`, or
/// CSV with these names in its first line. The error is one line that names the place.
tl::expected<std::vector<settled_payment>, std::string> parse_settlement(std::string_view text);

} // namespace tk
