#include "http/operators/tokens.hpp"

#include <algorithm>

#include <sodium.h>

#include "http/request.hpp"

namespace tk::http {

namespace {

constexpr size_t name_max = 40;

bool well_formed_name(std::string_view x) {
  return !x.empty() && x.size() <= name_max && std::ranges::all_of(x, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  });
}

bool read_digest(std::string_view hex, std::array<unsigned char, 32>& out) {
  size_t bytes = 0;
  return hex.size() == 2 * out.size() &&
         sodium_hex2bin(out.data(), out.size(), hex.data(), hex.size(), nullptr, &bytes, nullptr) ==
           0 &&
         bytes == out.size();
}

std::string_view next_entry(std::string_view& rest) {
  auto end = std::min(rest.find_first_of(",\n"), rest.size());
  auto out = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  out = out.substr(0, out.find('#'));
  while (!out.empty() && out.back() == '\r') out.remove_suffix(1);
  return trim(out);
}

tl::expected<operator_token, std::string> read_entry(std::string_view entry) {
  auto first = entry.find(':');
  auto second = first == std::string_view::npos ? first : entry.find(':', first + 1);
  if (second == std::string_view::npos)
    return tl::unexpected(std::string{"an entry must be name:role:digest"});
  operator_token out;
  out.name = std::string{entry.substr(0, first)};
  if (!well_formed_name(out.name))
    return tl::unexpected(std::string{"a name has 1 to 40 of a-z, 0-9, `-`, `_`, `.`"});
  auto role = entry.substr(first + 1, second - first - 1);
  if (role == "operator") out.role = operator_role::operator_;
  else if (role != "reader")
    return tl::unexpected(out.name + ": the role must be reader or operator");
  if (!read_digest(entry.substr(second + 1), out.digest))
    return tl::unexpected(out.name +
                          ": the digest must be SHA-256 of the token, 64 hexadecimal "
                          "digits; make both with: tiketi-inspect token " +
                          out.name);
  return out;
}

} // namespace

tl::expected<std::vector<operator_token>, std::string> parse_operator_tokens(
  std::string_view text) {
  std::vector<operator_token> out;
  while (!text.empty()) {
    auto entry = next_entry(text);
    if (entry.empty()) continue;
    auto one = read_entry(entry);
    if (!one) return tl::unexpected(one.error());
    out.push_back(std::move(*one));
  }
  return out;
}

user_id operator_id(std::string_view name) {
  auto text = "operator:" + std::string{name};
  std::array<unsigned char, crypto_hash_sha256_BYTES> digest{};
  crypto_hash_sha256(digest.data(), reinterpret_cast<const unsigned char*>(text.data()),
                     text.size());
  user_id out;
  for (size_t i = 0; i < 8; ++i) out.hi = (out.hi << 8) | digest.at(i);
  for (size_t i = 8; i < 16; ++i) out.lo = (out.lo << 8) | digest.at(i);
  return out;
}

std::optional<principal> operator_authenticator::authenticate(std::string_view token,
                                                              instant) const {
  std::array<unsigned char, crypto_hash_sha256_BYTES> digest{};
  crypto_hash_sha256(digest.data(), reinterpret_cast<const unsigned char*>(token.data()),
                     token.size());
  const operator_token* found = nullptr;
  for (auto& x : tokens_) // All of them, always: the time tells nothing.
    if (sodium_memcmp(x.digest.data(), digest.data(), digest.size()) == 0) found = &x;
  if (found == nullptr) return std::nullopt;
  principal out;
  out.user = operator_id(found->name);
  out.email = found->name;
  out.role = found->role == operator_role::operator_ ? "admin" : "user";
  return out;
}

} // namespace tk::http
