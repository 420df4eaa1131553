#include <algorithm>
#include <iterator>
#include <ranges>

#include "persistence/ledger/queue_places.hpp"
#include "persistence/reads/queries.hpp"

/// What waiting rooms and gates load.
namespace tk {

std::vector<pg_statement> room_read_statements() {
  return {
    {"room",
     "SELECT q.turn, q.generation, q.reserved_to, q.admitted, q.threshold, q.per_second, q.paused, "
     "q.follow_inventory, q.draw_opens_at, q.draw_seed, q.draw_from, q.draw_cutoff, q.draw_turn, "
     "q.draw_list "
     "FROM events e LEFT JOIN queue_rooms q ON q.event_id = e.id WHERE e.id = $1::uuid"},
    {"room_log", "SELECT places, users FROM queue_log "
                 "WHERE event_id = $1::uuid AND generation = $2::int4 ORDER BY turn, kind"},
    {"room_places", "SELECT array_agg(place) FROM queue_admissions "
                    "WHERE event_id = $1::uuid AND generation = $2::int4 AND place IS NOT NULL"},
    {"room_slots", "SELECT number, user_id, hard_end FROM queue_admissions "
                   "WHERE event_id = $1::uuid AND generation = $2::int4 AND ended_at IS NULL "
                   "AND hard_end > statement_timestamp() ORDER BY number"},
    {"gate", "SELECT q.turn, q.activation, q.is_active, q.order_base, q.next_position, "
             "q.reserved_to, q.serving_counter, q.holes_from, q.holes_to "
             "FROM events e LEFT JOIN vwr_counters q ON q.event_id = e.id WHERE e.id = $1::uuid"},
    {"live_rooms",
     "SELECT q.event_id FROM queue_rooms q "
     "WHERE q.updated_at > statement_timestamp() - interval '1 hour' AND (EXISTS ("
     "SELECT 1 FROM queue_admissions a WHERE a.event_id = q.event_id AND "
     "a.generation = q.generation AND a.ended_at IS NULL AND a.hard_end > statement_timestamp()) "
     "OR (SELECT coalesce(sum(CASE l.kind WHEN 'join' THEN 1 ELSE -1 END * "
     "cardinality(l.places)), 0) FROM queue_log l WHERE l.event_id = q.event_id AND "
     "l.generation = q.generation) > (SELECT count(*) FROM queue_admissions a "
     "WHERE a.event_id = q.event_id AND a.generation = q.generation AND a.place IS NOT NULL)) "
     "ORDER BY q.event_id"},
    {"open_gates", "SELECT event_id FROM vwr_counters WHERE is_active ORDER BY event_id"},
    {"inventory",
     "SELECT s.free + t.free, s.held + t.held, s.total + t.total FROM events e, LATERAL ("
     "SELECT count(*) FILTER (WHERE status = 'available') AS free, "
     "count(*) FILTER (WHERE status = 'locked') AS held, count(*) AS total FROM seats "
     "WHERE event_id = e.id) s, LATERAL ("
     "SELECT coalesce(sum(available_quantity), 0) AS free, coalesce(sum(total_quantity), 0) AS "
     "total, (SELECT coalesce(sum(i.quantity), 0) FROM reservations r JOIN reservation_items i ON "
     "i.reservation_id = r.id WHERE r.event_id = e.id AND r.status = 'pending' AND "
     "i.ticket_type_id IS NOT NULL) AS held FROM ticket_types WHERE event_id = e.id) t "
     "WHERE e.id = $1::uuid"},
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

/// Who of the log still waits; its joins are in order. A number of the gate may be taken, given up
/// and taken again: somebody has it when it was taken once more than it was given up.
std::vector<room_join> still_waiting(room_log&& x) {
  auto& joins = x.joins;
  std::ranges::sort(x.gone);
  auto next = x.gone.begin();
  auto kept = joins.begin();
  for (auto y = joins.begin(); y != joins.end();) {
    const auto code = y->place;
    const auto place = place_to_row(code); // Their order is that of the codes.
    const auto behind =
      std::find_if(y, joins.end(), [code](const room_join& z) { return z.place != code; });
    const auto first = std::find_if(next, x.gone.end(), [place](int32_t z) { return z >= place; });
    next = std::find_if(first, x.gone.end(), [place](int32_t z) { return z > place; });
    if (behind - y > next - first) *kept++ = *std::prev(behind);
    y = behind;
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
  out.control.follow_inventory = room.boolean(0, 7);
  if (!room.null(0, 8))
    out.control.draw = room_draw{parse_digest(room.text(0, 9)),
                                 room.time(0, 8),
                                 static_cast<uint32_t>(room.integer(0, 10)),
                                 static_cast<uint32_t>(room.integer(0, 11)),
                                 room.integer(0, 12),
                                 parse_digest(room.text(0, 13))};
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
  std::vector<int32_t> given_up;
  places.int4s(0, 0, given_up);
  for (const auto place : given_up)
    if (place < 0) out.used_gate_numbers.push_back(place_of_row(place));
  std::ranges::sort(out.used_gate_numbers);
  log.gone.insert(log.gone.end(), given_up.begin(), given_up.end());
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

pg_result<gate_rows> read_gate(pg::connection& db, const load_gate& x) {
  auto rows = db.exec("gate", pg::params{}.add_id(x.event));
  if (!rows.ok()) return read_failed(rows);
  gate_rows out;
  out.known = rows.rows() > 0;
  if (!out.known || rows.null(0, 0)) return out;
  out.turn = rows.integer(0, 0);
  auto& s = out.state;
  s.activation = rows.int4(0, 1);
  s.active = rows.boolean(0, 2);
  s.order_base = rows.integer(0, 3);
  s.told = rows.integer(0, 4);
  s.reserved_to = rows.integer(0, 5);
  s.serving = rows.integer(0, 6);
  std::vector<int64_t> from, to;
  rows.int8s(0, 7, from);
  rows.int8s(0, 8, to);
  s.holes.reserve(from.size());
  for (size_t i = 0; i < from.size() && i < to.size(); ++i) s.holes.push_back({from[i], to[i]});
  return out;
}

namespace {

/// The events that a statement without parameters names.
template <class Events> pg_result<Events> read_events(pg::connection& db, const char* statement) {
  auto rows = db.exec(statement, pg::params{});
  if (!rows.ok()) return read_failed(rows);
  Events out;
  out.rows.reserve(static_cast<size_t>(rows.rows()));
  for (int i = 0; i < rows.rows(); ++i) out.rows.push_back(rows.uuid<event_id>(i, 0));
  return out;
}

} // namespace

pg_result<live_rooms> read_live_rooms(pg::connection& db) {
  return read_events<live_rooms>(db, "live_rooms");
}

pg_result<open_gates> read_open_gates(pg::connection& db) {
  return read_events<open_gates>(db, "open_gates");
}

pg_result<room_rows> read_room(pg::connection& db, const load_room& x) {
  // Statements that must agree: one snapshot for all.
  auto begun = db.run_script(begin);
  if (!begun.ok()) return read_failed(begun);
  auto out = room_in_snapshot(db, x);
  auto ended = db.run_script("COMMIT");
  if (!ended.ok()) db.close(); // Nothing was written; but no transaction may stay open.
  return out;
}

pg_result<event_inventory> read_inventory(pg::connection& db, const load_inventory& x) {
  auto rows = db.exec("inventory", pg::params{}.add_id(x.event));
  if (!rows.ok()) return read_failed(rows);
  if (rows.rows() == 0) return event_inventory{};
  return event_inventory{true, rows.integer(0, 0), rows.integer(0, 1), rows.integer(0, 2)};
}

} // namespace tk
