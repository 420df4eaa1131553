#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "actors/base/entropy.hpp"
#include "actors/base/ids.hpp"
#include "actors/base/time.hpp"
#include "persistence/store/messages.hpp"

namespace tk::http {

/// What a valid access token says (contract 1.2, C1).
struct access_claims {
  user_id user;
  std::string email;
  user_role role = user_role::user;
  family_id family;          ///< The session it was made for; nil in tokens that do not say.
  bool password_due = false; ///< Good for nothing but changing the password (G07).
  instant issued_at; ///< To the millisecond for our own tokens, else the start of the second.
  instant expires_at;
};

struct refresh_claims {
  user_id user;
  family_id family;
};

/// What a valid entry token says (1.8): this user may buy for this event.
struct entry_claims {
  event_id event;
  user_id user;
  /// The slot it was made for; 0 in tokens that do not say.
  int32_t generation = 0, admission = 0;
};

/// What a valid tier-1 token says (4.2): whoever shows it was let through the gate of this event.
struct gate_claims {
  event_id event;
  std::string user;     ///< The name they gave themselves.
  int64_t position = 0; ///< In the gate's activation.
  int64_t order = 0;    ///< Over all activations of the gate.
};

struct token_settings {
  std::string key; ///< At least 32 bytes.
  int64_t access_ttl_s = 1800;
  int64_t refresh_ttl_s = 604'800;
  int64_t session_ttl_s = 7'776'000; ///< Of a session, however often it is refreshed.
};

/// Makes and checks the two kinds of tokens: HS256, always (P-10), told apart by `type` (P-5).
class token_service {
public:
  explicit token_service(token_settings settings) : settings_(std::move(settings)) {
    // nop
  }

  [[nodiscard]] std::string issue_access(const user_row& user, family_id family, instant now,
                                         entropy& random) const;
  [[nodiscard]] std::string issue_refresh(user_id user, family_id family, instant now,
                                          entropy& random) const;
  /// nullopt for whatever is not a valid access token at `now`; leeway 0 s after `exp`.
  [[nodiscard]] std::optional<access_claims> verify_access(std::string_view token,
                                                           instant now) const;
  [[nodiscard]] std::optional<refresh_claims> verify_refresh(std::string_view token,
                                                             instant now) const;
  [[nodiscard]] const token_settings& settings() const { return settings_; }

private:
  token_settings settings_;
};

/// An entry token for `x`, good until `until`, to the second before.
std::string issue_entry(const entry_claims& x, const std::string& key, instant now, instant until);

/// The claims of an entry token signed with `key`; nullopt when it is malformed, forged, expired at
/// `now`, or lacks its user or event (P-16).
std::optional<entry_claims> verify_entry(std::string_view token, const std::string& key,
                                         instant now);

/// A tier-1 token, good for ten minutes.
std::string issue_gate(const gate_claims& x, const std::string& key, instant now);

/// The claims of a tier-1 token signed with `key`; nullopt when it is malformed, forged, expired at
/// `now`, or of another kind.
std::optional<gate_claims> verify_gate(std::string_view token, const std::string& key, instant now);

/// SHA-256 as lower-case hex: the only form in which a refresh token is stored.
std::string token_hash(std::string_view token);

} // namespace tk::http
