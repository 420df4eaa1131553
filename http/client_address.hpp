#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tk::http {

/// An address; IPv4 in its IPv6-mapped form.
using address_bytes = std::array<uint8_t, 16>;

/// An address of either family; nullopt for anything else.
std::optional<address_bytes> parse_address(std::string_view text);

/// One address, or all that share its first bits: `10.0.0.0/8`, `::1`.
class network {
public:
  static std::optional<network> parse(std::string_view text);
  [[nodiscard]] bool holds(const address_bytes& x) const;

private:
  address_bytes base_{};
  int bits_ = 0;
};

/// The client's address (S26): the socket's, unless that is a trusted proxy; then the right-most
/// hop of `forwarded_for` (all lines of the header, joined by commas) that is not one. Hops may
/// carry a port. What is no address ends the chain: whoever wrote it made up the rest, too.
std::string client_address(std::string_view peer, std::string_view forwarded_for,
                           const std::vector<network>& trusted);

} // namespace tk::http
