#include "tests/simulation/draw_check.hpp"

#include <string>

namespace tk::sim {

namespace {

std::string bytes_of(const sha256_digest& x) { return {x.begin(), x.end()}; }

/// Random words of 32 bits: SHA-256 of the key and a counter, eight of them each, big end first.
class words {
public:
  explicit words(const sha256_digest& key) : key_(bytes_of(key)) {
    // nop
  }

  uint64_t below(uint64_t bound) {
    constexpr uint64_t all = 1ull << 32;
    for (;;)
      if (auto word = next(); word < all / bound * bound) return word % bound;
  }

private:
  uint64_t next() {
    if (rest_.empty()) {
      std::string counter;
      for (int shift = 56; shift >= 0; shift -= 8)
        counter += static_cast<char>((counter_ >> shift) & 0xff);
      ++counter_;
      rest_ = bytes_of(sha256(key_ + counter));
    }
    uint64_t out = 0;
    for (size_t i = 0; i < 4; ++i) out = out * 256 + static_cast<unsigned char>(rest_[i]);
    rest_.erase(0, 4);
    return out;
  }

  std::string key_, rest_;
  uint64_t counter_ = 0;
};

} // namespace

sha256_digest commitment_to(const sha256_digest& seed) { return sha256(bytes_of(seed)); }

sha256_digest with_line(const sha256_digest& list, uint32_t number, const sha256_digest& seed,
                        user_id user) {
  auto name = to_hex(sha256(bytes_of(seed) + to_string(user))).substr(0, 32);
  return sha256(bytes_of(list) + std::to_string(number) + " " + name + "\n");
}

std::vector<uint32_t> drawn_numbers(const published_draw& x) {
  auto text = "tiketi-draw-1:" + to_hex(x.seed) + ":" + to_string(x.event) + ":" +
              std::to_string(x.first) + ":" + std::to_string(x.cutoff) + ":" + to_hex(x.list);
  words random{sha256(text)};
  std::vector<uint32_t> out;
  out.reserve(x.cutoff - x.first);
  for (auto n = x.first; n < x.cutoff; ++n) out.push_back(n);
  for (auto i = out.size(); i-- > 1;) std::swap(out[i], out[random.below(i + 1)]);
  return out;
}

} // namespace tk::sim
