#include "persistence/ledger/roster_pg.hpp"

#include <algorithm>
#include <map>
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
INSERT INTO nodes (node, backend_pids, backend_starts, address, release, shards)
SELECT $1, array_fill(NULL::int, ARRAY[$2::int]) || me.pid,
       array_fill(NULL::timestamptz, ARRAY[$2::int]) || me.start, $3, $4, $5 FROM me
ON CONFLICT (node) DO UPDATE SET incarnation = nodes.incarnation + 1, seen_at = clock_timestamp(),
   address = $3, release = $4, shards = $5, draining = false,
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
UPDATE nodes SET seen_at = clock_timestamp(), draining = draining OR $4,
       backend_pids[$3::int + 1] = pg_backend_pid(),
       backend_starts[$3::int + 1] =
         (SELECT backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid())
 WHERE node = $1 AND incarnation = $2
RETURNING clock_timestamp()
)";

// Their machine refuses connections where they listened, and they have no backend: a process that
// was killed loses both at once, one that lives has both, however slow. Who was taken for dead
// by mistake beats again, and epochs have kept it from writing meanwhile.
constexpr const char* bury = R"(
UPDATE nodes n SET seen_at = least(seen_at, clock_timestamp() - interval '3 s')
 WHERE n.node = ANY ($1::uuid[]) AND n.node <> $2
   AND n.seen_at >= clock_timestamp() - interval '3 s'
   AND NOT EXISTS (SELECT 1 FROM unnest(n.backend_pids, n.backend_starts) AS b(pid, start)
                     JOIN pg_stat_activity a ON a.pid = b.pid AND a.backend_start = b.start)
)";

constexpr const char* all_shards = R"(
SELECT shard, epoch, node, clock_timestamp() FROM shard_owners ORDER BY shard
)";

// Who was not seen for 3 s may be taken over from.
constexpr const char* all_nodes = R"(
SELECT node, incarnation, address, release,
       draining OR EXISTS (SELECT 1 FROM placement_wishes w WHERE w.what = 'drain'
                            AND w.node = nodes.node AND w.ended_at IS NULL),
       seen_at >= clock_timestamp() - interval '3 s' AS lives
  FROM nodes WHERE seen_at >= clock_timestamp() - interval '3 s'
                OR node IN (SELECT node FROM shard_owners)
 ORDER BY node
)";

// What operators wish, but for drains.
constexpr const char* open_wishes = R"(
SELECT id, shard, node FROM placement_wishes WHERE what <> 'drain' AND ended_at IS NULL
)";

constexpr const char* end_wish = R"(
UPDATE placement_wishes SET ended_at = clock_timestamp()
 WHERE id = $1 AND what = 'rebalance' AND ended_at IS NULL
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

// What is worth a lock; judged again under it. Each taker begins elsewhere, so that two seldom want
// the same.
constexpr const char* candidates = R"(
SELECT o.shard FROM shard_owners o LEFT JOIN nodes n ON n.node = o.node
 WHERE (o.node IS NULL OR n.node IS NULL OR n.seen_at < clock_timestamp() - interval '3 s')
   AND o.node IS DISTINCT FROM $1
 ORDER BY hashtextextended($1::text || o.shard, 0) LIMIT $2
)";
constexpr const char* of_earlier_life = "SELECT shard FROM shard_owners WHERE node = $1";

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

// Whoever asks for the shard meanwhile waits, so this one does not wait long.
constexpr const char* begin_give = "BEGIN; SET LOCAL lock_timeout = '300ms'";

constexpr const char* give_away = R"(
UPDATE shard_owners o SET node = $3, epoch = epoch + 1
 WHERE o.shard = $1::int AND o.node = $2 AND o.epoch = $4
   AND EXISTS (SELECT 1 FROM nodes n WHERE n.node = $2 AND n.incarnation = $5)
   AND EXISTS (SELECT 1 FROM nodes n WHERE n.node = $3 AND NOT n.draining
                AND n.seen_at >= clock_timestamp() - interval '3 s')
   AND NOT EXISTS (SELECT 1 FROM placement_wishes w WHERE w.what = 'drain' AND w.node = $3
                    AND w.ended_at IS NULL)
)";

constexpr const char* whose = "SELECT node, epoch FROM shard_owners WHERE shard = $1::int";

constexpr const char* still_ours = "SELECT 1 FROM nodes WHERE node = $1 AND incarnation = $2";

