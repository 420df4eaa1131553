#include <caf/all.hpp>

#include "actors/session/port.hpp"
#include "http/api/route_group.hpp"
#include "http/api/schemas.hpp"
#include "http/api/sign_in.hpp"
#include "http/api/views.hpp"
#include "http/json.hpp"
#include "supervisors/reply_once.hpp"
#include "supervisors/router.hpp"

/// Registration, log-in, me, log-out (contract 2.1).
namespace tk::http {

namespace {

void sign_in(shop& s, caf::event_based_actor* self, const exchange_ptr& x, const user_row& user,
             int status, const std::string& message) {
  open_session(s, self, x, user, [&s, x, user, status, message](const session_tokens& tokens) {
    x->respond(auth_answer(s, user, tokens, status, message));
  });
}

void create_account(shop& s, caf::event_based_actor* self, const exchange_ptr& x,
                    const insert_user& account) {
  self->request(s.store, store_budget, account)
    .then(
      [&s, self, x, account](const inserted_user& r) {
        if (!r.created) {
          x->fail(ec::mail_taken);
          return;
        }
        user_row user;
        user.found = true;
        user.id = account.id;
        user.email = account.email;
        user.name = account.name;
        user.role = account.role;
        user.created_at = r.created_at;
        sign_in(s, self, x, user, 201, "Registration completed");
      },
      [x](caf::error& e) { x->fail(to_ec(e)); });
}

void on_register(shop& s, const exchange_ptr& x) {
  auto body = read_object(x->req());
  if (!body) {
    x->fail(body.error());
    return;
  }
  fields form{*body};
  insert_user account;
  account.email = fold_mail(form.mail("email"));
  auto password = form.password("password");
  account.name = form.text("name", 100);
  account.phone = form.optional_text("phone", 20).value_or("");
  if (form.failed()) {
    x->fail(*form.failed());
    return;
  }
  account.id = make_id<user_id>(*s.node.random);
  s.pool.run([&s, x, account, password](caf::event_based_actor* self) {
    self->request(s.passwords, time_for(*x), hash_password{password, time_for(*x)})
      .then(
        [&s, self, x, account](const hashed_password& r) {
          if (r.error != ec::ok) {
            x->fail(r.error);
            return;
          }
          auto full = account;
          full.password_hash = r.hash;
          create_account(s, self, x, full);
        },
        [x](caf::error&) { x->fail(ec::busy); });
  });
}

/// A weaker hash is replaced on the way (C2); the log-in does not wait for it.
void renew_hash(shop& s, caf::event_based_actor* self, const user_row& user,
                const std::string& password) {
  self->request(s.passwords, hash_budget, hash_password{password, hash_budget})
    .then(
      [&s, self, user](const hashed_password& r) {
        if (r.error != ec::ok) return;
        self
          ->request(s.store, store_budget, renew_password_hash{user.id, user.password_hash, r.hash})
          .then([](const renewed&) {}, [](caf::error&) {});
      },
      [](caf::error&) {
        // The next log-in tries again.
      });
}

void verify(shop& s, caf::event_based_actor* self, const exchange_ptr& x, const user_row& user,
            const std::string& mail, const std::string& password) {
  bool may_sign_in = user.found && !user.closed;
  // The same work for whoever cannot sign in (P-9).
  verify_password what{password, may_sign_in ? user.password_hash : std::string{}, time_for(*x)};
  judge_password(s, self, x, mail, what,
                 [&s, self, x, user, password, may_sign_in](const password_verified& r) {
                   if (!may_sign_in || !r.matches) {
                     x->fail(ec::bad_credentials);
                     return;
                   }
                   if (r.needs_rehash) renew_hash(s, self, user, password);
                   sign_in(s, self, x, user, 200, "Login successful");
                 });
}

void on_login(shop& s, const exchange_ptr& x) {
  auto body = read_object(x->req());
  if (!body) {
    x->fail(body.error());
    return;
  }
  fields form{*body};
  auto mail = fold_mail(form.mail("email"));
  auto password = form.text("password", password_max);
  if (form.failed()) {
    x->fail(*form.failed());
    return;
  }
  if (!may_try_password(s, x, mail)) return;
  s.pool.run([&s, x, mail, password](caf::event_based_actor* self) {
    self->request(s.store, store_budget, find_user_by_mail{mail})
      .then([&s, self, x, mail,
             password](const user_row& user) { verify(s, self, x, user, mail, password); },
            [&s, x, mail](caf::error& e) {
              s.logins.withdrawn(mail, x->req().client, x->req().arrived);
              x->fail(to_ec(e));
            });
  });
}

// -- me, log-out --------------------------------------------------------------------------------

void on_me(shop& s, const exchange_ptr& x) {
  s.pool.run([&s, x](caf::event_based_actor* self) {
    with_caller(s, self, x, [x](const user_row& user) {
      x->respond(json_text(json{{"user", me_view(user)}}.dump()));
    });
  });
}

answer logged_out(const shop& s) {
  auto out = json_text(R"({"message":"Logged out successfully"})");
  set_auth_cookies(s, out, "", "");
  return out;
}

void on_logout(shop& s, const exchange_ptr& x) {
  if (!x->who()) {
    x->respond(logged_out(s));
    return;
  }
  s.pool.run([&s, x](caf::event_based_actor* self) {
    revoke_all cmd{from_ms(x->who()->issued_at_ms)};
    ask<session_actor>(self, s.node, key_of(x->who()->user), time_for(*x), cmd)
      .then(
        [&s, x](const all_revoked& r) {
          // A token that was refused is as good as revoked; anything else is not done yet.
          if (r.is == ec::ok || r.is == ec::not_authenticated) {
            s.queue.streams.look_again(x->who()->user);
            x->respond(logged_out(s));
            return;
          }
          auto out = error_answer(r.is);
          set_auth_cookies(s, out, "", "");
          x->respond(std::move(out));
        },
        [&s, x](const caf::error& e) {
          auto out = error_answer(to_ec(e));
          set_auth_cookies(s, out, "", "");
          x->respond(std::move(out));
        });
  });
}

} // namespace

void add_auth_routes(shop& s, std::vector<route>& out) {
  route_group group{s, out, "auth"};
  group.post("/api/auth/register", "register", "Makes an account and signs in.")
    .takes(schemas::register_request)
    .gives(schemas::auth_response, 201)
    .fails({ec::mail_taken, ec::busy, ec::unavailable, ec::unknown})
    .runs(on_register);
  group.post("/api/auth/login", "login", "Signs in.")
    .takes(schemas::login_request)
    .gives(schemas::auth_response)
    .fails({ec::bad_credentials, ec::busy, ec::unavailable, ec::unknown})
    .while_password_due()
    .runs(on_login);
  group.get("/api/auth/me", "me", "Who is signed in.")
    .user()
    .gives(schemas::me_response)
    .fails({ec::unavailable})
    .runs(on_me);
  group.post("/api/auth/logout", "logout", "Ends every session of the caller, clears the cookies.")
    .gives(schemas::message)
    .fails({ec::busy, ec::unavailable, ec::unknown})
    .while_password_due()
    .runs(on_logout);
  add_refresh_routes(s, out);
  add_google_routes(s, out);
}

} // namespace tk::http
