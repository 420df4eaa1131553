#include "persistence/audit/audit.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "persistence/audit/rules.hpp"
#include "persistence/migrations/migrate.hpp"

namespace tk {

namespace {

/// One moment for all rules, and nothing that anybody else has to wait for. Not serializable: the
/// shop's transactions are not either, so it would see the same, and a standby refuses it. Neither
/// several workers nor compiled plans: the sale needs the processors. Rules are about all rows of a
/// table, so a loop inside a loop is never right, however few the planner expects.
constexpr const char* begin_look = R"(
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SET LOCAL lock_timeout = '1s';
SET LOCAL idle_in_transaction_session_timeout = '60s';
SET LOCAL max_parallel_workers_per_gather = 0;
SET LOCAL work_mem = '32MB';
SET LOCAL jit = off;
SET LOCAL enable_nestloop = off;
SET LOCAL timezone = 'UTC';
)";

/// A standby shows what it has replayed; where it has replayed all it received, that is now.
constexpr const char* moment = R"(
SELECT pg_is_in_recovery(), CASE WHEN NOT pg_is_in_recovery()
            OR pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN statement_timestamp()
            ELSE coalesce(pg_last_xact_replay_timestamp(), statement_timestamp()) END
)";

/// The days of the outbox. Read one by one, because who makes the next day's partition locks the
/// parent: waiting for a reader of it, that would keep every sale waiting.
constexpr const char* outbox_days = R"(
SELECT c.relname, coalesce(pg_get_expr(c.relpartbound, c.oid) = 'DEFAULT', false),
       coalesce((to_date(substring(c.relname from '^outbox_([0-9]{8})$'), 'YYYYMMDD')::timestamp
                 AT TIME ZONE 'UTC')::text, '')
  FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
 WHERE i.inhparent = 'public.outbox'::regclass ORDER BY c.relname
)";

void replace_all(std::string& text, std::string_view what, std::string_view with) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
    text.replace(at, what.size(), with);
}

/// Asks, and gives the locks on the tables back at once: what was locked behind a savepoint is let
/// go with it, while the moment of the transaction stays.
template <class Ask> pg::result let_go(pg::connection& db, const Ask& question) {
  if (auto set = db.run_script("SAVEPOINT one"); !set.ok()) return set;
  auto rows = question();
  if (auto back = db.run_script("ROLLBACK TO one; RELEASE one"); rows.ok() && !back.ok())
    return back;
  return rows;
}

/// What stands for the two names that rules use of the outbox.
struct outbox_parts {
  std::string rows, kept = "'-infinity'::timestamptz";
};

tl::expected<outbox_parts, std::string> find_outbox(pg::connection& db) {
  auto days = db.query(outbox_days);
  if (!days.ok()) return tl::unexpected(days.error());
  outbox_parts out;
  for (int i = 0; i < days.rows(); ++i) {
    std::string table = "public." + std::string{days.text(i, 0)};
    if (days.boolean(i, 1)) {
      // Normally empty; who makes a partition locks it, too.
      auto some =
        let_go(db, [&] { return db.query(("SELECT EXISTS (SELECT FROM " + table + ")").c_str()); });
      if (!some.ok()) return tl::unexpected(some.error());
      if (!some.boolean(0, 0)) continue;
    } else if (out.rows.empty() && !days.text(i, 2).empty()) {
      out.kept = "'" + std::string{days.text(i, 2)} + "'::timestamptz";
    }
    out.rows += std::string{out.rows.empty() ? "(" : " UNION ALL "} +
                "SELECT xid, seq, topic, key, type, body, id FROM " + table;
  }
  if (out.rows.empty())
    out.rows = "(SELECT NULL::xid8 AS xid, 0::bigint AS seq, '' AS topic, '' AS key, '' AS type, "
               "NULL::jsonb AS body, NULL::uuid AS id WHERE false";
  out.rows += ")";
  return out;
}

/// The rule's own text, wrapped so that it lists few and counts all.
std::string statement_of(const audit_rule& x, const outbox_parts& outbox) {
  auto sql = "SELECT x.r, x.says, x.against, count(*) OVER () FROM (" + x.sql +
             ") AS x(r, says, against) ORDER BY x.r LIMIT greatest(1, $1::int4)";
  replace_all(sql, "{outbox}", outbox.rows);
  replace_all(sql, "{kept}", outbox.kept);
  return sql;
}

audit_finding finding_of(const audit_rule& rule, const pg::result& rows, int32_t sample_max) {
  audit_finding out{rule.name, rule.table, rule.text, rows.integer(0, 3), {}};
  auto listed = std::min(rows.rows(), sample_max);
  out.sample.reserve(static_cast<size_t>(listed));
  for (int i = 0; i < listed; ++i)
    out.sample.push_back(
      {std::string{rows.text(i, 0)}, std::string{rows.text(i, 1)}, std::string{rows.text(i, 2)}});
  return out;
}

using findings = std::vector<audit_finding>;

