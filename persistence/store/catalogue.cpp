#include "persistence/store/queries.hpp"
#include "persistence/store/search.hpp"

#include <algorithm>

namespace tk {

// The status as of now (2.2, P-34); what was last written counts only when it is `cancelled`.
#define TK_STATUS_NOW                                                                              \
  "CASE WHEN e.status = 'cancelled' THEN 'cancelled' "                                             \
  "WHEN clock.at > e.event_date OR clock.at > e.sale_end_date THEN 'ended' "                       \
  "WHEN e.sale_start_date <= clock.at THEN 'on_sale' ELSE 'upcoming' END"

// What `event_of` reads, of an event `e` with its types `t`.
#define TK_EVENT_COLUMNS                                                                           \
  "e.id, e.title, e.venue, e.status_now, e.description, e.address, e.poster_image_url, "           \
  "e.artist_name, e.event_date, e.created_at, e.updated_at, e.sale_start_date, "                   \
  "e.sale_end_date, e.artist_id, e.seat_layout_id, e.created_by, e.pre_scaled, "                   \
  "t.types, coalesce(t.lowest, e.min_seat_price), coalesce(t.highest, e.max_seat_price)"
#define TK_TYPES_OF_E                                                                              \
  "LEFT JOIN LATERAL (SELECT count(*)::int4 AS types, min(price) AS lowest, "                      \
  "max(price) AS highest FROM ticket_types WHERE event_id = e.id) t ON e.id IS NOT NULL "

std::vector<pg_statement> catalogue_statements() {
  return {
    // $1 status or '', $2 search or not, $3 patterns, $4 limit, $5 offset. One row at least, so
    // that a page behind the last one still tells the total.
    {"events",
     "WITH clock AS (SELECT statement_timestamp() AS at), "
     "matching AS (SELECT e.*, " TK_STATUS_NOW " AS status_now FROM events e, clock "
     "WHERE ($1::text <> '' OR e.status <> 'cancelled') "
     "AND (NOT $2::bool OR e.title ILIKE ANY($3::text[]) "
     "OR e.artist_name ILIKE ANY($3::text[]) OR e.venue ILIKE ANY($3::text[]) "
     "OR e.address ILIKE ANY($3::text[]))), "
     "chosen AS (SELECT * FROM matching WHERE $1::text IN ('', status_now)), "
     "total AS (SELECT count(*) AS n FROM chosen), "
     "page AS (SELECT * FROM chosen ORDER BY sale_start_date, id "
     "LIMIT $4::int4 OFFSET $5::int8) "
     "SELECT " TK_EVENT_COLUMNS ", total.n FROM total LEFT JOIN page e ON true " TK_TYPES_OF_E
     "ORDER BY e.sale_start_date, e.id"},
    {"event", "WITH clock AS (SELECT statement_timestamp() AS at) "
              "SELECT " TK_EVENT_COLUMNS " FROM (SELECT e.*, " TK_STATUS_NOW " AS status_now "
              "FROM events e, clock WHERE e.id = $1::uuid) e " TK_TYPES_OF_E},
    {"event_types", "SELECT id, name, price, total_quantity, available_quantity, description "
                    "FROM ticket_types WHERE event_id = $1::uuid ORDER BY price DESC, id"},
    {"type_event", "SELECT event_id FROM ticket_types WHERE id = $1::uuid"},
    {"layouts", "SELECT id, name, description, total_seats, layout_config::text "
                "FROM seat_layouts ORDER BY total_seats, name"},
    {"keywords", "SELECT korean, english FROM keyword_mappings ORDER BY korean, english"},
  };
}

#undef TK_STATUS_NOW
#undef TK_EVENT_COLUMNS
#undef TK_TYPES_OF_E

namespace {

constexpr int total_column = 20; // Of "events".

std::string_view name_of(event_status_filter x) {
  switch (x) {
  case event_status_filter::any: return "";
  case event_status_filter::upcoming: return "upcoming";
  case event_status_filter::on_sale: return "on_sale";
  case event_status_filter::ended: return "ended";
  case event_status_filter::cancelled: return "cancelled";
  }
  return "";
}

event_view event_of(const pg::result& rows, int i) {
  event_view x;
  auto text = [&](int column, std::string& to) {
    to = rows.text(i, column);
    return !rows.null(i, column);
  };
  x.id = rows.uuid<event_id>(i, 0);
  x.title = rows.text(i, 1);
  x.venue = rows.text(i, 2);
  x.status = rows.text(i, 3);
  x.has_description = text(4, x.description);
  x.has_address = text(5, x.address);
  x.has_poster = text(6, x.poster_image_url);
  x.has_artist_name = text(7, x.artist_name);
  x.event_date = rows.time(i, 8);
  x.created_at = rows.time(i, 9);
  x.updated_at = rows.time(i, 10);
  x.has_sale_start = !rows.null(i, 11);
  x.sale_start = rows.time_or(i, 11, instant{});
  x.has_sale_end = !rows.null(i, 12);
  x.sale_end = rows.time_or(i, 12, instant{});
  x.has_artist = !rows.null(i, 13);
  x.artist = rows.uuid<artist_id>(i, 13);
  x.has_layout = !rows.null(i, 14);
  x.layout = rows.uuid<layout_id>(i, 14);
  x.has_creator = !rows.null(i, 15);
  x.creator = rows.uuid<user_id>(i, 15);
  x.pre_scaled = rows.boolean(i, 16);
  x.ticket_type_count = rows.int4(i, 17);
  x.has_prices = !rows.null(i, 18);
  if (x.has_prices) {
    x.min_price = {rows.integer(i, 18)};
    x.max_price = {rows.integer(i, 19)};
  }
  return x;
}

pg_result<std::vector<std::string>> patterns_for(pg::connection& db, std::string_view search) {
  auto rows = db.exec("keywords");
  if (!rows.ok()) return read_failed(rows);
  std::vector<keyword_pair> pairs;
  pairs.reserve(static_cast<size_t>(rows.rows()));
  for (int i = 0; i < rows.rows(); ++i)
    pairs.push_back({std::string{rows.text(i, 0)}, std::string{rows.text(i, 1)}});
  return search_patterns(search, pairs);
}

} // namespace

pg_result<event_page> read_events(pg::connection& db, const list_events& x) {
  pg::array patterns{pg::oid::text};
  if (!x.search.empty()) {
    auto found = patterns_for(db, x.search);
    if (!found) return tl::unexpected(std::move(found.error()));
    for (const auto& p : *found) patterns.push_text(p);
  }
  auto limit = std::clamp(x.limit, 1, 100);
  auto page = std::max(x.page, 1);
  pg::params values;
  values.add_text(name_of(x.status)).add_bool(!x.search.empty()).add(patterns).add_int4(limit);
  values.add_int8((int64_t{page} - 1) * limit);
  auto rows = db.exec("events", values);
  if (!rows.ok()) return read_failed(rows);
  event_page out;
  out.total = rows.integer(0, total_column);
  for (int i = 0; i < rows.rows(); ++i)
    if (!rows.null(i, 0)) out.events.push_back(event_of(rows, i));
  return out;
}

pg_result<found_event> read_one_event(pg::connection& db, const read_event& x) {
  auto rows = db.exec("event", pg::params{}.add_id(x.id));
  if (!rows.ok()) return read_failed(rows);
  if (rows.rows() == 0) return found_event{};
  auto types = db.exec("event_types", pg::params{}.add_id(x.id));
  if (!types.ok()) return read_failed(types);
  found_event out{true, event_of(rows, 0)};
  for (int i = 0; i < types.rows(); ++i)
    out.event.ticket_types.push_back({types.uuid<ticket_type_id>(i, 0),
                                      std::string{types.text(i, 1)}, std::string{types.text(i, 5)},
                                      !types.null(i, 5), won{types.integer(i, 2)}, types.int4(i, 3),
                                      types.int4(i, 4)});
  return out;
}

pg_result<found_ticket_type> read_ticket_type(pg::connection& db, const find_ticket_type& x) {
  auto rows = db.exec("type_event", pg::params{}.add_id(x.id));
  if (!rows.ok()) return read_failed(rows);
  if (rows.rows() == 0) return found_ticket_type{};
  return found_ticket_type{true, rows.uuid<event_id>(0, 0)};
}

pg_result<layouts> read_layouts(pg::connection& db) {
  auto rows = db.exec("layouts");
  if (!rows.ok()) return read_failed(rows);
  layouts out;
  for (int i = 0; i < rows.rows(); ++i)
    out.rows.push_back({rows.uuid<layout_id>(i, 0), std::string{rows.text(i, 1)},
                        std::string{rows.text(i, 2)}, std::string{rows.text(i, 4)},
                        !rows.null(i, 2), rows.int4(i, 3)});
  return out;
}

} // namespace tk
