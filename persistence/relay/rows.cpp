#include "persistence/relay/rows.hpp"

namespace tk {

namespace {

// Behind the oldest running writer: a transaction that took its number earlier may still commit
// rows that come before what is visible now.
constexpr const char* outbox_read = R"(
SELECT o.shard, o.xid::text::int8, o.seq, o.topic, o.key, o.type, o.id, o.correlation, o.made_at,
       o.body
  FROM relay_cursor c CROSS JOIN LATERAL
       (SELECT * FROM outbox x WHERE x.shard = c.shard AND (x.xid, x.seq) > (c.xid, c.seq)
           AND x.xid < pg_snapshot_xmin(pg_current_snapshot())
         ORDER BY x.xid, x.seq LIMIT $2::int4) o
 WHERE c.shard = ANY($1::int4[]) ORDER BY o.shard, o.xid, o.seq
)";

constexpr const char* cursors_move = R"(
WITH moved AS (
  UPDATE relay_cursor c SET xid = d.xid::text::xid8, seq = d.seq
    FROM unnest($1::int4[], $2::int8[], $3::int8[], $4::int8[]) AS d(shard, xid, seq, epoch)
   WHERE c.shard = d.shard AND (d.xid::text::xid8, d.seq) > (c.xid, c.seq)
     AND d.epoch = (SELECT s.epoch FROM shard_owners s WHERE s.shard = d.shard)
  RETURNING c.shard
),
dead AS (
  INSERT INTO dead_letters (consumer, event_id, shard, topic, key, type, body, correlation,
                            made_at, why, tries)
  SELECT $5::text, x.id, x.shard, x.topic, x.key, x.type, x.body::jsonb, x.correlation, x.made_at,
         x.why, x.tries
    FROM unnest($6::uuid[], $7::int4[], $8::text[], $9::text[], $10::text[], $11::text[],
                $12::uuid[], $13::timestamptz[], $14::text[], $15::int4[])
      AS x(id, shard, topic, key, type, body, correlation, made_at, why, tries)
   WHERE x.shard IN (SELECT shard FROM moved)
  ON CONFLICT (consumer, event_id) DO NOTHING RETURNING 1
)
SELECT (SELECT count(*) FROM moved), (SELECT count(*) FROM dead)
)";

constexpr const char* dead_letters_keep = R"(
INSERT INTO dead_letters (consumer, event_id, shard, topic, key, type, body, correlation, made_at,
                          why, tries)
SELECT $1::text, x.id, NULL, x.topic, x.key, x.type, x.body::jsonb, x.correlation, x.made_at,
       x.why, x.tries
  FROM unnest($2::uuid[], $3::int4[], $4::text[], $5::text[], $6::text[], $7::text[], $8::uuid[],
              $9::timestamptz[], $10::text[], $11::int4[])
    AS x(id, shard, topic, key, type, body, correlation, made_at, why, tries)
ON CONFLICT (consumer, event_id) DO NOTHING
)";

constexpr const char* marks_clear =
  "DELETE FROM processed_events WHERE (consumer_group, event_key) IN (SELECT consumer_group, "
  "event_key FROM processed_events WHERE processed_at < now() - $1::int4 * interval '1 day' "
  "ORDER BY processed_at LIMIT $2::int4)";

/// The columns of `dead_letters` for the rows that are given up.
class dead_columns {
public:
  void add(const outbox_row& x, const std::string& why, int32_t tries) {
    id_.push_id(x.id);
    shard_.push_int(x.shard);
    topic_.push_text(x.topic);
    key_.push_text(x.key);
    type_.push_text(x.type);
    body_.push_text(x.body);
    correlation_.push_id_or_null(x.correlation);
    made_at_.push_time(x.made_at);
    why_.push_text(why);
    tries_.push_int(tries);
  }
  void bind(pg::params& to) const {
    to.add(id_).add(shard_).add(topic_).add(key_).add(type_).add(body_).add(correlation_);
    to.add(made_at_).add(why_).add(tries_);
  }

private:
  pg::array id_{pg::oid::uuid}, shard_{pg::oid::int4}, topic_{pg::oid::text}, key_{pg::oid::text},
    type_{pg::oid::text}, body_{pg::oid::text}, correlation_{pg::oid::uuid},
    made_at_{pg::oid::timestamptz}, why_{pg::oid::text}, tries_{pg::oid::int4};
};

} // namespace

