#include "persistence/store/queries.hpp"

namespace tk {

// As in reservations.cpp, a known user has a row even without tickets.
#define TK_COLUMNS                                                                                 \
  "SELECT k.id, k.ticket_number, k.reservation_id, k.event_id, e.title, e.venue, e.event_date, "   \
  "s.seat_label, t.name, k.price, k.status, k.used_at, u.revoked_before "
#define TK_JOINS                                                                                   \
  "LEFT JOIN events e ON e.id = k.event_id LEFT JOIN seats s ON s.id = k.seat_id "                 \
  "LEFT JOIN ticket_types t ON t.id = k.ticket_type_id "

std::vector<pg_statement> ticket_statements() {
  return {
    {"my_tickets",
     TK_COLUMNS ", (SELECT count(*) FROM tickets WHERE user_id = $1::uuid) FROM users u LEFT JOIN "
                "(SELECT * FROM tickets WHERE user_id = $1::uuid "
                "ORDER BY issued_at DESC, reservation_id, unit LIMIT $2::bigint OFFSET $3::bigint) "
                "k ON k.user_id = u.id " TK_JOINS
                "WHERE u.id = $1::uuid ORDER BY k.issued_at DESC, k.reservation_id, k.unit"},
    {"one_ticket", TK_COLUMNS "FROM users u LEFT JOIN tickets k ON k.id = $1::uuid " TK_JOINS
                              "WHERE u.id = $2::uuid"},
  };
}

#undef TK_COLUMNS
#undef TK_JOINS

namespace {

ticket_view ticket_of(const pg::result& rows, int i) {
  ticket_view x;
  x.id = rows.uuid<ticket_id>(i, 0);
  x.number = rows.text(i, 1);
  x.reservation = rows.uuid<reservation_id>(i, 2);
  x.event = rows.uuid<event_id>(i, 3);
  x.event_title = rows.text(i, 4);
  x.venue = rows.text(i, 5);
  x.event_date = rows.time_or(i, 6, instant{});
  x.has_seat = !rows.null(i, 7);
  x.seat_label = rows.text(i, 7);
  x.has_type = !rows.null(i, 8);
  x.type_name = rows.text(i, 8);
  x.price = {rows.integer(i, 9)};
  x.status = rows.text(i, 10);
  x.used_at = rows.time_or(i, 11, instant{});
  return x;
}

token_standing standing_of(const pg::result& rows) {
  if (rows.rows() == 0) return {};
  return {true, rows.time_or(0, 12, instant{})};
}

} // namespace

pg_result<ticket_page> read_tickets(pg::connection& db, const list_tickets& x) {
  auto rows =
    db.exec("my_tickets", pg::params{}.add_id(x.user).add_int8(x.limit).add_int8(x.offset));
  if (!rows.ok()) return read_failed(rows);
  ticket_page out;
  out.tokens = standing_of(rows);
  for (int i = 0; i < rows.rows(); ++i) {
    out.total = rows.integer(i, 13);
    if (!rows.null(i, 0)) out.rows.push_back(ticket_of(rows, i));
  }
  return out;
}

pg_result<found_ticket> read_one_ticket(pg::connection& db, const find_ticket& x) {
  auto rows = db.exec("one_ticket", pg::params{}.add_id(x.id).add_id(x.asked_by));
  if (!rows.ok()) return read_failed(rows);
  found_ticket out;
  out.tokens = standing_of(rows);
  out.found = rows.rows() > 0 && !rows.null(0, 0);
  if (out.found) out.row = ticket_of(rows, 0);
  return out;
}

} // namespace tk
