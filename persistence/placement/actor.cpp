#include "persistence/placement/actor.hpp"

#include <caf/stateful_actor.hpp>

#include "persistence/pool/transaction.hpp"

namespace tk {

namespace {

constexpr size_t waiting_max = 64;

/// Nothing is done before the COMMIT, however it ends.
tl::unexpected<pg_failure> undone(const pg::result& x) { return read_failed(x); }

/// What stands on record about a wish and its node.
struct circumstances {
  std::string earlier; ///< What this operation was before: "same", "taken back", "other"; or none.
  bool open = false;   ///< It is so already.
  bool known = false, lives = false, drained = false; ///< The node.
  int64_t takers = 0; ///< Nodes that live and take shards, without it.
};

pg_result<circumstances> look(pg::connection& db, const placement_wish& x) {
  pg::params values;
  values.add_id(x.id).add_text(to_string(x.what)).add_id_or_null(x.node);
  values.add_int4(x.what == wish_kind::move ? x.shard : -1);
  auto row = db.exec("wish_circumstances", values);
  if (!row.ok()) return undone(row);
  return circumstances{std::string{row.text(0, 0)}, row.boolean(0, 1), row.boolean(0, 2),
                       row.boolean(0, 3),           row.boolean(0, 4), row.integer(0, 5)};
}

/// What keeps it from being put on record; `done` when nothing does.
wish_end judge(wish_kind what, const circumstances& x) {
  if (x.earlier == "other") return wish_end::other;
  if (x.earlier == "taken back") return wish_end::taken_back;
  if (!x.earlier.empty() || x.open) return wish_end::nothing;
  switch (what) {
  case wish_kind::drain:
    if (!x.known) return wish_end::node_unknown;
    return x.takers == 0 ? wish_end::last_node : wish_end::done;
  case wish_kind::move:
    if (!x.known) return wish_end::node_unknown;
    if (!x.lives) return wish_end::node_dead;
    return x.drained ? wish_end::node_drained : wish_end::done;
  case wish_kind::rebalance:
    // Among less than two there is nothing to even out, and nobody who would see that it is done.
    return x.takers < 2 ? wish_end::nothing : wish_end::done;
  }
  return wish_end::nothing;
}

pg::result insert(pg::connection& db, const set_wish& x) {
  pg::params values;
  auto& w = x.wish;
  values.add_id(w.id).add_text(to_string(w.what)).add_id_or_null(w.node);
  if (w.what == wish_kind::move) values.add_int4(w.shard);
  else values.add_null(pg::oid::int4);
  values.add_text(w.key).add_text(w.reason).add_id(x.by.id).add_text(x.by.name);
  return db.exec("wish_set", values);
}

struct placement_state {
  static inline const char* name = "tiketi.placement";
  pg_pool<placement_actor::base> pool;
};
using placement_ptr = placement_actor::stateful_pointer<placement_state>;

placement_actor::behavior_type placement(placement_ptr self, const placement_config& config) {
  auto& pool = self->state.pool;
  pool.start(self,
             std::make_shared<pg_pool_config>(pg_pool_config{
               config.conninfo, 1, waiting_max, "", placement_statements(), config.log, nullptr}));
  using db = pg::connection;
  return {
    [&pool](const set_wish& x) {
      return pg_answer<wish_told>(pool, [=](db& to) { return put_wish(to, x); });
    },
    [&pool](const end_wish& x) {
      return pg_answer<wish_told>(pool, [=](db& to) { return drop_wish(to, x); });
    },
  };
}

} // namespace

std::string_view to_string(wish_kind x) {
  switch (x) {
  case wish_kind::drain: return "drain";
  case wish_kind::move: return "move";
  case wish_kind::rebalance: return "rebalance";
  }
  return "?";
}

pg_result<wish_told> put_wish(pg::connection& db, const set_wish& x) {
  transaction work{db};
  if (!work.begun()) return tl::unexpected(pg_failure{ec::unavailable, db.last_error()});
  // Two drains at once must not empty the last two nodes.
  if (auto locked = db.exec("wish_lock"); !locked.ok()) return undone(locked);
  auto now = look(db, x.wish);
  if (!now) return tl::unexpected(now.error());
  auto end = judge(x.wish.what, *now);
  if (end != wish_end::done) return wish_told{end};
  if (x.wish.what == wish_kind::move) {
    pg::params earlier;
    earlier.add_text("move").add_null(pg::oid::uuid).add_int4(x.wish.shard);
    earlier.add_id(x.by.id).add_text(x.by.name).add_null(pg::oid::timestamptz);
    if (auto ended = db.exec("wish_end", earlier); !ended.ok()) return undone(ended);
  }
  if (auto set = insert(db, x); !set.ok()) return undone(set);
  if (auto kept = work.commit(); !kept) return tl::unexpected(kept.error());
  return wish_told{end};
}

pg_result<wish_told> drop_wish(pg::connection& db, const end_wish& x) {
  pg::params values;
  values.add_text(to_string(x.what));
  if (x.what == wish_kind::move) values.add_null(pg::oid::uuid).add_int4(x.shard);
  else values.add_id(x.node).add_null(pg::oid::int4);
  values.add_id(x.by.id).add_text(x.by.name);
  if (x.seen) values.add_time(*x.seen);
  else values.add_null(pg::oid::timestamptz);
  auto ended = db.exec("wish_end", values);
  if (!ended.ok()) return write_failed(ended);
  if (ended.integer(0, 0) > 0) return wish_told{wish_end::done};
  if (ended.boolean(0, 1)) return wish_told{wish_end::unseen};
  if (x.what == wish_kind::move) return wish_told{wish_end::nothing};
  auto known = db.exec("wish_node", pg::params{}.add_id(x.node));
  if (!known.ok()) return read_failed(known);
  return wish_told{known.rows() == 0 ? wish_end::node_unknown : wish_end::nothing};
}

std::vector<pg_statement> placement_statements() {
  return {
    {"wish_lock", "SELECT pg_advisory_xact_lock(7431, 2)"},
    {"wish_node", "SELECT 1 FROM nodes WHERE node = $1::uuid"},
    // Of the nodes that take shards the named one is left out; without one none is. A node without
    // an address is alone.
    {"wish_circumstances",
     "WITH n AS (SELECT node, address, seen_at >= clock_timestamp() - interval '3 s' AS lives, "
     "draining OR EXISTS (SELECT 1 FROM placement_wishes w WHERE w.what = 'drain' "
     "AND w.node = nodes.node AND w.ended_at IS NULL) AS drained FROM nodes) "
     "SELECT coalesce((SELECT CASE WHEN what <> $2::text OR node IS DISTINCT FROM $3::uuid "
     "OR coalesce(shard, -1) <> $4::int THEN 'other' WHEN ended_by IS NOT NULL THEN 'taken back' "
     "ELSE 'same' END FROM placement_wishes WHERE id = $1::uuid), ''), "
     "EXISTS (SELECT 1 FROM placement_wishes WHERE ended_at IS NULL AND what = $2::text "
     "AND node IS NOT DISTINCT FROM $3::uuid AND coalesce(shard, -1) = $4::int), "
     "EXISTS (SELECT 1 FROM n WHERE node = $3::uuid), "
     "EXISTS (SELECT 1 FROM n WHERE node = $3::uuid AND lives), "
     "EXISTS (SELECT 1 FROM n WHERE node = $3::uuid AND drained), "
     "(SELECT count(*) FROM n WHERE lives AND NOT drained AND address <> '' "
     "AND node IS DISTINCT FROM $3::uuid)"},
    {"wish_set", "INSERT INTO placement_wishes (id, what, node, shard, key, reason, set_by, "
                 "set_by_name) VALUES ($1::uuid, $2::text, $3::uuid, $4::int, $5::text, $6::text, "
                 "$7::uuid, $8::text)"},
    {"wish_end",
     "WITH mine AS (SELECT id, $6::timestamptz IS NULL "
     "OR set_at < $6::timestamptz + interval '1 ms' AS seen "
     "FROM placement_wishes WHERE ended_at IS NULL AND what = $1::text "
     "AND ($2::uuid IS NULL OR node = $2::uuid) AND ($3::int IS NULL OR shard = $3::int)), "
     "ended AS (UPDATE placement_wishes w SET ended_by = $4::uuid, ended_by_name = $5::text, "
     "ended_at = clock_timestamp() FROM mine WHERE w.id = mine.id AND mine.seen "
     "AND w.ended_at IS NULL RETURNING 1) "
     "SELECT (SELECT count(*) FROM ended), EXISTS (SELECT 1 FROM mine WHERE NOT seen)"},
  };
}

placement_actor spawn_placement(caf::actor_system& system, const placement_config& config) {
  return system.spawn(placement, config);
}

} // namespace tk
