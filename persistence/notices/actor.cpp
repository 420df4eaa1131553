#include "persistence/notices/actor.hpp"

#include <caf/stateful_actor.hpp>

namespace tk {

namespace {

constexpr size_t waiting_max = 64;

pg_result<notices_told> read_notices(pg::connection& db, notice_end is) {
  auto rows = db.exec("notices_standing", pg::params{}.add_int4(2 * notices_max));
  if (!rows.ok()) return read_failed(rows);
  notices_told out;
  out.is = is;
  out.as_of = rows.time(0, 0);
  for (int i = 0; i < rows.rows(); ++i) {
    if (rows.null(i, 1)) continue; // None stands: the time alone.
    auto& x = out.rows.emplace_back();
    x.id = rows.uuid<notice_id>(i, 1);
    x.level = parse_notice_level(rows.text(i, 2)).value_or(notice_level::info);
    x.ko = rows.text(i, 3);
    x.en = rows.text(i, 4);
    x.event = rows.uuid<event_id>(i, 5);
    x.starts_at = rows.time(i, 6);
    if (!rows.null(i, 7)) x.ends_at = rows.time(i, 7);
    x.by = rows.text(i, 8);
    x.since = rows.time(i, 9);
  }
  return out;
}

/// The values of both changes that say what it tells: level to end.
void add_content(pg::params& to, const notice& x) {
  to.add_text(to_string(x.level)).add_text(x.ko).add_text(x.en).add_id_or_null(x.event);
  to.add_time(x.starts_at);
  if (x.ends_at) to.add_time(*x.ends_at);
  else to.add_null(pg::oid::timestamptz);
}

/// Whether its event, if it has one, exists; else what is answered.
pg_result<bool> event_known(pg::connection& db, const event_id& event) {
  if (event.nil()) return true;
  auto known = db.exec("notice_event", pg::params{}.add_id(event));
  if (!known.ok()) return read_failed(known);
  return known.rows() > 0;
}

/// What the row says of a notice that a change has not changed.
enum class standing : uint8_t { absent, removed, stands };

pg_result<standing> look(pg::connection& db, const notice_id& id) {
  auto row = db.exec("notice_look", pg::params{}.add_id(id));
  if (!row.ok()) return read_failed(row);
  if (row.rows() == 0) return standing::absent;
  return row.boolean(0, 0) ? standing::stands : standing::removed;
}

pg_result<notices_told> set(pg::connection& db, const set_notice& x) {
  auto known = event_known(db, x.what.event);
  if (!known) return tl::unexpected(known.error());
  if (!*known) return read_notices(db, notice_end::event_unknown);
  pg::params values;
  values.add_id(x.what.id);
  add_content(values, x.what);
  values.add_id(x.by).add_text(x.what.by).add_int4(notices_max);
  auto done = db.exec("notice_set", values);
  if (!done.ok()) return write_failed(done);
  if (done.affected() > 0) return read_notices(db, notice_end::done);
  auto is = look(db, x.what.id);
  if (!is) return tl::unexpected(is.error());
  return read_notices(db, *is == standing::absent ? notice_end::full : notice_end::nothing);
}

pg_result<notices_told> change(pg::connection& db, const change_notice& x) {
  auto known = event_known(db, x.what.event);
  if (!known) return tl::unexpected(known.error());
  if (!*known) return read_notices(db, notice_end::event_unknown);
  pg::params values;
  values.add_id(x.what.id);
  add_content(values, x.what);
  values.add_id(x.by).add_text(x.what.by).add_bool(x.keep_start);
  auto done = db.exec("notice_change", values);
  constexpr std::string_view check_violation = "23514"; // Of the table: ends after it starts.
  if (done.sqlstate() == check_violation) return read_notices(db, notice_end::ends_too_early);
  if (!done.ok()) return write_failed(done);
  if (done.affected() > 0) return read_notices(db, notice_end::done);
  auto is = look(db, x.what.id);
  if (!is) return tl::unexpected(is.error());
  return read_notices(db, *is == standing::stands ? notice_end::nothing : notice_end::unknown);
}

pg_result<notices_told> remove(pg::connection& db, const remove_notice& x) {
  auto done = db.exec("notice_remove", pg::params{}.add_id(x.id).add_id(x.by));
  if (!done.ok()) return write_failed(done);
  if (done.affected() > 0) return read_notices(db, notice_end::done);
  auto is = look(db, x.id);
  if (!is) return tl::unexpected(is.error());
  return read_notices(db, *is == standing::absent ? notice_end::unknown : notice_end::nothing);
}

struct notices_state {
  static inline const char* name = "tiketi.notices";
  pg_pool<notices_actor::base> pool;
};
using notices_ptr = notices_actor::stateful_pointer<notices_state>;

notices_actor::behavior_type notices(notices_ptr self, const notices_config& config) {
  auto& pool = self->state.pool;
  pool.start(self,
             std::make_shared<pg_pool_config>(pg_pool_config{
               config.conninfo, 1, waiting_max, "", notice_statements(), config.log, nullptr}));
  using db = pg::connection;
  return {
    [&pool](const list_notices&) {
      return pg_answer<notices_told>(pool,
                                     [](db& to) { return read_notices(to, notice_end::nothing); });
    },
    [&pool](const set_notice& x) {
      return pg_answer<notices_told>(pool, [=](db& to) { return set(to, x); });
    },
    [&pool](const change_notice& x) {
      return pg_answer<notices_told>(pool, [=](db& to) { return change(to, x); });
    },
    [&pool](const remove_notice& x) {
      return pg_answer<notices_told>(pool, [=](db& to) { return remove(to, x); });
    },
  };
}

} // namespace

std::vector<pg_statement> notice_statements() {
  return {
    {"notices_standing",
     "SELECT clock_timestamp(), n.id, n.level, n.text_ko, n.text_en, n.event_id, n.starts_at, "
     "n.ends_at, n.set_by_name, n.set_at FROM (SELECT 1) one LEFT JOIN notices n "
     "ON n.removed_at IS NULL AND (n.ends_at IS NULL OR n.ends_at > clock_timestamp()) "
     "ORDER BY n.starts_at, n.id LIMIT $1::int4"},
    {"notice_event", "SELECT 1 FROM events WHERE id = $1::uuid"},
    {"notice_look", "SELECT removed_at IS NULL FROM notices WHERE id = $1::uuid"},
    // Two at the same moment may pass the bound by one; whoever reads has a bound of its own.
    {"notice_set",
     "INSERT INTO notices (id, level, text_ko, text_en, event_id, starts_at, ends_at, set_by, "
     "set_by_name) SELECT $1::uuid, $2::text, $3::text, $4::text, $5::uuid, $6::timestamptz, "
     "$7::timestamptz, $8::uuid, $9::text WHERE (SELECT count(*) FROM notices "
     "WHERE removed_at IS NULL AND (ends_at IS NULL OR ends_at > clock_timestamp())) < $10::int4 "
     "ON CONFLICT DO NOTHING"},
    {"notice_change",
     "UPDATE notices n SET level = x.level, text_ko = x.ko, text_en = x.en, event_id = x.event, "
     "starts_at = x.starts_at, ends_at = x.ends_at, changed_by = $8::uuid, "
     "changed_by_name = $9::text, changed_at = clock_timestamp() "
     "FROM (SELECT o.id, $2::text AS level, $3::text AS ko, $4::text AS en, $5::uuid AS event, "
     "CASE WHEN $10::bool THEN o.starts_at ELSE $6::timestamptz END AS starts_at, "
     "$7::timestamptz AS ends_at FROM notices o WHERE o.id = $1::uuid) x "
     "WHERE n.id = x.id AND n.removed_at IS NULL AND (n.level, n.text_ko, n.text_en, n.event_id, "
     "n.starts_at, n.ends_at) IS DISTINCT FROM (x.level, x.ko, x.en, x.event, x.starts_at, "
     "x.ends_at)"},
    {"notice_remove", "UPDATE notices SET removed_by = $2::uuid, removed_at = clock_timestamp() "
                      "WHERE id = $1::uuid AND removed_at IS NULL"},
  };
}

notices_actor spawn_notices(caf::actor_system& system, const notices_config& config) {
  return system.spawn(notices, config);
}

} // namespace tk
