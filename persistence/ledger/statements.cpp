#include "persistence/ledger/statements.hpp"

#include <cstdlib>
#include <string_view>
#include <utility>

#include "persistence/ledger/sql_parts.hpp"

namespace tk::sql {

// No seqscan, hash join, merge join, material or bitmap scan: the generic plan is made when tables
// may be empty, and a plan that scans is perfect that day and fatal later (H-25). For the same
// reason a check that would repeat the condition of a partial index word for word says
// `status || ''`: else the plan reads that whole index instead of looking up an id. Read committed:
// each statement sees what committed before it, which the locks rely on.
const char* const session_settings = R"(
SET default_transaction_isolation = 'read committed';
SET plan_cache_mode = force_generic_plan;
SET jit = off;
SET enable_seqscan = off;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET enable_material = off;
SET enable_bitmapscan = off;
SET idle_in_transaction_session_timeout = '1s';
SET tcp_user_timeout = '3s';
SET client_min_messages = warning;
SET timezone = 'UTC';
)";

const char* const identity = R"(
SELECT (SELECT system_identifier FROM pg_control_system()),
       (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint, pg_backend_pid(),
       (SELECT (extract(epoch FROM backend_start) * 1000000)::bigint FROM pg_stat_activity
         WHERE pid = pg_backend_pid()),
       CASE WHEN pg_is_in_recovery() THEN ''
            ELSE left(pg_walfile_name(pg_current_wal_insert_lsn()), 8) END
)";

namespace {

// A statement of its own: the epochs are read by later statements, whose snapshots are newer than
// the locks.
constexpr const char* fence = R"(
SELECT count(pg_advisory_xact_lock_shared(7430, s))
FROM (SELECT DISTINCT s FROM unnest($1::int[]) s ORDER BY s) t
)";