pg_statement dead_letters_statement() { return {"dead_letters_keep", dead_letters_keep}; }

const char* const relay_session =
  "SET jit = off; SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; "
  "SET enable_bitmapscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; "
  "SET enable_material = off";

std::vector<pg_statement> relay_statements() {
  return {{"outbox_read", outbox_read},
          {"cursors_move", cursors_move},
          {"marks_clear", marks_clear},
          {"outbox_drop", "SELECT drop_outbox_partition($1::int4)"}};
}

pg_result<outbox_rows> read_outbox(pg::connection& db, const relay_read& x) {
  pg::array shards{pg::oid::int4};
  for (auto& y : x.shards) shards.push_int(y.shard);
  auto rows = db.exec("outbox_read", pg::params{}.add(shards).add_int4(x.per_shard));
  if (!rows.ok()) return read_failed(rows);
  outbox_rows out;
  out.reserve(static_cast<size_t>(rows.rows()));
  for (int i = 0; i < rows.rows(); ++i) {
    auto& y = out.emplace_back();
    y.shard = static_cast<uint16_t>(rows.integer(i, 0));
    y.at = {static_cast<uint64_t>(rows.integer(i, 1)), rows.integer(i, 2)};
    y.topic = rows.text(i, 3);
    y.key = rows.text(i, 4);
    y.type = rows.text(i, 5);
    y.id = rows.uuid<domain_event_id>(i, 6);
    y.correlation = rows.uuid<request_id>(i, 7);
    y.made_at = rows.time(i, 8);
    y.body = rows.jsonb(i, 9);
  }
  return out;
}

pg_result<cursors_moved> move_cursors(pg::connection& db, const relay_moves& x,
                                      const outbox_rows& rows, const std::string& consumer) {
  pg::array shards{pg::oid::int4}, xids{pg::oid::int8}, seqs{pg::oid::int8}, epochs{pg::oid::int8};
  for (auto& y : x.moves) {
    shards.push_int(y.of.shard);
    xids.push_int(static_cast<int64_t>(y.to.xid));
    seqs.push_int(y.to.seq);
    epochs.push_int(y.of.epoch);
  }
  dead_columns dead;
  for (auto& y : x.dead) dead.add(rows.at(y.row), y.why, y.tries);
  pg::params values;
  values.add(shards).add(xids).add(seqs).add(epochs).add_text(consumer);
  dead.bind(values);
  auto done = db.exec("cursors_move", values);
  if (!done.ok()) return write_failed(done);
  const auto moved = done.integer(0, 0);
  return cursors_moved{moved, static_cast<int64_t>(x.moves.size()) - moved, done.integer(0, 1)};
}

pg_result<void> keep_dead_letters(pg::connection& db, const std::string& consumer,
                                  const outbox_rows& rows, const std::vector<std::string>& why,
                                  int32_t tries) {
  dead_columns dead;
  for (size_t i = 0; i < rows.size(); ++i)
    dead.add(rows[i], i < why.size() ? why[i] : std::string{}, tries);
  pg::params values;
  values.add_text(consumer);
  dead.bind(values);
  auto done = db.exec("dead_letters_keep", values);
  if (!done.ok()) return write_failed(done);
  return {};
}

pg_result<cleared_away> clear_away(pg::connection& db, const retention& x) {
  cleared_away out;
  auto dropped = db.exec("outbox_drop", pg::params{}.add_int4(x.outbox_days));
  if (!dropped.ok()) return write_failed(dropped);
  out.partitions = dropped.integer(0, 0);
  auto marks = db.exec("marks_clear", pg::params{}.add_int4(x.marks_days).add_int4(x.marks_max));
  if (!marks.ok()) return write_failed(marks);
  out.marks = marks.affected();
  return out;
}

} // namespace tk
