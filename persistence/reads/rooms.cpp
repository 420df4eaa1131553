#include <algorithm>
#include <iterator>
#include <ranges>

#include "persistence/ledger/queue_places.hpp"
#include "persistence/reads/queries.hpp"

/// What waiting rooms load.
namespace tk {

std::vector<pg_statement> room_read_statements() {
  return {
    {"room",
     "SELECT q.turn, q.generation, q.reserved_to, q.admitted, q.threshold, q.per_second, q.paused "
     "FROM events e LEFT JOIN queue_rooms q ON q.event_id = e.id WHERE e.id = $1::uuid"},
    {"room_log", "SELECT places, users FROM queue_log "
                 "WHERE event_id = $1::uuid AND generation = $2::int4 ORDER BY turn, kind"},
    {"room_places", "SELECT array_agg(place) FROM queue_admissions "
                    "WHERE event_id = $1::uuid AND generation = $2::int4 AND place IS NOT NULL"},
    {"room_slots", "SELECT number, user_id, hard_end FROM queue_admissions "
                   "WHERE event_id = $1::uuid AND generation = $2::int4 AND ended_at IS NULL "
                   "AND hard_end > statement_timestamp() ORDER BY number"},
  };
}

namespace {

/// A million people come in a second; a server under load may take its time.
constexpr millis log_limit{60'000};
constexpr auto* begin =
  "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = '60s'";

/// Joins, and places that were given up or changed for a slot.
struct room_log {
  std::vector<room_join> joins;
  std::vector<int32_t> gone;
};

void read_log(const pg::result& rows, room_log& out) {
  std::vector<int32_t> places;
  std::vector<user_id> users;
  for (int i = 0; i < rows.rows(); ++i) {
    if (rows.null(i, 1)) {
      rows.int4s(i, 0, out.gone);
      continue;
    }
    places.clear();
    users.clear();
    rows.int4s(i, 0, places);
    rows.uuids(i, 1, users);
    for (size_t n = 0; n < places.size(); ++n)
      out.joins.push_back({place_of_row(places[n]), users[n]});
  }
}

/// Who of the log still waits; its joins are in order.
std::vector<room_join> still_waiting(room_log&& x) {
  auto& joins = x.joins;
  std::ranges::sort(x.gone);
  auto next = x.gone.begin();
  auto kept = joins.begin();
  for (const auto& y : joins) {
    const auto place = place_to_row(y.place); // Their order is that of the codes.
    while (next != x.gone.end() && *next < place) ++next;
    const auto is_gone = next != x.gone.end() && *next == place;
    const auto again = kept != joins.begin() && std::prev(kept)->place == y.place;
    if (!is_gone && !again) *kept++ = y;
  }
  joins.erase(kept, joins.end());
  return std::move(joins);
}

pg_result<room_rows> room_in_snapshot(pg::connection& db, const load_room& x) {
  auto room = db.exec("room", pg::params{}.add_id(x.event));
  if (!room.ok()) return read_failed(room);
  room_rows out;
  out.known = room.rows() > 0;
  if (!out.known || room.null(0, 0)) return out;
  out.turn = room.integer(0, 0);
  out.generation = room.int4(0, 1);
  out.reserved_to = room.integer(0, 2);
  out.next_admission = room.int4(0, 3) + 1;
  if (!room.null(0, 4)) out.control.threshold = room.int4(0, 4);
  if (!room.null(0, 5)) out.control.per_second = room.int4(0, 5);
  out.control.paused = room.boolean(0, 6);
  const auto which = pg::params{}.add_id(x.event).add_int4(out.generation);
  room_log log;
  {
    // In a scope of its own: the answer is as large as what is made of it.
    auto rows = db.exec("room_log", which, log_limit);
    if (!rows.ok()) return read_failed(rows);
    read_log(rows, log);
  }
  auto places = db.exec("room_places", which, log_limit);
  if (!places.ok()) return read_failed(places);
  places.int4s(0, 0, log.gone);
  if (!std::ranges::is_sorted(log.joins, {}, &room_join::place))
    std::ranges::stable_sort(log.joins, {}, &room_join::place);
  out.unwritten =
    unwritten_numbers(log.joins | std::views::transform(&room_join::place), out.reserved_to);
  out.waiting = still_waiting(std::move(log));
  auto slots = db.exec("room_slots", which);
  if (!slots.ok()) return read_failed(slots);
  for (int i = 0; i < slots.rows(); ++i)
    out.slots.push_back({slots.int4(i, 0), slots.uuid<user_id>(i, 1), slots.time(i, 2)});
  return out;
}

} // namespace

pg_result<room_rows> read_room(pg::connection& db, const load_room& x) {
  // Statements that must agree: one snapshot for all.
  auto begun = db.run_script(begin);
  if (!begun.ok()) return read_failed(begun);
  auto out = room_in_snapshot(db, x);
  auto ended = db.run_script("COMMIT");
  if (!ended.ok()) db.close(); // Nothing was written; but no transaction may stay open.
  return out;
}

} // namespace tk
