#include <algorithm>

#include <caf/all.hpp>

#include "actors/session/port.hpp"
#include "http/api/route_group.hpp"
#include "http/api/schemas.hpp"
#include "http/api/sign_in.hpp"
#include "http/api/views.hpp"
#include "http/json.hpp"
#include "supervisors/reply_once.hpp"
#include "supervisors/router.hpp"

/// Sign-in with Google (contract 2.1).
namespace tk::http {

namespace {

/// A provider that is down is told within this time (1.5).
constexpr millis identity_budget{4500};
constexpr size_t credential_max = 16'384;
constexpr size_t name_max = 100;

/// At most so many characters (code points).
std::string shortened(std::string_view text, size_t max) {
  size_t count = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    bool begins = (static_cast<unsigned char>(text[i]) & 0xc0) != 0x80;
    if (begins && ++count > max) return std::string{text.substr(0, i)};
  }
  return std::string{text};
}

answer google_answer(const shop& s, const user_row& user, const session_tokens& tokens,
                     const std::string& picture) {
  auto payload = user_payload(user);
  payload["picture"] = picture.empty() ? json{} : json(picture);
  json body = {{"message", "Google login successful"},
               {"token", tokens.access},
               {"refreshToken", tokens.refresh},
               {"user", payload}};
  auto out = json_text(body.dump());
  set_auth_cookies(s, out, tokens.access, tokens.refresh);
  return out;
}

void sign_in(shop& s, caf::event_based_actor* self, const exchange_ptr& x, sign_in_google cmd,
             const std::string& picture);

/// Whoever registered the mail of `user` may not own it: password and sessions end, durably, before
/// the owner is let in. Should nothing come of the rest, the next sign-in goes on from here.
void secure(shop& s, caf::event_based_actor* self, const exchange_ptr& x, const user_row& user,
            sign_in_google cmd, const std::string& picture) {
  end_sessions all;
  all.token_issued_at = std::max(s.node.clock->now(), user.revoked_before + millis{1});
  all.old_hash = user.password_hash;
  all.new_hash = no_password;
  cmd.secured = user.id;
  ask<session_actor>(self, s.node, key_of(user.id), time_for(*x), std::move(all))
    .then(
      [&s, self, x, cmd, picture](const sessions_ended& r) {
        bool overtaken = r.is == ec::password_wrong || r.is == ec::not_authenticated;
        if (r.is == ec::ok) sign_in(s, self, x, cmd, picture);
        else x->fail(overtaken ? ec::busy : r.is);
      },
      [x](const caf::error& e) { x->fail(to_ec(e)); });
}

void sign_in(shop& s, caf::event_based_actor* self, const exchange_ptr& x, sign_in_google cmd,
             const std::string& picture) {
  self->request(s.store, store_budget, cmd)
    .then(
      [&s, self, x, cmd, picture](const google_account& r) {
        if (r.is != ec::ok || (r.to_secure && !cmd.secured.nil())) {
          x->fail(r.is == ec::ok ? ec::busy : r.is);
          return;
        }
        if (r.to_secure) return secure(s, self, x, r.user, cmd, picture);
        auto user = r.user;
        user.credentials = 0; // Google vouched, no password of ours.
        open_session(s, self, x, user, [&s, x, user, picture](const session_tokens& tokens) {
          x->respond(google_answer(s, user, tokens, picture));
        });
      },
      [x](caf::error& e) { x->fail(to_ec(e)); });
}

sign_in_google command_for(const shop& s, const provider_identity& who) {
  sign_in_google cmd;
  cmd.fresh = make_id<user_id>(*s.node.random);
  cmd.subject = who.subject;
  cmd.email = fold_mail(who.email);
  cmd.email_verified = who.email_verified;
  cmd.name = shortened(trim(who.name).empty() ? std::string_view{cmd.email} : who.name, name_max);
  return cmd;
}

void on_google(shop& s, const exchange_ptr& x) {
  auto body = read_object(x->req());
  if (!body) {
    x->fail(body.error());
    return;
  }
  fields form{*body};
  auto credential = form.optional_text("credential", credential_max).value_or("");
  if (form.failed()) {
    x->fail(*form.failed());
    return;
  }
  bool missing = trim(credential).empty();
  if (missing || !s.google) {
    x->fail(missing ? ec::google_missing : ec::google_off);
    return;
  }
  s.pool.run([&s, x, credential](caf::event_based_actor* self) {
    self->request(s.google, identity_budget, verify_identity{credential})
      .then(
        [&s, self, x](const identity_verified& r) {
          if (r.error == ec::ok && !well_formed_mail(r.who.email)) x->fail(ec::google_payload);
          else if (r.error == ec::ok) sign_in(s, self, x, command_for(s, r.who), r.who.picture);
          else x->fail(r.error);
        },
        [x](caf::error&) { x->fail(ec::unavailable); }); // Nothing was begun.
  });
}

} // namespace

void add_google_routes(shop& s, std::vector<route>& out) {
  route_group group{s, out, "auth"};
  group.post("/api/auth/google", "googleLogin", "Signs in with a Google ID token.")
    .takes(schemas::google_request)
    .gives(schemas::google_response)
    .fails({ec::google_missing, ec::google_off, ec::google_invalid, ec::google_payload,
            ec::user_unknown, ec::busy, ec::unavailable, ec::unknown})
    .runs(on_google);
}

} // namespace tk::http
