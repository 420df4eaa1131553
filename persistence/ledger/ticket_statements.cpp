#include "persistence/ledger/statements.hpp"

namespace tk::sql {

namespace {

// Of several scans of one ticket in a batch the first is let in. A scan that was let in and comes
// again, because its answer was lost, is told so.
constexpr const char* admit_tickets = R"(
WITH t AS MATERIALIZED (SELECT clock_timestamp() AS at),
w AS MATERIALIZED (
  SELECT i.*, k.status, k.used_at, k.admission_key,
         first_value(i.key) OVER (PARTITION BY i.ticket_id ORDER BY i.op) AS first_key,
         min(i.op) OVER (PARTITION BY i.ticket_id) < i.op AS twin
  FROM unnest($1::int[], $2::uuid[], $3::uuid[], $4::text[], $5::uuid[])
    AS i(op, ticket_id, reservation_id, key, by_id)
  LEFT JOIN tickets k ON k.id = i.ticket_id AND k.reservation_id = i.reservation_id
),
v AS MATERIALIZED (
  SELECT w.*, CASE WHEN status IS NULL THEN 'no_ticket'
                   WHEN status NOT IN ('valid', 'used') THEN 'voided'
                   WHEN status = 'used' AND admission_key = key THEN 'done'
                   WHEN status = 'used' THEN 'used'
                   WHEN twin AND first_key = key THEN 'done'
                   WHEN twin THEN 'used' ELSE 'ok' END AS verdict FROM w
),
admitted AS (
  UPDATE tickets k SET status = 'used', used_at = t.at, used_by = v.by_id, admission_key = v.key
    FROM v, t WHERE v.verdict = 'ok' AND k.id = v.ticket_id
     AND k.status || '' = 'valid' RETURNING 1
)
SELECT v.op, CASE WHEN (SELECT count(*) FROM admitted)
                         = (SELECT count(*) FROM v WHERE verdict = 'ok')
                  THEN v.verdict ELSE torn() END, t.at,
       CASE WHEN v.verdict IN ('ok', 'done', 'used') THEN coalesce(v.used_at, t.at) END
  FROM v, t ORDER BY v.op
)";

} // namespace

std::vector<statement> ticket_statements() { return {{"admit_tickets", admit_tickets}}; }

} // namespace tk::sql