// Rows are items; an op's own columns are repeated on each of its items. Item 1 belongs to the lead
// block. An op that has happened is judged first: sending a lost batch again is the look-up.
constexpr const char* create = TK_OWN R"(
w AS MATERIALIZED (
  SELECT i.*,
         coalesce((SELECT r.id FROM reservations r WHERE r.id = i.reservation_id),
                  (SELECT k.id FROM reservations k WHERE k.user_id = i.user_id
                     AND k.operation = i.operation AND k.idempotency_key = i.idem)) AS replay_of,
         )" TK_FENCED("session") R"(
           OR )" TK_FENCED("event") R"(
           OR )" TK_FENCED("block") R"( AS fenced,
         i.deadline < clock_timestamp() AS late,
         (SELECT e.status <> 'cancelled'
                   AND statement_timestamp() >= e.sale_start_date
                         + CASE WHEN i.presale = 1 AND e.artist_id IS NOT NULL
                           THEN presale_wait(i.user_id, e.artist_id, statement_timestamp())
                           ELSE interval '0' END
                   AND statement_timestamp() <= coalesce(e.sale_end_date, 'infinity')
                   AND statement_timestamp() <= e.event_date
            FROM events e WHERE e.id = i.event_id) IS NOT TRUE AS closed,
         i.seat_id IS NOT NULL AND (
           (SELECT s.id FROM seats s WHERE s.id = i.seat_id AND s.version = i.version
               AND s.status = 'available' AND s.fencing_token < i.fence
               AND s.event_id = i.event_id) IS NULL
           OR row_number() OVER (PARTITION BY i.seat_id ORDER BY i.op) > 1) AS moved,
         CASE WHEN i.seat_id IS NULL THEN
           (SELECT q.available_quantity FROM ticket_types q
             WHERE q.id = i.type_id AND q.event_id = i.event_id) END AS quota,
         i.token_at IS NOT NULL AND (SELECT coalesce(u.revoked_before < i.token_at, true)
            FROM users u WHERE u.id = i.user_id) IS NOT TRUE AS revoked,
         i.token_at IS NOT NULL AND (SELECT count(DISTINCT coalesce(x.seat_id, r.id))
            FROM (SELECT * FROM reservations r WHERE r.user_id = i.user_id
                   ORDER BY r.created_at DESC LIMIT 100) r, reservation_items x
           WHERE r.event_id = i.event_id AND r.status = 'pending'
             AND r.expires_at > clock_timestamp() AND x.reservation_id = r.id)
           > i.holds_before AS over_limit,
         i.idem IS NOT NULL
           AND min(i.op) OVER (PARTITION BY i.user_id, i.operation, i.idem) < i.op AS twin
  FROM unnest($1::int[], $2::int[], $3::uuid[], $4::uuid[], $5::uuid[], $6::text[], $7::bigint[],
              $8::text[], $9::text[], $10::int[], $11::timestamptz[], $12::int[], $13::bigint[],
              $14::uuid[], $15::int[], $16::bigint[], $17::uuid[], $18::int[], $19::bigint[],
              $20::int[], $21::bigint[], $22::int[], $23::bigint[], $24::text[], $25::int[],
              $26::uuid[], $27::timestamptz[], $28::int[], $29::int[])
    AS i(op, item, reservation_id, user_id, event_id, number, amount, operation, idem, ttl_s,
         deadline, session_shard, session_epoch, seat_id, version, fence, type_id, quantity, price,
         block_shard, block_epoch, event_shard, event_epoch, digest, home_block, request_id,
         token_at, holds_before, presale)
),
c AS MATERIALIZED (
  SELECT w.*, CASE WHEN bool_or(replay_of IS NOT NULL) OVER p THEN 'replayed'
                   WHEN bool_or(twin) OVER p THEN 'in_flight'
                   WHEN bool_or(fenced) OVER p THEN 'fenced'
                   WHEN bool_or(late) OVER p THEN 'late'
                   WHEN bool_or(revoked) OVER p THEN 'revoked'
                   WHEN bool_or(closed) OVER p THEN 'closed'
                   WHEN bool_or(over_limit) OVER p THEN 'over_limit'
                   WHEN bool_or(moved) OVER p THEN 'moved' END AS refusal
  FROM w WINDOW p AS (PARTITION BY op)
),
d AS MATERIALIZED (
  SELECT c.*, seat_id IS NULL AND (quota IS NULL
           OR sum(CASE WHEN refusal IS NULL AND seat_id IS NULL THEN quantity ELSE 0 END)
                OVER (PARTITION BY type_id, seat_id IS NULL ORDER BY op, item) > quota) AS short
  FROM c
),
v AS MATERIALIZED (
  SELECT d.*, coalesce(refusal, CASE WHEN bool_or(short) OVER (PARTITION BY op)
                                     THEN 'sold_out' END, 'ok') AS verdict FROM d
),
took AS (
  UPDATE seats s SET status = 'locked', version = s.version + 1, fencing_token = v.fence,
         locked_by = v.user_id, reservation_id = v.reservation_id, updated_at = now()
  FROM v WHERE v.verdict = 'ok' AND s.id = v.seat_id AND s.version = v.version
           AND s.status = 'available' RETURNING 1
),
)" TK_QUOTAS("drew", "-") R"(,
made AS (
  INSERT INTO reservations (id, user_id, event_id, reservation_number, total_amount, expires_at,
                            operation, idempotency_key, request_digest, shard, block_no)
  SELECT reservation_id, user_id, event_id, number, amount, now() + ttl_s * interval '1 second',
         operation, idem, digest, block_shard, home_block
    FROM v WHERE verdict = 'ok' AND item = 1
  ON CONFLICT DO NOTHING RETURNING 1
),
listed AS (
  INSERT INTO reservation_items (reservation_id, seat_id, ticket_type_id, quantity, unit_price,
                                 subtotal, fencing_token)
  SELECT reservation_id, seat_id, type_id, quantity, price, quantity * price,
         CASE WHEN seat_id IS NOT NULL THEN fence END
    FROM v WHERE verdict = 'ok' ORDER BY op, item RETURNING 1
),
noted AS (
  INSERT INTO reservation_history (reservation_id, to_status, payment_to, actor, actor_id, reason,
                                   request_id)
  SELECT reservation_id, 'pending', 'pending', 'user', user_id, operation, request_id
    FROM v WHERE verdict = 'ok' AND item = 1 RETURNING 1
),
told AS (
  INSERT INTO outbox (shard, topic, key, type, body, correlation)
  SELECT block_shard, 'reservation-events', reservation_id, 'RESERVATION_CREATED',
         jsonb_build_object('reservationId', reservation_id, 'userId', user_id,
                            'eventId', event_id, 'totalAmount', amount), request_id
    FROM v WHERE verdict = 'ok' AND item = 1 ORDER BY op RETURNING 1
),
)" TK_SUMS R"(
SELECT v.op,
       CASE WHEN (SELECT count(*) FROM took) = sums.seats
             AND (SELECT coalesce(sum(k), 0) FROM drew) = sums.quotas
             AND (SELECT count(*) FROM made) = sums.orders
            THEN CASE WHEN v.verdict = 'replayed' AND v.digest IS DISTINCT FROM
                           (SELECT r.request_digest FROM reservations r WHERE r.id = v.replay_of)
                      THEN 'conflict' ELSE v.verdict END
            ELSE torn() END,
       clock_timestamp(),
       CASE WHEN v.verdict = 'ok' THEN now() + v.ttl_s * interval '1 second'
            ELSE (SELECT r.expires_at FROM reservations r WHERE r.id = v.replay_of) END,
       v.replay_of
  FROM v, sums WHERE v.item = 1 ORDER BY v.op
)";

