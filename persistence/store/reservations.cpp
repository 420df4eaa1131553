#include "persistence/store/event_rows.hpp"
#include "persistence/store/queries.hpp"

namespace tk {

// What `fold` and `standing_of` read: a known user has a row even without reservations. A pending
// reservation past its end is shown as expired (P-44), unless a payment pins it: then it is not
// decided yet.
#define TK_COLUMNS                                                                                 \
  "SELECT r.id, r.reservation_number, "                                                            \
  "CASE WHEN r.status = 'pending' AND r.pin_id IS NULL "                                           \
  "AND r.expires_at <= statement_timestamp() THEN 'expired' ELSE r.status END, "                   \
  "r.payment_status, r.payment_method, r.total_amount, r.created_at, r.expires_at, r.event_id, "   \
  "e.title, e.venue, e.address, e.event_date, t.name, i.quantity, i.unit_price, i.subtotal, "      \
  "i.seat_id, s.seat_label, s.section, s.row_number, s.seat_number, u.revoked_before, "            \
  "s.status, s.version, i.fencing_token, e.status = 'cancelled', e.cancel_until_hours, "           \
  "e.cancel_show_day, e.cancel_fees FROM "                                                         \
  "users u LEFT JOIN "
#define TK_JOINS                                                                                   \
  "LEFT JOIN events e ON e.id = r.event_id "                                                       \
  "LEFT JOIN reservation_items i ON i.reservation_id = r.id "                                      \
  "LEFT JOIN ticket_types t ON t.id = i.ticket_type_id LEFT JOIN seats s ON s.id = i.seat_id "

std::vector<pg_statement> reservation_statements() {
  return {
    // The newest thousand: nobody has more, and nobody shall get an answer without an end.
    {"my_reservations",
     TK_COLUMNS "(SELECT * FROM reservations WHERE user_id = $1::uuid "
                "ORDER BY created_at DESC LIMIT 1000) r ON r.user_id = u.id " TK_JOINS
                "WHERE u.id = $1::uuid ORDER BY r.created_at DESC, r.id, i.id"},
    {"my_reservation", TK_COLUMNS "reservations r ON r.id = $1::uuid AND r.user_id = u.id " TK_JOINS
                                  "WHERE u.id = $2::uuid ORDER BY i.id"},
  };
}

#undef TK_COLUMNS
#undef TK_JOINS

namespace {

reservation_item_view item_of(const pg::result& rows, int i) {
  reservation_item_view x;
  x.ticket_type_name = rows.text(i, rows.null(i, 13) ? 18 : 13);
  x.quantity = rows.int4(i, 14);
  x.unit_price = {rows.integer(i, 15)};
  x.subtotal = {rows.integer(i, 16)};
  x.has_seat = !rows.null(i, 17) && !rows.null(i, 18);
  if (!x.has_seat) return x;
  x.seat = rows.uuid<seat_id>(i, 17);
  x.seat_label = rows.text(i, 18);
  x.section = rows.text(i, 19);
  x.row_number = rows.int4(i, 20);
  x.seat_number = rows.int4(i, 21);
  x.seat_status = rows.text(i, 23);
  x.seat_version = rows.int4(i, 24);
  x.fence = rows.null(i, 25) ? 0 : rows.integer(i, 25);
  return x;
}

/// Adds row `i` to `to`: a new reservation, or a further item of the last one.
void fold(const pg::result& rows, int i, std::vector<reservation_view>& to) {
  auto id = rows.uuid<reservation_id>(i, 0);
  if (to.empty() || to.back().id != id) {
    auto& x = to.emplace_back();
    x.id = id;
    x.number = rows.text(i, 1);
    x.status = rows.text(i, 2);
    x.payment_status = rows.text(i, 3);
    x.has_payment_method = !rows.null(i, 4);
    x.payment_method = rows.text(i, 4);
    x.total = {rows.integer(i, 5)};
    x.created_at = rows.time(i, 6);
    x.expires_at = rows.time(i, 7);
    x.event = rows.uuid<event_id>(i, 8);
    x.event_title = rows.text(i, 9);
    x.venue = rows.text(i, 10);
    x.has_address = !rows.null(i, 11);
    x.address = rows.text(i, 11);
    x.event_date = rows.time_or(i, 12, instant{});
    x.event_cancelled = !rows.null(i, 26) && rows.boolean(i, 26);
    x.cancellation = policy_of(rows, i, 27);
  }
  if (!rows.null(i, 14)) to.back().items.push_back(item_of(rows, i));
}

pg_result<std::vector<reservation_view>> folded(const pg::result& rows) {
  if (!rows.ok()) return read_failed(rows);
  std::vector<reservation_view> out;
  for (int i = 0; i < rows.rows(); ++i)
    if (!rows.null(i, 0)) fold(rows, i, out);
  return out;
}

token_standing standing_of(const pg::result& rows) {
  if (rows.rows() == 0) return {};
  return {true, rows.time_or(0, 22, instant{})};
}

} // namespace

pg_result<reservation_list> read_reservations(pg::connection& db, const list_reservations& x) {
  auto rows = db.exec("my_reservations", pg::params{}.add_id(x.user));
  auto found = folded(rows);
  if (!found) return tl::unexpected(std::move(found.error()));
  return reservation_list{standing_of(rows), std::move(*found)};
}

pg_result<found_reservation_view> read_one_reservation(pg::connection& db,
                                                       const read_reservation& x) {
  auto rows = db.exec("my_reservation", pg::params{}.add_id(x.id).add_id(x.user));
  auto found = folded(rows);
  if (!found) return tl::unexpected(std::move(found.error()));
  if (found->empty()) return found_reservation_view{standing_of(rows), false, {}};
  return found_reservation_view{standing_of(rows), true, std::move(found->front())};
}

} // namespace tk
