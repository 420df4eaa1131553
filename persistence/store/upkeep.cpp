#include "persistence/store/queries.hpp"

namespace tk {

std::vector<pg_statement> upkeep_statements() {
  return {
    // What identifies the person goes; the id stays, for the books refer to it. The look-up column
    // is unique and becomes the id itself, which is no HMAC of any mail.
    {"users_erase",
     "WITH due AS (SELECT id FROM users WHERE closed_at IS NOT NULL AND erased_at IS NULL "
     "AND closed_at <= now() - $1::int8 * interval '1 second' "
     "ORDER BY closed_at LIMIT $2::int4 FOR UPDATE SKIP LOCKED), "
     "unsigned_news AS (UPDATE news n SET author = '' FROM due WHERE n.author_id = due.id "
     "RETURNING 1), "
     "sessions AS (DELETE FROM refresh_families f USING due WHERE f.user_id = due.id RETURNING 1) "
     "UPDATE users u SET email_cipher = $3::bytea, email_lookup = uuid_send(u.id), "
     "name_cipher = $4::bytea, phone_cipher = NULL, password_hash = NULL, google_id = NULL, "
     "erased_at = now(), updated_at = now() FROM due WHERE u.id = due.id"},
    // A day later than anybody could use them: what was reused till then is still told as reuse.
    {"sessions_clear", "DELETE FROM refresh_families WHERE id IN (SELECT id FROM refresh_families "
                       "WHERE expires_at < now() - interval '1 day' "
                       "ORDER BY expires_at LIMIT $1::int4)"},
    {"admin_action",
     "INSERT INTO admin_audit_logs (admin_user_id, action, resource_type, resource_id, "
     "request_summary, response_status, ip_address) "
     "VALUES ($1::uuid, $2::text, $3::text, $4::uuid, $5::text, $6::int4, $7::text)"},
    // A shard's events are relayed in order of (xid, seq), so its first one is its oldest.
    {"outbox_backlog",
     "SELECT (SELECT count(*) FROM (SELECT 1 FROM relay_cursor c JOIN outbox o ON "
     "o.shard = c.shard AND (o.xid, o.seq) > (c.xid, c.seq) LIMIT $1::int4) n), "
     "coalesce((SELECT greatest(0, extract(epoch FROM clock_timestamp() - min(o.made_at)) * 1000) "
     "FROM relay_cursor c, LATERAL (SELECT x.made_at FROM outbox x WHERE x.shard = c.shard "
     "AND (x.xid, x.seq) > (c.xid, c.seq) ORDER BY x.xid, x.seq LIMIT 1) o), 0)::int8"},
  };
}

pg_result<accounts_cleared> clear_accounts_of(pg::connection& db, const pii_vault& vault,
                                              const clear_accounts& x) {
  auto email = vault.encrypt("email", "");
  auto name = vault.encrypt("name", "");
  if (!email || !name) return tl::unexpected(pg_failure{ec::internal, "encryption failed"});
  pg::params values;
  values.add_int8(x.erase_after_s).add_int4(x.limit).add_bytes(*email).add_bytes(*name);
  auto erased = db.exec("users_erase", values);
  if (!erased.ok()) return write_failed(erased);
  auto cleared = db.exec("sessions_clear", pg::params{}.add_int4(x.limit));
  if (!cleared.ok()) return write_failed(cleared);
  return accounts_cleared{erased.affected(), cleared.affected()};
}

pg_result<admin_action_noted> store_admin_action(pg::connection& db, const note_admin_action& x) {
  pg::params values;
  values.add_id(x.admin).add_text(x.action).add_text(x.resource_type);
  if (x.resource.empty()) values.add_null(pg::oid::uuid);
  else values.add_id(parse_id<event_id>(x.resource).value_or(event_id{}));
  values.add_text(x.summary).add_int4(x.status).add_text(x.address);
  auto done = db.exec("admin_action", values);
  if (!done.ok()) return write_failed(done);
  return admin_action_noted{};
}

pg_result<outbox_backlog> read_outbox_backlog(pg::connection& db) {
  auto rows = db.exec("outbox_backlog", pg::params{}.add_int4(outbox_backlog::counted_max));
  if (!rows.ok()) return read_failed(rows);
  return outbox_backlog{rows.integer(0, 0), rows.integer(0, 1)};
}

} // namespace tk
