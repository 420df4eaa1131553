#include "persistence/brakes/actor.hpp"

#include <caf/stateful_actor.hpp>

#include "persistence/pool/transaction.hpp"

namespace tk {

namespace {

constexpr size_t waiting_max = 64;

/// The values of both changes that name a brake: what, event, method.
void add_scope(pg::params& to, brake_on what, const event_id& event, const std::string& method) {
  to.add_text(to_string(what)).add_id_or_null(event).add_text_or_null(method);
}

pg_result<brakes_told> read_brakes(pg::connection& db, bool changed) {
  auto rows = db.exec("brakes_on");
  if (!rows.ok()) return read_failed(rows);
  brakes_told out;
  out.changed = changed;
  out.as_of = rows.time(0, 0);
  for (int i = 0; i < rows.rows(); ++i) {
    if (rows.null(i, 1)) continue; // None is on: the time alone.
    auto& x = out.rows.emplace_back();
    x.id = rows.uuid<brake_id>(i, 1);
    x.what = parse_brake(rows.text(i, 2)).value_or(brake_on::all);
    x.event = rows.uuid<event_id>(i, 3);
    x.method = rows.text(i, 4);
    x.reason = rows.text(i, 5);
    x.by = rows.text(i, 6);
    x.since = rows.time(i, 7);
  }
  return out;
}

/// What its operation was before.
pg_result<brakes_told::earlier> earlier_of(pg::connection& db, const sales_brake& x) {
  using enum brakes_told::earlier;
  pg::params values;
  values.add_id(x.id);
  add_scope(values, x.what, x.event, x.method);
  auto row = db.exec("brake_earlier", values);
  if (!row.ok()) return read_failed(row);
  if (row.rows() == 0) return none;
  if (!row.boolean(0, 0)) return other;
  return row.boolean(0, 1) ? released : same;
}

/// Sets it; one that is on for another reason ends in the same instant. Whether anything changed.
pg_result<bool> put_on(pg::connection& db, const set_brake& x) {
  auto& brake = x.brake;
  pg::params scope;
  add_scope(scope, brake.what, brake.event, brake.method);
  scope.add_text(brake.reason).add_id(x.by);
  if (auto ended = db.exec("brake_replace", scope); !ended.ok()) return read_failed(ended);
  pg::params values;
  values.add_id(brake.id);
  add_scope(values, brake.what, brake.event, brake.method);
  values.add_text(brake.reason).add_id(x.by).add_text(brake.by);
  auto done = db.exec("brake_set", values);
  if (!done.ok()) return read_failed(done); // Nothing is done before the COMMIT.
  return done.affected() > 0;
}

pg_result<brakes_told> set(pg::connection& db, const set_brake& x) {
  if (!x.brake.event.nil()) {
    auto known = db.exec("brake_event", pg::params{}.add_id(x.brake.event));
    if (!known.ok()) return read_failed(known);
    if (known.rows() == 0) {
      brakes_told out;
      out.event_known = false;
      return out;
    }
  }
  bool changed = false;
  auto before = brakes_told::earlier::none;
  {
    transaction work{db};
    if (!work.begun()) return tl::unexpected(pg_failure{ec::unavailable, db.last_error()});
    // Of two reasons at once the later one counts, and both are told so.
    if (auto locked = db.exec("brake_lock"); !locked.ok()) return read_failed(locked);
    auto earlier = earlier_of(db, x.brake);
    if (!earlier) return tl::unexpected(earlier.error());
    before = *earlier;
    if (before == brakes_told::earlier::none) {
      auto done = put_on(db, x);
      if (!done) return tl::unexpected(done.error());
      changed = *done;
    }
    if (auto kept = work.commit(); !kept) return tl::unexpected(kept.error());
  }
  auto out = read_brakes(db, changed);
  // It is done, so it is not refused because nobody could look at it afterwards.
  if (!out && changed) return tl::unexpected(pg_failure{ec::unknown, out.error().text});
  if (out) out->before = before;
  return out;
}

pg_result<brakes_told> release(pg::connection& db, const release_brake& x) {
  pg::params values;
  add_scope(values, x.what, x.event, x.method);
  values.add_id(x.by);
  if (x.seen) values.add_time(*x.seen);
  else values.add_null(pg::oid::timestamptz);
  auto done = db.exec("brake_release", values);
  if (!done.ok()) return write_failed(done);
  return read_brakes(db, done.affected() > 0);
}

struct brakes_state {
  static inline const char* name = "tiketi.brakes";
  pg_pool<brakes_actor::base> pool;
};
using brakes_ptr = brakes_actor::stateful_pointer<brakes_state>;

brakes_actor::behavior_type brakes(brakes_ptr self, const brakes_config& config) {
  auto& pool = self->state.pool;
  pool.start(self,
             std::make_shared<pg_pool_config>(pg_pool_config{
               config.conninfo, 1, waiting_max, "", brake_statements(), config.log, nullptr}));
  using db = pg::connection;
  return {
    [&pool](const list_brakes&) {
      return pg_answer<brakes_told>(pool, [](db& to) { return read_brakes(to, false); });
    },
    [&pool](const set_brake& x) {
      return pg_answer<brakes_told>(pool, [=](db& to) { return set(to, x); });
    },
    [&pool](const release_brake& x) {
      return pg_answer<brakes_told>(pool, [=](db& to) { return release(to, x); });
    },
  };
}

} // namespace

std::vector<pg_statement> brake_statements() {
  return {
    {"brakes_on", "SELECT clock_timestamp(), b.id, b.what, b.event_id, b.method, b.reason, "
                  "b.set_by_name, b.set_at FROM (SELECT 1) one LEFT JOIN sales_brakes b "
                  "ON b.released_at IS NULL ORDER BY b.set_at, b.id"},
    {"brake_event", "SELECT 1 FROM events WHERE id = $1::uuid"},
    {"brake_set", "INSERT INTO sales_brakes (id, what, event_id, method, reason, set_by, "
                  "set_by_name) VALUES ($1::uuid, $2::text, $3::uuid, $4::text, $5::text, "
                  "$6::uuid, $7::text) ON CONFLICT DO NOTHING"},
    {"brake_lock", "SELECT pg_advisory_xact_lock(hashtext('tiketi.sales_brakes'))"},
    {"brake_replace",
     "UPDATE sales_brakes SET released_by = $5::uuid, released_at = clock_timestamp() "
     "WHERE released_at IS NULL AND what = $1::text AND event_id IS NOT DISTINCT FROM $2::uuid "
     "AND method IS NOT DISTINCT FROM $3::text AND reason <> $4::text"},
    {"brake_release",
     "UPDATE sales_brakes SET released_by = $4::uuid, released_at = clock_timestamp() "
     "WHERE released_at IS NULL AND what = $1::text AND event_id IS NOT DISTINCT FROM $2::uuid "
     "AND method IS NOT DISTINCT FROM $3::text "
     "AND ($5::timestamptz IS NULL OR set_at < $5::timestamptz + interval '1 ms')"},
    {"brake_earlier", "SELECT what = $2::text AND event_id IS NOT DISTINCT FROM $3::uuid "
                      "AND method IS NOT DISTINCT FROM $4::text, released_at IS NOT NULL "
                      "FROM sales_brakes WHERE id = $1::uuid"},
  };
}

brakes_actor spawn_brakes(caf::actor_system& system, const brakes_config& config) {
  return system.spawn(brakes, config);
}

} // namespace tk
