#include "actors/base/cancellation.hpp"

#include <algorithm>
#include <charconv>

#include "actors/base/business_day.hpp"

namespace tk {

namespace {

/// The moment from which a step holds.
instant begin_of(const fee_step& x, instant show) {
  auto day = std::chrono::sys_days{business_day(show)} - std::chrono::days{x.days_before};
  return business_midnight(std::chrono::year_month_day{day});
}

std::optional<int32_t> number_in(std::string_view text) {
  int32_t out = 0;
  auto end = text.data() + text.size();
  auto [at, wrong] = std::from_chars(text.data(), end, out);
  if (wrong != std::errc{} || at != end || out < 0) return std::nullopt;
  return out;
}

} // namespace

std::string_view wrong_with(const cancellation_policy& x) {
  if (x.until_hours && (*x.until_hours < 0 || *x.until_hours > cancel_hours_max))
    return "untilHours must be between 0 and 8760";
  if (x.fees.size() > fee_steps_max) return "At most 16 fees";
  for (size_t i = 0; i < x.fees.size(); ++i) {
    auto& step = x.fees[i];
    if (step.days_before < 0 || step.days_before > fee_days_max)
      return "daysBefore must be between 0 and 365";
    if (step.percent < 0 || step.percent > 100) return "percent must be between 0 and 100";
    if (i == 0) continue;
    if (step.days_before >= x.fees[i - 1].days_before)
      return "daysBefore must fall from fee to fee";
    if (step.percent < x.fees[i - 1].percent) return "percent must not fall from fee to fee";
  }
  return {};
}

std::string to_text(const std::vector<fee_step>& x) {
  std::string out;
  for (auto& step : x) {
    if (!out.empty()) out += ',';
    out += std::to_string(step.days_before) + ':' + std::to_string(step.percent);
  }
  return out;
}

std::optional<std::vector<fee_step>> parse_fees(std::string_view text) {
  std::vector<fee_step> out;
  while (!text.empty()) {
    auto one = text.substr(0, text.find(','));
    auto colon = one.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    auto days = number_in(one.substr(0, colon)), percent = number_in(one.substr(colon + 1));
    if (!days || !percent) return std::nullopt;
    out.push_back({*days, *percent});
    if (one.size() == text.size()) break;
    text.remove_prefix(one.size() + 1);
    if (text.empty()) return std::nullopt;
  }
  return out;
}

cancellation_terms terms_at(const cancellation_policy& policy, instant show, won paid,
                            instant now) {
  constexpr int64_t whole = 100;
  auto end = instant::max();
  if (policy.until_hours) end = show - std::chrono::hours{*policy.until_hours};
  if (!policy.show_day) end = std::min(end, business_midnight(business_day(show)));
  cancellation_terms out;
  out.until = end;
  if (now >= end) {
    out.allowed = false;
    return out;
  }
  int32_t percent = 0;
  for (auto& step : policy.fees) {
    auto from = begin_of(step, show);
    if (now >= from) percent = step.percent;
    else out.until = std::min(out.until, from);
  }
  out.fee = won{paid.amount / whole * percent + paid.amount % whole * percent / whole};
  out.refund = won{paid.amount - out.fee.amount};
  return out;
}

} // namespace tk
