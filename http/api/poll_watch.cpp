#include "http/api/poll_watch.hpp"

namespace tk::http {

bool poll_watch::early(uint32_t place, instant now, int32_t next_poll_s) {
  constexpr int64_t tenth_ms = 100;
  constexpr uint32_t tenths = 10, grace = 5, golden = 0x9e3779b1u, shift = 18;
  static_assert(size == size_t{1} << (32 - shift));
  if (table_.empty()) table_.resize(size);
  const auto at = static_cast<uint32_t>(to_ms(now) / tenth_ms);
  auto& last = table_[(place * golden) >> shift];
  const auto since = at - last.at;
  const auto out =
    last.place == place && since + grace < static_cast<uint32_t>(next_poll_s) * tenths;
  last = {place, at};
  return out;
}

} // namespace tk::http
