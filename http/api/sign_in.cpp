#include "http/api/sign_in.hpp"

#include <algorithm>

#include <caf/all.hpp>

#include "actors/session/port.hpp"
#include "http/api/views.hpp"
#include "supervisors/reply_once.hpp"
#include "supervisors/router.hpp"

namespace tk::http {

namespace {

/// D1: a path that covers both spellings of the API.
constexpr std::string_view refresh_path = "/api";

/// A node's clock may be ahead of the ledger's by nearly this much (supervisors/node.cpp), and what
/// it issued just before a revocation must not look younger than that.
constexpr millis clock_margin{250};

/// What a client says of itself, as a list of sessions may show it: printable and short.
std::string user_agent_of(const request& x) {
  constexpr size_t longest = 255;
  std::string out{x.header("user-agent").substr(0, longest)};
  std::ranges::replace_if(
    out, [](char c) { return c < ' ' || c > '~'; }, '?');
  return out;
}

/// The caller's session, when it is this user's: a log-in ends it (S9).
family_id presented_family(const shop& s, const request& x, user_id user) {
  auto token = x.cookie("refresh_token");
  auto claims = token ? s.tokens.verify_refresh(*token, x.arrived) : std::nullopt;
  return claims && claims->user == user ? claims->family : family_id{};
}

answer throttled(const try_verdict& x) {
  auto seconds = (x.wait.count() + 999) / 1000;
  auto text = std::to_string(seconds);
  auto out = error_answer(ec::rate_limited, {}, ",\"retryAfter\":" + text);
  out.retry_after_s = static_cast<int>(seconds);
  out.headers = {{"RateLimit-Limit", std::to_string(x.limit)},
                 {"RateLimit-Remaining", "0"},
                 {"RateLimit-Reset", text}};
  return out;
}

} // namespace

bool may_try_password(shop& s, const exchange_ptr& x, const std::string& account) {
  auto verdict = s.logins.ask(account, x->req().client, x->req().arrived);
  if (verdict.wait > millis{0}) x->respond(throttled(verdict));
  return verdict.wait <= millis{0};
}

void judge_password(shop& s, caf::event_based_actor* self, const exchange_ptr& x,
                    const std::string& account, const verify_password& what, password_judged then) {
  auto unjudged = [&s, x, account](ec why) {
    s.logins.withdrawn(account, x->req().client, x->req().arrived);
    x->fail(why);
  };
  self->request(s.passwords, what.patience, what)
    .then(
      [&s, x, account, unjudged, then = std::move(then)](const password_verified& r) {
        if (r.error != ec::ok) return unjudged(r.error);
        if (r.matches) s.logins.succeeded(account, x->req().client, x->req().arrived);
        then(r);
      },
      [unjudged](caf::error&) { unjudged(ec::busy); });
}

std::string fold_mail(std::string_view text) {
  std::string out{trim(text)};
  std::ranges::transform(out, out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return out;
}

void set_access_cookie(const shop& s, answer& out, std::string_view access) {
  auto life = access.empty() ? 0 : static_cast<long>(s.tokens.settings().access_ttl_s);
  out.cookies.push_back(
    to_string(cookie{"access_token", access, "/", life, true, s.cookie_secure, "Lax"}));
}

void set_auth_cookies(const shop& s, answer& out, std::string_view access,
                      std::string_view refresh) {
  set_access_cookie(s, out, access);
  auto life = refresh.empty() ? 0 : static_cast<long>(s.tokens.settings().refresh_ttl_s);
  out.cookies.push_back(
    to_string(cookie{"refresh_token", refresh, refresh_path, life, true, s.cookie_secure, "Lax"}));
}

void with_caller(shop& s, caf::event_based_actor* self, const exchange_ptr& x,
                 const std::function<void(const user_row&)>& then) {
  self->request(s.store, store_budget, find_user_by_id{x->user()})
    .then(
      [x, then](const user_row& user) {
        if (!refuse_revoked(x, {user.found && !user.closed, user.revoked_before})) then(user);
      },
      [x](caf::error& e) { x->fail(to_ec(e)); });
}

family_id caller_session(const shop& s, const exchange& x) {
  auto told = x.who()->session;
  return told.nil() ? presented_family(s, x.req(), x.user()) : told;
}

std::string issue_access(const shop& s, const user_row& user, family_id family,
                         instant revoked_before) {
  auto at = std::max(s.node.clock->now() - clock_margin, revoked_before + millis{1});
  return s.tokens.issue_access(user, family, at, *s.node.random);
}

void open_session(shop& s, caf::event_based_actor* self, const exchange_ptr& x,
                  const user_row& user, session_opened done) {
  auto family = make_id<family_id>(*s.node.random);
  auto refresh = s.tokens.issue_refresh(user.id, family, s.node.clock->now(), *s.node.random);
  auto& settings = s.tokens.settings();
  start_family_v2 cmd;
  cmd.family = family;
  cmd.token_hash = token_hash(refresh);
  cmd.ttl_s = static_cast<int32_t>(settings.refresh_ttl_s);
  cmd.life_s = static_cast<int32_t>(settings.session_ttl_s);
  cmd.credentials = user.credentials;
  cmd.ends = presented_family(s, x->req(), user.id);
  cmd.user_agent = user_agent_of(x->req());
  cmd.address = x->req().client;
  ask<session_actor>(self, s.node, key_of(user.id), time_for(*x), cmd)
    .then(
      [&s, x, user, family, refresh, done = std::move(done)](const family_started_v2& r) {
        if (r.is != ec::ok) {
          x->fail(r.is);
          return;
        }
        // A log-out may have come since `user` was read.
        auto revoked_before = std::max(user.revoked_before, r.revoked_before);
        done({issue_access(s, user, family, revoked_before), refresh});
      },
      [x](const caf::error& e) { x->fail(to_ec(e)); });
}

answer auth_answer(const shop& s, const user_row& user, const session_tokens& tokens, int status,
                   std::string_view message) {
  json body = {{"message", message},
               {"token", tokens.access},
               {"refreshToken", tokens.refresh},
               {"user", user_payload(user)}};
  auto out = json_text(body.dump(), status);
  set_auth_cookies(s, out, tokens.access, tokens.refresh);
  return out;
}

} // namespace tk::http
