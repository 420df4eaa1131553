#include "persistence/store/queries.hpp"

namespace tk {

// What `view_of` and `standing_of` read: a known asker has a row even without payments.
#define TK_PAYMENT_COLUMNS                                                                         \
  "SELECT p.id, p.order_id, p.payment_key, p.amount, p.method, p.status, p.toss_status, "          \
  "p.approved_at, p.created_at, p.updated_at, p.reservation_id, p.user_id, p.payment_type, "       \
  "p.reference_id, u.revoked_before FROM users u "

std::vector<pg_statement> payment_view_statements() {
  return {
    {"payment_by_order", TK_PAYMENT_COLUMNS "LEFT JOIN payments p ON p.order_id = $2 "
                                            "WHERE u.id = $1::uuid"},
    {"payment_of_order",
     TK_PAYMENT_COLUMNS "JOIN payments p ON p.user_id = u.id WHERE p.order_id = $1"},
    {"payment_by_key", TK_PAYMENT_COLUMNS "LEFT JOIN payments p ON p.payment_key = $2 "
                                          "WHERE u.id = $1::uuid"},
    {"my_payments", TK_PAYMENT_COLUMNS
     "LEFT JOIN LATERAL (SELECT * FROM payments x WHERE x.user_id = u.id "
     "ORDER BY x.created_at DESC, x.id LIMIT $2::int4 OFFSET $3::int4) p ON true "
     "WHERE u.id = $1::uuid ORDER BY p.created_at DESC, p.id"},
    {"my_payment_count", "SELECT count(*) FROM payments WHERE user_id = $1::uuid"},
    {"key", "SELECT u.revoked_before, k.digest, k.effect_id FROM users u "
            "LEFT JOIN request_keys k ON k.user_id = u.id AND k.operation = $2 AND k.key = $3 "
            "WHERE u.id = $1::uuid"},
  };
}

#undef TK_PAYMENT_COLUMNS

namespace {

std::optional<std::string> text_of(const pg::result& rows, int i, int column) {
  if (rows.null(i, column)) return std::nullopt;
  return std::string{rows.text(i, column)};
}

token_standing standing_of(const pg::result& rows) {
  if (rows.rows() == 0) return {};
  return {true, rows.time_or(0, 14, instant{})};
}

payment_view view_of(const pg::result& rows, int i) {
  payment_view x;
  x.id = rows.uuid<payment_id>(i, 0);
  x.order_id = rows.text(i, 1);
  x.payment_key = text_of(rows, i, 2);
  x.amount = {rows.integer(i, 3)};
  x.method = text_of(rows, i, 4);
  x.status = rows.text(i, 5);
  x.provider_status = text_of(rows, i, 6);
  x.approved_at = rows.time_or(i, 7, instant{});
  x.created_at = rows.time(i, 8);
  x.updated_at = rows.time(i, 9);
  x.reservation = rows.uuid<reservation_id>(i, 10);
  x.user = rows.uuid<user_id>(i, 11);
  x.type = rows.text(i, 12);
  if (!rows.null(i, 13)) x.reference = to_string(rows.uuid<reservation_id>(i, 13));
  return x;
}

} // namespace

pg_result<found_payment> read_payment(pg::connection& db, const find_payment& x) {
  bool by_key = x.order_id.empty();
  bool of_callback = x.asker.nil(); // Nobody asks: a provider has called.
  auto rows =
    of_callback
      ? db.exec("payment_of_order", pg::params{}.add_text(x.order_id))
      : db.exec(by_key ? "payment_by_key" : "payment_by_order",
                pg::params{}.add_id(x.asker).add_text(by_key ? x.payment_key : x.order_id));
  if (!rows.ok()) return read_failed(rows);
  if (rows.rows() == 0 || rows.null(0, 0)) return found_payment{standing_of(rows), false, {}};
  return found_payment{standing_of(rows), true, view_of(rows, 0)};
}

pg_result<payment_page> read_payments(pg::connection& db, const list_payments& x) {
  auto rows =
    db.exec("my_payments", pg::params{}.add_id(x.user).add_int4(x.limit).add_int4(x.offset));
  if (!rows.ok()) return read_failed(rows);
  auto count = db.exec("my_payment_count", pg::params{}.add_id(x.user));
  if (!count.ok()) return read_failed(count);
  payment_page out;
  out.tokens = standing_of(rows);
  out.total = count.integer(0, 0);
  for (int i = 0; i < rows.rows(); ++i)
    if (!rows.null(i, 0)) out.rows.push_back(view_of(rows, i));
  return out;
}

pg_result<found_key> read_key(pg::connection& db, const find_key& x) {
  auto rows = db.exec("key", pg::params{}.add_id(x.user).add_text(x.operation).add_text(x.key));
  if (!rows.ok()) return read_failed(rows);
  found_key out;
  if (rows.rows() == 0) return out;
  out.tokens = {true, rows.time_or(0, 0, instant{})};
  out.found = !rows.null(0, 1);
  if (!out.found) return out;
  out.digest = rows.text(0, 1);
  out.effect = rows.uuid<effect_id>(0, 2);
  return out;
}

} // namespace tk
