#include <algorithm>
#include <iterator>

#include "persistence/audit/rules.hpp"

/// Who waits and who was let in: I12 as far as rows can show it.
namespace tk::audit_rules {

#define TK_ROW "a.event_id || ' ' || a.generation || ' ' || a.number"
#define TK_LOGGED                                                                                  \
  "(SELECT l.event_id, l.generation, l.turn, l.kind, x.place, x.user_id FROM queue_log l, "        \
  "unnest(l.places, l.users) AS x(place, user_id))"

namespace {

std::vector<audit_rule> of_slots() {
  return {
    {"room_unknown", "queue_admissions", "a slot or a turn of no waiting room",
     "SELECT x.event_id::text, n || ' rows', 'no such room' FROM (SELECT event_id, count(*) AS n "
     "FROM (SELECT event_id FROM queue_log UNION ALL SELECT event_id FROM queue_admissions) y "
     "GROUP BY 1) x WHERE NOT EXISTS (SELECT 1 FROM queue_rooms q WHERE q.event_id = x.event_id)"},
    {"room_ahead", "queue_log", "a turn or a generation that its room has not come to",
     "SELECT l.event_id || ' ' || l.turn, 'generation ' || l.generation || ', turn ' || l.turn, "
     "'generation ' || q.generation || ', turn ' || q.turn FROM queue_log l JOIN queue_rooms q "
     "ON q.event_id = l.event_id WHERE l.turn > q.turn OR l.generation > q.generation"},
    {"draw_ahead", "queue_rooms", "a draw by a turn or of numbers that its room has not come to",
     "SELECT q.event_id::text, 'turn ' || q.draw_turn || ', numbers below ' || q.draw_cutoff, "
     "'turn ' || q.turn || ', reserved below ' || q.reserved_to FROM queue_rooms q "
     "WHERE q.draw_turn > q.turn OR q.draw_cutoff > q.reserved_to"},
    {"slot_undrawn", "queue_rooms", "somebody was let in before the draw of the pre-queue",
     "SELECT q.event_id::text, count(*) || ' open slots since ' || min(a.admitted_at), "
     "'opens ' || q.draw_opens_at || ', cut-off ' || q.draw_cutoff FROM queue_rooms q "
     "JOIN queue_admissions a ON a.event_id = q.event_id AND a.generation = q.generation "
     "WHERE a.ended_at IS NULL AND (q.draw_cutoff = 0 "
     "OR a.admitted_at < q.draw_opens_at - interval '10 seconds') GROUP BY q.event_id"},
    {"slot_gap", "queue_admissions", "admissions are not numbered without gaps",
     "SELECT a.event_id || ' ' || a.generation, count(*) || ' admissions up to ' || "
     "max(a.number), 'the room has ' || CASE WHEN a.generation = q.generation "
     "THEN q.admitted::text ELSE 'cleared it' END FROM queue_admissions a JOIN queue_rooms q "
     "ON q.event_id = a.event_id GROUP BY a.event_id, a.generation, q.generation, q.admitted "
     "HAVING count(*) <> max(a.number) "
     "OR (a.generation = q.generation AND max(a.number) <> q.admitted)"},
    {"slot_count", "queue_rooms", "a room counts admissions that are not there",
     "SELECT q.event_id::text, q.admitted || ' admitted', 'no admission' FROM queue_rooms q "
     "WHERE q.admitted > 0 AND NOT EXISTS (SELECT 1 FROM queue_admissions a "
     "WHERE a.event_id = q.event_id AND a.generation = q.generation)"},
    {"slot_twice", "queue_admissions", "a user has two open slots",
     "SELECT min(" TK_ROW "), 'user ' || a.user_id || ': ' || count(*) || ' open slots', "
     "'numbers ' || string_agg(a.number::text, ', ' ORDER BY a.number) FROM queue_admissions a "
     "WHERE a.ended_at IS NULL AND a.hard_end > statement_timestamp() "
     "GROUP BY a.event_id, a.generation, a.user_id HAVING count(*) > 1"},
    {"slots_over", "queue_rooms", "more slots were open at once than the room may have",
     "SELECT q.event_id::text, count(*) || ' open slots', 'threshold ' || q.threshold "
     "FROM queue_rooms q JOIN queue_admissions a ON a.event_id = q.event_id "
     "AND a.ended_at IS NULL AND a.hard_end > statement_timestamp() "
     "GROUP BY q.event_id HAVING count(*) > q.threshold AND count(*) FILTER "
     "(WHERE a.admitted_at = q.updated_at) > 0"},
    {"slot_cleared", "queue_admissions", "a slot of an earlier generation is open",
     "SELECT " TK_ROW ", 'open', 'generation ' || q.generation FROM queue_admissions a "
     "JOIN queue_rooms q ON q.event_id = a.event_id WHERE a.ended_at IS NULL "
     "AND a.generation <> q.generation"},
    {"slot_late", "queue_admissions", "a slot has outlived its hard end",
     "SELECT " TK_ROW ", 'ended ' || a.ended_at || ', ' || a.end_reason, 'hard end ' || "
     "a.hard_end FROM queue_admissions a WHERE a.ended_at > a.hard_end "
     "AND a.end_reason <> 'paid'"},
  };
}

std::vector<audit_rule> of_places() {
  return {
    {"place_admitted_twice", "queue_admissions", "a place was given up for two slots",
     "SELECT min(" TK_ROW "), 'place ' || a.place, 'admissions ' || string_agg(a.number::text, "
     "', ' ORDER BY a.number) FROM queue_admissions a WHERE a.place IS NOT NULL "
     "GROUP BY a.event_id, a.generation, a.place HAVING count(*) > 1"},
    {"place_admitted_left", "queue_admissions", "a place was left and given up for a slot",
     "SELECT " TK_ROW ", 'place ' || a.place, 'left in turn ' || l.turn FROM " TK_LOGGED " l "
     "JOIN queue_admissions a ON a.event_id = l.event_id AND a.generation = l.generation "
     "AND a.place = l.place WHERE l.kind = 'leave' AND l.place > 0"},
    {"place_not_joined", "queue_admissions", "a place that nobody took was given up for a slot",
     "SELECT " TK_ROW ", 'place ' || a.place || ' of user ' || a.user_id, "
     "'this user never took it' FROM queue_admissions a WHERE a.place IS NOT NULL "
     "AND NOT EXISTS (SELECT 1 FROM " TK_LOGGED " l WHERE l.kind = 'join' "
     "AND l.event_id = a.event_id AND l.generation = a.generation AND l.place = a.place "
     "AND l.user_id = a.user_id)"},
    {"place_twice", "queue_log", "a place was taken twice",
     // A number of the gate may be given up and taken again.
     "SELECT event_id || ' ' || generation || ' ' || place, count(*) FILTER (WHERE kind = 'join') "
     "|| ' joins', 'turns ' || string_agg(turn::text, ', ' ORDER BY turn) FROM " TK_LOGGED " l "
     "GROUP BY event_id, generation, place HAVING count(*) FILTER (WHERE kind = 'join') > 1 + "
     "CASE WHEN place < 0 THEN count(*) FILTER (WHERE kind = 'leave') ELSE 0 END"},
    {"place_not_reserved", "queue_log", "a number was given that was not reserved",
     "SELECT l.event_id || ' ' || l.turn, 'place ' || max(x), 'reserved up to ' || "
     "q.reserved_to FROM queue_log l CROSS JOIN LATERAL unnest(l.places) x JOIN queue_rooms q "
     "ON q.event_id = l.event_id AND q.generation = l.generation WHERE l.kind = 'join' "
     "GROUP BY l.event_id, l.turn, q.reserved_to HAVING max(x) >= q.reserved_to"},
    {"gate_number", "queue_log", "a place has a number that the gate never gave",
     "SELECT l.event_id || ' ' || l.turn, 'number ' || max(x::bigint + 2147483648), coalesce("
     "'the gate gave up to ' || (g.order_base + g.reserved_to), 'there is no gate') "
     "FROM queue_log l CROSS JOIN LATERAL unnest(l.places) x LEFT JOIN vwr_counters g "
     "ON g.event_id = l.event_id WHERE l.kind = 'join' AND x < 0 "
     "GROUP BY l.event_id, l.turn, g.order_base, g.reserved_to "
     "HAVING max(x::bigint + 2147483648) > coalesce(g.order_base + g.reserved_to, 0)"},
    {"gate_holes", "vwr_counters", "holes of a gate overlap, or are of what it never reserved",
     "SELECT g.event_id::text, 'from ' || h.f || ' to ' || h.t, 'reserved up to ' || "
     "g.reserved_to FROM vwr_counters g CROSS JOIN LATERAL (SELECT f, t, lag(t, 1, 0::bigint) "
     "OVER (ORDER BY n) AS before FROM unnest(g.holes_from, g.holes_to) WITH ORDINALITY "
     "AS x(f, t, n)) h WHERE h.f >= h.t OR h.f < h.before OR h.t > g.reserved_to"},
  };
}

} // namespace

std::vector<audit_rule> queue() {
  auto out = of_slots();
  std::ranges::move(of_places(), std::back_inserter(out));
  return out;
}

#undef TK_LOGGED
#undef TK_ROW

} // namespace tk::audit_rules