/// See `membership::life`.
int64_t life_of(node_id node, int64_t incarnation) {
  auto mix = [](uint64_t x, uint64_t y) {
    x = (x ^ y) * 0x9e3779b97f4a7c15ull;
    return x ^ (x >> 32);
  };
  auto out = mix(mix(mix(0, node.hi), node.lo), static_cast<uint64_t>(incarnation));
  return static_cast<int64_t>(out >> 1) | 1; // Never 0, which is nobody.
}

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

  tl::expected<membership, roster_error> read_all();
  bool bury_the_dead(const std::vector<node_id>& unreached);
  bool read_wishes(membership& to);
  std::optional<given> give_locked(const give_shard& what);
  tl::unexpected<roster_error> judge_namesake();
  tl::expected<int64_t, roster_error> take_locked(const pg::array& shards, bool rejoin);
  tl::expected<int64_t, roster_error> take_those(const char* sql, const pg::params& values,
                                                 bool rejoin);
};

bool roster_pg::impl::read_wishes(membership& to) {
  auto rows = run(open_wishes, {});
  if (!rows.ok()) {
    fail(rows.error());
    return false;
  }
  for (int i = 0; i < rows.rows(); ++i) {
    if (rows.null(i, 1)) to.even_wish = rows.uuid<wish_id>(i, 0);
    else to.wanted.push_back({static_cast<uint16_t>(rows.integer(i, 1)), rows.uuid<node_id>(i, 2)});
  }
  return true;
}

bool roster_pg::impl::bury_the_dead(const std::vector<node_id>& unreached) {
  if (unreached.empty()) return true;
  pg::array whom{pg::oid::uuid};
  for (auto& x : unreached) whom.push_id(x);
  pg::params values;
  values.add(whom).add_id(node);
  auto done = run(bury, values);
  if (!done.ok()) fail(done.error());
  return done.ok();
}

tl::expected<membership, roster_error> roster_pg::impl::read_all() {
  auto nodes = run(all_nodes, {});
  if (!nodes.ok()) return fail(nodes.error());
  auto shards = run(all_shards, {});
  if (!shards.ok()) return fail(shards.error());
  membership out;
  if (!read_wishes(out)) return tl::unexpected(roster_error::no_server);
  out.self = node;
  out.incarnation = incarnation;
  out.life = life_of(node, incarnation);
  std::map<node_id, int32_t> index;
  for (int i = 0; i < nodes.rows(); ++i) {
    roster_peer x{nodes.uuid<node_id>(i, 0),
                  nodes.integer(i, 1),
                  {std::string{nodes.text(i, 2)}, std::string{nodes.text(i, 3)}},
                  nodes.boolean(i, 5),
                  nodes.boolean(i, 4)};
    if (x.lives || x.node == node) out.lives.push_back(life_of(x.node, x.incarnation));
    if (x.node == node) {
      out.draining = x.draining;
      continue;
    }
    index[x.node] = static_cast<int32_t>(out.peers.size());
    out.peers.push_back(std::move(x));
  }
  for (int i = 0; i < shards.rows(); ++i) {
    auto shard = static_cast<size_t>(shards.integer(i, 0));
    auto owner = shards.null(i, 2) ? node_id{} : shards.uuid<node_id>(i, 2);
    out.at = shards.time(i, 3);
    if (owner == node) {
      out.epochs.at(shard) = shards.integer(i, 1);
      continue;
    }
    auto known = index.find(owner);
    bool lives = known != index.end() && out.peers[static_cast<size_t>(known->second)].lives;
    out.free += lives ? 0 : 1;
    if (known == index.end()) continue;
    out.owners.at(shard) = known->second;
    out.peer_epochs.at(shard) = shards.integer(i, 1);
  }
  return out;
}

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
tl::expected<int64_t, roster_error> roster_pg::impl::take_those(const char* sql,
                                                                const pg::params& values,
                                                                bool rejoin) {
  auto rows = run(sql, values);
  if (!rows.ok()) return fail(rows.error());
  if (rows.rows() == 0) return 0;
  pg::array shards{pg::oid::int4};
  for (int i = 0; i < rows.rows(); ++i) shards.push_int(rows.integer(i, 0));
  return take_locked(shards, rejoin);
}

