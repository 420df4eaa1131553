#include "persistence/reads/queries.hpp"

#include <cassert>

namespace tk {

// The columns of a reservation with one of its items, in the order `item_columns` reads them.
#define TK_RESERVATION_COLUMNS                                                                     \
  "r.id, r.user_id, r.event_id, r.reservation_number, r.total_amount, r.status, "                  \
  "r.pin_id IS NOT NULL, r.expires_at, r.block_no, r.operation, r.idempotency_key, "               \
  "r.request_digest, i.seat_id, i.ticket_type_id, i.quantity, i.unit_price, "                      \
  "coalesce(s.block_no, t.block_no), s.version, s.fencing_token "
#define TK_ITEM_JOINS                                                                              \
  "LEFT JOIN reservation_items i ON i.reservation_id = r.id "                                      \
  "LEFT JOIN seats s ON s.id = i.seat_id LEFT JOIN ticket_types t ON t.id = i.ticket_type_id "

const char* const read_settings =
  "SET default_transaction_read_only = on; SET plan_cache_mode = force_generic_plan; "
  "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; "
  "SET enable_material = off; SET enable_memoize = off; SET enable_bitmapscan = off";

std::vector<pg_statement> read_statements() {
  std::vector<pg_statement> all{
    {"sessions", "SELECT " TK_RESERVATION_COLUMNS ", q.n::int4, u.revoked_before "
                 "FROM unnest($1::uuid[]) WITH ORDINALITY q(id, n) JOIN users u ON u.id = q.id "
                 // What is pending is always among the newest: holds last minutes.
                 "LEFT JOIN LATERAL (SELECT * FROM reservations x WHERE x.user_id = u.id "
                 "AND (x.status = 'pending' OR x.idempotency_key IS NOT NULL) "
                 "ORDER BY x.created_at DESC LIMIT 100) r ON true " TK_ITEM_JOINS
                 "ORDER BY q.n, r.created_at, r.id, i.id"},
    {"reservation", "SELECT " TK_RESERVATION_COLUMNS "FROM reservations r " TK_ITEM_JOINS
                    "WHERE r.id = $1::uuid ORDER BY i.id"},
    {"block_led", "SELECT " TK_RESERVATION_COLUMNS "FROM reservations r " TK_ITEM_JOINS
                  "WHERE r.event_id = $1::uuid AND r.block_no = $2::int4 AND r.status = 'pending' "
                  "ORDER BY r.created_at, r.id, i.id"},
    {"block_quota", "SELECT id, price, available_quantity, total_quantity FROM ticket_types "
                    "WHERE event_id = $1::uuid AND block_no = $2::int4"},
    // The lead block is the lowest: who has a part of this quota is led from here or below.
    {"block_foreign",
     "SELECT " TK_RESERVATION_COLUMNS "FROM reservations r " TK_ITEM_JOINS
     "WHERE r.event_id = $1::uuid AND r.block_no < $2::int4 AND r.status = 'pending' "
     "AND EXISTS (SELECT 1 FROM reservation_items y WHERE y.reservation_id = r.id "
     "AND y.ticket_type_id = $3::uuid) ORDER BY r.created_at, r.id, i.id"},
    {"block_seats", "SELECT s.id, s.version, s.fencing_token, s.status, s.reservation_id, "
                    "s.locked_by, r.expires_at, coalesce(r.pin_id IS NOT NULL, false), s.price "
                    "FROM seats s LEFT JOIN reservations r "
                    "ON r.id = s.reservation_id AND s.status = 'locked' "
                    "WHERE s.event_id = $1::uuid AND s.block_no = $2::int4 ORDER BY s.id"},
    // A loose index scan: one step per block, not one per seat.
    {"event",
     "WITH RECURSIVE b(n) AS ("
     "SELECT min(block_no) FROM seats WHERE event_id = $1::uuid UNION ALL "
     "SELECT (SELECT min(block_no) FROM seats WHERE event_id = $1::uuid AND block_no > b.n) "
     "FROM b WHERE b.n IS NOT NULL), "
     "blocks(n) AS (SELECT n FROM b WHERE n IS NOT NULL UNION ALL "
     "SELECT block_no FROM ticket_types WHERE event_id = $1::uuid) "
     "SELECT e.title, e.venue, e.status = 'cancelled', e.event_date, e.sale_start_date, "
     "e.sale_end_date, blocks.n, e.terms_version, e.cancel_until_hours, e.cancel_show_day, "
     "e.cancel_fees FROM events e LEFT JOIN blocks ON true "
     "WHERE e.id = $1::uuid ORDER BY blocks.n"},
    {"overdue",
     "SELECT r.id, r.event_id, r.block_no FROM generate_series(0, 127) g "
     "CROSS JOIN LATERAL (SELECT x.id, x.event_id, x.block_no, x.expires_at "
     "FROM reservations x WHERE x.shard = g AND x.status = 'pending' "
     "AND x.pin_id IS NULL AND x.expires_at < statement_timestamp() "
     "- $1::int4 * interval '1 millisecond' "
     "ORDER BY x.expires_at LIMIT $2::int4) r ORDER BY r.expires_at, r.id LIMIT $2::int4"},
    {"live_blocks", "SELECT DISTINCT event_id, block_no FROM reservations "
                    "WHERE status = 'pending' ORDER BY event_id, block_no"},
    {"plan_event", "SELECT e.title, l.layout_config::text FROM events e "
                   "LEFT JOIN seat_layouts l ON l.id = e.seat_layout_id WHERE e.id = $1::uuid"},
    {"plan_seats", "SELECT id, block_no, section, row_number, seat_number, price, seat_label "
                   "FROM seats WHERE event_id = $1::uuid "
                   "ORDER BY event_id, section, row_number, seat_number"},
    {"plan_types", "SELECT id, block_no, name, description, price, total_quantity "
                   "FROM ticket_types WHERE event_id = $1::uuid ORDER BY price DESC, id"},
  };
  for (auto* part : {payment_read_statements, room_read_statements})
    for (auto& more : part()) all.push_back(more);
  return all;
}

#undef TK_RESERVATION_COLUMNS
#undef TK_ITEM_JOINS

namespace {

constexpr int ordinal_column = 19, revoked_column = 20; // Of "sessions".

reservation_status status_of(std::string_view x) {
  if (x == "pending") return reservation_status::pending;
  if (x == "confirmed") return reservation_status::confirmed;
  return x == "cancelled" ? reservation_status::cancelled : reservation_status::expired;
}

/// Adds row `i` to `to`: a new reservation, or a further item of the last one.
void fold(const pg::result& rows, int i, std::vector<reservation_row>& to) {
  auto id = rows.uuid<reservation_id>(i, 0);
  if (to.empty() || to.back().id != id) {
    auto& x = to.emplace_back();
    x.id = id;
    x.user = rows.uuid<user_id>(i, 1);
    x.event = rows.uuid<event_id>(i, 2);
    x.number = rows.text(i, 3);
    x.total = {rows.integer(i, 4)};
    x.status = status_of(rows.text(i, 5));
    x.pinned = rows.boolean(i, 6);
    x.expires_at = rows.time(i, 7);
    x.lead_block = rows.int4(i, 8);
    x.operation = rows.text(i, 9);
    x.key = rows.text(i, 10);
    x.digest = rows.text(i, 11);
  }
  if (rows.null(i, 14)) return;
  auto& item = to.back().items.emplace_back();
  item.seat = rows.uuid<seat_id>(i, 12);
  item.type = rows.uuid<ticket_type_id>(i, 13);
  item.quantity = rows.int4(i, 14);
  item.price = {rows.integer(i, 15)};
  item.block_no = rows.null(i, 16) ? to.back().lead_block : rows.int4(i, 16);
  item.version = rows.null(i, 17) ? 0 : rows.int4(i, 17);
  item.fence = rows.null(i, 18) ? 0 : rows.integer(i, 18);
}

/// What was read are pending reservations and records of keys; a row may be both.
void split(session_rows& x) {
  for (const auto& r : x.pending)
    if (!r.key.empty()) x.keys.push_back({r.operation, r.key, r.digest, r.id});
  std::erase_if(x.pending, [](const auto& r) { return r.status != reservation_status::pending; });
}

block_seat seat_of(const pg::result& rows, int i) {
  block_seat x;
  x.row.seat = rows.uuid<seat_id>(i, 0);
  x.row.version = rows.int4(i, 1);
  x.row.fence = rows.integer(i, 2);
  x.row.status = rows.text(i, 3).front(); // available, locked, reserved: a, l, r.
  x.row.reservation = rows.uuid<reservation_id>(i, 4);
  x.row.holder = rows.uuid<user_id>(i, 5);
  x.row.expires_at = rows.time_or(i, 6, instant{});
  x.row.pinned = rows.boolean(i, 7);
  x.price = {rows.integer(i, 8)};
  return x;
}

pg_result<block_rows> quota_in_snapshot(pg::connection& db, const load_block& x) {
  pg::params values;
  values.add_id(x.event).add_int4(x.block_no);
  auto quota = db.exec("block_quota", values);
  if (!quota.ok()) return read_failed(quota);
  block_rows out;
  out.known = quota.rows() > 0;
  if (!out.known) return out;
  out.quota.type = quota.uuid<ticket_type_id>(0, 0);
  out.quota.price = {quota.integer(0, 1)};
  out.quota.available = quota.int4(0, 2);
  out.quota.total = quota.int4(0, 3);
  auto led = db.exec("block_led", values);
  if (!led.ok()) return read_failed(led);
  values.add_id(out.quota.type);
  auto foreign = db.exec("block_foreign", values);
  if (!foreign.ok()) return read_failed(foreign);
  for (int i = 0; i < led.rows(); ++i) fold(led, i, out.led);
  for (int i = 0; i < foreign.rows(); ++i) fold(foreign, i, out.foreign);
  return out;
}

pg_result<block_rows> seats_in_snapshot(pg::connection& db, const load_block& x) {
  pg::params values;
  values.add_id(x.event).add_int4(x.block_no);
  auto seats = db.exec("block_seats", values);
  if (!seats.ok()) return read_failed(seats);
  auto led = db.exec("block_led", values);
  if (!led.ok()) return read_failed(led);
  block_rows out;
  out.known = seats.rows() > 0;
  out.seats.reserve(static_cast<size_t>(seats.rows()));
  for (int i = 0; i < seats.rows(); ++i) out.seats.push_back(seat_of(seats, i));
  for (int i = 0; i < led.rows(); ++i) fold(led, i, out.led);
  return out;
}

} // namespace

pg_result<std::vector<session_rows>> read_sessions(pg::connection& db,
                                                   const std::vector<user_id>& users) {
  pg::array ids{pg::oid::uuid};
  for (const auto& x : users) ids.push_id(x);
  pg::params values;
  values.add(ids);
  auto rows = db.exec("sessions", values);
  if (!rows.ok()) return read_failed(rows);
  std::vector<session_rows> out(users.size());
  for (int i = 0; i < rows.rows(); ++i) {
    auto n = rows.int4(i, ordinal_column);
    assert(n >= 1 && static_cast<size_t>(n) <= out.size());
    auto& to = out[static_cast<size_t>(n - 1)];
    to.user_known = true;
    to.revoked_before = rows.time_or(i, revoked_column, instant{});
    if (!rows.null(i, 0)) fold(rows, i, to.pending);
  }
  for (auto& x : out) split(x);
  return out;
}

pg_result<block_rows> read_block(pg::connection& db, const load_block& x) {
  // Statements that must agree: one snapshot for all.
  auto begun = db.run_script("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
  if (!begun.ok()) return read_failed(begun);
  auto out = is_quota_block(x.block_no) ? quota_in_snapshot(db, x) : seats_in_snapshot(db, x);
  auto ended = db.run_script("COMMIT");
  if (!ended.ok()) db.close(); // Nothing was written; but no transaction may stay open.
  return out;
}

pg_result<event_row> read_event_row(pg::connection& db, const load_event& x) {
  auto rows = db.exec("event", pg::params{}.add_id(x.event));
  if (!rows.ok()) return read_failed(rows);
  event_row out;
  out.id = x.event;
  out.known = rows.rows() > 0;
  if (!out.known) return out;
  out.title = rows.text(0, 0);
  out.venue = rows.text(0, 1);
  out.cancelled = rows.boolean(0, 2);
  out.event_date = rows.time(0, 3);
  out.sale_start = rows.time_or(0, 4, instant{});
  out.sale_end = rows.time_or(0, 5, instant::max());
  out.terms_version = rows.integer(0, 7);
  if (!rows.null(0, 8)) out.cancellation.until_hours = rows.int4(0, 8);
  out.cancellation.show_day = rows.boolean(0, 9);
  out.cancellation.fees = parse_fees(rows.text(0, 10)).value_or(std::vector<fee_step>{});
  for (int i = 0; i < rows.rows(); ++i)
    if (!rows.null(i, 6)) out.blocks.push_back(rows.int4(i, 6));
  return out;
}

pg_result<found_reservation> read_reservation_row(pg::connection& db, const load_reservation& x) {
  auto rows = db.exec("reservation", pg::params{}.add_id(x.id));
  if (!rows.ok()) return read_failed(rows);
  std::vector<reservation_row> found;
  for (int i = 0; i < rows.rows(); ++i) fold(rows, i, found);
  if (found.empty()) return found_reservation{};
  return found_reservation{true, std::move(found.front())};
}

pg_result<overdue_rows> read_overdue(pg::connection& db, const find_overdue& x) {
  auto rows = db.exec("overdue", pg::params{}.add_int4(x.grace_ms).add_int4(x.limit));
  if (!rows.ok()) return read_failed(rows);
  overdue_rows out;
  for (int i = 0; i < rows.rows(); ++i)
    out.rows.push_back(
      {rows.uuid<reservation_id>(i, 0), rows.uuid<event_id>(i, 1), rows.int4(i, 2)});
  return out;
}

pg_result<live_blocks> read_live_blocks(pg::connection& db) {
  auto rows = db.exec("live_blocks");
  if (!rows.ok()) return read_failed(rows);
  live_blocks out;
  for (int i = 0; i < rows.rows(); ++i)
    out.rows.push_back({{}, rows.uuid<event_id>(i, 0), rows.int4(i, 1)});
  return out;
}

pg_result<plan_rows> read_plan(pg::connection& db, const load_plan& x) {
  auto event = db.exec("plan_event", pg::params{}.add_id(x.event));
  if (!event.ok()) return read_failed(event);
  plan_rows out;
  out.event = x.event;
  out.event_known = event.rows() > 0;
  if (!out.event_known) return out;
  out.title = event.text(0, 0);
  out.layout_json = event.text(0, 1);
  auto rows = db.exec("plan_seats", pg::params{}.add_id(x.event));
  if (!rows.ok()) return read_failed(rows);
  out.seats.reserve(static_cast<size_t>(rows.rows()));
  for (int i = 0; i < rows.rows(); ++i) {
    if (out.sections.empty() || out.sections.back() != rows.text(i, 2))
      out.sections.emplace_back(rows.text(i, 2));
    auto section = static_cast<int32_t>(out.sections.size()) - 1;
    out.seats.push_back({rows.uuid<seat_id>(i, 0), rows.int4(i, 1), rows.int4(i, 3),
                         rows.int4(i, 4), section, won{rows.integer(i, 5)},
                         std::string{rows.text(i, 6)}});
  }
  auto types = db.exec("plan_types", pg::params{}.add_id(x.event));
  if (!types.ok()) return read_failed(types);
  for (int i = 0; i < types.rows(); ++i)
    out.types.push_back({types.uuid<ticket_type_id>(i, 0), types.int4(i, 1),
                         std::string{types.text(i, 2)}, std::string{types.text(i, 3)},
                         !types.null(i, 3), won{types.integer(i, 4)}, types.int4(i, 5)});
  return out;
}

} // namespace tk
