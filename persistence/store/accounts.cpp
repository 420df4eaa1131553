#include "persistence/pii/names.hpp"
#include "persistence/store/queries.hpp"

namespace tk {

#define TK_USER_COLUMNS                                                                            \
  "SELECT id, email_cipher, name_cipher, phone_cipher, role, password_hash, created_at, "          \
  "revoked_before, credentials, password_due, closed_at IS NOT NULL, google_id IS NOT NULL "       \
  "FROM users "

std::vector<pg_statement> account_statements() {
  return {
    {"user_insert", "INSERT INTO users (id, email_cipher, email_lookup, password_hash, "
                    "name_cipher, phone_cipher, role, name_lookup) VALUES ($1::uuid, $2::bytea, "
                    "$3::bytea, $4::text, $5::bytea, $6::bytea, $7::text, $8::bytea) "
                    "ON CONFLICT DO NOTHING RETURNING created_at"},
    {"user_by_mail", TK_USER_COLUMNS "WHERE email_lookup = $1::bytea"},
    {"user_by_id", TK_USER_COLUMNS "WHERE id = $1::uuid"},
    {"user_by_google", TK_USER_COLUMNS "WHERE google_id = $1::text"},
    {"user_link_google", "UPDATE users SET google_id = $2::text, password_hash = NULL, "
                         "updated_at = now() WHERE id = $1::uuid AND google_id IS NULL "
                         "AND closed_at IS NULL AND password_hash = $3::text"},
    {"user_insert_google",
     "INSERT INTO users (id, email_cipher, email_lookup, name_cipher, role, "
     "google_id, name_lookup) VALUES ($1::uuid, $2::bytea, $3::bytea, $4::bytea, "
     "'user', $5::text, $6::bytea) ON CONFLICT DO NOTHING"},
    {"user_profile", "UPDATE users SET name_cipher = coalesce($2::bytea, name_cipher), "
                     "name_lookup = coalesce($5::bytea, name_lookup), "
                     "phone_cipher = CASE WHEN $4::bool THEN $3::bytea ELSE phone_cipher END, "
                     "updated_at = now() WHERE id = $1::uuid AND closed_at IS NULL"},
    {"user_sessions", "SELECT id, created_at, rotated_at, expires_at, coalesce(user_agent, ''), "
                      "coalesce(address, '') FROM refresh_families WHERE user_id = $1::uuid "
                      "AND revoked_at IS NULL AND expires_at > now() "
                      "ORDER BY rotated_at DESC, id LIMIT 100"},
    {"user_revocations", "SELECT id, revoked_before FROM users "
                         "WHERE (revoked_before, id) > ($1::timestamptz, $2::uuid) "
                         "ORDER BY revoked_before, id LIMIT $3::int4"},
    {"user_renew_hash", "UPDATE users SET password_hash = $3::text, updated_at = now() "
                        "WHERE id = $1::uuid AND password_hash = $2::text"},
  };
}

#undef TK_USER_COLUMNS

namespace {

tl::unexpected<pg_failure> vault_failed(const std::string& why) {
  return tl::unexpected(pg_failure{ec::internal, "personal data: " + why});
}

pg_result<user_row> user_of(const pii_vault& vault, const pg::result& rows) {
  if (!rows.ok()) return read_failed(rows);
  user_row out;
  if (rows.rows() == 0) return out;
  auto email = vault.decrypt("email", rows.bytes(0, 1));
  if (!email) return vault_failed(email.error());
  auto name = vault.decrypt("name", rows.bytes(0, 2));
  if (!name) return vault_failed(name.error());
  if (!rows.null(0, 3)) {
    auto phone = vault.decrypt("phone", rows.bytes(0, 3));
    if (!phone) return vault_failed(phone.error());
    out.phone = std::move(*phone);
  }
  out.found = true;
  out.id = rows.uuid<user_id>(0, 0);
  out.email = std::move(*email);
  out.name = std::move(*name);
  out.role = rows.text(0, 4) == "admin" ? user_role::admin : user_role::user;
  out.password_hash = rows.text(0, 5);
  out.created_at = rows.time(0, 6);
  out.revoked_before = rows.time_or(0, 7, instant{});
  out.credentials = rows.int4(0, 8);
  out.password_due = rows.boolean(0, 9);
  out.closed = rows.boolean(0, 10);
  out.has_google = rows.boolean(0, 11);
  return out;
}

} // namespace

pg_result<inserted_user> store_user(pg::connection& db, const pii_vault& vault,
                                    const insert_user& x) {
  auto email = vault.encrypt("email", x.email);
  auto name = vault.encrypt("name", x.name);
  auto phone = vault.encrypt("phone", x.phone);
  if (!email || !name || !phone) return vault_failed("encryption failed");
  pg::params values;
  values.add_id(x.id).add_bytes(*email).add_bytes(vault.lookup(x.email));
  values.add_text_or_null(x.password_hash).add_bytes(*name);
  values.add_bytes_or_null(x.phone.empty() ? std::string_view{} : std::string_view{*phone});
  values.add_text(x.role == user_role::admin ? "admin" : "user");
  values.add_bytes(name_lookup(vault, x.name));
  auto made = db.exec("user_insert", values);
  if (!made.ok()) return write_failed(made);
  if (made.rows() == 0) return inserted_user{};
  return inserted_user{true, made.time(0, 0)};
}

pg_result<user_row> read_user(pg::connection& db, const pii_vault& vault,
                              const find_user_by_mail& x) {
  return user_of(vault, db.exec("user_by_mail", pg::params{}.add_bytes(vault.lookup(x.email))));
}

pg_result<user_row> read_user(pg::connection& db, const pii_vault& vault,
                              const find_user_by_id& x) {
  return user_of(vault, db.exec("user_by_id", pg::params{}.add_id(x.id)));
}

pg_result<renewed> store_hash(pg::connection& db, const renew_password_hash& x) {
  pg::params values;
  values.add_id(x.id).add_text(x.old_hash).add_text(x.new_hash);
  auto made = db.exec("user_renew_hash", values);
  if (!made.ok()) return write_failed(made);
  return renewed{made.affected() == 1};
}

namespace {

pg_result<user_row> user_by_google(pg::connection& db, const pii_vault& vault,
                                   const std::string& subject) {
  return user_of(vault, db.exec("user_by_google", pg::params{}.add_text(subject)));
}

/// A new account without password; the mail or the person may have one by now.
pg_result<void> insert_google(pg::connection& db, const pii_vault& vault, const sign_in_google& x) {
  auto email = vault.encrypt("email", x.email);
  auto name = vault.encrypt("name", x.name);
  if (!email || !name) return vault_failed("encryption failed");
  pg::params values;
  values.add_id(x.fresh).add_bytes(*email).add_bytes(vault.lookup(x.email)).add_bytes(*name);
  values.add_text(x.subject).add_bytes(name_lookup(vault, x.name));
  auto made = db.exec("user_insert_google", values);
  if (!made.ok()) return write_failed(made);
  return {};
}

/// An account of the same mail belongs to the person only when Google says that the mail does.
/// Nobody has asked whoever registered it: what they know and have must be worthless first.
pg_result<google_account> link_google(pg::connection& db, const pii_vault& vault,
                                      const sign_in_google& x, const user_row& user) {
  if (!x.email_verified || user.has_google || user.closed)
    return google_account{ec::google_payload, {}, false};
  if (x.secured != user.id) return google_account{ec::ok, user, true};
  pg::params values;
  values.add_id(user.id).add_text(x.subject).add_text(no_password);
  auto linked = db.exec("user_link_google", values);
  if (!linked.ok()) return write_failed(linked);
  if (linked.affected() == 0) return google_account{ec::busy, {}, false};
  auto now = read_user(db, vault, find_user_by_id{user.id});
  if (!now) return tl::unexpected(now.error());
  return google_account{ec::ok, std::move(*now), false};
}

} // namespace

pg_result<google_account> google_account_of(pg::connection& db, const pii_vault& vault,
                                            const sign_in_google& x) {
  // A twin may be at the same between two of the statements; then the first of them finds it.
  constexpr int tries = 2;
  for (int i = 0; i < tries; ++i) {
    auto known = user_by_google(db, vault, x.subject);
    if (!known) return tl::unexpected(known.error());
    if (known->found) {
      auto is = known->closed ? ec::user_unknown : ec::ok;
      return google_account{is, std::move(*known), false};
    }
    auto same_mail = read_user(db, vault, find_user_by_mail{x.email});
    if (!same_mail) return tl::unexpected(same_mail.error());
    if (same_mail->found) return link_google(db, vault, x, *same_mail);
    auto made = insert_google(db, vault, x);
    if (!made) return tl::unexpected(made.error());
  }
  auto made = user_by_google(db, vault, x.subject);
  if (!made) return tl::unexpected(made.error());
  return google_account{made->found ? ec::ok : ec::busy, std::move(*made), false};
}

pg_result<user_row> store_profile(pg::connection& db, const pii_vault& vault,
                                  const update_profile& x) {
  auto name = vault.encrypt("name", x.name.value_or(""));
  auto phone = vault.encrypt("phone", x.phone.value_or(""));
  if (!name || !phone) return vault_failed("encryption failed");
  bool has_phone = x.phone && !x.phone->empty();
  pg::params values;
  values.add_id(x.id).add_bytes_or_null(x.name ? std::string_view{*name} : std::string_view{});
  values.add_bytes_or_null(has_phone ? std::string_view{*phone} : std::string_view{});
  values.add_bool(x.phone.has_value());
  values.add_bytes_or_null(x.name ? name_lookup(vault, *x.name) : std::string{});
  auto made = db.exec("user_profile", values);
  if (!made.ok()) return write_failed(made);
  if (made.affected() == 0) return user_row{};
  return read_user(db, vault, find_user_by_id{x.id});
}

pg_result<session_list> read_sessions_of(pg::connection& db, const list_sessions& x) {
  auto rows = db.exec("user_sessions", pg::params{}.add_id(x.user));
  if (!rows.ok()) return read_failed(rows);
  session_list out;
  for (int i = 0; i < rows.rows(); ++i)
    out.rows.push_back({rows.uuid<family_id>(i, 0), rows.time(i, 1), rows.time(i, 2),
                        rows.time(i, 3), std::string{rows.text(i, 4)},
                        std::string{rows.text(i, 5)}});
  return out;
}

pg_result<revocation_page> read_revocations(pg::connection& db, const list_revocations& x) {
  pg::params values;
  values.add_time(x.since).add_id(x.after).add_int4(x.limit);
  auto rows = db.exec("user_revocations", values);
  if (!rows.ok()) return read_failed(rows);
  revocation_page out;
  out.rows.reserve(static_cast<size_t>(rows.rows()));
  for (int i = 0; i < rows.rows(); ++i)
    out.rows.push_back({rows.uuid<user_id>(i, 0), rows.time(i, 1)});
  return out;
}

} // namespace tk
