#include "persistence/store/event_rows.hpp"
#include "persistence/store/queries.hpp"
#include "persistence/store/search.hpp"

#include <algorithm>

namespace tk {

// A page of the events that pass the filters, and how many do. Only what passes is sorted, by id
// and key alone; whole rows are read for the page. One row at least, so that a page behind the last
// one still tells the total.
#define TK_LIST(NAME, FILTERS, KEY, DIRECTION, PAGE)                                               \
  {                                                                                                \
    NAME, "WITH matching AS (SELECT s.event_id AS id, " KEY " AS key FROM event_search s "         \
          "WHERE " FILTERS "), total AS (SELECT count(*) AS n FROM matching), "                    \
          "page AS (SELECT id, key FROM matching ORDER BY key " DIRECTION " NULLS LAST, id " PAGE  \
          ") SELECT e.*, total.n FROM total LEFT JOIN page ON true "                               \
          "LEFT JOIN LATERAL (SELECT " TK_EVENT_COLUMNS TK_FROM_EVENTS                             \
          "WHERE e.id = page.id LIMIT 1) e ON true "                                               \
          "ORDER BY page.key " DIRECTION " NULLS LAST, page.id"                                    \
  }
// $1 status or '', $2 patterns.
#define TK_PLAIN                                                                                   \
  "CASE WHEN $1::text = '' THEN NOT s.cancelled "                                                  \
  "ELSE " TK_STATUS_OF_S " = $1::text END "                                                        \
  "AND (cardinality($2::text[]) = 0 OR s.search_text LIKE ANY($2::text[]))"
// $3 patterns of the venue, $4 artist or null, $5 from, $6 before, $7 and $8 price bounds or null.
#define TK_ALL                                                                                     \
  TK_PLAIN " AND (cardinality($3::text[]) = 0 OR s.venue_text LIKE ANY($3::text[])) "              \
           "AND ($4::uuid IS NULL OR s.artist_id = $4::uuid) "                                     \
           "AND s.event_date >= $5::timestamptz AND s.event_date < $6::timestamptz "               \
           "AND ($7::int8 IS NULL OR s.max_price >= $7::int8) "                                    \
           "AND ($8::int8 IS NULL OR s.min_price <= $8::int8)"
#define TK_SORTED(NAME, KEY, DIRECTION)                                                            \
  TK_LIST(NAME, TK_ALL, KEY, DIRECTION, "LIMIT $9::int4 OFFSET $10::int8")

std::vector<pg_statement> catalogue_statements() {
  return {
    // What nearly everybody asks, in little more than half the time of one with room for all
    // filters.
    TK_LIST("events", TK_PLAIN, "s.sale_start_date", "ASC", "LIMIT $3::int4 OFFSET $4::int8"),
    TK_SORTED("events_by_sale_start", "s.sale_start_date", "ASC"),
    TK_SORTED("events_by_sale_start_down", "s.sale_start_date", "DESC"),
    TK_SORTED("events_by_date", "s.event_date", "ASC"),
    TK_SORTED("events_by_date_down", "s.event_date", "DESC"),
    // The same order whatever the database's collation.
    TK_SORTED("events_by_title", "s.title COLLATE \"C\"", "ASC"),
    TK_SORTED("events_by_title_down", "s.title COLLATE \"C\"", "DESC"),
    TK_SORTED("events_by_price", "s.min_price", "ASC"),
    TK_SORTED("events_by_price_down", "s.min_price", "DESC"),
    {"event", "SELECT " TK_EVENT_COLUMNS TK_FROM_EVENTS "WHERE e.id = $1::uuid"},
    {"event_types", "SELECT id, name, price, total_quantity, available_quantity, description "
                    "FROM ticket_types WHERE event_id = $1::uuid ORDER BY price DESC, id"},
    {"type_event", "SELECT event_id FROM ticket_types WHERE id = $1::uuid"},
    {"layouts", "SELECT id, name, description, total_seats, layout_config::text "
                "FROM seat_layouts ORDER BY total_seats, name"},
    // Folded by one rule, which is that of `search_text`. A row at least, for the text.
    {"keywords", "SELECT lower($1::text), korean_text, english_text FROM (SELECT) one "
                 "LEFT JOIN keyword_mappings ON true ORDER BY korean_text, english_text"},
  };
}

#undef TK_SORTED
#undef TK_ALL
#undef TK_PLAIN
#undef TK_LIST

namespace {

constexpr int total_column = 23; // Behind TK_EVENT_COLUMNS.

std::string_view name_of(event_status_filter x) {
  switch (x) {
  case event_status_filter::any: return "";
  case event_status_filter::upcoming: return "upcoming";
  case event_status_filter::on_sale: return "on_sale";
  case event_status_filter::ended: return "ended";
  case event_status_filter::cancelled: return "cancelled";
  case event_status_filter::none: return "none";
  }
  return "";
}

/// Whether nothing but status and search filters, and the order is the usual one.
bool is_plain(const list_events& x) {
  return x.venue.empty() && x.artist.nil() && x.from == instant::min() &&
         x.before == instant::max() && !x.min_price && !x.max_price &&
         x.order == event_order::sale_start && !x.descending;
}

/// The statement for an order, with room for all filters.
const char* statement_of(event_order x, bool descending) {
  switch (x) {
  case event_order::sale_start:
    return descending ? "events_by_sale_start_down" : "events_by_sale_start";
  case event_order::event_date: return descending ? "events_by_date_down" : "events_by_date";
  case event_order::title: return descending ? "events_by_title_down" : "events_by_title";
  case event_order::price: return descending ? "events_by_price_down" : "events_by_price";
  }
  return "events_by_sale_start";
}

/// Appends the patterns of a search for `text`; of an empty one, none.
pg_result<void> add_patterns(pg::connection& db, std::string_view text, pg::array& to) {
  if (text.empty()) return {};
  auto rows = db.exec("keywords", pg::params{}.add_text(text));
  if (!rows.ok()) return read_failed(rows);
  std::vector<keyword_pair> pairs;
  pairs.reserve(static_cast<size_t>(rows.rows()));
  for (int i = 0; i < rows.rows(); ++i)
    if (!rows.null(i, 1))
      pairs.push_back({std::string{rows.text(i, 1)}, std::string{rows.text(i, 2)}});
  for (const auto& x : search_patterns(rows.text(0, 0), pairs)) to.push_text(x);
  return {};
}

void add_bound(pg::params& to, const std::optional<won>& x) {
  if (x) to.add_int8(x->amount);
  else to.add_null(pg::oid::int8);
}

} // namespace

cancellation_policy policy_of(const pg::result& rows, int i, int column) {
  cancellation_policy x;
  if (!rows.null(i, column)) x.until_hours = rows.int4(i, column);
  x.show_day = rows.null(i, column + 1) || rows.boolean(i, column + 1);
  x.fees = parse_fees(rows.text(i, column + 2)).value_or(std::vector<fee_step>{});
  return x;
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
  x.cancellation = policy_of(rows, i, 20);
  return x;
}

pg_result<event_page> read_events(pg::connection& db, const list_events& x) {
  pg::array words{pg::oid::text}, venues{pg::oid::text};
  if (auto done = add_patterns(db, x.search, words); !done)
    return tl::unexpected(std::move(done.error()));
  if (auto done = add_patterns(db, x.venue, venues); !done)
    return tl::unexpected(std::move(done.error()));
  auto limit = std::clamp(x.limit, 1, 100);
  auto page = std::max(x.page, 1);
  bool plain = is_plain(x);
  pg::params values;
  values.add_text(name_of(x.status)).add(words);
  if (!plain) {
    values.add(venues).add_id_or_null(x.artist).add_time(x.from).add_time(x.before);
    add_bound(values, x.min_price);
    add_bound(values, x.max_price);
  }
  values.add_int4(limit).add_int8((int64_t{page} - 1) * limit);
  auto rows = db.exec(plain ? "events" : statement_of(x.order, x.descending), values);
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
