#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

namespace tk {

/// A 256-bit key and the number that the values made with it carry.
struct pii_key {
  uint8_t id = 0; ///< 1 to 255, another one for each new key.
  std::array<unsigned char, 32> bytes{};
};

/// The keys of personal data at rest (C15). `previous` only reads; everything is written with
/// `current`. The look-up key is never changed: look-up columns cannot be computed again.
struct pii_keys {
  pii_key current;
  std::optional<pii_key> previous;
  std::array<unsigned char, 32> lookup{};
};

/// Encrypts personal data with AES-256-GCM. A value is: format (1 byte, 1), key id (1), nonce (12),
/// ciphertext, tag (16). The first two bytes and the name of the column are authenticated with it,
/// so a value moved to another column cannot be read. Immutable, so threads may share it.
class pii_vault {
public:
  explicit pii_vault(const pii_keys& keys) : keys_(keys) {
    // nop
  }

  /// Nonces are random, from OpenSSL's generator: a nonce must never repeat under one key, and a
  /// value of the database must not depend on who injected what.
  tl::expected<std::string, std::string> encrypt(std::string_view column,
                                                 std::string_view clear) const;
  /// The error names the reason: unknown key, damaged or foreign value.
  tl::expected<std::string, std::string> decrypt(std::string_view column,
                                                 std::string_view cipher) const;
  /// HMAC-SHA-256 under the look-up key; 32 bytes. Equal inputs are equal for ever.
  std::string lookup(std::string_view clear) const;

private:
  const pii_key* find(uint8_t id) const;
  pii_keys keys_;
};

/// Reads a key of 32 bytes written as base64 or 64 hex digits; nullopt for anything else.
std::optional<std::array<unsigned char, 32>> parse_pii_key(std::string_view text);

} // namespace tk
