#include "persistence/store/queries.hpp"

namespace tk {

#define TK_USER_COLUMNS                                                                            \
  "SELECT id, email_cipher, name_cipher, phone_cipher, role, password_hash, created_at, "          \
  "revoked_before, credentials, password_due, closed_at IS NOT NULL, google_id IS NOT NULL "       \
  "FROM users "

std::vector<pg_statement> account_statements() {
  return {
    {"user_insert", "INSERT INTO users (id, email_cipher, email_lookup, password_hash, "
                    "name_cipher, phone_cipher, role) VALUES ($1::uuid, $2::bytea, $3::bytea, "
                    "$4::text, $5::bytea, $6::bytea, $7::text) "
                    "ON CONFLICT DO NOTHING RETURNING created_at"},
    {"user_by_mail", TK_USER_COLUMNS "WHERE email_lookup = $1::bytea"},
    {"user_by_id", TK_USER_COLUMNS "WHERE id = $1::uuid"},
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

} // namespace tk
