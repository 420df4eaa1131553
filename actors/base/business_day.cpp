#include "actors/base/business_day.hpp"

namespace tk {

using namespace std::chrono;

year_month_day business_day(instant x) { return {floor<days>(x + business_zone)}; }

instant business_midnight(year_month_day x) {
  return time_point_cast<millis>(sys_days{x}) - business_zone;
}

std::optional<year_month_day> parse_day(std::string_view text) {
  constexpr std::string_view form = "0000-00-00";
  if (text.size() != form.size()) return std::nullopt;
  int parts[3] = {0, 0, 0};
  auto part = &parts[0];
  for (size_t i = 0; i < form.size(); ++i) {
    if (form[i] == '-') {
      if (text[i] != '-') return std::nullopt;
      ++part;
    } else if (text[i] < '0' || text[i] > '9') {
      return std::nullopt;
    } else {
      *part = *part * 10 + (text[i] - '0');
    }
  }
  year_month_day day{year{parts[0]}, month{static_cast<unsigned>(parts[1])},
                     std::chrono::day{static_cast<unsigned>(parts[2])}};
  if (!day.ok()) return std::nullopt;
  return day;
}

} // namespace tk
