#include "actors/base/ids.hpp"

#include "actors/base/entropy.hpp"

namespace tk::detail {

namespace {

constexpr char digits[] = "0123456789abcdef";

constexpr int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

constexpr bool dash_at(size_t i) { return i == 8 || i == 13 || i == 18 || i == 23; }

} // namespace

std::array<char, 36> uuid_text(uint64_t hi, uint64_t lo) {
  std::array<char, 36> out;
  int nibble = 0;
  for (size_t i = 0; i < out.size(); ++i) {
    if (dash_at(i)) {
      out[i] = '-';
      continue;
    }
    auto half = nibble < 16 ? hi : lo;
    out[i] = digits[(half >> (60 - 4 * (nibble % 16))) & 0xf];
    ++nibble;
  }
  return out;
}

std::optional<std::array<uint64_t, 2>> uuid_parse(std::string_view text) {
  if (text.size() != 36) return std::nullopt;
  std::array<uint64_t, 2> bits{0, 0};
  int nibble = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (dash_at(i)) {
      if (text[i] != '-') return std::nullopt;
      continue;
    }
    int v = hex_value(text[i]);
    if (v < 0) return std::nullopt;
    auto& half = bits[nibble < 16 ? 0 : 1];
    half = (half << 4) | static_cast<uint64_t>(v);
    ++nibble;
  }
  return bits;
}

std::array<uint64_t, 2> uuid_v4(entropy& source) {
  uint64_t hi = source.next(), lo = source.next();
  hi = (hi & ~uint64_t{0xf000}) | 0x4000;                 // version 4
  lo = (lo & ~(uint64_t{3} << 62)) | (uint64_t{2} << 62); // variant 1
  return {hi, lo};
}

} // namespace tk::detail
