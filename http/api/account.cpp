#include <caf/all.hpp>

#include "actors/session/port.hpp"
#include "http/api/route_group.hpp"
#include "http/api/schemas.hpp"
#include "http/api/sign_in.hpp"
#include "http/api/views.hpp"
#include "http/json.hpp"
#include "supervisors/reply_once.hpp"
#include "supervisors/router.hpp"

/// One's own account: profile, password, sessions, leaving (G07).
namespace tk::http {

namespace {

using form_reader = std::function<void(fields&)>;

/// The body as a form; false when it was refused.
bool read_form(const exchange_ptr& x, const form_reader& read) {
  auto body = read_object(x->req());
  if (!body) {
    x->fail(body.error());
    return false;
  }
  fields form{*body};
  read(form);
  if (form.failed()) x->fail(*form.failed());
  return !form.failed();
}

answer no_content() {
  answer out;
  out.status = 204;
  return out;
}

// -- profile ------------------------------------------------------------------------------------

void on_profile(shop& s, const exchange_ptr& x) {
  s.pool.run([&s, x](caf::event_based_actor* self) {
    with_caller(s, self, x, [x](const user_row& user) {
      x->respond(json_text(json{{"user", profile_view(user)}}.dump()));
    });
  });
}

void on_change_profile(shop& s, const exchange_ptr& x) {
  update_profile change;
  bool good = read_form(x, [&](fields& form) {
    constexpr size_t name_max = 100, phone_max = 20;
    if (!form.missing("name")) change.name = form.text("name", name_max);
    change.phone = form.optional_text("phone", phone_max);
  });
  if (!good) return;
  s.pool.run([&s, x, change](caf::event_based_actor* self) {
    with_caller(s, self, x, [&s, self, x, change](const user_row& user) {
      auto theirs = change;
      theirs.id = user.id;
      self->request(s.store, store_budget, theirs)
        .then(
          [x](const user_row& now) {
            if (now.found) x->respond(json_text(json{{"user", profile_view(now)}}.dump()));
            else x->fail(ec::not_authenticated);
          },
          [x](caf::error& e) { x->fail(to_ec(e)); });
    });
  });
}

// -- ending sessions ----------------------------------------------------------------------------

/// The caller's session goes on under a fresh access token: the others were refused for good.
void go_on(shop& s, caf::event_based_actor* self, const exchange_ptr& x, const user_row& user,
           family_id session, instant revoked_before) {
  if (session.nil()) { // Its token does not say which it is: it gets one of its own.
    auto now = user;
    now.revoked_before = revoked_before;
    open_session(s, self, x, now, [&s, x](const session_tokens& tokens) {
      auto out = no_content();
      set_auth_cookies(s, out, tokens.access, tokens.refresh);
      x->respond(std::move(out));
    });
    return;
  }
  auto out = no_content();
  set_access_cookie(s, out, issue_access(s, user, session, revoked_before));
  x->respond(std::move(out));
}

using sessions_done = std::function<void(instant revoked_before)>;

void end_theirs(shop& s, caf::event_based_actor* self, const exchange_ptr& x, end_sessions cmd,
                sessions_done done) {
  cmd.token_issued_at = from_ms(x->who()->issued_at_ms);
  ask<session_actor>(self, s.node, key_of(x->user()), time_for(*x), std::move(cmd))
    .then(
      [&s, x, done = std::move(done)](const sessions_ended& r) {
        s.queue.streams.look_again(x->user());
        if (r.is == ec::ok) done(r.revoked_before);
        else x->fail(r.is);
      },
      [x](const caf::error& e) { x->fail(to_ec(e)); });
}

void on_end_others(shop& s, const exchange_ptr& x) {
  s.pool.run([&s, x](caf::event_based_actor* self) {
    with_caller(s, self, x, [&s, self, x](const user_row& user) {
      end_sessions cmd;
      cmd.keep = caller_session(s, *x);
      end_theirs(s, self, x, cmd, [&s, self, x, user, keep = cmd.keep](instant revoked_before) {
        go_on(s, self, x, user, keep, revoked_before);
      });
    });
  });
}

void on_end_one(shop& s, const exchange_ptr& x) {
  if (x->id_param<family_id>("sessionId").nil()) { // It would mean all of them.
    x->fail(ec::route_unknown);
    return;
  }
  s.pool.run([&s, x](caf::event_based_actor* self) {
    with_caller(s, self, x, [&s, self, x](const user_row& user) {
      end_sessions cmd;
      cmd.only = x->id_param<family_id>("sessionId");
      auto own = caller_session(s, *x);
      bool leaves = cmd.only == own;
      end_theirs(s, self, x, cmd, [&s, self, x, user, own, leaves](instant revoked_before) {
        if (!leaves) return go_on(s, self, x, user, own, revoked_before);
        auto out = no_content();
        set_auth_cookies(s, out, "", "");
        x->respond(std::move(out));
      });
    });
  });
}

void on_sessions(shop& s, const exchange_ptr& x) {
  s.pool.run([&s, x](caf::event_based_actor* self) {
    with_caller(s, self, x, [&s, self, x](const user_row& user) {
      self->request(s.store, store_budget, list_sessions{user.id})
        .then(
          [x, own = caller_session(s, *x)](const session_list& found) {
            auto rows = json::array();
            for (auto& y : found.rows) rows.push_back(session_view_json(y, y.id == own));
            x->respond(json_text(json{{"sessions", rows}}.dump()));
          },
          [x](caf::error& e) { x->fail(to_ec(e)); });
    });
  });
}

// -- password, leaving --------------------------------------------------------------------------

/// Runs `then` when `password` is the user's.
void with_password(shop& s, caf::event_based_actor* self, const exchange_ptr& x,
                   const user_row& user, const std::string& password,
                   const std::function<void()>& then) {
  if (!may_try_password(s, x, user.email)) return;
  judge_password(s, self, x, user.email, {password, user.password_hash, time_for(*x)},
                 [x, then](const password_verified& r) {
                   if (r.matches) then();
                   else x->fail(ec::password_wrong);
                 });
}

/// Password and sessions change in one transaction.
void replace_password(shop& s, caf::event_based_actor* self, const exchange_ptr& x,
                      const user_row& user, const std::string& fresh) {
  self->request(s.passwords, time_for(*x), hash_password{fresh, time_for(*x)})
    .then(
      [&s, self, x, user](const hashed_password& r) {
        if (r.error != ec::ok) {
          x->fail(r.error);
          return;
        }
        end_sessions cmd;
        cmd.keep = caller_session(s, *x);
        cmd.old_hash = user.password_hash;
        cmd.new_hash = r.hash;
        auto now = user;
        now.password_due = false;
        ++now.credentials;
        end_theirs(s, self, x, cmd, [&s, self, x, now, keep = cmd.keep](instant revoked_before) {
          go_on(s, self, x, now, keep, revoked_before);
        });
      },
      [x](caf::error&) { x->fail(ec::busy); });
}

void on_change_password(shop& s, const exchange_ptr& x) {
  std::string current, fresh;
  bool good = read_form(x, [&](fields& form) {
    current = form.text("currentPassword", password_max);
    fresh = form.password("newPassword");
    if (current == fresh) form.refuse("The new password must differ from the current one");
  });
  if (!good) return;
  s.pool.run([&s, x, current, fresh](caf::event_based_actor* self) {
    with_caller(s, self, x, [&s, self, x, current, fresh](const user_row& user) {
      with_password(s, self, x, user, current,
                    [&s, self, x, user, fresh] { replace_password(s, self, x, user, fresh); });
    });
  });
}

void close_account(shop& s, caf::event_based_actor* self, const exchange_ptr& x) {
  end_sessions cmd;
  cmd.close = true;
  end_theirs(s, self, x, cmd, [&s, x](instant) {
    auto out = no_content();
    set_auth_cookies(s, out, "", "");
    x->respond(std::move(out));
  });
}

void on_leave(shop& s, const exchange_ptr& x) {
  std::string password;
  bool good = read_form(
    x, [&](fields& form) { password = form.optional_text("password", password_max).value_or(""); });
  if (!good) return;
  s.pool.run([&s, x, password](caf::event_based_actor* self) {
    with_caller(s, self, x, [&s, self, x, password](const user_row& user) {
      // Who signs in by Google only has none to give.
      if (user.password_hash.empty()) return close_account(s, self, x);
      if (password.empty()) {
        x->fail(problem{ec::bad_request, "must not be blank"}); // C26
        return;
      }
      with_password(s, self, x, user, password, [&s, self, x] { close_account(s, self, x); });
    });
  });
}

} // namespace

void add_account_routes(shop& s, std::vector<route>& out) {
  const std::vector<ec> system{ec::busy, ec::unavailable, ec::unknown};
  route_group group{s, out, "account"};
  group.get("/api/users/me", "profile", "One's own profile.")
    .user()
    .gives(schemas::profile)
    .fails({ec::unavailable})
    .runs(on_profile);
  group.patch("/api/users/me", "changeProfile", "Changes name and phone; what is left out stays.")
    .user()
    .takes(schemas::profile_change)
    .gives(schemas::profile)
    .fails(system)
    .runs(on_change_profile);
  group.remove("/api/users/me", "leave", "Closes the account; personal data is erased later.")
    .user()
    .takes(schemas::leave_request)
    .gives("", 204)
    .fails({ec::password_wrong, ec::busy, ec::unavailable, ec::unknown})
    .runs(on_leave);
  group.put("/api/users/me/password", "changePassword", "Changes it; other sessions end.")
    .user()
    .takes(schemas::password_change)
    .gives("", 204)
    .fails({ec::password_wrong, ec::busy, ec::unavailable, ec::unknown})
    .while_password_due()
    .runs(on_change_password);
  group.get("/api/users/me/sessions", "mySessions", "Where one is signed in.")
    .user()
    .gives(schemas::session_list)
    .fails({ec::unavailable})
    .runs(on_sessions);
  group.remove("/api/users/me/sessions", "endOtherSessions", "Ends all sessions but this one.")
    .user()
    .gives("", 204)
    .fails(system)
    .runs(on_end_others);
  group.remove("/api/users/me/sessions/{sessionId}", "endSession", "Ends one with its tokens.")
    .user()
    .gives("", 204)
    .fails({ec::route_unknown, ec::busy, ec::unavailable, ec::unknown})
    .runs(on_end_one);
}

} // namespace tk::http
