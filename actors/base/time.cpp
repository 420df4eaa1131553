#include "actors/base/time.hpp"

#include <array>
#include <cstdio>

namespace tk {

namespace {

struct civil {
  int year;
  unsigned month, day;
  int hour, minute, second, ms;
};

civil to_civil(instant x) {
  using namespace std::chrono;
  auto whole_days = floor<days>(x);
  year_month_day date{whole_days};
  hh_mm_ss time{x - whole_days};
  return {static_cast<int>(date.year()),
          static_cast<unsigned>(date.month()),
          static_cast<unsigned>(date.day()),
          static_cast<int>(time.hours().count()),
          static_cast<int>(time.minutes().count()),
          static_cast<int>(time.seconds().count()),
          static_cast<int>(duration_cast<milliseconds>(time.subseconds()).count())};
}

std::string render(instant x, const char* suffix) {
  auto c = to_civil(x);
  std::array<char, 64> buffer;
  int n = std::snprintf(buffer.data(), buffer.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%03d%s",
                        c.year, c.month, c.day, c.hour, c.minute, c.second, c.ms, suffix);
  return {buffer.data(), static_cast<size_t>(n)};
}

/// Reads fixed-width decimal fields from the front of a text.
class reader {
public:
  explicit reader(std::string_view text) : rest_(text) {
    // nop
  }

  bool number(size_t width, int& out) {
    if (rest_.size() < width) return false;
    out = 0;
    for (size_t i = 0; i < width; ++i) {
      if (rest_[i] < '0' || rest_[i] > '9') return false;
      out = out * 10 + (rest_[i] - '0');
    }
    rest_.remove_prefix(width);
    return true;
  }

  bool one_of(std::string_view options, char* seen = nullptr) {
    if (rest_.empty() || options.find(rest_[0]) == std::string_view::npos) return false;
    if (seen) *seen = rest_[0];
    rest_.remove_prefix(1);
    return true;
  }

  /// A fraction of a second, any number of digits (at least one); kept to milliseconds.
  bool fraction(int& ms) {
    int digits = 0;
    ms = 0;
    while (!rest_.empty() && rest_[0] >= '0' && rest_[0] <= '9') {
      if (digits < 3) ms = ms * 10 + (rest_[0] - '0');
      ++digits;
      rest_.remove_prefix(1);
    }
    for (int i = digits; i < 3; ++i) ms *= 10;
    return digits > 0 && digits <= 9;
  }

  [[nodiscard]] bool done() const { return rest_.empty(); }

private:
  std::string_view rest_;
};

/// The offset at the end: `Z`, `+09:00` or `+0900`, in minutes.
bool read_offset(reader& in, int& minutes) {
  char sign = 0;
  minutes = 0;
  if (in.one_of("Zz")) return true;
  int hh = 0, mm = 0;
  if (!in.one_of("+-", &sign) || !in.number(2, hh)) return false;
  in.one_of(":");
  if (!in.number(2, mm) || hh > 18 || mm > 59) return false;
  minutes = (hh * 60 + mm) * (sign == '-' ? -1 : 1);
  return true;
}

} // namespace

std::string to_iso(instant x) { return render(x, "+00:00"); }

std::string to_iso_z(instant x) { return render(x, "Z"); }

std::optional<instant> parse_iso(std::string_view text) {
  using namespace std::chrono;
  reader in{text};
  int y = 0, mo = 0, d = 0, h = 0, mi = 0, s = 0, ms = 0, offset = 0;
  bool head = in.number(4, y) && in.one_of("-") && in.number(2, mo) && in.one_of("-") &&
              in.number(2, d) && in.one_of("Tt ") && in.number(2, h) && in.one_of(":") &&
              in.number(2, mi);
  if (!head) return std::nullopt;
  if (in.one_of(":")) {
    if (!in.number(2, s)) return std::nullopt;
    if (in.one_of(".,") && !in.fraction(ms)) return std::nullopt;
  }
  if (!read_offset(in, offset) || !in.done()) return std::nullopt;
  year_month_day date{year{y}, month{static_cast<unsigned>(mo)}, day{static_cast<unsigned>(d)}};
  if (!date.ok() || h > 23 || mi > 59 || s > 59) return std::nullopt;
  auto x =
    instant{sys_days{date}} + hours{h} + minutes{mi - offset} + seconds{s} + milliseconds{ms};
  // The offset can carry it out of the four digits that a year is printed with.
  if (auto printed = to_civil(x).year; printed < 0 || printed > 9999) return std::nullopt;
  return x;
}

} // namespace tk
