#pragma once

#include <string>
#include <string_view>

#include "actors/base/entropy.hpp"
#include "actors/base/time.hpp"

namespace tk {

/// What a number is made of: no letter or digit that is taken for another (0 O, 1 I).
inline constexpr std::string_view ticket_alphabet = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
inline constexpr size_t ticket_number_size = 17;

/// `T<yyyymmdd>-<7 alphanumerics>` (G03), with the business day of `now`. 2^35 numbers a day: the
/// ledger judges whether one is taken.
std::string ticket_number(instant now, entropy& random);

} // namespace tk
