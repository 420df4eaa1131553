#include "persistence/reads/queries.hpp"

/// What checkouts load.
namespace tk {

std::vector<pg_statement> payment_read_statements() {
  return {
    {"checkout", "SELECT user_id, event_id, block_no, total_amount FROM reservations "
                 "WHERE id = $1::uuid"},
    {"checkout_orders", "SELECT id, order_id, payment_key, method, amount, status, approved_at "
                        "FROM payments WHERE reservation_id = $1::uuid "
                        "AND payment_type = 'reservation' ORDER BY created_at, id"},
    {"checkout_attempts", "SELECT id, payment_id, provider, payment_key, method, amount, status, "
                          "asked::int4, started_at, closed_at, next_ask_at FROM payment_attempts "
                          "WHERE reservation_id = $1::uuid ORDER BY started_at, id"},
    {"checkout_refunds", "SELECT id, attempt_id, amount, status = 'done', tries, next_try_at "
                         "FROM refunds WHERE reservation_id = $1::uuid ORDER BY made_at, id"},
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

pg_result<checkout_rows> checkout_in_snapshot(pg::connection& db, const load_checkout& x) {
  pg::params key;
  key.add_id(x.reservation);
  auto head = db.exec("checkout", key);
  if (!head.ok()) return read_failed(head);
  checkout_rows out;
  out.known = head.rows() > 0;
  if (!out.known) return out;
  out.user = head.uuid<user_id>(0, 0);
  out.event = head.uuid<event_id>(0, 1);
  out.lead_block = head.int4(0, 2);
  out.total = {head.integer(0, 3)};
  auto orders = db.exec("checkout_orders", key);
  if (!orders.ok()) return read_failed(orders);
  for (int i = 0; i < orders.rows(); ++i)
    out.orders.push_back({orders.uuid<payment_id>(i, 0), std::string{orders.text(i, 1)},
                          std::string{orders.text(i, 2)}, std::string{orders.text(i, 3)},
                          won{orders.integer(i, 4)}, order_status_of(orders.text(i, 5)),
                          orders.time_or(i, 6, instant{})});
  auto attempts = db.exec("checkout_attempts", key);
  if (!attempts.ok()) return read_failed(attempts);
  for (int i = 0; i < attempts.rows(); ++i)
    out.attempts.push_back({attempts.uuid<attempt_id>(i, 0), attempts.uuid<payment_id>(i, 1),
                            std::string{attempts.text(i, 2)}, std::string{attempts.text(i, 3)},
                            std::string{attempts.text(i, 4)}, won{attempts.integer(i, 5)},
                            attempt_status_of(attempts.text(i, 6)), attempts.int4(i, 7),
                            attempts.time(i, 8), attempts.time_or(i, 9, instant{}),
                            attempts.time_or(i, 10, instant{})});
  auto refunds = db.exec("checkout_refunds", key);
  if (!refunds.ok()) return read_failed(refunds);
  for (int i = 0; i < refunds.rows(); ++i)
    out.refunds.push_back({refunds.uuid<refund_id>(i, 0), refunds.uuid<attempt_id>(i, 1),
                           won{refunds.integer(i, 2)}, refunds.boolean(i, 3), refunds.int4(i, 4),
                           refunds.time(i, 5)});
  return out;
}

} // namespace

pg_result<checkout_rows> read_checkout(pg::connection& db, const load_checkout& x) {
  // Four statements that must agree: one snapshot for all.
  auto begun = db.run_script("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
  if (!begun.ok()) return read_failed(begun);
  auto out = checkout_in_snapshot(db, x);
  auto ended = db.run_script("COMMIT");
  if (!ended.ok()) db.close(); // Nothing was written; but no transaction may stay open.
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
