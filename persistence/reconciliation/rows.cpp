#include "persistence/reconciliation/rows.hpp"

#include <algorithm>

#include "persistence/audit/audit.hpp"

namespace tk::reconciling {

namespace {

/// Asked about in one run, of each kind. A run lasts minutes then, for it asks slowly.
constexpr int32_t live_max = 200, refunds_max = 100, failed_max = 100, booked_max = 200,
                  differed_max = 100;
/// Rules that take longer are asked of a standby, by `tiketi-inspect audit`.
constexpr millis compare_limit{20'000};
constexpr int32_t mismatches_max = 100; ///< Cases of one rule.

// What of an attempt is looked at: its columns, in the order of `row_of`.
#define TK_MONEY                                                                                   \
  "a.id, a.payment_id, a.reservation_id, coalesce(p.order_id, ''), a.provider, a.status, "         \
  "a.amount, a.started_at, f.id, coalesce(f.amount, 0), coalesce(f.status = 'done', false), "      \
  "coalesce(f.tries, 0), coalesce(f.error, ''), w.why "
#define TK_OF_MONEY                                                                                \
  "JOIN payment_attempts a ON a.id = w.id LEFT JOIN payments p ON p.id = a.payment_id "            \
  "LEFT JOIN refunds f ON f.attempt_id = a.id "

money_row row_of(const pg::result& rows, int i) {
  money_row out;
  out.attempt = rows.uuid<attempt_id>(i, 0);
  out.payment = rows.uuid<payment_id>(i, 1);
  out.reservation = rows.uuid<reservation_id>(i, 2);
  out.order_id = rows.text(i, 3);
  out.provider = rows.text(i, 4);
  out.status = rows.text(i, 5);
  out.amount = won{rows.integer(i, 6)};
  out.started_at = rows.time(i, 7);
  out.refund = rows.uuid<refund_id>(i, 8);
  out.refund_amount = won{rows.integer(i, 9)};
  out.refund_done = rows.boolean(i, 10);
  out.refund_tries = rows.int4(i, 11);
  out.refund_error = rows.text(i, 12);
  out.why = static_cast<money_why>(rows.int4(i, 13));
  return out;
}

/// What to look at, beside a run that is ours.
pg_result<void> read_money(pg::connection& db, millis open_for, reconciliation_begun& out) {
  pg::params values;
  values.add_int8(open_for.count()).add_int4(live_max).add_int4(refunds_max).add_int4(failed_max);
  values.add_int8(out.from).add_int8(out.to).add_int4(booked_max).add_int4(differed_max);
  auto rows = db.exec("reconcile_money", values);
  if (!rows.ok()) return read_failed(rows);
  for (int i = 0; i < rows.rows(); ++i) out.rows.push_back(row_of(rows, i));
  return {};
}

/// Why a run did not begin.
pg_result<reconciliation_begun> why_not(pg::connection& db, const begin_reconciliation& x) {
  auto other = db.exec("reconcile_other", pg::params{}.add_id(x.id));
  if (!other.ok()) return read_failed(other);
  reconciliation_begun out;
  if (other.rows() == 0) return out;
  out.id = other.uuid<reconciliation_id>(0, 0);
  bool ended = other.boolean(0, 1);
  out.is = ended ? run_begin::done : run_begin::under_way;
  return out;
}

std::string next_step_of(const audit_finding& x) {
  return "docs/audit.md, rule " + x.rule +
         "; stop what sells it with `tiketi-inspect brake` when it spreads";
}

found_case case_of(const audit_finding& of, const contradiction& x) {
  found_case out;
  out.subject = of.rule + " " + x.row;
  if (of.table == "reservations")
    out.reservation = parse_id<reservation_id>(x.row).value_or(reservation_id{});
  out.says = of.text + ": " + x.says;
  out.against = x.against;
  out.next_step = next_step_of(of);
  return out;
}

/// Cases of rules of which all rows were read, and which are not among them, are none any more.
pg_result<int64_t> close_mended(pg::connection& db, instant began_at,
                                const std::vector<audit_finding>& found) {
  pg::array cut{pg::oid::text};
  for (auto& x : found)
    if (x.rows > static_cast<int64_t>(x.sample.size())) cut.push_text(x.rule);
  auto done = db.exec("case_mended", pg::params{}.add_time(began_at).add(cut));
  if (!done.ok()) return write_failed(done);
  return done.affected();
}

} // namespace

pg_result<reconciliation_begun> begin(pg::connection& db, const begin_reconciliation& x) {
  if (auto buried = db.exec("reconcile_bury"); !buried.ok()) return write_failed(buried);
  pg::params values;
  values.add_id(x.id).add_id(x.node).add_text_or_null(x.by);
  values.add_int8(x.by.empty() ? x.every.count() : 0);
  auto rows = db.exec("reconcile_begin", values);
  if (!rows.ok()) return write_failed(rows);
  if (rows.rows() == 0) return why_not(db, x);
  reconciliation_begun out;
  out.is = run_begin::ours;
  out.id = x.id;
  out.from = rows.integer(0, 0);
  out.to = rows.integer(0, 1);
  out.began_at = rows.time(0, 2);
  out.compare_rows = !x.by.empty() || rows.boolean(0, 3);
  if (auto read = read_money(db, x.open_for, out); !read) return tl::unexpected(read.error());
  return out;
}

pg_result<money_found> find(pg::connection& db, const find_money& x) {
  auto rows = db.exec("reconcile_find", pg::params{}.add_id(x.attempt));
  if (!rows.ok()) return read_failed(rows);
  money_found out;
  for (int i = 0; i < rows.rows(); ++i) out.rows.push_back(row_of(rows, i));
  return out;
}

pg_result<reconciliation_goes_on> touch(pg::connection& db, const touch_reconciliation& x) {
  auto done = db.exec("reconcile_touch", pg::params{}.add_id(x.id));
  if (!done.ok()) return write_failed(done);
  return reconciliation_goes_on{done.affected() > 0};
}

pg_result<asked_again> ask(pg::connection& db, const ask_again& x) {
  auto rows = db.exec("ask_again", pg::params{}.add_id(x.attempt));
  if (!rows.ok()) return write_failed(rows);
  return asked_again{rows.rows() > 0 && rows.boolean(0, 0)};
}

pg_result<case_noted> open(pg::connection& db, const open_case& x) {
  auto& c = x.what;
  pg::params values;
  values.add_text(to_string(c.kind)).add_text(c.subject).add_id_or_null(c.reservation);
  values.add_id_or_null(c.payment).add_id_or_null(c.attempt).add_text(c.says).add_text(c.against);
  values.add_text(c.next_step).add_int4(c.attempts);
  auto rows = db.exec("case_open", values);
  if (!rows.ok()) return write_failed(rows);
  return case_noted{rows.rows() > 0 && rows.boolean(0, 0)};
}

pg_result<case_noted> close(pg::connection& db, const close_case& x) {
  auto done = db.exec("case_close", pg::params{}.add_text(to_string(x.kind)).add_text(x.subject));
  if (!done.ok()) return write_failed(done);
  return case_noted{done.affected() > 0};
}

pg_result<rows_compared> compare(pg::connection& db, const compare_rows& x) {
  using enum audit_part;
  auditor looks{{seats, orders, money, tickets}, {compare_limit, mismatches_max}};
  auto found = looks.look(db, [] { return false; });
  rows_compared out;
  if (!found) { // Too many rows for its time, or no database: the rest of the run is worth as much.
    if (!db.alive()) return tl::unexpected(pg_failure{ec::unavailable, found.error()});
    out.why = found.error();
    out.took = compare_limit;
    return out;
  }
  out.whole = true;
  out.rules = static_cast<int64_t>(found->rules);
  out.broken = static_cast<int64_t>(found->findings.size());
  out.took = found->age;
  for (auto& rule : found->findings)
    for (auto& row : rule.sample) {
      auto noted = open(db, {case_of(rule, row)});
      if (!noted) return tl::unexpected(noted.error());
      if (noted->changed) ++out.opened;
    }
  auto mended = close_mended(db, x.began_at, found->findings);
  if (!mended) return tl::unexpected(mended.error());
  out.closed = *mended;
  return out;
}

pg_result<reconciliation_ended> end(pg::connection& db, const end_reconciliation& x) {
  pg::params values;
  values.add_id(x.id).add_int8(x.asked_to).add_bool(x.compared);
  values.add_int4(static_cast<int32_t>(x.compare_took.count())).add_text(x.result);
  if (auto done = db.exec("reconcile_end", values); !done.ok()) return write_failed(done);
  if (auto old = db.exec("reconcile_forget"); !old.ok()) return write_failed(old);
  return reconciliation_ended{};
}

pg_result<cases_seen> look(pg::connection& db, const look_at_cases& x) {
  cases_seen out;
  auto closed = db.exec("cases_repaired");
  if (!closed.ok()) return write_failed(closed);
  out.closed = closed.affected();
  auto late = db.exec("cases_alert", pg::params{}.add_int8(x.alert_after.count()));
  if (!late.ok()) return write_failed(late);
  for (int i = 0; i < late.rows(); ++i)
    out.alerts.push_back({std::string{late.text(i, 0)}, std::string{late.text(i, 1)},
                          std::string{late.text(i, 2)}, late.time(i, 3)});
  out.open.assign(case_kinds, 0);
  out.overdue.assign(case_kinds, 0);
  auto counts = db.exec("cases_count", pg::params{}.add_int8(x.alert_after.count()));
  if (!counts.ok()) return read_failed(counts);
  for (int i = 0; i < counts.rows(); ++i)
    for (size_t kind = 0; kind < case_kinds; ++kind)
      if (counts.text(i, 0) == to_string(static_cast<case_kind>(kind + 1))) {
        out.open[kind] = counts.integer(i, 1);
        out.overdue[kind] = counts.integer(i, 2);
      }
  return out;
}

namespace {

std::vector<pg_statement> run_statements() {
  return {
    // Whoever ran it has died: it touches its row some times a minute.
    {"reconcile_bury", "UPDATE reconciliations SET ended_at = clock_timestamp(), given_up = true "
                       "WHERE ended_at IS NULL AND seen_at < clock_timestamp() - "
                       "interval '90 seconds'"},
    // Entries get their numbers before they are committed: the last seconds wait for the next run.
    // Before the first run there is nothing that could have gone wrong since the migration.
    // Rows are compared so seldom that it takes no more than a fiftieth of a processor.
    {"reconcile_begin",
     "INSERT INTO reconciliations (id, node, asked_by, books_from, books_to) "
     "SELECT $1::uuid, $2::uuid, $3::text, coalesce(l.books_to, greatest(b.id - 1000, 0)), "
     "greatest(b.id, l.books_to) FROM (SELECT coalesce((SELECT id FROM books "
     "WHERE at < clock_timestamp() - interval '10 seconds' ORDER BY id DESC LIMIT 1), 0) AS id) b "
     "LEFT JOIN LATERAL (SELECT r.books_to, r.began_at FROM reconciliations r "
     "WHERE r.ended_at IS NOT NULL AND NOT r.given_up ORDER BY r.began_at DESC LIMIT 1) l ON true "
     "WHERE NOT EXISTS (SELECT 1 FROM reconciliations r WHERE r.id = $1::uuid) "
     "AND coalesce(l.began_at, (SELECT max(applied_at) FROM schema_migrations)) "
     "<= clock_timestamp() - $4::int8 * interval '1 millisecond' ON CONFLICT DO NOTHING "
     "RETURNING books_from, books_to, began_at, "
     "coalesce((SELECT c.rows_compared_at + c.rows_compared_ms * interval '50 milliseconds' "
     "<= clock_timestamp() FROM reconciliations c WHERE c.rows_compared_at IS NOT NULL "
     "ORDER BY c.began_at DESC LIMIT 1), true)"},
    {"reconcile_other", "SELECT id, ended_at IS NOT NULL FROM reconciliations "
                        "WHERE id = $1::uuid OR ended_at IS NULL ORDER BY id = $1::uuid DESC "
                        "LIMIT 1"},
    {"reconcile_touch", "UPDATE reconciliations SET seen_at = clock_timestamp() "
                        "WHERE id = $1::uuid AND ended_at IS NULL"},
    // Of what moved money since the last run some are asked about, evenly, when they are many: the
    // rest is what the provider's settlement list is for.
    {"reconcile_money",
     "WITH w AS MATERIALIZED (SELECT x.id, min(x.why) AS why FROM ("
     "(SELECT id, 1 AS why FROM payment_attempts WHERE status = 'live' AND started_at < "
     "clock_timestamp() - $1::int8 * interval '1 millisecond' ORDER BY started_at LIMIT $2::int4) "
     "UNION ALL (SELECT attempt_id, 2 FROM refunds WHERE status = 'pending' AND tries >= 5 "
     "ORDER BY next_try_at LIMIT $3::int4) "
     "UNION ALL (SELECT id, 3 FROM payment_attempts WHERE next_ask_at IS NOT NULL "
     "AND status IN ('declined', 'voided') ORDER BY next_ask_at DESC LIMIT $4::int4) "
     "UNION ALL (SELECT DISTINCT attempt_id, 4 FROM books WHERE id > $5::int8 AND id <= $6::int8 "
     "AND (id / 2) % greatest(1, ($6::int8 - $5::int8) / (2 * $7::int4)) = 0 LIMIT 2 * $7::int4) "
     "UNION ALL (SELECT attempt_id, 5 FROM operator_cases WHERE status = 'open' "
     "AND kind = 'provider_difference' AND attempt_id IS NOT NULL ORDER BY detected_at "
     "LIMIT $8::int4)) x GROUP BY x.id) "
     "SELECT " TK_MONEY "FROM w " TK_OF_MONEY "ORDER BY w.why, a.started_at, a.id"},
    {"reconcile_find", "SELECT " TK_MONEY "FROM (SELECT $1::uuid AS id, 4 AS why) w " TK_OF_MONEY},
    {"reconcile_end",
     "UPDATE reconciliations SET ended_at = clock_timestamp(), seen_at = clock_timestamp(), "
     "books_to = $2::int8, rows_compared_at = CASE WHEN $3::bool THEN clock_timestamp() END, "
     "rows_compared_ms = CASE WHEN $3::bool THEN $4::int4 END, result = $5::text::jsonb "
     "WHERE id = $1::uuid AND ended_at IS NULL"},
    {"reconcile_forget", "DELETE FROM reconciliations WHERE began_at < clock_timestamp() - "
                         "interval '30 days'"},
    {"ask_again", "SELECT ask_again($1::uuid)"},
  };
}

std::vector<pg_statement> case_statements() {
  return {
    // What a person has closed stays closed for as long as it says the same.
    {"case_open",
     "INSERT INTO operator_cases AS c (kind, subject, reservation_id, payment_id, attempt_id, "
     "says, against, next_step, attempts) SELECT $1::text, $2::text, $3::uuid, $4::uuid, "
     "$5::uuid, $6::text, $7::text, $8::text, $9::int4 WHERE NOT EXISTS (SELECT 1 "
     "FROM operator_cases o WHERE o.kind = $1::text AND o.subject = $2::text "
     "AND o.status = 'closed' AND o.closed_by IS NOT NULL AND o.says = $6::text "
     "AND o.against = $7::text) ON CONFLICT (kind, subject) WHERE status = 'open' "
     "DO UPDATE SET says = excluded.says, against = excluded.against, "
     "next_step = excluded.next_step, attempts = greatest(c.attempts, excluded.attempts), "
     "seen_at = clock_timestamp() RETURNING xmax = 0"},
    {"case_close", "UPDATE operator_cases SET status = 'closed', closed_at = clock_timestamp(), "
                   "reason = 'it is so no more' WHERE kind = $1::text AND subject = $2::text "
                   "AND status = 'open'"},
    {"case_mended",
     "UPDATE operator_cases SET status = 'closed', closed_at = clock_timestamp(), "
     "reason = 'it is so no more' WHERE kind = 'row_mismatch' AND status = 'open' "
     "AND seen_at < $1::timestamptz AND split_part(subject, ' ', 1) <> ALL ($2::text[])"},
    {"cases_repaired",
     "UPDATE operator_cases c SET status = 'closed', closed_at = clock_timestamp(), "
     "reason = 'repaired' FROM payment_attempts a LEFT JOIN refunds f ON f.attempt_id = a.id "
     "WHERE c.status = 'open' AND a.id = c.attempt_id AND CASE c.kind "
     "WHEN 'payment_unresolved' THEN a.status <> 'live' "
     "WHEN 'paid_incomplete' THEN a.status = 'approved' OR coalesce(f.status = 'done', false) "
     "WHEN 'refund_failed' THEN coalesce(f.status = 'done', false) ELSE false END"},
    {"cases_alert",
     "UPDATE operator_cases SET alerted_at = clock_timestamp() WHERE status = 'open' "
     "AND alerted_at IS NULL AND detected_at < clock_timestamp() - $1::int8 * "
     "interval '1 millisecond' RETURNING id::text, kind::text, subject::text, detected_at"},
    {"cases_count",
     "SELECT kind::text, count(*), count(*) FILTER (WHERE detected_at < clock_timestamp() - "
     "$1::int8 * interval '1 millisecond') FROM operator_cases WHERE status = 'open' GROUP BY 1"},
  };
}

#undef TK_MONEY
#undef TK_OF_MONEY

} // namespace

std::vector<pg_statement> statements() {
  auto out = run_statements();
  auto cases = case_statements();
  out.insert(out.end(), cases.begin(), cases.end());
  return out;
}

} // namespace tk::reconciling
