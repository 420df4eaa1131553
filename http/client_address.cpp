#include "http/client_address.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

#include "http/request.hpp"

namespace tk::http {

namespace {

constexpr size_t address_text_max = 45; // An IPv6 address with an IPv4 one at its end.
constexpr int mapped_bits = 96;         // In front of a mapped IPv4 address.

/// Canonical, so that one client has one name.
std::string to_text(const address_bytes& x) {
  std::array<char, INET6_ADDRSTRLEN> out{};
  address_bytes mapped{};
  mapped[10] = mapped[11] = 0xff;
  bool v4 = std::equal(x.begin(), x.begin() + mapped_bits / 8, mapped.begin());
  inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? x.data() + mapped_bits / 8 : x.data(), out.data(),
            out.size());
  return out.data();
}

/// `1.2.3.4`, `1.2.3.4:5`, `::1`, `[::1]`, `[::1]:5`.
std::optional<address_bytes> parse_hop(std::string_view x) {
  if (x.starts_with('[')) return parse_address(x.substr(1, x.find(']') - 1));
  bool port = std::count(x.begin(), x.end(), ':') == 1;
  return parse_address(port ? x.substr(0, x.find(':')) : x);
}

} // namespace

std::optional<address_bytes> parse_address(std::string_view text) {
  if (text.empty() || text.size() > address_text_max) return std::nullopt;
  std::string terminated(text);
  address_bytes out{};
  if (inet_pton(AF_INET6, terminated.c_str(), out.data()) == 1) return out;
  out[10] = out[11] = 0xff;
  if (inet_pton(AF_INET, terminated.c_str(), out.data() + mapped_bits / 8) == 1) return out;
  return std::nullopt;
}

std::optional<network> network::parse(std::string_view text) {
  auto slash = std::min(text.find('/'), text.size());
  auto base = parse_address(text.substr(0, slash));
  if (!base) return std::nullopt;
  network out;
  out.base_ = *base;
  out.bits_ = static_cast<int>(base->size()) * 8;
  if (slash == text.size()) return out;
  auto length = text.substr(slash + 1);
  int first = text.find(':') == std::string_view::npos ? mapped_bits : 0, bits = -1;
  auto [end, error] = std::from_chars(length.data(), length.data() + length.size(), bits);
  if (error != std::errc{} || end != length.data() + length.size()) return std::nullopt;
  if (bits < 0 || bits > out.bits_ - first) return std::nullopt;
  out.bits_ = first + bits;
  return out;
}

bool network::holds(const address_bytes& x) const {
  auto whole = static_cast<size_t>(bits_ / 8);
  if (!std::equal(x.begin(), x.begin() + bits_ / 8, base_.begin())) return false;
  if (bits_ % 8 == 0) return true;
  auto shift = 8 - bits_ % 8;
  return x[whole] >> shift == base_[whole] >> shift;
}

std::string client_address(std::string_view peer, std::string_view forwarded_for,
                           const std::vector<network>& trusted) {
  auto client = parse_address(peer);
  if (!client) return std::string(peer);
  auto is_proxy = [&] {
    return std::any_of(trusted.begin(), trusted.end(), [&](auto& x) { return x.holds(*client); });
  };
  while (!forwarded_for.empty() && is_proxy()) {
    auto comma = forwarded_for.rfind(',');
    auto start = comma == std::string_view::npos ? 0 : comma + 1;
    auto hop = parse_hop(trim(forwarded_for.substr(start)));
    if (!hop) break;
    client = hop;
    forwarded_for = forwarded_for.substr(0, comma == std::string_view::npos ? 0 : comma);
  }
  return to_text(*client);
}

} // namespace tk::http
