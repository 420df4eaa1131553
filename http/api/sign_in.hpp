#pragma once

#include <functional>
#include <string>
#include <string_view>

#include <caf/fwd.hpp>
#include <nlohmann/json.hpp>

#include "http/api/shop.hpp"

/// What every way to sign in shares: sessions, their tokens, their cookies (1.2, 1.3).
namespace tk::http {

/// Both tokens of a session, on record already (P-2).
struct session_tokens {
  std::string access, refresh;
};

/// Mail is compared trimmed and in lower case (P-8).
std::string fold_mail(std::string_view text);

/// Sets both cookies; an empty token clears its cookie.
void set_auth_cookies(const shop& s, answer& out, std::string_view access,
                      std::string_view refresh);

/// Sets the access token's cookie only: the session goes on.
void set_access_cookie(const shop& s, answer& out, std::string_view access);

/// An access token that the last revocation does not refuse, whatever this node's clock says.
std::string issue_access(const shop& s, const user_row& user, family_id family,
                         instant revoked_before);

/// Opens a session of `user`, whose credentials were verified just now, and ends the one that the
/// request presents. `done` runs when it is durable; else the request is refused.
using session_opened = std::function<void(const session_tokens&)>;
void open_session(shop& s, caf::event_based_actor* self, const exchange_ptr& x,
                  const user_row& user, session_opened done);

/// `AuthResponse` (2.1) with both cookies.
answer auth_answer(const shop& s, const user_row& user, const session_tokens& tokens, int status,
                   std::string_view message);

/// Counts a try of `account`'s password (S12); false when it was answered: 429.
bool may_try_password(shop& s, const exchange_ptr& x, const std::string& account);

/// Compares a password whose try was counted, and tells what became of it: `then` runs with whether
/// it matches, unless nobody could look at it.
using password_judged = std::function<void(const password_verified&)>;
void judge_password(shop& s, caf::event_based_actor* self, const exchange_ptr& x,
                    const std::string& account, const verify_password& what, password_judged then);

/// Runs `then` with the caller's account; 401 when it is gone or the token was revoked.
void with_caller(shop& s, caf::event_based_actor* self, const exchange_ptr& x,
                 const std::function<void(const user_row&)>& then);

/// The session that the caller's token, else its refresh cookie, belongs to; nil when neither says.
family_id caller_session(const shop& s, const exchange& x);

/// The time a password may take to be hashed, waiting included.
inline constexpr millis hash_budget{6000};
inline constexpr size_t password_max = 1024;

void add_google_routes(shop& s, std::vector<route>& out);
void add_refresh_routes(shop& s, std::vector<route>& out);

} // namespace tk::http