/// What is left of the time, told to the server too: it must not go on when nobody waits any more.
tl::expected<findings, std::string> ask(pg::connection& db, std::span<const audit_rule> rules,
                                        const audit_limits& limits, const pg::time_limit& until,
                                        const std::function<bool()>& stopped) {
  auto outbox = find_outbox(db);
  if (!outbox) return tl::unexpected("outbox: " + outbox.error());
  findings out;
  for (auto& rule : rules) {
    if (stopped()) return tl::unexpected(std::string{auditor::was_stopped});
    auto left = until.remaining_ms();
    if (left == 0) return tl::unexpected(rule.name + ": there was no time left for it");
    auto rows = let_go(db, [&] {
      pg::params time;
      time.add_text(std::to_string(left));
      auto set = db.query("SELECT set_config('statement_timeout', $1::text, true)", time);
      if (!set.ok()) return set;
      return db.query(statement_of(rule, *outbox).c_str(), pg::params{}.add_int4(limits.sample_max),
                      millis{left + 2000});
    });
    if (!rows.ok()) return tl::unexpected(rule.name + ": " + rows.error());
    if (rows.rows() > 0) out.push_back(finding_of(rule, rows, limits.sample_max));
  }
  return out;
}

std::vector<audit_rule> made_rules(audit_part x) {
  switch (x) {
  case audit_part::references: return audit_rules::references();
  case audit_part::seats: return audit_rules::seats();
  case audit_part::orders: return audit_rules::orders();
  case audit_part::history: return audit_rules::history();
  case audit_part::money: return audit_rules::money();
  case audit_part::tickets: return audit_rules::tickets();
  case audit_part::events: return audit_rules::events();
  case audit_part::shards: return audit_rules::shards();
  case audit_part::queue: return audit_rules::queue();
  case audit_part::overdue: break;
  }
  return audit_rules::overdue();
}

} // namespace

std::string_view to_string(audit_part x) {
  switch (x) {
  case audit_part::references: return "references";
  case audit_part::seats: return "seats";
  case audit_part::orders: return "orders";
  case audit_part::history: return "history";
  case audit_part::money: return "money";
  case audit_part::tickets: return "tickets";
  case audit_part::events: return "events";
  case audit_part::shards: return "shards";
  case audit_part::queue: return "queue";
  case audit_part::overdue: break;
  }
  return "overdue";
}

const std::vector<audit_rule>& rules_of(audit_part x) {
  static const auto all = [] {
    std::array<std::vector<audit_rule>, all_audit_parts.size()> out;
    for (auto part : all_audit_parts) out.at(static_cast<size_t>(part)) = made_rules(part);
    return out;
  }();
  return all.at(static_cast<size_t>(x));
}

tl::expected<findings, std::string> audit(pg::connection& db, std::span<const audit_rule> rules,
                                          const audit_limits& limits) {
  return ask(db, rules, limits, pg::time_limit{limits.whole}, [] { return false; });
}

// -- looking again and again ----------------------------------------------------------------------

auditor::auditor(std::vector<audit_part> parts, audit_limits limits)
    : parts_(std::move(parts)), limits_(limits) {
  // nop
}

bool auditor::asks(audit_part x) const { return std::ranges::find(parts_, x) != parts_.end(); }

tl::expected<audit_report, std::string> auditor::look(pg::connection& db,
                                                      const std::function<bool()>& stopped) {
  if (auto schema = check_schema(db); !schema) return tl::unexpected(schema.error());
  if (auto begun = db.run_script(begin_look); !begun.ok()) return tl::unexpected(begun.error());
  auto out = look_inside(db, stopped);
  // A connection that cannot even end its transaction is of no use for another look.
  if (auto ended = db.run_script("ROLLBACK"); !ended.ok()) db.close();
  return out;
}

tl::expected<audit_report, std::string> auditor::look_inside(pg::connection& db,
                                                             const std::function<bool()>& stopped) {
  pg::time_limit until{limits_.whole};
  auto when = db.query(moment);
  if (!when.ok()) return tl::unexpected(when.error());
  audit_report out;
  out.standby = when.boolean(0, 0);
  out.as_of = when.time(0, 1);
  for (auto part : parts_) {
    auto found = ask(db, rules_of(part), limits_, until, stopped);
    if (!found) return tl::unexpected(found.error());
    out.rules += rules_of(part).size();
    std::ranges::move(*found, std::back_inserter(out.findings));
  }
  if (asks(audit_part::shards))
    if (auto added = add_fallen_epochs(db, out); !added) return tl::unexpected(added.error());
  auto end = db.query("SELECT clock_timestamp()");
  if (!end.ok()) return tl::unexpected(end.error());
  out.age = end.time(0, 0) - out.as_of;
  return out;
}

/// I7: what no single moment can show. The first look only remembers.
tl::expected<void, std::string> auditor::add_fallen_epochs(pg::connection& db, audit_report& out) {
  auto rows = db.query("SELECT shard, epoch FROM shard_owners ORDER BY shard");
  if (!rows.ok()) return tl::unexpected(rows.error());
  ++out.rules;
  audit_finding fallen{"epoch_back", "shard_owners", "a shard's epoch went back", 0, {}};
  for (int i = 0; i < rows.rows(); ++i) {
    auto shard = rows.integer(i, 0), epoch = rows.integer(i, 1);
    auto& seen = epochs_.at(static_cast<size_t>(shard));
    if (epoch < seen && ++fallen.rows <= limits_.sample_max)
      fallen.sample.push_back({std::to_string(shard), "epoch " + std::to_string(epoch),
                               "epoch " + std::to_string(seen) + " was seen before"});
    seen = std::max(seen, epoch);
  }
  if (fallen.rows > 0) out.findings.push_back(std::move(fallen));
  return {};
}

} // namespace tk
