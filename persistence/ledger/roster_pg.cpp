#include "persistence/ledger/roster_pg.hpp"

#include <algorithm>
#include <utility>

#include "persistence/pg/connection.hpp"

namespace tk {

namespace {

// Overlapping batches of healthy nodes hold a shard for milliseconds; 2 s is a stuck one.
constexpr const char* session_settings = R"(
SET lock_timeout = '2s';
SET statement_timeout = '4s';
SET idle_in_transaction_session_timeout = '2s';
SET client_min_messages = warning;
SET timezone = 'UTC';
)";

// No row when somebody of this name lives. The lanes' backends of the earlier incarnation stay in
// the arrays until they have ended; element $2 + 1 is the roster's own, so a node has a backend
// from its first moment, before any lane connects.
constexpr const char* begin_incarnation = R"(
WITH me AS (SELECT pid, backend_start AS start FROM pg_stat_activity WHERE pid = pg_backend_pid())
INSERT INTO nodes (node, backend_pids, backend_starts)
SELECT $1, array_fill(NULL::int, ARRAY[$2::int]) || me.pid,
       array_fill(NULL::timestamptz, ARRAY[$2::int]) || me.start FROM me
ON CONFLICT (node) DO UPDATE SET incarnation = nodes.incarnation + 1, seen_at = clock_timestamp(),
   backend_pids[$2::int + 1] = (SELECT pid FROM me),
   backend_starts[$2::int + 1] = (SELECT start FROM me)
 WHERE nodes.seen_at < clock_timestamp() - interval '3 s'
    OR NOT EXISTS (SELECT 1 FROM unnest(nodes.backend_pids, nodes.backend_starts) AS b(pid, start)
                     JOIN pg_stat_activity a ON a.pid = b.pid AND a.backend_start = b.start)
RETURNING incarnation
)";

constexpr const char* last_seen = "SELECT seen_at FROM nodes WHERE node = $1";

constexpr const char* clear_backends = R"(
UPDATE nodes SET
       backend_pids = array_fill(NULL::int, ARRAY[$3::int]) || pg_backend_pid(),
       backend_starts = array_fill(NULL::timestamptz, ARRAY[$3::int]) || backend_starts[$3::int + 1]
WHERE node = $1 AND incarnation = $2
)";

// The connection may be a new one, so it is named again.
constexpr const char* heartbeat = R"(
UPDATE nodes SET seen_at = clock_timestamp(), backend_pids[$3::int + 1] = pg_backend_pid(),
       backend_starts[$3::int + 1] =
         (SELECT backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid())
 WHERE node = $1 AND incarnation = $2
RETURNING clock_timestamp()
)";

constexpr const char* own_shards = R"(
SELECT shard, epoch, clock_timestamp() FROM shard_owners WHERE node = $1 ORDER BY shard
)";

// Both pid and start are compared: a pid may belong to a healthy lane by now (H-37).
constexpr const char* end_backends_of_node = R"(
SELECT count(*), coalesce(bool_and(pg_terminate_backend(a.pid, 2000)), true)
  FROM nodes n CROSS JOIN LATERAL unnest(n.backend_pids, n.backend_starts) AS b(pid, start)
  JOIN pg_stat_activity a ON a.pid = b.pid AND a.backend_start = b.start
 WHERE n.node = $1 AND a.pid <> pg_backend_pid()
)";

constexpr const char* end_backends_of_dead = R"(
SELECT count(*), coalesce(bool_and(pg_terminate_backend(a.pid, 2000)), true)
  FROM nodes n CROSS JOIN LATERAL unnest(n.backend_pids, n.backend_starts) AS b(pid, start)
  JOIN pg_stat_activity a ON a.pid = b.pid AND a.backend_start = b.start
 WHERE n.seen_at < clock_timestamp() - interval '3 s' AND n.node <> $1
   AND n.node IN (SELECT o.node FROM shard_owners o WHERE $2::int IS NULL OR o.shard = $2::int)
)";

// What is worth a lock; judged again under it.
constexpr const char* candidates = R"(
SELECT o.shard FROM shard_owners o LEFT JOIN nodes n ON n.node = o.node
 WHERE (o.node IS NULL OR (o.node = $1 AND $2::boolean) OR n.node IS NULL
        OR n.seen_at < clock_timestamp() - interval '3 s')
   AND (o.node IS DISTINCT FROM $1 OR $2::boolean)
 ORDER BY o.shard
)";

