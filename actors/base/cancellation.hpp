#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/base/money.hpp"
#include "actors/base/time.hpp"

namespace tk {

/// From so many days before the show's day on (0 = on it; days of Asia/Seoul, D36), so much of the
/// price is kept.
struct fee_step {
  int32_t days_before = 0;
  int32_t percent = 0;
  bool operator==(const fee_step&) const = default;
};

/// What an event allows buyers who change their minds. As it is made: everything, for nothing.
struct cancellation_policy {
  std::optional<int32_t> until_hours; ///< Before the show begins; none = no end.
  bool show_day = true;               ///< Also on the day of the show.
  std::vector<fee_step> fees;         ///< Days fall, percents rise.
  bool operator==(const cancellation_policy&) const = default;
  [[nodiscard]] bool is_free() const { return *this == cancellation_policy{}; }
};

inline constexpr size_t fee_steps_max = 16;
inline constexpr int32_t fee_days_max = 365;
inline constexpr int32_t cancel_hours_max = 24 * 365;

/// What is wrong with a policy, in words for whoever sets it; empty = nothing.
std::string_view wrong_with(const cancellation_policy& x);

/// `days:percent` by comma, and back; nullopt for what is no such list.
std::string to_text(const std::vector<fee_step>& x);
std::optional<std::vector<fee_step>> parse_fees(std::string_view text);

/// What a cancellation gives at a moment.
struct cancellation_terms {
  bool allowed = true;
  won fee, refund;
  instant until = instant::max(); ///< These are the terms before it; later they are worse.
  bool operator==(const cancellation_terms&) const = default;
};

/// The terms at `now` for what was `paid` for a show at `show`. A fee is rounded down to the won.
cancellation_terms terms_at(const cancellation_policy& policy, instant show, won paid, instant now);

} // namespace tk
