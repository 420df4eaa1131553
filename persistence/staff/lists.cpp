#include "persistence/staff/actor.hpp"

#include "persistence/pii/names.hpp"

/// Lists of payments and reservations. Each begins with the newest rows of an index, never more
/// than `staff_looked_through_max` of them, and looks at these alone.
namespace tk {

namespace {

// Of every list: $1 from, $2 before, $3 the text that is looked for, as a mail's $4 and a name's $5
// look-up, and as an id $6; $7 how many rows, $8 behind how many.
constexpr int of_all = 8;

void add_common(pg::params& to, const staff_page& x, const pii_vault& vault) {
  for (auto at : {x.from, x.before})
    if (at == instant{}) to.add_null(pg::oid::timestamptz);
    else to.add_time(at);
  to.add_text_or_null(x.search);
  if (x.search.empty()) {
    to.add_null(pg::oid::bytea).add_null(pg::oid::bytea);
  } else {
    to.add_bytes(vault.lookup(fold_name(x.search))); // A mail is folded alike.
    to.add_bytes(name_lookup(vault, x.search));
  }
  to.add_id_or_null(parse_id<payment_id>(x.search).value_or(payment_id{}));
  to.add_int4(x.limit).add_int8(int64_t{x.page - 1} * x.limit);
}

std::string times(const staff_page& x, const std::string& table) {
  std::string out;
  if (x.from != instant{}) out += " AND " + table + ".created_at >= $1";
  if (x.before != instant{}) out += " AND " + table + ".created_at < $2";
  return out;
}

std::string newest(const std::string& table) {
  return " ORDER BY " + table + ".created_at DESC, " + table + ".id DESC LIMIT " +
         std::to_string(staff_looked_through_max + 1);
}

/// The page of `kept` (of `seen`, without what does not fit `also`), joined to `told`. The first
/// columns are how many rows fit and whether there is more to look through; a row of nothing else
/// says that the page is empty.
std::string page_sql(const std::string& seen, const std::string& also, const std::string& columns,
                     const std::string& told) {
  return "WITH seen AS MATERIALIZED (" + seen +
         "), kept AS MATERIALIZED (SELECT x.id, "
         "x.created_at FROM (SELECT * FROM seen ORDER BY created_at DESC, id DESC LIMIT " +
         std::to_string(staff_looked_through_max) + ") x WHERE true" + also +
         "), page AS (SELECT * FROM kept ORDER BY created_at DESC, id DESC LIMIT $7::int4 "
         "OFFSET $8::int8) SELECT n.total, n.more, " +
         columns + " FROM (SELECT (SELECT count(*) FROM kept) AS total, (SELECT count(*) > " +
         std::to_string(staff_looked_through_max) +
         " FROM seen) AS more) n LEFT JOIN page k ON true LEFT JOIN " + told +
         " ORDER BY k.created_at DESC, k.id DESC";
}

/// Of whom it is, and the event; `of` has their ids.
std::string people_and_events(const std::string& of) {
  return " LEFT JOIN users u ON u.id = " + of + ".user_id LEFT JOIN events e ON e.id = " + of +
         ".event_id";
}

// What a list keeps of the rows that it looks through.
constexpr const char* of_payment = "SELECT p.id, p.created_at, p.status, p.method FROM ";
constexpr const char* of_booking =
  "SELECT r.id, r.created_at, r.status, r.pin_id, r.expires_at FROM ";

std::optional<std::string> text_of(const pg::result& rows, int i, int column) {
  if (rows.null(i, column)) return std::nullopt;
  return std::string{rows.text(i, column)};
}

/// None for somebody who is gone.
pg_result<std::optional<std::string>> secret_of(const pii_vault& vault, const char* name,
                                                const pg::result& rows, int i, int column) {
  if (rows.null(i, column)) return std::nullopt;
  auto clear = vault.decrypt(name, rows.bytes(i, column));
  if (!clear) return tl::unexpected(pg_failure{ec::internal, "personal data: " + clear.error()});
  if (clear->empty()) return std::nullopt;
  return std::optional{std::move(*clear)};
}

template <class Row>
pg_result<void> add_person(Row& to, const pii_vault& vault, const pg::result& rows, int i,
                           int column) {
  auto name = secret_of(vault, "name", rows, i, column);
  if (!name) return tl::unexpected(name.error());
  auto email = secret_of(vault, "email", rows, i, column + 1);
  if (!email) return tl::unexpected(email.error());
  to.user_name = std::move(*name);
  to.user_email = std::move(*email);
  return {};
}

// -- payments -------------------------------------------------------------------------------------

// From the third column on, behind total and more.
constexpr const char* payment_columns =
  "p.id, p.order_id, p.status, p.payment_type, p.payment_key, p.method, p.toss_status, a.provider, "
  "a.status, a.error, p.amount, p.refund_amount, p.refund_reason, p.user_id, u.name_cipher, "
  "u.email_cipher, p.reservation_id, r.reservation_number, p.event_id, e.title, p.created_at, "
  "p.updated_at, p.approved_at, p.refunded_at";

std::string beside_payment() {
  return " LEFT JOIN LATERAL (SELECT y.provider, y.status, y.error FROM payment_attempts y "
         "WHERE y.payment_id = p.id ORDER BY y.started_at DESC LIMIT 1) a ON true "
         "LEFT JOIN reservations r ON r.id = p.reservation_id" +
         people_and_events("p");
}

pg_result<staff_payment> payment_of(const pii_vault& vault, const pg::result& rows, int i) {
  auto text = [&](int column) { return std::string{rows.text(i, column)}; };
  staff_payment x;
  x.id = rows.uuid<payment_id>(i, 2);
  x.order_id = text(3);
  x.status = text(4);
  x.type = text(5);
  x.payment_key = text_of(rows, i, 6);
  x.method = text_of(rows, i, 7);
  x.provider_status = text_of(rows, i, 8);
  x.provider = text(9);
  x.attempt_status = text(10);
  x.error_code = text(11);
  x.amount = {rows.integer(i, 12)};
  x.refunded = {rows.integer(i, 13)};
  x.refund_reason = text_of(rows, i, 14);
  x.user = rows.uuid<user_id>(i, 15);
  if (auto person = add_person(x, vault, rows, i, 16); !person)
    return tl::unexpected(person.error());
  x.reservation = rows.uuid<reservation_id>(i, 18);
  x.reservation_number = text(19);
  x.event = rows.uuid<event_id>(i, 20);
  x.event_title = text(21);
  x.created_at = rows.time(i, 22);
  x.updated_at = rows.time(i, 23);
  x.approved_at = rows.time_or(i, 24, instant{});
  x.refunded_at = rows.time_or(i, 25, instant{});
  return x;
}

/// Whose payments they can be by what was typed.
std::string payments_searched(const find_payments& x) {
  auto most = std::to_string(staff_looked_through_max + 1);
  std::string ids =
    "SELECT id FROM payments WHERE order_id = $3 UNION SELECT id FROM payments WHERE "
    "payment_key = $3 UNION SELECT payment_id FROM payment_attempts WHERE payment_key = $3 "
    "UNION SELECT y.id FROM reservations r JOIN payments y ON y.reservation_id = r.id "
    "WHERE r.reservation_number = $3 UNION SELECT y.id FROM users u JOIN payments y "
    "ON y.user_id = u.id WHERE u.email_lookup = $4 UNION (SELECT y.id FROM users u "
    "JOIN payments y ON y.user_id = u.id WHERE u.name_lookup = $5 LIMIT " +
    most + ")";
  if (parse_id<payment_id>(x.of.search))
    ids += " UNION SELECT id FROM payments WHERE id = $6 UNION SELECT id FROM payments "
           "WHERE reservation_id = $6 UNION SELECT id FROM payments WHERE user_id = $6";
  return of_payment + ("(" + ids) + ") q JOIN payments p ON p.id = q.id WHERE true";
}

std::string payments_of_error() {
  return std::string{of_payment} +
         "(SELECT DISTINCT payment_id FROM (SELECT y.payment_id FROM payment_attempts y "
         "WHERE y.error = $12 AND y.error <> '' ORDER BY y.started_at DESC LIMIT " +
         std::to_string(staff_looked_through_max + 1) +
         ") z) q JOIN payments p ON p.id = q.payment_id WHERE true";
}

template <class Told, class Read> pg_result<Told> page_of(const pg::result& rows, Read read) {
  if (!rows.ok()) return read_failed(rows);
  Told out;
  out.total = rows.integer(0, 0);
  out.complete = !rows.boolean(0, 1);
  for (int i = 0; i < rows.rows(); ++i) {
    if (rows.null(i, 2)) continue;
    auto row = read(i);
    if (!row) return tl::unexpected(row.error());
    out.rows.push_back(std::move(*row));
  }
  return out;
}

} // namespace

// -- payments -------------------------------------------------------------------------------------

// $9 status, $10 method, $11 provider, $12 error code.
std::string payments_sql(const find_payments& x) {
  static_assert(of_all == 8);
  auto seen = std::string{of_payment} + "payments p WHERE true";
  if (!x.of.search.empty()) seen = payments_searched(x);
  else if (!x.error_code.empty()) seen = payments_of_error();
  // Nearly all are confirmed: what is not has an index of its own.
  else if (!x.status.empty() && x.status != "confirmed") seen += " AND p.status <> 'confirmed'";
  seen += times(x.of, "p") + newest("p");
  std::string also;
  if (!x.status.empty()) also += " AND x.status = $9";
  auto tried = [](const std::string& what) {
    return "EXISTS (SELECT 1 FROM payment_attempts y WHERE y.payment_id = x.id AND " + what + ")";
  };
  if (!x.method.empty()) also += " AND (x.method = $10 OR " + tried("y.method = $10") + ")";
  if (!x.provider.empty()) also += " AND " + tried("y.provider = $11");
  if (!x.error_code.empty()) also += " AND " + tried("y.error = $12");
  return page_sql(seen, also, payment_columns, "payments p ON p.id = k.id" + beside_payment());
}

pg_result<payments_found> read_staff_payments(pg::connection& db, const pii_vault& vault,
                                              const find_payments& x) {
  pg::params values;
  add_common(values, x.of, vault);
  for (auto* word : {&x.status, &x.method, &x.provider, &x.error_code})
    values.add_text_or_null(*word);
  auto rows = db.query(payments_sql(x).c_str(), values);
  return page_of<payments_found>(rows, [&](int i) { return payment_of(vault, rows, i); });
}

namespace {

pg_result<void> add_tries(pg::connection& db, const pg::params& id, payment_told& to) {
  auto rows = db.exec("staff_attempts", id);
  if (!rows.ok()) return read_failed(rows);
  auto text = [&](int i, int column) { return std::string{rows.text(i, column)}; };
  for (int i = 0; i < rows.rows(); ++i)
    to.attempts.push_back({rows.uuid<attempt_id>(i, 0), text(i, 1), text(i, 2), text(i, 3),
                           text(i, 4), won{rows.integer(i, 5)}, rows.time(i, 6),
                           rows.time_or(i, 7, instant{}), rows.time_or(i, 8, instant{})});
  auto back = db.exec("staff_refunds", id);
  if (!back.ok()) return read_failed(back);
  for (int i = 0; i < back.rows(); ++i)
    to.refunds.push_back({back.uuid<refund_id>(i, 0), back.uuid<attempt_id>(i, 1),
                          won{back.integer(i, 2)}, won{back.integer(i, 3)},
                          std::string{back.text(i, 4)}, std::string{back.text(i, 5)},
                          std::string{back.text(i, 6)}, back.int4(i, 7), back.time(i, 8),
                          back.time_or(i, 9, instant{}), back.time_or(i, 10, instant{})});
  return {};
}

pg_result<void> add_providers_words(pg::connection& db, payment_told& to) {
  pg::params order;
  order.add_text(to.row.order_id);
  auto settled = db.exec("staff_settled", order);
  if (!settled.ok()) return read_failed(settled);
  for (int i = 0; i < settled.rows(); ++i)
    to.settled.push_back({std::string{settled.text(i, 0)}, std::string{settled.text(i, 1)},
                          won{settled.integer(i, 2)}, won{settled.integer(i, 3)},
                          won{settled.integer(i, 4)}});
  auto rows = db.exec("staff_calls", order.add_int4(staff_calls_max));
  if (!rows.ok()) return read_failed(rows);
  auto text = [&](int i, int column) { return std::string{rows.text(i, column)}; };
  for (int i = 0; i < rows.rows(); ++i) {
    auto& x = to.calls.emplace_back();
    x.at = rows.time(i, 0);
    x.took_ms = rows.int4(i, 1);
    x.provider = text(i, 2);
    x.call = text(i, 3);
    x.outcome = text(i, 4);
    x.code = text(i, 5);
    x.says = text(i, 6);
    if (!rows.null(i, 7)) x.subject = to_string(rows.uuid<attempt_id>(i, 7));
    if (!rows.null(i, 8)) x.amount = won{rows.integer(i, 8)};
  }
  return {};
}

} // namespace

pg_result<payment_told> read_staff_payment(pg::connection& db, const pii_vault& vault,
                                           const look_at_payment& x) {
  pg::params id;
  id.add_id(x.id);
  auto rows = db.exec("staff_payment", id);
  if (!rows.ok()) return read_failed(rows);
  payment_told out;
  if (rows.rows() == 0) return out;
  auto row = payment_of(vault, rows, 0);
  if (!row) return tl::unexpected(row.error());
  out.found = true;
  out.row = std::move(*row);
  if (auto done = add_tries(db, id, out); !done) return tl::unexpected(done.error());
  if (auto done = add_providers_words(db, out); !done) return tl::unexpected(done.error());
  return out;
}

std::vector<pg_statement> staff_statements() {
  static const std::string payment = std::string{"SELECT 0::int8, false, "} + payment_columns +
                                     " FROM payments p" + beside_payment() +
                                     " WHERE p.id = $1::uuid";
  return {
    {"staff_payment", payment.c_str()},
    {"staff_attempts",
     "SELECT id, provider, method, status, error, amount, started_at, closed_at, next_ask_at "
     "FROM payment_attempts WHERE payment_id = $1::uuid ORDER BY started_at, id LIMIT 100"},
    {"staff_refunds",
     "SELECT f.id, f.attempt_id, f.amount, f.fee, f.reason, f.status, f.error, f.tries, f.made_at, "
     "f.next_try_at, f.done_at FROM payment_attempts a JOIN refunds f ON f.attempt_id = a.id "
     "WHERE a.payment_id = $1::uuid ORDER BY f.made_at, f.id LIMIT 100"},
    {"staff_settled",
     "SELECT s.provider, s.settled_on::text, x.amount, x.refunded, x.fee FROM settled_payments x "
     "JOIN settlements s ON s.id = x.settlement_id WHERE x.order_id = $1::text "
     "ORDER BY s.settled_on, s.id LIMIT 100"},
    {"staff_calls",
     "SELECT * FROM (SELECT at, took_ms, provider, call, outcome, code, says, subject, amount, id "
     "FROM payment_calls WHERE order_id = $1::text ORDER BY id DESC LIMIT $2::int4) x ORDER BY id"},
    {"staff_sums",
     "SELECT (closed_at AT TIME ZONE 'Asia/Seoul')::date::text, CASE status WHEN 'approved' THEN "
     "'confirmed' WHEN 'late' THEN 'late' ELSE 'failed' END, CASE WHEN status IN ('approved', "
     "'late') THEN '' ELSE coalesce(nullif(error, ''), upper(status)) END, count(*), "
     "sum(amount)::int8, 0::int8, 0::int8 FROM payment_attempts "
     "WHERE closed_at >= $1::timestamptz AND closed_at < $2::timestamptz GROUP BY 1, 2, 3 "
     "UNION ALL SELECT (done_at AT TIME ZONE 'Asia/Seoul')::date::text, 'refunded', '', count(*), "
     "sum(amount)::int8, 0, sum(fee)::int8 FROM refunds "
     "WHERE done_at >= $1::timestamptz AND done_at < $2::timestamptz GROUP BY 1 "
     "UNION ALL SELECT s.settled_on::text, 'settled', '', count(*), sum(x.amount)::int8, "
     "sum(x.refunded)::int8, sum(x.fee)::int8 FROM settlements s "
     "JOIN settled_payments x ON x.settlement_id = s.id WHERE x.attempt_id IS NOT NULL "
     "AND s.settled_on >= ($1::timestamptz AT TIME ZONE 'Asia/Seoul')::date "
     "AND s.settled_on < ($2::timestamptz AT TIME ZONE 'Asia/Seoul')::date GROUP BY 1 "
     "ORDER BY 1, 2, 3"},
  };
}

pg_result<payments_summed> read_payment_sums(pg::connection& db, const summarise_payments& x) {
  auto rows = db.exec("staff_sums", pg::params{}.add_time(x.from).add_time(x.before));
  if (!rows.ok()) return read_failed(rows);
  payments_summed out;
  auto text = [&](int i, int column) { return std::string{rows.text(i, column)}; };
  for (int i = 0; i < rows.rows(); ++i)
    out.rows.push_back({text(i, 0), text(i, 1), text(i, 2), rows.integer(i, 3),
                        won{rows.integer(i, 4)}, won{rows.integer(i, 5)}, won{rows.integer(i, 6)}});
  return out;
}

// -- reservations ---------------------------------------------------------------------------------

namespace {

// As their owners see it (P-44).
#define TK_STATUS(r)                                                                               \
  "CASE WHEN " r ".status = 'pending' AND " r ".pin_id IS NULL AND " r                             \
  ".expires_at <= statement_timestamp() THEN 'expired' ELSE " r ".status END"

constexpr const char* booking_columns =
  "r.id, r.user_id, u.name_cipher, u.email_cipher, r.reservation_number, " TK_STATUS(
    "r") ", "
         "r.payment_status, r.total_amount, r.created_at, r.event_id, e.title, e.venue, "
         "e.event_date";

pg_result<staff_booking> booking_of(const pii_vault& vault, const pg::result& rows, int i) {
  auto text = [&](int column) { return std::string{rows.text(i, column)}; };
  staff_booking x;
  x.id = rows.uuid<reservation_id>(i, 2);
  x.user = rows.uuid<user_id>(i, 3);
  if (auto person = add_person(x, vault, rows, i, 4); !person)
    return tl::unexpected(person.error());
  x.number = text(6);
  x.status = text(7);
  x.payment_status = text(8);
  x.total = {rows.integer(i, 9)};
  x.created_at = rows.time(i, 10);
  x.event = rows.uuid<event_id>(i, 11);
  x.event_title = text(12);
  x.venue = text(13);
  x.event_date = rows.time_or(i, 14, instant{});
  return x;
}

std::string bookings_searched(const find_bookings& x) {
  std::string ids = "SELECT id FROM reservations WHERE reservation_number = $3 UNION "
                    "SELECT y.id FROM users u JOIN reservations y ON y.user_id = u.id "
                    "WHERE u.email_lookup = $4 UNION (SELECT y.id FROM users u JOIN reservations y "
                    "ON y.user_id = u.id WHERE u.name_lookup = $5 LIMIT " +
                    std::to_string(staff_looked_through_max + 1) + ")";
  if (parse_id<payment_id>(x.of.search))
    ids += " UNION SELECT id FROM reservations WHERE id = $6 UNION SELECT id FROM reservations "
           "WHERE user_id = $6";
  return of_booking + ("(" + ids) + ") q JOIN reservations r ON r.id = q.id WHERE true";
}

} // namespace

// $9 status, $10 event.
std::string bookings_sql(const find_bookings& x) {
  auto seen = x.of.search.empty() ? std::string{of_booking} + "reservations r WHERE true"
                                  : bookings_searched(x);
  if (!x.event.nil()) seen += " AND r.event_id = $10";
  seen += times(x.of, "r") + newest("r");
  std::string also;
  if (!x.status.empty()) also = " AND " TK_STATUS("x") " = $9";
  return page_sql(seen, also, booking_columns,
                  "reservations r ON r.id = k.id" + people_and_events("r"));
}

#undef TK_STATUS

pg_result<bookings_found> read_bookings(pg::connection& db, const pii_vault& vault,
                                        const find_bookings& x) {
  pg::params values;
  add_common(values, x.of, vault);
  values.add_text_or_null(x.status).add_id_or_null(x.event);
  auto rows = db.query(bookings_sql(x).c_str(), values);
  return page_of<bookings_found>(rows, [&](int i) { return booking_of(vault, rows, i); });
}

} // namespace tk
