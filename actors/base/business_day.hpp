#pragma once

#include <optional>
#include <string_view>

#include "actors/base/time.hpp"

namespace tk {

/// Days are cut in Asia/Seoul (D36), which has no summer time.
inline constexpr std::chrono::hours business_zone{9};

/// The calendar day on which `x` falls.
std::chrono::year_month_day business_day(instant x);
/// The moment at which that day begins.
instant business_midnight(std::chrono::year_month_day x);
/// A real day written `YYYY-MM-DD`.
std::optional<std::chrono::year_month_day> parse_day(std::string_view text);

} // namespace tk
