#include "gateways/password/hasher.hpp"

#include <crypt.h>
#include <sodium.h>

#include <array>
#include <charconv>
#include <memory>

namespace tk {

namespace {

constexpr size_t bcrypt_bytes_max = 72;
constexpr std::string_view prehash_mark = "sha512+";

bool needs_prehash(std::string_view password) {
  return password.size() > bcrypt_bytes_max || password.find('\0') != std::string_view::npos;
}

/// The first 52 bytes of the SHA-512 (416 bits) as base64 without padding: 70 characters, which is
/// what bcrypt can read, and never a zero byte.
std::string prehash(std::string_view password) {
  std::array<unsigned char, crypto_hash_sha512_BYTES> digest{};
  crypto_hash_sha512(digest.data(), reinterpret_cast<const unsigned char*>(password.data()),
                     password.size());
  constexpr size_t used_bytes = 52;
  std::array<char, sodium_base64_ENCODED_LEN(used_bytes, sodium_base64_VARIANT_ORIGINAL_NO_PADDING)>
    text{};
  sodium_bin2base64(text.data(), text.size(), digest.data(), used_bytes,
                    sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
  sodium_memzero(digest.data(), digest.size());
  return text.data();
}

/// What crypt makes of it; empty when it refuses. Its work area is 32 KiB, so it lives on the heap,
/// and it held the password, so it is wiped.
std::string crypt_with(const std::string& phrase, const std::string& setting) {
  auto area = std::make_unique<crypt_data>();
  const char* made = crypt_r(phrase.c_str(), setting.c_str(), area.get());
  std::string hash;
  if (made != nullptr && *made != '*') hash = made;
  sodium_memzero(area.get(), sizeof(crypt_data));
  return hash;
}

bool is_bcrypt(std::string_view x) {
  return x.size() == 60 &&
         (x.starts_with("$2b$") || x.starts_with("$2a$") || x.starts_with("$2y$"));
}

bool is_yescrypt(std::string_view x) { return x.starts_with("$y$"); }

std::string_view without_mark(std::string_view x) {
  return x.starts_with(prehash_mark) ? x.substr(prehash_mark.size()) : x;
}

bool same(const std::string& a, std::string_view b) {
  return !a.empty() && a.size() == b.size() && sodium_memcmp(a.data(), b.data(), b.size()) == 0;
}

} // namespace

password_hasher::password_hasher(password_settings settings, entropy& random)
    : settings_(settings), random_(&random) {
  // nop
}

std::string password_hasher::make_setting() const {
  bool yes = settings_.scheme == password_scheme::yescrypt;
  std::array<char, 16> salt{};
  for (size_t i = 0; i < salt.size(); i += 8) {
    auto bits = random_->next();
    for (size_t k = 0; k < 8; ++k) salt[i + k] = static_cast<char>(bits >> (8 * k));
  }
  std::array<char, CRYPT_GENSALT_OUTPUT_SIZE> text{};
  auto cost = static_cast<unsigned long>(yes ? settings_.yescrypt_cost : settings_.bcrypt_cost);
  const char* made =
    crypt_gensalt_rn(yes ? "$y$" : "$2b$", cost, salt.data(), static_cast<int>(salt.size()),
                     text.data(), static_cast<int>(text.size()));
  return made != nullptr ? made : "";
}

result<std::string> password_hasher::hash(std::string_view password) const {
  bool longer = needs_prehash(password);
  auto setting = make_setting();
  if (setting.empty()) return tl::unexpected(ec::internal);
  auto hash = crypt_with(longer ? prehash(password) : std::string{password}, setting);
  if (hash.empty()) return tl::unexpected(ec::internal);
  return longer ? std::string{prehash_mark} + hash : hash;
}

password_match password_hasher::verify(std::string_view password, std::string_view stored) const {
  bool longer = needs_prehash(password);
  bool marked = stored.starts_with(prehash_mark);
  auto bare = std::string{without_mark(stored)};
  bool comparable = is_bcrypt(bare) || is_yescrypt(bare);
  // The work is done in every case: time must not tell which accounts exist.
  auto made = crypt_with(longer ? prehash(password) : std::string{password},
                         comparable ? bare : make_setting());
  bool matches = comparable && marked == longer && same(made, bare);
  return {matches, matches && needs_rehash(stored)};
}

bool password_hasher::needs_rehash(std::string_view stored) const {
  auto bare = without_mark(stored);
  if (settings_.scheme == password_scheme::yescrypt) return !is_yescrypt(bare);
  if (!is_bcrypt(bare)) return false; // yescrypt is memory-hard, so never the weaker one.
  int cost = 0;
  std::from_chars(bare.data() + 4, bare.data() + 6, cost);
  return cost < settings_.bcrypt_cost;
}

} // namespace tk
