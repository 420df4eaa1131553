#include "cluster/framing.hpp"

#include <array>

namespace tk::cluster {

namespace {

constexpr size_t head_size = 5;

bool known(uint8_t kind) {
  return kind >= static_cast<uint8_t>(frame_kind::hello) &&
         kind <= static_cast<uint8_t>(frame_kind::answer);
}

} // namespace

bool append_frame(std::vector<char>& out, frame_kind kind, std::span<const char> content) {
  if (content.size() > content_max) return false;
  auto n = static_cast<uint32_t>(content.size());
  const std::array<char, head_size> head = {
    static_cast<char>(n >> 24 & 0xff), static_cast<char>(n >> 16 & 0xff),
    static_cast<char>(n >> 8 & 0xff), static_cast<char>(n & 0xff), static_cast<char>(kind)};
  out.insert(out.end(), head.begin(), head.end());
  out.insert(out.end(), content.begin(), content.end());
  return true;
}

void frame_reader::feed(std::span<const char> bytes) {
  if (broken_) return;
  bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(read_));
  read_ = 0;
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
}

std::optional<frame> frame_reader::next() {
  if (broken_ || bytes_.size() - read_ < head_size) return std::nullopt;
  auto at = [this](size_t i) { return static_cast<uint8_t>(bytes_[read_ + i]); };
  size_t n = 0;
  for (size_t i = 0; i < 4; ++i) n = n << 8 | at(i);
  auto kind = at(4);
  if (n > content_max || !known(kind)) {
    broken_ = true;
    return std::nullopt;
  }
  if (bytes_.size() - read_ < head_size + n) return std::nullopt;
  auto begin = bytes_.begin() + static_cast<std::ptrdiff_t>(read_ + head_size);
  frame out{static_cast<frame_kind>(kind), {begin, begin + static_cast<std::ptrdiff_t>(n)}};
  read_ += head_size + n;
  return out;
}

} // namespace tk::cluster