// Expiry is judged by ledger time, and a pin always wins.
constexpr const char* release = TK_OWN R"(
w AS MATERIALIZED (
  SELECT i.op, i.item, i.reservation_id, i.reason, i.seat_id, i.type_id, i.quantity, i.block_shard,
         i.actor_id, i.request_id, r.user_id, r.event_id, r.total_amount, r.payment_status,
         r.expires_at, r.status = i.reason AS done,
         r.id IS NULL OR r.status <> 'pending' AS not_pending,
         )" TK_FENCED("block") R"( AS fenced,
         r.pin_id IS NOT NULL AS pinned,
         i.reason = 'expired' AND r.expires_at > clock_timestamp() AS early,
         (SELECT p.id FROM payments p WHERE p.reservation_id = i.reservation_id
             AND p.payment_type = 'reservation'
             AND p.status IN ('pending', 'confirmed')) AS order_id,
         )" TK_TWIN R"(,
         )" TK_PARTIAL R"(
  FROM unnest($1::int[], $2::int[], $3::uuid[], $4::text[], $5::uuid[], $6::uuid[], $7::int[],
              $8::int[], $9::bigint[], $10::uuid[], $11::uuid[])
    AS i(op, item, reservation_id, reason, seat_id, type_id, quantity, block_shard, block_epoch,
         actor_id, request_id)
  LEFT JOIN reservations r ON r.id = i.reservation_id
),
v AS MATERIALIZED (
  SELECT w.*, CASE WHEN bool_or(done) OVER p THEN 'done'
                   WHEN bool_or(not_pending) OVER p THEN 'not_pending'
                   WHEN bool_or(fenced) OVER p THEN 'fenced'
                   WHEN bool_or(pinned) OVER p THEN 'pinned'
                   WHEN bool_or(early) OVER p THEN 'early'
                   WHEN bool_or(twin) OVER p THEN 'in_flight'
                   WHEN bool_or(partial) OVER p THEN 'partial' ELSE 'ok' END AS verdict
  FROM w WINDOW p AS (PARTITION BY op)
),
ended AS (
  UPDATE reservations r SET status = v.reason, updated_at = now() FROM v
   WHERE v.verdict = 'ok' AND v.item = 1 AND r.id = v.reservation_id
     AND r.status || '' = 'pending' AND r.pin_id IS NULL RETURNING 1
),
)" TK_FREED("locked") R"(,
)" TK_QUOTAS("back", "+") R"(,
unordered AS (
  UPDATE payments p SET status = 'failed', updated_at = now() FROM v
   WHERE v.verdict = 'ok' AND v.item = 1 AND p.id = v.order_id
     AND p.status || '' = 'pending' RETURNING 1
),
noted AS (
  INSERT INTO reservation_history (reservation_id, from_status, to_status, payment_from,
                                   payment_to, actor, actor_id, reason, request_id)
  SELECT reservation_id, 'pending', reason, payment_status, payment_status,
         )" TK_ACTOR R"(, reason, request_id
    FROM v WHERE verdict = 'ok' AND item = 1 RETURNING 1
),
told AS (
  INSERT INTO outbox (shard, topic, key, type, body, correlation)
  SELECT block_shard, 'reservation-events', reservation_id,
         CASE reason WHEN 'expired' THEN 'RESERVATION_EXPIRED' ELSE 'RESERVATION_CANCELLED' END,
         jsonb_build_object('reservationId', reservation_id, 'userId', user_id,
                            'eventId', event_id, 'totalAmount', total_amount)
           || CASE reason WHEN 'expired' THEN '{}'
                   ELSE jsonb_build_object('reason', reason, 'refundAmount', 0, 'fee', 0) END,
         request_id
    FROM v WHERE verdict = 'ok' AND item = 1 ORDER BY op RETURNING 1
),
)" TK_SUMS R"(
SELECT v.op,
       CASE WHEN (SELECT count(*) FROM freed) = sums.seats
             AND (SELECT coalesce(sum(k), 0) FROM back) = sums.quotas
             AND (SELECT count(*) FROM ended) = sums.orders
            THEN v.verdict ELSE torn() END,
       clock_timestamp(), v.expires_at
  FROM v, sums WHERE v.item = 1 ORDER BY v.op
)";

