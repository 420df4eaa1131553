#include "persistence/ledger/sql_parts.hpp"
#include "persistence/ledger/statements.hpp"

namespace tk::sql {

namespace {

constexpr const char* lock_rooms = R"(
SELECT count(*) FROM (SELECT 1 FROM queue_rooms WHERE event_id = ANY($1::uuid[])
                       ORDER BY event_id FOR NO KEY UPDATE) x
)";

// A row per turn; the lists behind $27 hold what all of them bring, and a turn names its part. So a
// storm of joins is cut out of two arrays and never becomes rows. A turn that has happened is known
// by its number and its owner: the same number of another owner is another turn. What a room cannot
// send unless it is wrong about itself (a gap, slots out of order, an end of nothing) is torn.
// Slots that have ended as paid are told again: an answer may have been lost.
constexpr const char* room_turns = TK_OWN R"(
t AS MATERIALIZED (SELECT clock_timestamp() AS at),
w AS MATERIALIZED (
  SELECT i.*, q.turn AS turn_before, q.epoch AS epoch_before, q.generation AS generation_before,
         q.reserved_to AS reserved_before,
         CASE WHEN q.generation = i.generation THEN q.admitted ELSE 0 END AS admitted_before,
         q.generation = i.generation AND q.draw_cutoff > 0
           AND (q.draw_seed, q.draw_from, q.draw_cutoff, q.draw_turn, q.draw_list)
               IS DISTINCT FROM (i.draw_seed, i.draw_from, i.draw_cutoff, i.draw_turn,
                                 i.draw_list) AS redrawn,
         )" TK_FENCED("room") R"( AS fenced,
         min(i.op) OVER (PARTITION BY i.event_id) < i.op AS twin
  FROM unnest($1::int[], $2::uuid[], $3::int[], $4::bigint[], $5::bigint[], $6::int[],
              $7::bigint[], $8::int[], $9::int[], $10::int[], $11::boolean[],
              $12::boolean[], $13::timestamptz[], $14::text[], $15::bigint[], $16::bigint[],
              $17::bigint[], $18::text[], $19::timestamptz[],
              $20::int[], $21::int[], $22::int[], $23::int[], $24::int[], $25::int[], $26::int[],
              $27::int[])
    AS i(op, event_id, room_shard, room_epoch, turn, generation, reserved_to, slot_max_s,
         threshold, per_second, paused, follow_inventory, draw_opens_at, draw_seed, draw_from,
         draw_cutoff, draw_turn, draw_list, paid_since, joins_from,
         joins_to, leavers_from, leavers_to,
         admissions_from, admissions_to, ends_from, ends_to)
  LEFT JOIN queue_rooms q ON q.event_id = i.event_id
),
v AS MATERIALIZED (
  SELECT w.*,
         CASE WHEN turn <= turn_before AND room_epoch = epoch_before THEN 'done'
              WHEN fenced THEN 'fenced'
              WHEN twin THEN 'in_flight'
              WHEN turn <> coalesce(turn_before, 0) + 1 OR generation < generation_before
                OR (generation = generation_before AND reserved_to < reserved_before) OR redrawn
                OR (SELECT bool_or(x.number <> admitted_before + x.n)
                      FROM unnest(($31::int[])[admissions_from:admissions_to])
                           WITH ORDINALITY AS x(number, n)) THEN torn()
              ELSE 'ok' END AS verdict
  FROM w
),
kept AS (
  INSERT INTO queue_rooms AS q (event_id, turn, epoch, generation, reserved_to, admitted, threshold,
                                per_second, paused, follow_inventory, draw_opens_at, draw_seed,
                                draw_from, draw_cutoff, draw_turn, draw_list, updated_at)
  SELECT event_id, turn, room_epoch, generation, reserved_to,
         admitted_before + admissions_to - admissions_from + 1, threshold, per_second, paused,
         follow_inventory, draw_opens_at, draw_seed, draw_from, draw_cutoff, draw_turn,
         draw_list, t.at
    FROM v, t WHERE verdict = 'ok'
  ON CONFLICT (event_id) DO UPDATE
     SET turn = EXCLUDED.turn, epoch = EXCLUDED.epoch, generation = EXCLUDED.generation,
         reserved_to = EXCLUDED.reserved_to, admitted = EXCLUDED.admitted,
         threshold = EXCLUDED.threshold, per_second = EXCLUDED.per_second,
         paused = EXCLUDED.paused, follow_inventory = EXCLUDED.follow_inventory,
         draw_opens_at = EXCLUDED.draw_opens_at, draw_seed = EXCLUDED.draw_seed,
         draw_from = EXCLUDED.draw_from, draw_cutoff = EXCLUDED.draw_cutoff,
         draw_turn = EXCLUDED.draw_turn,
         draw_list = EXCLUDED.draw_list, updated_at = EXCLUDED.updated_at
   WHERE q.turn = EXCLUDED.turn - 1
  RETURNING 1
),
logged AS (
  INSERT INTO queue_log (event_id, generation, turn, kind, places, users, at)
  SELECT event_id, generation, turn, 'join', ($28::int[])[joins_from:joins_to],
         ($29::uuid[])[joins_from:joins_to], t.at
    FROM v, t WHERE verdict = 'ok' AND joins_from <= joins_to
  UNION ALL
  SELECT event_id, generation, turn, 'leave', ($30::int[])[leavers_from:leavers_to], NULL, t.at
    FROM v, t WHERE verdict = 'ok' AND leavers_from <= leavers_to
  RETURNING 1
),
admitted AS (
  INSERT INTO queue_admissions (event_id, generation, number, user_id, place, admitted_at, hard_end,
                                ended_at, end_reason)
  SELECT v.event_id, v.generation, x.number, x.user_id, x.place, t.at,
         t.at + v.slot_max_s * interval '1 second', CASE WHEN x.why IS NOT NULL THEN t.at END, x.why
    FROM v, t, unnest(($31::int[])[admissions_from:admissions_to],
                      ($32::uuid[])[admissions_from:admissions_to],
                      ($33::int[])[admissions_from:admissions_to],
                      ($34::text[])[admissions_from:admissions_to])
                 AS x(number, user_id, place, why)
   WHERE v.verdict = 'ok'
  RETURNING 1
),
named AS MATERIALIZED (
  SELECT v.op, v.event_id, v.generation, x.number, x.why, x.n,
         (SELECT a.number FROM queue_admissions a WHERE a.event_id = v.event_id
             AND a.generation = v.generation AND a.number = x.number) IS NULL AS unknown
    FROM v, unnest(($35::int[])[ends_from:ends_to], ($36::text[])[ends_from:ends_to])
              WITH ORDINALITY AS x(number, why, n)
   WHERE v.verdict = 'ok'
),
looked_at AS MATERIALIZED (
  SELECT v.op, a.event_id, a.generation, a.number,
         CASE WHEN a.generation <> v.generation THEN 'cleared'
              WHEN v.paid_since IS NOT NULL
               AND (SELECT max(h.at) FROM reservations r, reservation_history h
                     WHERE r.user_id = a.user_id AND r.event_id = a.event_id
                       AND r.payment_status <> 'pending' AND h.reservation_id = r.id
                       AND h.from_status = 'pending' AND h.to_status = 'confirmed'
                       AND h.actor_id = a.user_id) > a.admitted_at THEN 'paid'
              WHEN a.hard_end <= t.at THEN 'expired' END AS why
    FROM t, v, queue_admissions a
   WHERE v.verdict = 'ok' AND (v.paid_since IS NOT NULL OR v.generation <> v.generation_before)
     AND a.event_id = v.event_id AND a.ended_at IS NULL
),
ending AS MATERIALIZED (
  SELECT DISTINCT ON (event_id, generation, number) op, event_id, generation, number, why
    FROM (SELECT op, event_id, generation, number, why,
                 CASE why WHEN 'expired' THEN 3 ELSE 1 END AS rank, 0 AS n
            FROM looked_at WHERE why IS NOT NULL
          UNION ALL SELECT op, event_id, generation, number, why, 2, n FROM named) x
   ORDER BY event_id, generation, number, rank, n
),
ended AS (
  UPDATE queue_admissions a SET end_reason = e.why,
         ended_at = greatest(a.admitted_at,
                             CASE e.why WHEN 'paid' THEN t.at ELSE least(t.at, a.hard_end) END)
    FROM ending e, t
   WHERE a.event_id = e.event_id AND a.generation = e.generation AND a.number = e.number
     AND a.end_reason IS NULL -- Not `ended_at`: the index of the open ones would be read whole.
  RETURNING e.op, a.generation, a.number, a.end_reason
)
SELECT v.op, CASE WHEN (SELECT count(*) FROM kept) = (SELECT count(*) FROM v WHERE verdict = 'ok')
                   AND (SELECT count(*) FROM named WHERE unknown) = 0
                  THEN v.verdict ELSE torn() END,
       t.at, NULL::timestamptz, p.number
  FROM t, v LEFT JOIN LATERAL (
    SELECT a.number FROM queue_admissions a
     WHERE a.event_id = v.event_id AND a.generation = v.generation AND a.end_reason = 'paid'
       AND a.ended_at >= v.paid_since
    UNION ALL
    SELECT e.number FROM ended e
     WHERE e.op = v.op AND e.generation = v.generation AND e.end_reason = 'paid'
       AND v.paid_since IS NOT NULL
  ) p ON v.verdict IN ('ok', 'done')
 ORDER BY v.op, p.number
)";

} // namespace

std::vector<statement> queue_statements() {
  return {{"lock_rooms", lock_rooms}, {"room_turns", room_turns}};
}

} // namespace tk::sql
