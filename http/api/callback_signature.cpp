#include "http/api/callback_signature.hpp"

#include <array>
#include <charconv>

#include <sodium.h>

namespace tk::http {

namespace {

using digest = std::array<unsigned char, crypto_auth_hmacsha256_BYTES>;

const unsigned char* bytes(std::string_view x) {
  return reinterpret_cast<const unsigned char*>(x.data());
}

digest hmac(std::string_view key, std::initializer_list<std::string_view> parts) {
  digest out;
  crypto_auth_hmacsha256_state state;
  crypto_auth_hmacsha256_init(&state, bytes(key), key.size());
  for (auto part : parts) crypto_auth_hmacsha256_update(&state, bytes(part), part.size());
  crypto_auth_hmacsha256_final(&state, out.data());
  return out;
}

bool is_base64_of(std::string_view text, const digest& wanted) {
  digest got{};
  size_t size = 0;
  const char* end = nullptr;
  int failed = sodium_base642bin(got.data(), got.size(), text.data(), text.size(), nullptr, &size,
                                 &end, sodium_base64_VARIANT_ORIGINAL);
  return failed == 0 && end == text.data() + text.size() && size == got.size() &&
         sodium_memcmp(got.data(), wanted.data(), got.size()) == 0;
}

bool in_window(instant at, instant now) {
  return at >= now - callback_window && at <= now + callback_window;
}

} // namespace

bool is_signed(const toss_callback& x, std::string_view key, instant now) {
  auto sent_at = parse_iso(x.sent_at);
  if (key.empty() || !sent_at || !in_window(*sent_at, now)) return false;
  auto wanted = hmac(key, {x.body, ":", x.sent_at});
  // `v1:<base64>,<base64>`: two while the key is being changed.
  constexpr std::string_view version = "v1:", blanks = ", ";
  bool found = false;
  for (auto rest = x.signature; !rest.empty();) {
    auto end = rest.find_first_of(blanks);
    auto one = rest.substr(0, end);
    if (one.starts_with(version)) one.remove_prefix(version.size());
    found = found || is_base64_of(one, wanted);
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
  }
  return found;
}

bool is_signed(const standard_callback& x, std::string_view key, instant now) {
  int64_t sent_s = 0;
  auto end = x.sent_at.data() + x.sent_at.size();
  auto [rest_at, error] = std::from_chars(x.sent_at.data(), end, sent_s);
  constexpr int64_t seconds_max = 100'000'000'000; // Beyond it milliseconds would overflow.
  bool timed = error == std::errc{} && rest_at == end && sent_s >= 0 && sent_s <= seconds_max;
  if (key.empty() || x.id.empty() || !timed || !in_window(from_ms(sent_s * 1000), now))
    return false;
  auto wanted = hmac(key, {x.id, ".", x.sent_at, ".", x.body});
  constexpr std::string_view version = "v1,";
  bool found = false;
  for (auto rest = x.signature; !rest.empty();) {
    auto blank = rest.find(' ');
    auto one = rest.substr(0, blank);
    if (one.starts_with(version)) found = found || is_base64_of(one.substr(version.size()), wanted);
    rest = blank == std::string_view::npos ? std::string_view{} : rest.substr(blank + 1);
  }
  return found;
}

std::string standard_webhook_key(std::string_view secret) {
  constexpr std::string_view prefix = "whsec_";
  if (!secret.starts_with(prefix)) return std::string{secret};
  auto text = secret.substr(prefix.size());
  std::string out(text.size(), '\0');
  size_t size = 0;
  const char* end = nullptr;
  int failed =
    sodium_base642bin(reinterpret_cast<unsigned char*>(out.data()), out.size(), text.data(),
                      text.size(), nullptr, &size, &end, sodium_base64_VARIANT_ORIGINAL);
  if (failed != 0 || end != text.data() + text.size()) return std::string{secret};
  out.resize(size);
  return out;
}

} // namespace tk::http