constexpr const char* lock_shards = R"(
SELECT count(pg_advisory_xact_lock(7430, s))
  FROM (SELECT s FROM unnest($1::int[]) s ORDER BY s) t
)";

// A statement of its own: its snapshot is newer than the locks.
constexpr const char* take_shards = R"(
UPDATE shard_owners o SET node = $2, epoch = epoch + 1
 WHERE o.shard = ANY ($1::int[]) AND (o.node IS DISTINCT FROM $2 OR $3::boolean)
   AND (o.node = $2 OR NOT EXISTS (SELECT 1 FROM nodes n WHERE n.node = o.node
                                    AND n.seen_at >= clock_timestamp() - interval '3 s'))
RETURNING shard
)";

constexpr const char* still_ours = "SELECT 1 FROM nodes WHERE node = $1 AND incarnation = $2";

} // namespace

struct roster_pg::impl {
  roster_config config;
  std::optional<pg::connection> db;
  node_id node;
  int64_t incarnation = 0;
  std::optional<instant> namesake_at; ///< When somebody of our name was seen, at the last `join`.
  std::string error;

  tl::unexpected<roster_error> fail(std::string why, roster_error x = roster_error::no_server) {
    error = std::move(why);
    // A failed transaction must not linger, and nothing of a session is worth keeping.
    db.reset();
    return tl::unexpected(x);
  }

  bool connect() {
    if (db && db->alive()) return true;
    auto fresh = pg::connection::open(config.conninfo, config.call_limit);
    if (!fresh) {
      error = fresh.error();
      return false;
    }
    db = std::move(*fresh);
    if (auto set = db->run_script(session_settings, config.call_limit); !set.ok()) {
      error = set.error();
      db.reset();
      return false;
    }
    return true;
  }

  pg::result run(const char* sql, const pg::params& values) {
    return db->query(sql, values, config.call_limit);
  }

  [[nodiscard]] pg::params self() const {
    pg::params x;
    x.add_id(node).add_int8(incarnation);
    return x;
  }

  bool end_backends(const char* sql, const pg::params& values) {
    for (int attempt = 0; attempt < 2; ++attempt) {
      auto rows = run(sql, values);
      if (!rows.ok()) {
        error = rows.error();
        return false;
      }
      if (rows.boolean(0, 1)) return true;
    }
    error = "a backend of another incarnation does not end";
    return false;
  }

  tl::expected<membership, roster_error> read_own() {
    pg::params values;
    values.add_id(node);
    auto rows = run(own_shards, values);
    if (!rows.ok()) return fail(rows.error());
    membership x;
    x.incarnation = incarnation;
    for (int i = 0; i < rows.rows(); ++i) {
      x.epochs.at(static_cast<size_t>(rows.integer(i, 0))) = rows.integer(i, 1);
      x.at = rows.time(i, 2);
    }
    return x;
  }

  tl::unexpected<roster_error> judge_namesake();
  tl::expected<int64_t, roster_error> take_locked(const pg::array& shards, bool rejoin);
  tl::expected<membership, roster_error> take_all(bool rejoin);
};

/// Dead or not: who lives is seen again. The connection is kept for the next look.
tl::unexpected<roster_error> roster_pg::impl::judge_namesake() {
  pg::params values;
  values.add_id(node);
  auto rows = run(last_seen, values);
  if (!rows.ok()) return fail(rows.error());
  if (rows.rows() != 1) return fail("the node's row has gone");
  auto before = std::exchange(namesake_at, rows.time(0, 0));
  error = "a node of this name is connected";
  bool beats = before && *before < *namesake_at;
  return tl::unexpected(beats ? roster_error::namesake_lives : roster_error::namesake_seen);
}

/// Takes the shards named as far as the rules allow; the answer is how many.
tl::expected<int64_t, roster_error> roster_pg::impl::take_locked(const pg::array& shards,
                                                                 bool rejoin) {
  if (auto x = db->run_script("BEGIN"); !x.ok()) return fail(x.error());
  pg::params locks;
  locks.add(shards);
  if (auto x = run(lock_shards, locks); !x.ok()) return fail(x.error());
  if (auto x = run(still_ours, self()); !x.ok() || x.rows() != 1)
    return fail("another incarnation of this node lives",
                x.ok() ? roster_error::displaced : roster_error::no_server);
  pg::params values;
  values.add(shards).add_id(node).add_bool(rejoin);
  auto taken = run(take_shards, values);
  if (!taken.ok()) return fail(taken.error());
  if (auto x = db->run_script("COMMIT"); x.command_tag() != "COMMIT")
    return fail("COMMIT: " + x.error());
  return taken.rows();
}

