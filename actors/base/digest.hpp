#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace tk {

using sha256_digest = std::array<uint8_t, 32>;

/// SHA-256 of `bytes` (FIPS 180-4), by libsodium.
sha256_digest sha256(std::string_view bytes);

/// The bytes themselves, for what is hashed next.
std::string_view as_bytes(const sha256_digest& x);

/// 64 lowercase digits.
std::string to_hex(const sha256_digest& x);

/// Of exactly 64 digits of either case; all zero = it is something else.
sha256_digest parse_digest(std::string_view hex);

/// Nobody finds bytes with the digest of zeros: it stands for none.
bool is_none(const sha256_digest& x);

} // namespace tk
