#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "actors/base/entropy.hpp"
#include "actors/base/result.hpp"

namespace tk {

enum class password_scheme : uint8_t { bcrypt = 1, yescrypt };

/// `PASSWORD_HASH_SCHEME` and `PASSWORD_HASH_COST`.
struct password_settings {
  password_scheme scheme = password_scheme::bcrypt;
  int bcrypt_cost = 12;  ///< 4 to 31, log2 of the rounds.
  int yescrypt_cost = 5; ///< 1 to 11, libxcrypt's own scale.
};

/// What a comparison found.
struct password_match {
  bool matches = false;
  bool needs_rehash = false; ///< Only when it matches: the settings are stronger than the hash.
};

/// Hashes and verifies passwords by libxcrypt (C2). Slow by intention: never call it on a scheduler
/// thread. Without state, so any number of threads may share one, if they may share `random`.
///
/// bcrypt reads 72 bytes and stops at a zero byte. No password is cut off silently (S11): what is
/// longer than 72 bytes, or contains a zero byte, is replaced by the base64 of its SHA-512 first,
/// and the stored hash says so by the prefix `sha512+`. A hash with that prefix is compared only
/// with passwords that need it, so that typing the base64 itself opens nothing.
class password_hasher {
public:
  /// @param random for salts; must outlive the hasher.
  password_hasher(password_settings settings, entropy& random);

  /// A new hash under the current settings; `ec::internal` when libxcrypt refuses them.
  result<std::string> hash(std::string_view password) const;

  /// Compares. For an empty or unreadable `stored` (unknown account, account without password) it
  /// does the same work against a dummy and finds no match (P-9).
  password_match verify(std::string_view password, std::string_view stored) const;

  /// Is `stored` weaker than what the settings ask for?
  bool needs_rehash(std::string_view stored) const;

private:
  std::string make_setting() const;
  password_settings settings_;
  entropy* random_;
};

} // namespace tk