/// All in one transaction, locks ascending like those of the batches.
tl::expected<membership, roster_error> roster_pg::impl::take_all(bool rejoin) {
  pg::params dead;
  dead.add_id(node).add_null(pg::oid::int4);
  if (!end_backends(end_backends_of_dead, dead)) return fail(error);
  pg::params values;
  values.add_id(node).add_bool(rejoin);
  auto rows = run(candidates, values);
  if (!rows.ok()) return fail(rows.error());
  pg::array shards{pg::oid::int4};
  for (int i = 0; i < rows.rows(); ++i) shards.push_int(rows.integer(i, 0));
  if (shards.size() > 0) {
    if (auto taken = take_locked(shards, rejoin); !taken) return tl::unexpected(taken.error());
  }
  return read_own();
}

roster_pg::roster_pg(roster_config config) : impl_(std::make_unique<impl>()) {
  impl_->config = std::move(config);
}
roster_pg::~roster_pg() = default;

const std::string& roster_pg::last_error() const { return impl_->error; }

tl::expected<membership, roster_error> roster_pg::join(node_id node) {
  auto& my = *impl_;
  if (!my.connect()) return tl::unexpected(roster_error::no_server);
  my.node = node;
  pg::params values;
  values.add_id(node).add_int4(my.config.lanes);
  auto begun = my.run(begin_incarnation, values);
  if (!begun.ok()) return my.fail(begun.error());
  if (begun.rows() != 1) return my.judge_namesake();
  my.incarnation = begun.integer(0, 0);
  // From here on the earlier incarnation's lanes cannot register again; end what they have.
  pg::params mine;
  mine.add_id(node);
  if (!my.end_backends(end_backends_of_node, mine)) return my.fail(my.error);
  auto cleared = my.self();
  cleared.add_int4(my.config.lanes);
  if (auto x = my.run(clear_backends, cleared); !x.ok() || x.affected() != 1)
    return my.fail("another incarnation of this node lives",
                   x.ok() ? roster_error::displaced : roster_error::no_server);
  return my.take_all(true);
}

tl::expected<membership, roster_error> roster_pg::beat() {
  auto& my = *impl_;
  if (!my.connect()) return tl::unexpected(roster_error::no_server);
  auto mine = my.self();
  mine.add_int4(my.config.lanes);
  auto rows = my.run(heartbeat, mine);
  if (!rows.ok()) return my.fail(rows.error());
  if (rows.rows() != 1)
    return my.fail("another incarnation of this node lives", roster_error::displaced);
  auto at = rows.time(0, 0);
  auto own = my.read_own();
  if (own) own->at = at;
  return own;
}

tl::expected<membership, roster_error> roster_pg::take() {
  if (!impl_->connect()) return tl::unexpected(roster_error::no_server);
  return impl_->take_all(false);
}

tl::expected<bool, roster_error> roster_pg::take_one(uint16_t shard) {
  auto& my = *impl_;
  if (!my.connect()) return tl::unexpected(roster_error::no_server);
  pg::params dead;
  dead.add_id(my.node).add_int4(shard);
  if (!my.end_backends(end_backends_of_dead, dead)) return my.fail(my.error);
  pg::array shards{pg::oid::int4};
  shards.push_int(shard);
  auto taken = my.take_locked(shards, false);
  if (!taken) return tl::unexpected(taken.error());
  return *taken == 1;
}

tl::expected<void, roster_error> roster_pg::leave() {
  auto& my = *impl_;
  if (!my.connect()) return tl::unexpected(roster_error::no_server);
  // Rows are kept and only aged: who takes the shards does so under their locks, with a new epoch.
  auto x = my.run("UPDATE nodes SET seen_at = '-infinity' WHERE node = $1 AND incarnation = $2",
                  my.self());
  if (!x.ok()) return my.fail(x.error());
  return {};
}

tl::expected<void, roster_error> roster_pg::ensure_partitions(int days) {
  auto& my = *impl_;
  if (!my.connect()) return tl::unexpected(roster_error::no_server);
  pg::params values;
  values.add_int4(days);
  if (auto x = my.run("SELECT ensure_outbox_partitions($1)", values); !x.ok())
    return my.fail(x.error());
  return {};
}

} // namespace tk
