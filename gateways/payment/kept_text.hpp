#pragma once

#include <algorithm>
#include <string>

namespace tk {

/// A provider's words as a row keeps them: at most 200 bytes, whole characters of UTF-8, whoever
/// cut them before, and none that PostgreSQL refuses: what a provider says must not tear an op.
inline std::string shortened(std::string x) {
  constexpr size_t bytes_max = 200;
  constexpr unsigned char first_printable = 0x20;
  auto byte = [&](size_t i) { return static_cast<unsigned char>(x[i]); };
  auto width = [&](size_t i) -> size_t {
    if (byte(i) < 0xc0) return 1;
    return byte(i) < 0xe0 ? 2 : byte(i) < 0xf0 ? 3 : 4;
  };
  for (auto& c : x)
    if (static_cast<unsigned char>(c) < first_printable) c = ' ';
  if (x.size() > bytes_max) x.resize(bytes_max);
  auto last = x.size();
  while (last > 0 && (byte(last - 1) & 0xc0) == 0x80) --last;
  if (last > 0 && last - 1 + width(last - 1) > x.size()) x.resize(last - 1);
  return x;
}

} // namespace tk
