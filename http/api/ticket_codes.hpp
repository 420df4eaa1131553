#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/base/ids.hpp"

namespace tk::http {

/// What a ticket's code says.
struct ticket_facts {
  ticket_id id;
  event_id event;
  std::string number;
  bool operator==(const ticket_facts&) const = default;
};

using ticket_key_seed = std::array<uint8_t, 32>;
using ticket_public_key = std::array<uint8_t, 32>;

/// Signed ticket codes (G03), for QR. Whoever has the public keys verifies them without asking:
/// `TK1.` and base64url of version (1 byte, 1), key id (4), ticket id (16), event id (16), number
/// (17), signature (64). The signature is Ed25519, over `TK1.` and what stands before it. A key id
/// is the first four bytes of the SHA-256 of the public key.
class ticket_codes {
public:
  /// @param previous keys whose codes stay good although nothing is signed by them any more.
  ticket_codes(const ticket_key_seed& seed, const std::vector<ticket_public_key>& previous);

  /// The code of a ticket; the same each time, as long as the key is.
  [[nodiscard]] std::string sign(const ticket_facts& x) const;
  /// What the code says, when a known key signed it.
  [[nodiscard]] std::optional<ticket_facts> open(std::string_view code) const;
  /// The public keys as a JWK set (RFC 7517, RFC 8037); the first one signs.
  [[nodiscard]] std::string key_set() const;

private:
  using key_id = std::array<uint8_t, 4>;
  struct known_key {
    key_id id;
    ticket_public_key bytes;
  };
  static known_key known(const ticket_public_key& x);

  std::array<uint8_t, 64> secret_{};
  std::vector<known_key> keys_;
};

/// The 32 bytes of base64url text without padding: the `x` of a key set.
std::optional<ticket_public_key> parse_public_key(std::string_view text);

} // namespace tk::http
