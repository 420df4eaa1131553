#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "actors/base/ids.hpp"
#include "actors/base/time.hpp"

namespace tk::http {

/// Who a valid access token speaks for (1.2).
struct principal {
  user_id user;
  std::string email;
  std::string role; // As in the token; compare with `admin()`.
  int64_t issued_at_ms = 0, expires_at_ms = 0;
  family_id session; // The refresh-token family it belongs to; nil when the token is silent.
  bool password_due = false; // Only the password may be changed (G07).

  /// The role test of 1.2: case-insensitive `admin`.
  [[nodiscard]] bool admin() const;
};

/// Port to whoever checks access tokens. Called on reactor threads for every request that carries
/// a token, so it must neither block nor allocate much.
struct authenticator {
  virtual ~authenticator() = default;
  /// The owner of `jwt`, or nullopt when the token is malformed, forged, expired at `now`, of
  /// another kind or revoked (S1-S4, C1). Thread-safe.
  [[nodiscard]] virtual std::optional<principal> authenticate(std::string_view jwt,
                                                              instant now) const = 0;
};

} // namespace tk::http
