#include "actors/waiting_room/draw.hpp"

#include <algorithm>
#include <numeric>
#include <string>
#include <utility>

namespace tk {

namespace {

/// Random words from a key: SHA-256 of key and a counter, eight words each.
class word_stream {
public:
  explicit word_stream(const sha256_digest& key) : input_(as_bytes(key)) {
    input_.resize(input_.size() + sizeof(uint64_t));
  }

  uint32_t next() {
    constexpr size_t width = sizeof(uint32_t);
    if (used_ == block_.size()) refill();
    uint32_t out = 0;
    for (size_t i = 0; i < width; ++i) out = (out << 8) | block_[used_++];
    return out;
  }

  /// Evenly below `bound`: what would favour the low ones is thrown away.
  uint32_t below(uint32_t bound) {
    constexpr uint64_t words = uint64_t{1} << 32;
    const auto limit = words / bound * bound;
    for (;;)
      if (auto word = next(); word < limit) return word % bound;
  }

private:
  void refill() {
    auto rest = counter_++;
    for (auto i = input_.rbegin(); i != input_.rbegin() + sizeof(uint64_t); ++i, rest >>= 8)
      *i = static_cast<char>(rest & 0xff);
    block_ = sha256(input_);
    used_ = 0;
  }

  std::string input_;
  uint64_t counter_ = 0;
  sha256_digest block_{};
  size_t used_ = std::tuple_size_v<sha256_digest>;
};

} // namespace

sha256_digest commitment_of(const sha256_digest& seed) { return sha256(as_bytes(seed)); }

std::string pseudonym_of(const sha256_digest& seed, user_id user) {
  constexpr size_t digits = 32;
  return to_hex(sha256(std::string(as_bytes(seed)) + to_string(user))).substr(0, digits);
}

sha256_digest chained(const sha256_digest& before, uint32_t number, std::string_view pseudonym) {
  std::string text(as_bytes(before));
  text += std::to_string(number);
  text += ' ';
  text += pseudonym;
  text += '\n';
  return sha256(text);
}

drawn_order::drawn_order(event_id event, const board_draw& draw) : from_(draw.from) {
  std::vector<uint32_t> order(draw.cutoff - draw.from);
  std::iota(order.begin(), order.end(), from_);
  auto key = "tiketi-draw-1:" + to_hex(draw.seed) + ":" + to_string(event) + ":" +
             std::to_string(draw.from) + ":" + std::to_string(draw.cutoff) + ":" +
             to_hex(draw.list);
  word_stream words{sha256(key)};
  for (auto i = static_cast<uint32_t>(order.size()); i > 1; --i)
    std::swap(order[i - 1], order[words.below(i)]);
  places_.resize(order.size());
  for (uint32_t i = 0; i < order.size(); ++i) places_[order[i] - from_] = from_ + i;
}

int32_t pre_queue_poll_s(millis to_opening, uint32_t number, uint32_t waiting) {
  constexpr int64_t far_s = 60;
  constexpr uint32_t a_second = 1000, spread_max = 30;
  const auto left_s = std::max<int64_t>(0, (to_opening.count() + 999) / 1000);
  if (left_s > 2 * far_s) return far_s;
  const auto spread = std::min(waiting / a_second + 1, spread_max);
  const auto after = left_s + 1 + number % spread;
  return static_cast<int32_t>(left_s > far_s ? left_s / 2 : after);
}

} // namespace tk
