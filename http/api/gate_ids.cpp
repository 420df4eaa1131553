#include "http/api/gate_ids.hpp"

#include <array>

#include <sodium.h>

namespace tk::http {

namespace {

// Of a uuid 122 bits are free: 40 say position and minute, 82 seal them.
constexpr int minute_bits = 12, said_bits = 40, high_bits = 20, low_bits = 62;
constexpr uint64_t ones(int bits) { return (uint64_t{1} << bits) - 1; }
constexpr int64_t minute_ms = 60'000, life_minutes = 24 * 60, minutes_told = 1 << minute_bits;
constexpr size_t signature_bytes = 16;
constexpr int base64 = sodium_base64_VARIANT_URLSAFE_NO_PADDING;

using mac = std::array<unsigned char, crypto_auth_BYTES>;

mac authenticate(const std::string& key, const std::string& text) {
  mac out{};
  crypto_auth(out.data(), reinterpret_cast<const unsigned char*>(text.data()), text.size(),
              reinterpret_cast<const unsigned char*>(key.data()));
  return out;
}

uint64_t number_at(const mac& x, size_t from) {
  uint64_t out = 0;
  for (size_t i = from; i < from + 8; ++i) out = (out << 8) | x.at(i);
  return out;
}

} // namespace

gate_ids::gate_ids(std::string_view secret) {
  std::array<unsigned char, crypto_auth_KEYBYTES> key{};
  const std::string use = "tiketi gate ids";
  crypto_generichash(key.data(), key.size(), reinterpret_cast<const unsigned char*>(secret.data()),
                     secret.size(), reinterpret_cast<const unsigned char*>(use.data()), use.size());
  key_.assign(reinterpret_cast<const char*>(key.data()), key.size());
}

gate_ids::sealed gate_ids::seal(event_id event, int32_t activation, int64_t position,
                                int64_t minute) const {
  const auto of =
    authenticate(key_, "seal " + to_string(event) + ' ' + std::to_string(activation) + ' ' +
                         std::to_string(position) + ' ' + std::to_string(minute));
  return {number_at(of, 0) & ones(high_bits), number_at(of, 8) & ones(low_bits)};
}

uint64_t gate_ids::mask(event_id event, const sealed& x) const {
  const auto of = authenticate(key_, "mask " + to_string(event) + ' ' + std::to_string(x.high) +
                                       ' ' + std::to_string(x.low));
  return number_at(of, 0) & ones(said_bits);
}

request_id gate_ids::make(event_id event, int32_t activation, int64_t position, instant now) const {
  const auto minute = to_ms(now) / minute_ms;
  const auto x = seal(event, activation, position, minute);
  const auto says = (static_cast<uint64_t>(position) << minute_bits) |
                    (static_cast<uint64_t>(minute) & ones(minute_bits));
  const auto high = ((says ^ mask(event, x)) << high_bits) | x.high; // 60 bits.
  return {((high >> 12) << 16) | 0x4000 | (high & ones(12)), (uint64_t{1} << 63) | x.low};
}

std::optional<int64_t> gate_ids::open(request_id x, event_id event, int32_t activation,
                                      instant now) const {
  if ((x.hi >> 12 & 0xf) != 4 || x.lo >> low_bits != 2) return std::nullopt;
  const auto high = ((x.hi >> 16) << 12) | (x.hi & ones(12));
  const sealed shown{high & ones(high_bits), x.lo & ones(low_bits)};
  const auto says = (high >> high_bits) ^ mask(event, shown);
  const auto position = static_cast<int64_t>(says >> minute_bits);
  // The latest minute that ends in these bits; another node's clock may be a little ahead.
  const auto latest = to_ms(now) / minute_ms + 1;
  const auto told = static_cast<int64_t>(says & ones(minute_bits));
  const auto age = (latest - told) & static_cast<int64_t>(minutes_told - 1);
  if (age > life_minutes + 1 || position == 0) return std::nullopt;
  const auto right = seal(event, activation, position, latest - age);
  if (sodium_memcmp(&right.high, &shown.high, sizeof right.high) != 0 ||
      sodium_memcmp(&right.low, &shown.low, sizeof right.low) != 0)
    return std::nullopt;
  return position;
}

std::string gate_ids::sign(std::string_view use, event_id event, request_id x,
                           std::string_view more) const {
  auto text = std::string{use} + ' ' + to_string(event) + ' ' + to_string(x) + ' ';
  text += more;
  const auto of = authenticate(key_, text);
  std::array<char, sodium_base64_ENCODED_LEN(signature_bytes, base64)> out{};
  sodium_bin2base64(out.data(), out.size(), of.data(), signature_bytes, base64);
  return out.data();
}

std::string gate_ids::proof(event_id event, request_id x, std::string_view user) const {
  return to_string(x) + '.' + sign("browser", event, x, {}) + '.' + sign("user", event, x, user);
}

namespace {

/// Takes what is before the next dot, or the rest.
std::string_view take(std::string_view& text) {
  const auto dot = text.find('.');
  const auto out = text.substr(0, dot);
  text.remove_prefix(dot == std::string_view::npos ? text.size() : dot + 1);
  return out;
}

bool same(std::string_view a, std::string_view b) {
  return a.size() == b.size() && sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

} // namespace

std::optional<request_id> gate_ids::proven(std::string_view proof, event_id event) const {
  const auto x = parse_id<request_id>(take(proof));
  if (!x || !same(take(proof), sign("browser", event, *x, {}))) return std::nullopt;
  return x;
}

std::optional<request_id> gate_ids::proven(std::string_view proof, event_id event,
                                           std::string_view user) const {
  const auto x = proven(proof, event);
  take(proof);
  take(proof);
  if (!x || !same(proof, sign("user", event, *x, user))) return std::nullopt;
  return x;
}

std::string gate_ids::cookie_name(event_id event) { return "tiketi-vwr-" + to_string(event); }

} // namespace tk::http
