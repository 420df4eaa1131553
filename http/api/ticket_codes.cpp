#include "http/api/ticket_codes.hpp"

#include <algorithm>
#include <span>

#include <nlohmann/json.hpp>
#include <sodium.h>

#include "actors/base/ticket_number.hpp"

namespace tk::http {

namespace {

constexpr std::string_view prefix = "TK1.";
constexpr uint8_t version = 1;
constexpr size_t id_size = 16, key_id_size = 4;
constexpr size_t facts_size = 1 + key_id_size + 2 * id_size + ticket_number_size;
constexpr size_t signature_size = crypto_sign_BYTES;
constexpr int variant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;

std::string to_base64url(std::span<const uint8_t> bytes) {
  std::string out(sodium_base64_encoded_len(bytes.size(), variant), '\0');
  sodium_bin2base64(out.data(), out.size(), bytes.data(), bytes.size(), variant);
  out.pop_back(); // The terminator.
  return out;
}

/// Exactly `out.size()` bytes, in the one way to write them.
bool from_base64url(std::string_view text, std::span<uint8_t> out) {
  size_t n = 0;
  const char* end = nullptr;
  return sodium_base642bin(out.data(), out.size(), text.data(), text.size(), nullptr, &n, &end,
                           variant) == 0 &&
         end == text.data() + text.size() && n == out.size();
}

template <class Id> void put(std::string& to, Id x) {
  for (auto half : {x.hi, x.lo})
    for (int shift = 56; shift >= 0; shift -= 8) to += static_cast<char>((half >> shift) & 0xff);
}

template <class Id> Id take(std::string_view& from) {
  Id out;
  for (size_t i = 0; i < id_size; ++i) {
    auto& half = i < id_size / 2 ? out.hi : out.lo;
    half = (half << 8) | static_cast<uint8_t>(from[i]);
  }
  from.remove_prefix(id_size);
  return out;
}

const uint8_t* bytes_of(std::string_view x) { return reinterpret_cast<const uint8_t*>(x.data()); }

} // namespace

ticket_codes::ticket_codes(const ticket_key_seed& seed,
                           const std::vector<ticket_public_key>& previous) {
  static_assert(crypto_sign_SECRETKEYBYTES == std::tuple_size_v<decltype(secret_)>);
  static_assert(crypto_sign_PUBLICKEYBYTES == std::tuple_size_v<ticket_public_key>);
  ticket_public_key own{};
  crypto_sign_seed_keypair(own.data(), secret_.data(), seed.data());
  keys_.push_back(known(own));
  for (auto& x : previous)
    if (x != own) keys_.push_back(known(x));
}

ticket_codes::known_key ticket_codes::known(const ticket_public_key& x) {
  std::array<uint8_t, crypto_hash_sha256_BYTES> digest{};
  crypto_hash_sha256(digest.data(), x.data(), x.size());
  known_key out{{}, x};
  std::copy_n(digest.begin(), key_id_size, out.id.begin());
  return out;
}

std::string ticket_codes::sign(const ticket_facts& x) const {
  std::string text{prefix};
  text += static_cast<char>(version);
  text.append(keys_.front().id.begin(), keys_.front().id.end());
  put(text, x.id);
  put(text, x.event);
  auto number = x.number;
  number.resize(ticket_number_size, ' ');
  text += number;
  std::array<uint8_t, signature_size> signature{};
  crypto_sign_detached(signature.data(), nullptr, bytes_of(text), text.size(), secret_.data());
  text.append(signature.begin(), signature.end());
  auto body = std::string_view{text}.substr(prefix.size());
  return std::string{prefix} + to_base64url({bytes_of(body), body.size()});
}

std::optional<ticket_facts> ticket_codes::open(std::string_view code) const {
  std::array<uint8_t, facts_size + signature_size> bytes{};
  if (!code.starts_with(prefix) || !from_base64url(code.substr(prefix.size()), bytes) ||
      bytes[0] != version)
    return std::nullopt;
  std::string text{prefix};
  text.append(bytes.begin(), bytes.end());
  auto key = std::ranges::find_if(keys_, [&](const known_key& x) {
    return std::ranges::equal(x.id, std::span{bytes}.subspan<1, key_id_size>());
  });
  auto signed_size = prefix.size() + facts_size;
  if (key == keys_.end() ||
      crypto_sign_verify_detached(bytes_of(text) + signed_size, bytes_of(text), signed_size,
                                  key->bytes.data()) != 0)
    return std::nullopt;
  auto rest = std::string_view{text}.substr(prefix.size() + 1 + key_id_size);
  ticket_facts out;
  out.id = take<ticket_id>(rest);
  out.event = take<event_id>(rest);
  out.number = rest.substr(0, ticket_number_size);
  out.number.erase(out.number.find_last_not_of(' ') + 1);
  return out;
}

std::string ticket_codes::key_set() const {
  nlohmann::ordered_json out = {{"keys", nlohmann::ordered_json::array()}};
  for (auto& x : keys_)
    out["keys"].push_back({{"kty", "OKP"},
                           {"crv", "Ed25519"},
                           {"x", to_base64url(x.bytes)},
                           {"kid", to_base64url(x.id)},
                           {"use", "sig"},
                           {"alg", "EdDSA"}});
  return out.dump();
}

std::optional<ticket_public_key> parse_public_key(std::string_view text) {
  ticket_public_key out{};
  return from_base64url(text, out) ? std::optional{out} : std::nullopt;
}

} // namespace tk::http
