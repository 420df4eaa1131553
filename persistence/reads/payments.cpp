#include "persistence/reads/queries.hpp"

/// What checkouts load.
namespace tk {

std::vector<pg_statement> payment_read_statements() {
  return {
    // One statement, so one snapshot and one way there and back: 1 the reservation, 2 orders,
    // 3 attempts, 4 refunds.
    {"checkout",
     "SELECT 1 AS kind, user_id AS id, event_id AS of, total_amount AS amount,"
     " CASE WHEN (SELECT epoch FROM shard_owners WHERE shard = $2::int4)"
     " IS DISTINCT FROM $3::int8 THEN 'fenced' END AS status,"
     " block_no::int4 AS n, NULL::text AS a, NULL::text AS b, NULL::text AS c, created_at AS at,"
     " NULL::timestamptz AS then, NULL::timestamptz AS next "
     "FROM reservations WHERE id = $1::uuid UNION ALL "
     "SELECT 2, id, NULL, amount, status, NULL, order_id, payment_key, method, created_at,"
     " approved_at, NULL "
     "FROM payments WHERE reservation_id = $1::uuid AND payment_type = 'reservation' UNION ALL "
     "SELECT 3, id, payment_id, amount, status, asked, provider, payment_key, method, started_at,"
     " closed_at, next_ask_at "
     "FROM payment_attempts WHERE reservation_id = $1::uuid UNION ALL "
     "SELECT 4, id, attempt_id, amount, status, tries, NULL, NULL, NULL, made_at, NULL, "
     "next_try_at "
     "FROM refunds WHERE reservation_id = $1::uuid ORDER BY kind, at, id"},
    {"open_checkouts",
     "SELECT reservation_id FROM ("
     "(SELECT reservation_id, next_ask_at AS at FROM payment_attempts "
     "WHERE next_ask_at IS NOT NULL AND next_ask_at <= statement_timestamp() "
     "ORDER BY next_ask_at LIMIT $1::int4) UNION ALL "
     "(SELECT reservation_id, next_try_at FROM refunds WHERE status = 'pending' "
     "AND next_try_at <= statement_timestamp() ORDER BY next_try_at LIMIT $1::int4)) x "
     "GROUP BY reservation_id ORDER BY min(at), reservation_id LIMIT $1::int4"},
  };
}

namespace {

order_status order_status_of(std::string_view x) {
  if (x == "pending") return order_status::pending;
  if (x == "confirmed") return order_status::confirmed;
  if (x == "failed") return order_status::failed;
  return x == "refunded" ? order_status::refunded : order_status::refund_pending;
}

attempt_status attempt_status_of(std::string_view x) {
  if (x == "live") return attempt_status::live;
  if (x == "approved") return attempt_status::approved;
  if (x == "declined") return attempt_status::declined;
  if (x == "voided") return attempt_status::voided;
  return x == "untried" ? attempt_status::untried : attempt_status::late;
}

/// A row of `checkout`: kind, id, of, amount, status, n, three texts, at, then, next.
void note(const pg::result& rows, int i, checkout_rows& out) {
  won amount{rows.integer(i, 3)};
  auto text = [&](int column) { return std::string{rows.text(i, column)}; };
  switch (rows.int4(i, 0)) {
  case 1:
    out.known = true;
    out.fenced = rows.text(i, 4) == "fenced";
    out.user = rows.uuid<user_id>(i, 1);
    out.event = rows.uuid<event_id>(i, 2);
    out.lead_block = rows.int4(i, 5);
    out.total = amount;
    break;
  case 2:
    out.orders.push_back({rows.uuid<payment_id>(i, 1), text(6), text(7), text(8), amount,
                          order_status_of(rows.text(i, 4)), rows.time_or(i, 10, instant{})});
    break;
  case 3:
    out.attempts.push_back({rows.uuid<attempt_id>(i, 1), rows.uuid<payment_id>(i, 2), text(6),
                            text(7), text(8), amount, attempt_status_of(rows.text(i, 4)),
                            rows.int4(i, 5), rows.time(i, 9), rows.time_or(i, 10, instant{}),
                            rows.time_or(i, 11, instant{})});
    break;
  default:
    out.refunds.push_back({rows.uuid<refund_id>(i, 1), rows.uuid<attempt_id>(i, 2), amount,
                           rows.text(i, 4) == "done", rows.int4(i, 5), rows.time(i, 11)});
  }
}

} // namespace

pg_result<checkout_rows> read_checkout(pg::connection& db, const load_checkout& x) {
  auto rows = db.exec(
    "checkout", pg::params{}.add_id(x.reservation).add_int4(x.self.shard).add_int8(x.self.epoch));
  if (!rows.ok()) return read_failed(rows);
  checkout_rows out;
  for (int i = 0; i < rows.rows(); ++i) note(rows, i, out);
  return out;
}

pg_result<open_checkouts> read_open_checkouts(pg::connection& db, const find_open_checkouts& x) {
  auto rows = db.exec("open_checkouts", pg::params{}.add_int4(x.limit));
  if (!rows.ok()) return read_failed(rows);
  open_checkouts out;
  for (int i = 0; i < rows.rows(); ++i) out.rows.push_back(rows.uuid<reservation_id>(i, 0));
  return out;
}

} // namespace tk
