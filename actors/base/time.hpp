#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tk {

using millis = std::chrono::milliseconds;
/// A moment in ledger time, in milliseconds since the epoch. (CAF sends it as its own time point.)
using instant = std::chrono::time_point<std::chrono::system_clock, millis>;

/// Wall time corrected by the measured offset to ledger time; given as an argument (R9).
struct wall_clock {
  virtual ~wall_clock() = default;
  [[nodiscard]] virtual instant now() const = 0;
};

constexpr int64_t to_ms(instant x) { return x.time_since_epoch().count(); }
constexpr instant from_ms(int64_t ms) { return instant{millis{ms}}; }

/// `2026-02-15T10:00:00.000+00:00`: the contract's `ts` (1.6).
std::string to_iso(instant x);
/// `2026-02-15T10:00:00.123Z`: the form of `/api/time`.
std::string to_iso_z(instant x);
/// ISO-8601 with offset (`Z`, `+09:00`), seconds and fraction optional; nullopt when malformed or
/// without offset (1.6: a timestamp without offset is refused), or when its year in UTC does not
/// have four digits: what is read here can be printed and read again.
std::optional<instant> parse_iso(std::string_view text);

} // namespace tk
