#include "http/api/queue_tickets.hpp"

#include <array>
#include <charconv>

#include <sodium.h>

namespace tk::http {

namespace {

constexpr size_t seal_bytes = 16;
constexpr int base64 = sodium_base64_VARIANT_URLSAFE_NO_PADDING;

/// Takes a number and the dot behind it from the front of `text`.
template <class T> bool take(std::string_view& text, T& out) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc{} || end == text.data() + text.size() || *end != '.') return false;
  text.remove_prefix(static_cast<size_t>(end - text.data()) + 1);
  return true;
}

} // namespace

queue_tickets::queue_tickets(std::string_view secret) {
  std::array<unsigned char, crypto_auth_KEYBYTES> key{};
  std::string use = "tiketi queue tickets";
  crypto_generichash(key.data(), key.size(), reinterpret_cast<const unsigned char*>(secret.data()),
                     secret.size(), reinterpret_cast<const unsigned char*>(use.data()), use.size());
  key_.assign(reinterpret_cast<const char*>(key.data()), key.size());
}

std::string queue_tickets::seal(event_id event, user_id user, std::string_view says) const {
  auto text = to_string(event) + to_string(user);
  text += says;
  std::array<unsigned char, crypto_auth_BYTES> mac{};
  crypto_auth(mac.data(), reinterpret_cast<const unsigned char*>(text.data()), text.size(),
              reinterpret_cast<const unsigned char*>(key_.data()));
  std::array<char, sodium_base64_ENCODED_LEN(seal_bytes, base64)> out{};
  sodium_bin2base64(out.data(), out.size(), mac.data(), seal_bytes, base64);
  return out.data();
}

std::string queue_tickets::sign(event_id event, user_id user, const queue_ticket& x) const {
  auto out = std::to_string(x.generation) + '.' + std::to_string(x.epoch) + '.' +
             std::to_string(x.place.code()) + '.';
  return out + seal(event, user, out);
}

std::optional<queue_ticket> queue_tickets::open(std::string_view text, event_id event,
                                                user_id user) const {
  constexpr size_t longest = 96;
  if (text.size() > longest) return std::nullopt;
  auto dot = text.rfind('.');
  if (dot == std::string_view::npos) return std::nullopt;
  auto says = text.substr(0, dot + 1), shown = text.substr(dot + 1);
  auto expected = seal(event, user, says);
  if (shown.size() != expected.size() ||
      sodium_memcmp(shown.data(), expected.data(), expected.size()) != 0)
    return std::nullopt;
  queue_ticket out;
  uint32_t code = 0;
  if (!take(says, out.generation) || !take(says, out.epoch) || !take(says, code) || !says.empty())
    return std::nullopt;
  out.place = queue_place::of(code);
  return out;
}

std::string queue_tickets::cookie_name(event_id event) {
  return "tiketi-queue-" + to_string(event);
}

} // namespace tk::http
