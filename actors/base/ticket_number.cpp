#include "actors/base/ticket_number.hpp"

#include <array>
#include <cstdio>

#include "actors/base/business_day.hpp"

namespace tk {

std::string ticket_number(instant now, entropy& random) {
  constexpr size_t characters = 7, bits_each = 5;
  static_assert(ticket_alphabet.size() == size_t{1} << bits_each);
  auto day = business_day(now);
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
