#include "persistence/ledger/sql_parts.hpp"
#include "persistence/ledger/statements.hpp"

namespace tk::sql {

namespace {

constexpr const char* lock_gates = R"(
SELECT count(*) FROM (SELECT 1 FROM vwr_counters WHERE event_id = ANY($1::uuid[])
                       ORDER BY event_id FOR NO KEY UPDATE) x
)";

// A row per turn, which names its part of the two lists of holes. A turn that has happened is known
// by its number and its owner, as a room's is. What a gate cannot send unless it is wrong about
// itself (a gap, a position that could be told twice, a counter that falls) is torn.
constexpr const char* gate_turns = TK_OWN R"(
t AS MATERIALIZED (SELECT clock_timestamp() AS at),
w AS MATERIALIZED (
  SELECT i.*, q.turn AS turn_before, q.epoch AS epoch_before, q.activation AS activation_before,
         q.next_position AS told_before, q.reserved_to AS reserved_before,
         q.serving_counter AS serving_before, q.order_base AS base_before,
         )" TK_FENCED("gate") R"( AS fenced,
         min(i.op) OVER (PARTITION BY i.event_id) < i.op AS twin
  FROM unnest($1::int[], $2::uuid[], $3::int[], $4::bigint[], $5::bigint[], $6::int[],
              $7::boolean[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::int[],
              $13::int[])
    AS i(op, event_id, gate_shard, gate_epoch, turn, activation, is_active, order_base, told,
         reserved_to, serving, holes_from, holes_to)
  LEFT JOIN vwr_counters q ON q.event_id = i.event_id
),
v AS MATERIALIZED (
  SELECT w.*,
         CASE WHEN turn <= turn_before AND gate_epoch = epoch_before THEN 'done'
              WHEN fenced THEN 'fenced'
              WHEN twin THEN 'in_flight'
              WHEN turn <> coalesce(turn_before, 0) + 1 OR activation < activation_before
                OR (activation = activation_before
                    AND (told < told_before OR reserved_to < reserved_before
                         OR serving < serving_before OR order_base <> base_before))
                OR (activation > activation_before AND order_base < base_before + reserved_before)
                THEN torn()
              ELSE 'ok' END AS verdict
  FROM w
),
kept AS (
  INSERT INTO vwr_counters AS q (event_id, turn, epoch, activation, is_active, order_base,
                                 next_position, reserved_to, serving_counter, holes_from, holes_to,
                                 updated_at)
  SELECT event_id, turn, gate_epoch, activation, is_active, order_base, told, reserved_to, serving,
         ($14::bigint[])[holes_from:holes_to], ($15::bigint[])[holes_from:holes_to], t.at
    FROM v, t WHERE verdict = 'ok'
  ON CONFLICT (event_id) DO UPDATE
     SET turn = EXCLUDED.turn, epoch = EXCLUDED.epoch, activation = EXCLUDED.activation,
         is_active = EXCLUDED.is_active, order_base = EXCLUDED.order_base,
         next_position = EXCLUDED.next_position, reserved_to = EXCLUDED.reserved_to,
         serving_counter = EXCLUDED.serving_counter, holes_from = EXCLUDED.holes_from,
         holes_to = EXCLUDED.holes_to, updated_at = EXCLUDED.updated_at
   WHERE q.turn = EXCLUDED.turn - 1
  RETURNING 1
)
SELECT v.op, CASE WHEN (SELECT count(*) FROM kept) = (SELECT count(*) FROM v WHERE verdict = 'ok')
                  THEN v.verdict ELSE torn() END,
       t.at, NULL::timestamptz
  FROM t, v ORDER BY v.op
)";

} // namespace

std::vector<statement> gate_statements() {
  return {{"lock_gates", lock_gates}, {"gate_turns", gate_turns}};
}

} // namespace tk::sql
