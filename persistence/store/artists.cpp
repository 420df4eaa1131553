#include "persistence/store/event_rows.hpp"
#include "persistence/store/queries.hpp"

#include <algorithm>

/// Artists with their events and the number of their members (contract 2.3).
namespace tk {

// What `artist_of` reads, of an artist `a`.
#define TK_ARTIST_COLUMNS                                                                          \
  "a.id, a.name, a.image_url, a.description, a.membership_price, a.created_at, a.updated_at, "     \
  "(SELECT count(*) FROM events e WHERE e.artist_id = a.id AND e.status <> 'cancelled'), "         \
  "(SELECT count(*) FROM artist_memberships m WHERE m.artist_id = a.id AND m.status = 'active' "   \
  "AND m.expires_at > statement_timestamp())"

std::vector<pg_statement> artist_statements() {
  return {
    // One row at least, as in the lists of events; the same order whatever the collation.
    {"artists", "WITH total AS (SELECT count(*) AS n FROM artists), "
                "page AS (SELECT * FROM artists ORDER BY name COLLATE \"C\" "
                "LIMIT $1::int4 OFFSET $2::int8) "
                "SELECT " TK_ARTIST_COLUMNS ", total.n FROM total LEFT JOIN page a ON true "
                "ORDER BY a.name COLLATE \"C\""},
    {"artist", "SELECT " TK_ARTIST_COLUMNS " FROM artists a WHERE a.id = $1::uuid"},
    {"artist_events", "SELECT " TK_EVENT_COLUMNS TK_FROM_EVENTS "WHERE e.artist_id = $1::uuid "
                      "AND e.status <> 'cancelled' ORDER BY e.event_date, e.id"},
  };
}

#undef TK_ARTIST_COLUMNS

namespace {

constexpr int total_column = 9; // Behind TK_ARTIST_COLUMNS.

artist_view artist_of(const pg::result& rows, int i) {
  artist_view x;
  x.id = rows.uuid<artist_id>(i, 0);
  x.name = rows.text(i, 1);
  x.has_image = !rows.null(i, 2);
  x.image_url = rows.text(i, 2);
  x.has_description = !rows.null(i, 3);
  x.description = rows.text(i, 3);
  x.membership_price = {rows.integer(i, 4)};
  x.created_at = rows.time(i, 5);
  x.updated_at = rows.time(i, 6);
  x.event_count = rows.integer(i, 7);
  x.member_count = rows.integer(i, 8);
  return x;
}

} // namespace

pg_result<artist_page> read_artists(pg::connection& db, const list_artists& x) {
  auto limit = std::clamp(x.limit, 1, 100);
  auto page = std::max(x.page, 1);
  pg::params values;
  values.add_int4(limit).add_int8((int64_t{page} - 1) * limit);
  auto rows = db.exec("artists", values);
  if (!rows.ok()) return read_failed(rows);
  artist_page out;
  out.total = rows.integer(0, total_column);
  for (int i = 0; i < rows.rows(); ++i)
    if (!rows.null(i, 0)) out.artists.push_back(artist_of(rows, i));
  return out;
}

pg_result<found_artist> read_one_artist(pg::connection& db, const read_artist& x) {
  auto rows = db.exec("artist", pg::params{}.add_id(x.id));
  if (!rows.ok()) return read_failed(rows);
  if (rows.rows() == 0) return found_artist{};
  auto events = db.exec("artist_events", pg::params{}.add_id(x.id));
  if (!events.ok()) return read_failed(events);
  found_artist out{true, artist_of(rows, 0), {}};
  for (int i = 0; i < events.rows(); ++i) out.events.push_back(event_of(events, i));
  return out;
}

} // namespace tk
