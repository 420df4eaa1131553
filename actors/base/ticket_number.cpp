#include "actors/base/ticket_number.hpp"

#include <array>
#include <cstdio>

namespace tk {

std::string ticket_number(instant now, entropy& random) {
  constexpr size_t characters = 7, bits_each = 5;
  static_assert(ticket_alphabet.size() == size_t{1} << bits_each);
  constexpr auto business_zone = std::chrono::hours(9); // Asia/Seoul (D36), which has no summer.
  std::chrono::year_month_day day{std::chrono::floor<std::chrono::days>(now + business_zone)};
  std::array<char, 32> date{};
  std::snprintf(date.data(), date.size(), "T%04d%02u%02u-", static_cast<int>(day.year()),
                static_cast<unsigned>(day.month()), static_cast<unsigned>(day.day()));
  std::string out{date.data()};
  auto bits = random.next();
  for (size_t i = 0; i < characters; ++i, bits >>= bits_each)
    out += ticket_alphabet[bits % ticket_alphabet.size()];
  return out;
}

} // namespace tk
