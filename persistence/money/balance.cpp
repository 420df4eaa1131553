#include "persistence/money/balance.hpp"

#include <algorithm>
#include <array>

#include "persistence/migrations/migrate.hpp"

namespace tk {

namespace {

/// One moment for everything, and nothing that anybody else has to wait for.
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

struct line_question {
  const char* what;
  const char* recorded; ///< Count and sum of the record.
  const char* booked;   ///< The same sum by the books.
};

constexpr std::array lines{
  line_question{"captured by providers",
                "SELECT count(*), coalesce(sum(amount), 0)::int8 FROM payment_attempts "
                "WHERE status IN ('approved', 'late')",
                "SELECT coalesce(sum(amount), 0)::int8 FROM books WHERE account = 'provider' "
                "AND amount > 0"},
  line_question{"given back by providers",
                "SELECT count(*), coalesce(sum(amount), 0)::int8 FROM refunds "
                "WHERE status = 'done'",
                "SELECT coalesce(-sum(amount), 0)::int8 FROM books WHERE account = 'provider' "
                "AND amount < 0"},
  line_question{"sold: confirmed reservations",
                "SELECT count(*), coalesce(sum(total_amount), 0)::int8 FROM reservations "
                "WHERE status = 'confirmed'",
                "SELECT coalesce(-sum(amount), 0)::int8 FROM books WHERE account = 'sales'"},
  line_question{"sold: confirmed orders",
                "SELECT count(*), coalesce(sum(amount), 0)::int8 FROM payments "
                "WHERE status = 'confirmed' AND payment_type = 'reservation'",
                "SELECT coalesce(-sum(amount), 0)::int8 FROM books WHERE account = 'sales'"},
  line_question{"owed to buyers: refunds under way",
                "SELECT count(*), coalesce(sum(amount), 0)::int8 FROM refunds "
                "WHERE status = 'pending'",
                "SELECT coalesce(-sum(amount), 0)::int8 FROM books WHERE account = 'owed'"},
  line_question{"kept of refunds as fees",
                "SELECT count(*) FILTER (WHERE f.amount <> a.amount), "
                "coalesce(sum(a.amount - f.amount), 0)::int8 FROM refunds f "
                "JOIN payment_attempts a ON a.id = f.attempt_id",
                "SELECT coalesce(-sum(amount), 0)::int8 FROM books WHERE account = 'fees'"},
  line_question{"settled by providers",
                "SELECT count(*), coalesce(sum(amount - refunded), 0)::int8 "
                "FROM settled_payments WHERE attempt_id IS NOT NULL",
                "SELECT coalesce(-sum(amount), 0)::int8 FROM books WHERE account = 'settled'"},
  line_question{"kept of it by providers",
                "SELECT count(*) FILTER (WHERE fee <> 0), coalesce(sum(fee), 0)::int8 "
                "FROM settled_payments WHERE attempt_id IS NOT NULL",
                "SELECT coalesce(sum(amount), 0)::int8 FROM books WHERE account = 'costs'"},
  line_question{"credited to us by providers",
                "SELECT count(*), coalesce(sum(amount - refunded - fee), 0)::int8 "
                "FROM settled_payments WHERE attempt_id IS NOT NULL",
                "SELECT coalesce(sum(amount), 0)::int8 FROM books WHERE account = 'credits'"},
  line_question{"everything cancels out", "SELECT count(*), 0::int8 FROM books",
                "SELECT coalesce(sum(amount), 0)::int8 FROM books"},
};

constexpr const char* accounts =
  "SELECT a.provider::text, b.account::text, count(*), sum(b.amount)::int8 FROM books b "
  "JOIN payment_attempts a ON a.id = b.attempt_id GROUP BY 1, 2 ORDER BY 1, 2";

constexpr const char* moment = "SELECT pg_is_in_recovery(), statement_timestamp()";

constexpr const char* captures =
  "SELECT p.order_id::text, sum(a.amount)::int8, coalesce(sum(f.amount), 0)::int8 "
  "FROM payment_attempts a JOIN payments p ON p.id = a.payment_id "
  "LEFT JOIN refunds f ON f.attempt_id = a.id AND f.status = 'done' "
  "WHERE a.status IN ('approved', 'late') AND a.provider = $1::text "
  "AND ($2::timestamptz IS NULL OR a.closed_at >= $2::timestamptz) "
  "AND ($3::timestamptz IS NULL OR a.closed_at < $3::timestamptz) GROUP BY 1";

using problem = tl::unexpected<std::string>;

tl::expected<void, std::string> add_lines(pg::connection& db, const pg::time_limit& until,
                                          money_balance& out) {
  for (auto& x : lines) {
    auto recorded = db.query(x.recorded, {}, millis{until.remaining_ms()});
    if (!recorded.ok()) return problem(recorded.error());
    auto booked = db.query(x.booked, {}, millis{until.remaining_ms()});
    if (!booked.ok()) return problem(booked.error());
    out.lines.push_back(
      {x.what, recorded.integer(0, 0), recorded.integer(0, 1), booked.integer(0, 0)});
  }
  auto rows = db.query(accounts, {}, millis{until.remaining_ms()});
  if (!rows.ok()) return problem(rows.error());
  for (int i = 0; i < rows.rows(); ++i)
    out.accounts.push_back({std::string{rows.text(i, 0)}, std::string{rows.text(i, 1)},
                            rows.integer(i, 2), rows.integer(i, 3)});
  return {};
}

tl::expected<money_balance, std::string> look(pg::connection& db, const settlement_list* list,
                                              const audit_limits& limits) {
  pg::time_limit until{limits.whole};
  auto when = db.query(moment);
  if (!when.ok()) return problem(when.error());
  money_balance out;
  out.standby = when.boolean(0, 0);
  out.as_of = when.time(0, 1);
  if (auto added = add_lines(db, until, out); !added) return problem(added.error());
  auto rest = limits;
  rest.whole = millis{until.remaining_ms()};
  auto found = audit(db, rules_of(audit_part::money), rest);
  if (!found) return problem(found.error());
  out.findings = std::move(*found);
  if (!list) return out;
  auto ours = captures_of(db, *list, millis{until.remaining_ms()});
  if (!ours) return problem(ours.error());
  out.settled = list->payments.size();
  out.differences = compare_settlement(std::move(*ours), list->payments);
  return out;
}

} // namespace

bool money_balance::balances() const {
  return findings.empty() && differences.empty() &&
         std::ranges::all_of(lines, [](auto& x) { return x.balances(); });
}

tl::expected<std::vector<settled_payment>, std::string> captures_of(pg::connection& db,
                                                                    const settlement_list& list,
                                                                    millis limit) {
  pg::params values;
  values.add_text(list.provider);
  for (auto& x : {list.from, list.to})
    if (x) values.add_time(*x);
    else values.add_null(pg::oid::timestamptz);
  auto rows = db.query(captures, values, limit);
  if (!rows.ok()) return problem(rows.error());
  std::vector<settled_payment> out;
  out.reserve(static_cast<size_t>(rows.rows()));
  for (int i = 0; i < rows.rows(); ++i)
    out.push_back({std::string{rows.text(i, 0)}, rows.integer(i, 1), rows.integer(i, 2)});
  return out;
}

tl::expected<money_balance, std::string> balance_money(pg::connection& db,
                                                       const settlement_list* list,
                                                       const audit_limits& limits) {
  if (auto schema = check_schema(db); !schema) return problem(schema.error());
  if (auto begun = db.run_script(begin_look); !begun.ok()) return problem(begun.error());
  auto out = look(db, list, limits);
  // A connection that cannot even end its transaction is of no use for another look.
  if (auto ended = db.run_script("ROLLBACK"); !ended.ok()) db.close();
  return out;
}

} // namespace tk
