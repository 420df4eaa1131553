#include <caf/all.hpp>

#include "actors/session/port.hpp"
#include "http/api/route_group.hpp"
#include "http/api/schemas.hpp"
#include "http/api/sign_in.hpp"
#include "http/api/views.hpp"
#include "http/json.hpp"
#include "supervisors/reply_once.hpp"
#include "supervisors/router.hpp"

/// Refreshing a session and looking at an access token (contract 2.1).
namespace tk::http {

namespace {

constexpr size_t token_max = 4096;

/// The refresh token presented: the cookie wins over the body. Empty when there is none.
checked<std::string> presented_token(const request& x) {
  if (auto cookie = x.cookie("refresh_token"); cookie && !cookie->empty())
    return std::string{*cookie};
  auto body = read_object(x);
  if (!body) return tl::unexpected(body.error());
  fields form{*body};
  auto text = form.optional_text("refreshToken", token_max).value_or("");
  if (form.failed()) return tl::unexpected(*form.failed());
  return text;
}

/// The next token is on record, or the family has ended, before anybody hears of it.
void rotate(shop& s, caf::event_based_actor* self, const exchange_ptr& x, const user_row& user,
            family_id family, const std::string& used) {
  auto next = s.tokens.issue_refresh(user.id, family, s.node.clock->now(), *s.node.random);
  rotate_family cmd{family, token_hash(used), token_hash(next),
                    static_cast<int32_t>(s.tokens.settings().refresh_ttl_s)};
  ask<session_actor>(self, s.node, key_of(user.id), time_for(*x), cmd)
    .then(
      [&s, x, user, family, next](const family_rotated& r) {
        if (r.is != ec::ok) {
          x->fail(r.is);
          return;
        }
        session_tokens tokens{issue_access(s, user, family, r.revoked_before), next};
        x->respond(auth_answer(s, user, tokens, 200, "Token refreshed"));
      },
      [x](const caf::error& e) { x->fail(to_ec(e)); });
}

/// A refusal leaves the cookies alone: another tab may have put a newer session there meanwhile.
void on_refresh(shop& s, const exchange_ptr& x) {
  auto token = presented_token(x->req());
  if (!token) {
    x->fail(token.error());
    return;
  }
  if (token->empty()) {
    x->fail(ec::refresh_missing);
    return;
  }
  auto claims = s.tokens.verify_refresh(*token, x->req().arrived);
  if (!claims) {
    x->fail(ec::refresh_invalid);
    return;
  }
  s.pool.run([&s, x, used = *token, who = *claims](caf::event_based_actor* self) {
    self->request(s.store, store_budget, find_user_by_id{who.user})
      .then(
        [&s, self, x, used, who](const user_row& user) {
          if (user.found && !user.closed) rotate(s, self, x, user, who.family, used);
          else x->fail(ec::refresh_invalid);
        },
        [x](caf::error& e) { x->fail(to_ec(e)); });
  });
}

void on_verify_token(shop& s, const exchange_ptr& x) {
  auto body = read_object(x->req());
  if (!body) {
    x->fail(body.error());
    return;
  }
  fields form{*body};
  auto token = form.text("token", token_max);
  if (form.failed()) {
    x->fail(*form.failed());
    return;
  }
  auto claims = s.tokens.verify_access(token, x->req().arrived);
  if (!claims) {
    x->fail(ec::token_invalid);
    return;
  }
  s.pool.run([&s, x, who = *claims](caf::event_based_actor* self) {
    self->request(s.store, store_budget, find_user_by_id{who.user})
      .then(
        [x, who](const user_row& user) {
          if (!user.found || user.closed) {
            x->fail(ec::user_unknown);
          } else if (who.issued_at <= user.revoked_before) {
            x->fail(ec::token_invalid);
          } else {
            auto payload = user_payload(user);
            payload.erase("id");
            x->respond(json_text(json{{"valid", true}, {"user", payload}}.dump()));
          }
        },
        [x](caf::error& e) { x->fail(to_ec(e)); });
  });
}

} // namespace

void add_refresh_routes(shop& s, std::vector<route>& out) {
  route_group group{s, out, "auth"};
  group.post("/api/auth/refresh", "refresh", "Exchanges a refresh token for a fresh pair.")
    .takes(schemas::refresh_request)
    .gives(schemas::auth_response)
    .fails({ec::refresh_missing, ec::refresh_invalid, ec::refresh_reused, ec::busy, ec::unavailable,
            ec::unknown})
    .while_password_due()
    .runs(on_refresh);
  group.post("/api/auth/verify-token", "verifyToken", "Tells whose access token it is.")
    .takes(schemas::verify_token_request)
    .gives(schemas::verify_token_response)
    .fails({ec::token_invalid, ec::user_unknown, ec::unavailable})
    .runs(on_verify_token);
}

} // namespace tk::http