/// Up to the COMMIT. None: nothing was done, and nothing is known.
std::optional<given> roster_pg::impl::give_locked(const give_shard& what) {
  auto failed = [this](const pg::result& x) {
    fail(x.error());
    return std::nullopt;
  };
  if (auto x = db->run_script(begin_give); !x.ok()) return failed(x);
  pg::array shards{pg::oid::int4};
  shards.push_int(what.shard);
  pg::params locks;
  locks.add(shards);
  if (auto x = run(lock_shards, locks); !x.ok()) return failed(x);
  pg::params move;
  move.add_int4(what.shard).add_id(node).add_id(what.to).add_int8(what.epoch).add_int8(incarnation);
  if (!what.to.nil())
    if (auto x = run(give_away, move); !x.ok()) return failed(x);
  pg::params one;
  one.add_int4(what.shard);
  auto row = run(whose, one);
  if (!row.ok() || row.rows() != 1) return failed(row);
  given out;
  out.owner = row.null(0, 0) ? node_id{} : row.uuid<node_id>(0, 0);
  out.epoch = row.integer(0, 1);
  auto ours = out.owner == node && out.epoch == what.epoch;
  out.is = ours ? given::end::kept : given::end::gone;
  return out;
}

roster_pg::roster_pg(roster_config config) : impl_(std::make_unique<impl>()) {
  impl_->config = std::move(config);
}
roster_pg::~roster_pg() = default;

const std::string& roster_pg::last_error() const { return impl_->error; }

void roster_pg::act_as(node_id node, int64_t incarnation) {
  impl_->node = node;
  impl_->incarnation = incarnation;
}

tl::expected<membership, roster_error> roster_pg::join(node_id node, const node_facts& facts) {
  auto& my = *impl_;
  if (!my.connect()) return tl::unexpected(roster_error::no_server);
  my.node = node;
  pg::params values;
  values.add_id(node).add_int4(my.config.lanes).add_text(facts.address).add_text(facts.release);
  values.add_int4(shard_count);
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
  if (auto own = my.take_those(of_earlier_life, mine, true); !own)
    return tl::unexpected(own.error());
  return my.read_all();
}

tl::expected<membership, roster_error> roster_pg::beat(bool drain, wish_id evened,
                                                       const std::vector<node_id>& unreached) {
  auto& my = *impl_;
  if (!my.connect()) return tl::unexpected(roster_error::no_server);
  auto mine = my.self();
  mine.add_int4(my.config.lanes).add_bool(drain);
  auto rows = my.run(heartbeat, mine);
  if (!rows.ok()) return my.fail(rows.error());
  if (rows.rows() != 1)
    return my.fail("another incarnation of this node lives", roster_error::displaced);
  auto at = rows.time(0, 0);
  pg::params wish;
  wish.add_id(evened);
  if (!evened.nil())
    if (auto x = my.run(end_wish, wish); !x.ok()) return my.fail(x.error());
  if (!my.bury_the_dead(unreached)) return tl::unexpected(roster_error::no_server);
  auto out = my.read_all();
  if (out) out->at = at;
  return out;
}

tl::expected<membership, roster_error> roster_pg::read() {
  if (!impl_->connect()) return tl::unexpected(roster_error::no_server);
  return impl_->read_all();
}

tl::expected<int64_t, roster_error> roster_pg::take(int32_t most) {
  auto& my = *impl_;
  if (!my.connect()) return tl::unexpected(roster_error::no_server);
  pg::params dead;
  dead.add_id(my.node).add_null(pg::oid::int4);
  if (!my.end_backends(end_backends_of_dead, dead)) return my.fail(my.error);
  pg::params values;
  values.add_id(my.node).add_int4(most);
  return my.take_those(candidates, values, false);
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

given roster_pg::give(const give_shard& what) {
  auto& my = *impl_;
  // Of a gift that was not even committed it is certain; of a look nothing is.
  auto undone = what.to.nil() ? given::end::unknown : given::end::kept;
  if (!my.connect()) return {undone, {}, 0};
  auto out = my.give_locked(what);
  if (!out) return {undone, {}, 0};
  if (auto x = my.db->run_script("COMMIT"); x.command_tag() != "COMMIT") {
    my.fail("COMMIT: " + x.error());
    return {};
  }
  return *out;
}

tl::expected<std::string, roster_error> roster_pg::database() {
  auto& my = *impl_;
  if (!my.connect()) return tl::unexpected(roster_error::no_server);
  auto x = my.run("SELECT c.system_identifier || '/' || d.oid FROM pg_control_system() c, "
                  "pg_database d WHERE d.datname = current_database()",
                  {});
  if (!x.ok() || x.rows() != 1) return my.fail(x.error());
  return std::string{x.text(0, 0)};
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