// The rows are locked before, so this shows the result of every batch that held them. A batch that
// comes later is judged after this clock, so after the deadline when the read is final.
constexpr const char* reread = R"(
SELECT i.op, s.id, s.version, s.fencing_token, s.status, s.reservation_id, s.locked_by,
       CASE s.status WHEN 'locked' THEN r.expires_at END, r.pin_id IS NOT NULL, i.at,
       i.at > i.deadline
  FROM (SELECT u.*, clock_timestamp() AS at
          FROM unnest($1::int[], $2::uuid[], $3::timestamptz[]) AS u(op, seat_id, deadline)) i
  LEFT JOIN seats s ON s.id = i.seat_id
  LEFT JOIN reservations r ON r.id = s.reservation_id
 ORDER BY i.op, s.id
)";

// As `reread`, of ticket types.
constexpr const char* reread_types = R"(
SELECT i.op, t.id, t.available_quantity, t.total_quantity, i.at, i.at > i.deadline
  FROM (SELECT u.*, clock_timestamp() AS at
          FROM unnest($1::int[], $2::uuid[], $3::timestamptz[]) AS u(op, type_id, deadline)) i
  LEFT JOIN ticket_types t ON t.id = i.type_id
 ORDER BY i.op, t.id
)";

void replace(std::string& text, std::string_view what, std::string_view with) {
  auto at = text.find(what);
  if (at == std::string::npos) std::abort(); // A canary that changes nothing would prove nothing.
  text.replace(at, what.size(), with);
}

std::string sabotaged(const char* original, const ledger_sabotage& x, bool creates,
                      std::string_view shards) {
  std::string text{original};
  if (x.fence_with_epochs)
    replace(text, "FROM shard_owners WHERE",
            "FROM shard_owners, (SELECT count(pg_advisory_xact_lock_shared(7430, s)) FROM "
            "(SELECT DISTINCT s FROM unnest(" +
              std::string{shards} + "::int[]) s ORDER BY s) t OFFSET 0) l WHERE");
  if (creates && x.no_version) {
    replace(text, "AND s.version = i.version", "");
    replace(text, "AND s.version = v.version", "");
  }
  if (creates && x.no_twin)
    replace(text, "i.idem IS NOT NULL\n", "i.idem = '' AND i.idem IS NOT NULL\n");
  return text;
}

} // namespace

std::vector<statement> prepared(const ledger_sabotage& x) {
  std::vector<statement> all{
    {"begin", "BEGIN"},
    {"fence", fence},
    {"lock_reservations", TK_LOCK("reservations")},
    {"lock_seats", TK_LOCK("seats")},
    {"lock_types", TK_LOCK("ticket_types")},
    {"lock_users", TK_LOCK("users")},
    {"release", sabotaged(release, x, false, "$8")},
    {"create", sabotaged(create, x, true, "$20")},
    {"reread", reread},
    {"reread_types", reread_types},
    // An empty batch asks whether the server can write: even an UPDATE of no row is refused.
    {"probe", "UPDATE relay_cursor SET seq = seq WHERE shard = -1"},
    {"commit", "COMMIT"},
    // After COMMIT: a position read inside the transaction lies before the commit record.
    {"position", "SELECT pg_current_wal_insert_lsn(), "
                 "left(pg_walfile_name(pg_current_wal_insert_lsn()), 8)"},
    {"rollback", "ROLLBACK"},
  };
  for (auto* part : {account_statements, payment_statements, subject_statements, ticket_statements,
                     queue_statements, gate_statements})
    for (auto& more : part()) all.push_back(std::move(more));
  return all;
}

} // namespace tk::sql
