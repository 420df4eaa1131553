#include "actors/base/digest.hpp"

#include <algorithm>

#include <sodium.h>

namespace tk {

sha256_digest sha256(std::string_view bytes) {
  sha256_digest out{};
  static_assert(std::tuple_size_v<sha256_digest> == crypto_hash_sha256_BYTES);
  crypto_hash_sha256(out.data(), reinterpret_cast<const unsigned char*>(bytes.data()),
                     bytes.size());
  return out;
}

std::string_view as_bytes(const sha256_digest& x) {
  return {reinterpret_cast<const char*>(x.data()), x.size()};
}

std::string to_hex(const sha256_digest& x) {
  std::string out(2 * x.size() + 1, '\0');
  sodium_bin2hex(out.data(), out.size(), x.data(), x.size());
  out.pop_back();
  return out;
}

sha256_digest parse_digest(std::string_view hex) {
  sha256_digest out{};
  size_t size = 0;
  const char* end = nullptr;
  const auto read =
    sodium_hex2bin(out.data(), out.size(), hex.data(), hex.size(), nullptr, &size, &end);
  const auto whole = read == 0 && size == out.size() && end == hex.data() + hex.size();
  return whole ? out : sha256_digest{};
}

bool is_none(const sha256_digest& x) {
  return std::ranges::all_of(x, [](auto y) { return y == 0; });
}

} // namespace tk
