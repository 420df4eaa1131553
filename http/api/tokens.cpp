#include "http/api/tokens.hpp"

#include <strings.h>

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <memory>

#include <jwt.h>
#include <sodium.h>

namespace tk::http {

namespace {

constexpr char issuer[] = "tiketi";
constexpr char audience[] = "tiketi-api";
/// Tokens from another clock's future are refused beyond this.
constexpr int64_t leeway_s = 30;

struct jwt_deleter {
  void operator()(jwt_t* x) const { jwt_free(x); }
};
using jwt_ptr = std::unique_ptr<jwt_t, jwt_deleter>;

jwt_ptr make_jwt(user_id user, const char* type, instant now, int64_t ttl_s, entropy& random) {
  jwt_t* raw = nullptr;
  if (jwt_new(&raw) != 0) return nullptr;
  jwt_ptr out{raw};
  auto id = to_string(user);
  auto issued_s = to_ms(now) / 1000;
  jwt_add_grant(raw, "sub", id.c_str());
  jwt_add_grant(raw, "userId", id.c_str());
  jwt_add_grant(raw, "type", type);
  jwt_add_grant(raw, "iss", issuer);
  jwt_add_grant(raw, "aud", audience);
  jwt_add_grant(raw, "jti", to_string(make_id<request_id>(random)).c_str());
  jwt_add_grant_int(raw, "iat", issued_s);
  jwt_add_grant_int(raw, "iat_ms", to_ms(now)); // Finer than `iat`, for revocation (C32).
  jwt_add_grant_int(raw, "exp", issued_s + ttl_s);
  return out;
}

std::string sign(const jwt_ptr& x, const std::string& key) {
  jwt_set_alg(x.get(), JWT_ALG_HS256, reinterpret_cast<const unsigned char*>(key.data()),
              static_cast<int>(key.size()));
  std::unique_ptr<char, decltype(&std::free)> text{jwt_encode_str(x.get()), &std::free};
  return text ? std::string{text.get()} : std::string{};
}

std::string_view grant(const jwt_ptr& x, const char* name) {
  auto text = jwt_get_grant(x.get(), name);
  return text ? std::string_view{text} : std::string_view{};
}

/// Ours carry `iss` and `aud`: never required, refused when present and wrong (C1).
bool foreign(const jwt_ptr& x) {
  auto iss = grant(x, "iss"), aud = grant(x, "aud");
  return (!iss.empty() && iss != issuer) || (!aud.empty() && aud != audience);
}

/// The token's content, when signature, algorithm and times are right.
jwt_ptr open_signed(std::string_view token, const std::string& key, instant now) {
  constexpr size_t longest = 4096;
  if (token.empty() || token.size() > longest) return nullptr;
  jwt_t* raw = nullptr;
  std::string text{token};
  int failed = jwt_decode(&raw, text.c_str(), reinterpret_cast<const unsigned char*>(key.data()),
                          static_cast<int>(key.size()));
  jwt_ptr out{raw};
  if (failed != 0 || !raw || jwt_get_alg(raw) != JWT_ALG_HS256) return nullptr;
  // libjwt reads a missing number as 0 and one of another type as -1.
  int64_t exp = jwt_get_grant_int(raw, "exp"), iat = jwt_get_grant_int(raw, "iat");
  int64_t now_s = to_ms(now) / 1000;
  bool timely = exp > now_s && iat >= 0 && iat <= now_s + leeway_s;
  return timely ? std::move(out) : nullptr;
}

/// The same of our own tokens, which are of one kind each.
jwt_ptr open_token(std::string_view token, const std::string& key, std::string_view type,
                   instant now) {
  auto out = open_signed(token, key, now);
  return out && grant(out, "type") == type && !foreign(out) ? std::move(out) : nullptr;
}

} // namespace

std::string token_service::issue_access(const user_row& user, family_id family, instant now,
                                        entropy& random) const {
  auto x = make_jwt(user.id, "access", now, settings_.access_ttl_s, random);
  jwt_add_grant(x.get(), "email", user.email.c_str());
  jwt_add_grant(x.get(), "role", user.role == user_role::admin ? "admin" : "user");
  jwt_add_grant(x.get(), "sid", to_string(family).c_str());
  if (user.password_due) jwt_add_grant(x.get(), "due", "password");
  return sign(x, settings_.key);
}

std::string token_service::issue_refresh(user_id user, family_id family, instant now,
                                         entropy& random) const {
  auto x = make_jwt(user, "refresh", now, settings_.refresh_ttl_s, random);
  jwt_add_grant(x.get(), "familyId", to_string(family).c_str());
  return sign(x, settings_.key);
}

std::optional<access_claims> token_service::verify_access(std::string_view token,
                                                          instant now) const {
  auto x = open_token(token, settings_.key, "access", now);
  if (!x) return std::nullopt;
  auto user = parse_id<user_id>(grant(x, "sub"));
  if (!user) return std::nullopt;
  access_claims out;
  out.user = *user;
  out.email = grant(x, "email");
  auto role = grant(x, "role");
  out.role = role.size() == 5 && strncasecmp(role.data(), "admin", 5) == 0 ? user_role::admin
                                                                           : user_role::user;
  out.family = parse_id<family_id>(grant(x, "sid")).value_or(family_id{});
  out.password_due = grant(x, "due") == "password";
  int64_t iat = jwt_get_grant_int(x.get(), "iat"), ms = jwt_get_grant_int(x.get(), "iat_ms");
  out.expires_at = from_ms(jwt_get_grant_int(x.get(), "exp") * 1000);
  out.issued_at = from_ms(ms / 1000 == iat && ms > 0 ? ms : iat * 1000);
  return out;
}

std::optional<refresh_claims> token_service::verify_refresh(std::string_view token,
                                                            instant now) const {
  auto x = open_token(token, settings_.key, "refresh", now);
  if (!x) return std::nullopt;
  auto user = parse_id<user_id>(grant(x, "sub"));
  auto family = parse_id<family_id>(grant(x, "familyId"));
  if (!user || !family) return std::nullopt;
  return refresh_claims{*user, *family};
}

std::string issue_entry(const entry_claims& x, const std::string& key, instant now, instant until) {
  jwt_t* raw = nullptr;
  if (jwt_new(&raw) != 0) return {};
  jwt_ptr out{raw};
  jwt_add_grant(raw, "sub", to_string(x.event).c_str());
  jwt_add_grant(raw, "uid", to_string(x.user).c_str());
  jwt_add_grant_int(raw, "gen", x.generation);
  jwt_add_grant_int(raw, "adm", x.admission);
  jwt_add_grant_int(raw, "iat", to_ms(now) / 1000);
  jwt_add_grant_int(raw, "exp", to_ms(until) / 1000);
  return sign(out, key);
}

std::optional<entry_claims> verify_entry(std::string_view token, const std::string& key,
                                         instant now) {
  auto x = open_signed(token, key, now);
  // Both tiers may have one key: a tier-1 token, whose `uid` is what its owner says, is none.
  if (!x || jwt_get_grant_int(x.get(), "tier") == 1) return std::nullopt;
  auto event = parse_id<event_id>(grant(x, "sub"));
  auto user = parse_id<user_id>(grant(x, "uid"));
  if (!event || !user) return std::nullopt;
  auto number = [&x](const char* name) {
    auto n = jwt_get_grant_int(x.get(), name);
    return static_cast<int32_t>(std::clamp<int64_t>(n, 0, std::numeric_limits<int32_t>::max()));
  };
  return entry_claims{*event, *user, number("gen"), number("adm")};
}

std::string issue_gate(const gate_claims& x, const std::string& key, instant now) {
  constexpr int64_t life_s = 600;
  jwt_t* raw = nullptr;
  if (jwt_new(&raw) != 0) return {};
  jwt_ptr out{raw};
  const auto now_s = to_ms(now) / 1000;
  jwt_add_grant(raw, "sub", to_string(x.event).c_str());
  jwt_add_grant(raw, "uid", x.user.c_str());
  jwt_add_grant_int(raw, "tier", 1);
  jwt_add_grant_int(raw, "position", x.position);
  jwt_add_grant_int(raw, "order", x.order);
  jwt_add_grant_int(raw, "iat", now_s);
  jwt_add_grant_int(raw, "exp", now_s + life_s);
  return sign(out, key);
}

std::optional<gate_claims> verify_gate(std::string_view token, const std::string& key,
                                       instant now) {
  auto x = open_signed(token, key, now);
  if (!x || jwt_get_grant_int(x.get(), "tier") != 1) return std::nullopt;
  auto event = parse_id<event_id>(grant(x, "sub"));
  gate_claims out;
  out.user = grant(x, "uid");
  out.position = jwt_get_grant_int(x.get(), "position");
  // The contract does not know `order`: a token of somebody else who has the key may lack it.
  const auto order = jwt_get_grant_int(x.get(), "order");
  out.order = order > 0 ? order : out.position;
  if (!event || out.position < 1 || out.order < out.position) return std::nullopt;
  out.event = *event;
  return out;
}

std::string token_hash(std::string_view token) {
  unsigned char digest[crypto_hash_sha256_BYTES];
  crypto_hash_sha256(digest, reinterpret_cast<const unsigned char*>(token.data()), token.size());
  char hex[2 * sizeof digest + 1];
  sodium_bin2hex(hex, sizeof hex, digest, sizeof digest);
  return hex;
}

} // namespace tk::http
