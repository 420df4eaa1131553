#include "persistence/cases/actor.hpp"

#include <caf/stateful_actor.hpp>

namespace tk {

namespace {

constexpr size_t waiting_max = 64;

#define TK_CASE                                                                                    \
  "c.id, c.kind, c.subject, c.status, c.reservation_id, c.payment_id, c.says, c.against, "         \
  "c.next_step, c.attempts, c.detected_at, c.seen_at, c.closed_at, c.closed_by_name, c.reason"

operator_case row_of(const pg::result& rows, int i) {
  auto text = [&](int column) { return std::string{rows.text(i, column)}; };
  operator_case out;
  out.id = rows.uuid<case_id>(i, 0);
  out.kind = text(1);
  out.subject = text(2);
  out.status = text(3);
  out.reservation = rows.uuid<reservation_id>(i, 4);
  out.payment = rows.uuid<payment_id>(i, 5);
  out.says = text(6);
  out.against = text(7);
  out.next_step = text(8);
  out.attempts = rows.int4(i, 9);
  out.detected_at = rows.time(i, 10);
  out.seen_at = rows.time(i, 11);
  out.closed_at = rows.time_or(i, 12, instant{});
  out.closed_by = text(13);
  out.reason = text(14);
  return out;
}

struct cases_state {
  static inline const char* name = "tiketi.cases";
  pg_pool<cases_actor::base> pool;
};
using cases_ptr = cases_actor::stateful_pointer<cases_state>;

cases_actor::behavior_type cases(cases_ptr self, const cases_config& config) {
  auto& pool = self->state.pool;
  pool.start(self, std::make_shared<pg_pool_config>(pg_pool_config{
                     config.conninfo, 1, waiting_max, "", case_statements(), config.log, nullptr}));
  using db = pg::connection;
  return {
    [&pool](const list_cases& x) {
      return pg_answer<cases_told>(pool, [=](db& to) { return read_cases(to, x); });
    },
    [&pool](const close_case_by_hand& x) {
      return pg_answer<cases_told>(pool, [=](db& to) { return close_case_row(to, x); });
    },
  };
}

} // namespace

pg_result<cases_told> read_cases(pg::connection& db, const list_cases& x) {
  pg::params values;
  values.add_text_or_null(x.kind).add_text_or_null(x.status);
  auto count = db.exec("cases_total", values);
  if (!count.ok()) return read_failed(count);
  cases_told out;
  out.total = count.integer(0, 0);
  values.add_int4(x.limit).add_int8(int64_t{x.page - 1} * x.limit);
  auto rows = db.exec("cases_page", values);
  if (!rows.ok()) return read_failed(rows);
  for (int i = 0; i < rows.rows(); ++i) out.rows.push_back(row_of(rows, i));
  return out;
}

pg_result<cases_told> close_case_row(pg::connection& db, const close_case_by_hand& x) {
  pg::params values;
  values.add_id(x.id).add_text(x.reason).add_id(x.by).add_text(x.by_name);
  auto done = db.exec("case_by_hand", values);
  if (!done.ok()) return write_failed(done);
  auto row = db.exec("case_one", pg::params{}.add_id(x.id));
  if (!row.ok()) return read_failed(row);
  cases_told out;
  out.changed = done.affected() > 0;
  for (int i = 0; i < row.rows(); ++i) out.rows.push_back(row_of(row, i));
  out.total = row.rows();
  return out;
}

std::vector<pg_statement> case_statements() {
  return {
    {"cases_total", "SELECT count(*) FROM operator_cases c WHERE ($1::text IS NULL OR "
                    "c.kind = $1::text) AND ($2::text IS NULL OR c.status = $2::text)"},
    {"cases_page",
     "SELECT " TK_CASE " FROM operator_cases c WHERE ($1::text IS NULL OR c.kind = $1::text) "
     "AND ($2::text IS NULL OR c.status = $2::text) ORDER BY c.detected_at DESC, c.id "
     "LIMIT $3::int4 OFFSET $4::int8"},
    {"case_one", "SELECT " TK_CASE " FROM operator_cases c WHERE c.id = $1::uuid"},
    {"case_by_hand", "UPDATE operator_cases SET status = 'closed', closed_at = clock_timestamp(), "
                     "reason = $2::text, closed_by = $3::uuid, closed_by_name = $4::text "
                     "WHERE id = $1::uuid AND status = 'open'"},
  };
}

#undef TK_CASE

cases_actor spawn_cases(caf::actor_system& system, const cases_config& config) {
  return system.spawn(cases, config);
}

} // namespace tk
