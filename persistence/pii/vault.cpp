#include "persistence/pii/vault.hpp"

#include <memory>

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <sodium.h>

namespace tk {

namespace {

constexpr unsigned char format = 1;
constexpr size_t header_bytes = 2;
constexpr size_t nonce_bytes = 12;
constexpr size_t tag_bytes = 16;
constexpr size_t overhead_bytes = header_bytes + nonce_bytes + tag_bytes;
constexpr size_t clear_bytes_max = 1 << 20;

struct context_deleter {
  void operator()(EVP_CIPHER_CTX* x) const { EVP_CIPHER_CTX_free(x); }
};
using context = std::unique_ptr<EVP_CIPHER_CTX, context_deleter>;

unsigned char* raw(std::string& x, size_t at) {
  return reinterpret_cast<unsigned char*>(x.data()) + at;
}

const unsigned char* raw(std::string_view x, size_t at) {
  return reinterpret_cast<const unsigned char*>(x.data()) + at;
}

/// What is authenticated beside the value itself.
std::string bound_to(std::string_view header, std::string_view column) {
  return std::string{header.substr(0, header_bytes)} + std::string{column};
}

} // namespace

const pii_key* pii_vault::find(uint8_t id) const {
  if (keys_.current.id == id) return &keys_.current;
  if (keys_.previous && keys_.previous->id == id) return &*keys_.previous;
  return nullptr;
}

tl::expected<std::string, std::string> pii_vault::encrypt(std::string_view column,
                                                          std::string_view clear) const {
  if (clear.size() > clear_bytes_max)
    return tl::unexpected(std::string{"value too long to encrypt"});
  std::string out(clear.size() + overhead_bytes, '\0');
  out[0] = static_cast<char>(format);
  out[1] = static_cast<char>(keys_.current.id);
  auto bound = bound_to(out, column);
  context ctx{EVP_CIPHER_CTX_new()};
  int n = 0;
  auto* nonce = raw(out, header_bytes);
  auto* body = raw(out, header_bytes + nonce_bytes);
  bool ok =
    ctx && RAND_bytes(nonce, nonce_bytes) == 1 &&
    EVP_EncryptInit_ex(ctx.get(), EVP_aes_256_gcm(), nullptr, keys_.current.bytes.data(), nonce) &&
    EVP_EncryptUpdate(ctx.get(), nullptr, &n, raw(bound, 0), static_cast<int>(bound.size())) &&
    EVP_EncryptUpdate(ctx.get(), body, &n, raw(clear, 0), static_cast<int>(clear.size())) &&
    EVP_EncryptFinal_ex(ctx.get(), body + clear.size(), &n) &&
    EVP_CIPHER_CTX_ctrl(ctx.get(), EVP_CTRL_GCM_GET_TAG, tag_bytes, body + clear.size());
  if (!ok) return tl::unexpected(std::string{"encryption failed"});
  return out;
}

tl::expected<std::string, std::string> pii_vault::decrypt(std::string_view column,
                                                          std::string_view cipher) const {
  if (cipher.size() < overhead_bytes || cipher.size() > clear_bytes_max + overhead_bytes ||
      static_cast<unsigned char>(cipher[0]) != format)
    return tl::unexpected(std::string{"not an encrypted value"});
  const auto* key = find(static_cast<uint8_t>(cipher[1]));
  if (key == nullptr)
    return tl::unexpected(std::string{"encrypted with a key that is not configured"});
  auto bound = bound_to(cipher, column);
  std::string clear(cipher.size() - overhead_bytes, '\0');
  std::string tag{cipher.substr(cipher.size() - tag_bytes)};
  context ctx{EVP_CIPHER_CTX_new()};
  int n = 0;
  unsigned char rest[tag_bytes];
  bool ok =
    ctx &&
    EVP_DecryptInit_ex(ctx.get(), EVP_aes_256_gcm(), nullptr, key->bytes.data(),
                       raw(cipher, header_bytes)) &&
    EVP_DecryptUpdate(ctx.get(), nullptr, &n, raw(bound, 0), static_cast<int>(bound.size())) &&
    EVP_DecryptUpdate(ctx.get(), raw(clear, 0), &n, raw(cipher, header_bytes + nonce_bytes),
                      static_cast<int>(clear.size())) &&
    EVP_CIPHER_CTX_ctrl(ctx.get(), EVP_CTRL_GCM_SET_TAG, tag_bytes, tag.data()) &&
    EVP_DecryptFinal_ex(ctx.get(), rest, &n) == 1;
  if (!ok) return tl::unexpected(std::string{"damaged, or encrypted for another column"});
  return clear;
}

std::string pii_vault::lookup(std::string_view clear) const {
  std::string out(crypto_auth_hmacsha256_BYTES, '\0');
  crypto_auth_hmacsha256_state state;
  crypto_auth_hmacsha256_init(&state, keys_.lookup.data(), keys_.lookup.size());
  crypto_auth_hmacsha256_update(&state, raw(clear, 0), clear.size());
  crypto_auth_hmacsha256_final(&state, raw(out, 0));
  sodium_memzero(&state, sizeof(state));
  return out;
}

std::optional<std::array<unsigned char, 32>> parse_pii_key(std::string_view text) {
  std::array<unsigned char, 32> key{};
  size_t n = 0;
  const char* end = nullptr;
  const auto* last = text.data() + text.size();
  if (text.size() == 64 &&
      sodium_hex2bin(key.data(), key.size(), text.data(), text.size(), nullptr, &n, &end) == 0 &&
      end == last && n == key.size())
    return key;
  for (int form : {sodium_base64_VARIANT_ORIGINAL, sodium_base64_VARIANT_ORIGINAL_NO_PADDING})
    if (sodium_base642bin(key.data(), key.size(), text.data(), text.size(), nullptr, &n, &end,
                          form) == 0 &&
        end == last && n == key.size())
      return key;
  return std::nullopt;
}

} // namespace tk
