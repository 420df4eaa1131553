#include "persistence/ledger/sql_parts.hpp"
#include "persistence/ledger/statements.hpp"

/// Money, by the pattern of `statements.cpp`: judge every op, apply those that pass, one row per op
/// with verdict, ledger time and end of the hold. What happened by this very op is judged first.
namespace tk::sql {

namespace {

// An order for what is still to be had; the open one when there is one. A pinned reservation does
// not end by time.
constexpr const char* open_payments = TK_OWN R"(
w AS MATERIALIZED (
  SELECT i.*, r.status, r.user_id, r.event_id, r.total_amount, r.pin_id, r.expires_at,
         )" TK_FENCED("checkout") " AS fenced, " TK_TWIN R"(,
         (SELECT p.id FROM payments p WHERE p.id = i.payment_id) AS own_id,
         (SELECT p.id FROM payments p WHERE p.reservation_id = i.reservation_id
             AND p.payment_type = 'reservation'
             AND p.status IN ('pending', 'confirmed')) AS live_id,
         (SELECT count(*) FROM payments p WHERE p.reservation_id = i.reservation_id
             AND p.payment_type = 'reservation' AND p.status = 'failed') AS failed
  FROM unnest($1::int[], $2::uuid[], $3::text[], $4::uuid[], $5::int[], $6::bigint[], $7::uuid[],
              $8::int[])
    AS i(op, payment_id, order_id, reservation_id, checkout_shard, checkout_epoch, request_id,
         orders_max)
  LEFT JOIN reservations r ON r.id = i.reservation_id
),
v AS MATERIALIZED (
  SELECT w.*, CASE WHEN own_id IS NOT NULL THEN 'replayed' WHEN fenced THEN 'fenced'
                   WHEN twin THEN 'in_flight' WHEN status = 'confirmed' THEN 'paid'
                   WHEN status = 'expired' THEN 'expired'
                   WHEN status IS DISTINCT FROM 'pending' THEN 'not_pending'
                   WHEN pin_id IS NULL AND expires_at <= clock_timestamp() THEN 'expired'
                   WHEN live_id IS NOT NULL THEN 'replayed'
                   WHEN failed >= orders_max THEN 'attempts' ELSE 'ok' END AS verdict FROM w
),
made AS (
  INSERT INTO payments (id, reservation_id, user_id, event_id, order_id, amount, request_id)
  SELECT payment_id, reservation_id, user_id, event_id, order_id, total_amount, request_id
    FROM v WHERE verdict = 'ok' RETURNING 1
)
SELECT v.op, CASE WHEN (SELECT count(*) FROM made) = (SELECT count(*) FROM v WHERE verdict = 'ok')
                  THEN v.verdict ELSE torn() END, clock_timestamp(), v.expires_at,
       CASE v.verdict WHEN 'ok' THEN v.payment_id ELSE p.id END,
       CASE v.verdict WHEN 'ok' THEN v.order_id ELSE p.order_id END,
       CASE v.verdict WHEN 'ok' THEN v.total_amount ELSE p.amount END
  FROM v LEFT JOIN payments p ON p.id = coalesce(v.own_id, v.live_id) ORDER BY v.op
)";

constexpr const char* begin_attempts = TK_OWN R"(
w AS MATERIALIZED (
  SELECT i.*, r.status, r.pin_id, r.expires_at, r.total_amount, p.status AS order_status,
         p.amount AS order_amount, p.reservation_id AS order_of,
         )" TK_FENCED("checkout") " OR " TK_FENCED("block") " AS fenced, " TK_TWIN R"(,
         min(i.op) OVER (PARTITION BY i.payment_key) < i.op AS key_twin,
         (SELECT a.id FROM payment_attempts a WHERE a.id = i.attempt_id) AS own_id,
         EXISTS (SELECT 1 FROM payment_attempts a WHERE a.payment_key = i.payment_key
                    AND a.payment_id <> i.payment_id) AS key_used
  FROM unnest($1::int[], $2::uuid[], $3::uuid[], $4::uuid[], $5::bigint[], $6::text[], $7::text[],
              $8::text[], $9::int[], $10::bigint[], $11::int[], $12::bigint[])
    AS i(op, attempt_id, payment_id, reservation_id, amount, provider, payment_key, method,
         checkout_shard, checkout_epoch, block_shard, block_epoch)
  LEFT JOIN reservations r ON r.id = i.reservation_id
  LEFT JOIN payments p ON p.id = i.payment_id
),
v AS MATERIALIZED (
  SELECT w.*, CASE WHEN own_id IS NOT NULL THEN 'done' WHEN fenced THEN 'fenced'
                   WHEN twin THEN 'in_flight' WHEN key_twin THEN 'busy'
                   WHEN status = 'expired' THEN 'expired'
                   WHEN status IS DISTINCT FROM 'pending' THEN 'not_pending'
                   WHEN pin_id IS NOT NULL THEN 'pinned'
                   WHEN expires_at <= clock_timestamp() THEN 'expired'
                   WHEN order_status IS DISTINCT FROM 'pending' OR order_of <> reservation_id
                   THEN 'no_order'
                   WHEN amount <> order_amount OR amount <> total_amount THEN 'amount'
                   WHEN key_used THEN 'key_used' ELSE 'ok' END AS verdict FROM w
),
held AS (
  UPDATE reservations r SET pin_id = v.attempt_id, updated_at = now() FROM v
   WHERE v.verdict = 'ok' AND r.id = v.reservation_id AND r.status || '' = 'pending'
     AND r.pin_id IS NULL RETURNING 1
),
made AS (
  INSERT INTO payment_attempts (id, payment_id, reservation_id, provider, payment_key, method,
                                amount, next_ask_at)
  SELECT attempt_id, payment_id, reservation_id, provider, payment_key, method, amount, now()
    FROM v WHERE verdict = 'ok' RETURNING 1
)
SELECT op, CASE WHEN (SELECT count(*) FROM held) = (SELECT count(*) FROM v WHERE verdict = 'ok')
                 AND (SELECT count(*) FROM made) = (SELECT count(*) FROM held)
                THEN verdict ELSE torn() END, clock_timestamp(), expires_at
  FROM v ORDER BY op
)";

/// What a sale earns its buyer who is a member of the event's artist (contract 2.12), once for each
/// reservation. The rows are locked in the order of their ids.
#define TK_AWARDED                                                                                 \
  "fans AS MATERIALIZED ( "                                                                        \
  "SELECT m.id, v.reservation_id FROM v JOIN events e ON e.id = v.event_id "                       \
  "JOIN artist_memberships m ON m.user_id = v.user_id AND m.artist_id = e.artist_id "              \
  "AND m.status = 'active' AND m.expires_at > clock_timestamp() "                                  \
  "WHERE v.verdict = 'ok' AND v.item = 1 ORDER BY m.id FOR NO KEY UPDATE OF m), "                  \
  "awarded AS ( "                                                                                  \
  "INSERT INTO membership_point_logs (membership_id, action_type, points, reference_id) "          \
  "SELECT id, 'TICKET_PURCHASE', 100, reservation_id FROM fans "                                   \
  "ON CONFLICT DO NOTHING RETURNING membership_id, points), "                                      \
  "earned AS ( "                                                                                   \
  "UPDATE artist_memberships m SET points = m.points + x.n, tier = tier_of(m.points + x.n), "      \
  "updated_at = now() FROM (SELECT membership_id, sum(points)::int AS n FROM awarded "             \
  "GROUP BY 1) x WHERE m.id = x.membership_id RETURNING 1)"

// Money and seats change hands here and nowhere else, and tickets are made: one per unit.
constexpr const char* complete_payments = TK_OWN R"(
t AS MATERIALIZED (
  SELECT t.*, row_number() OVER (PARTITION BY number ORDER BY op, item) > 1
              OR (SELECT k.id FROM tickets k WHERE k.ticket_number = t.number) IS NOT NULL AS used
  FROM unnest($17::int[], $18::int[], $19::uuid[], $20::text[]) AS t(op, item, ticket_id, number)
),
w AS MATERIALIZED (
  SELECT i.*, r.status, r.pin_id, r.user_id, r.event_id, r.total_amount, r.payment_status,
         r.expires_at, a.status AS attempt_status, a.method, a.payment_key, p.order_id,
         p.status AS order_status,
         )" TK_FENCED("checkout") " OR " TK_FENCED("block") R"( AS fenced,
         )" TK_TWIN R"(,
         i.seat_id IS NOT NULL AND (SELECT s.id FROM seats s WHERE s.id = i.seat_id
           AND s.reservation_id = i.reservation_id AND s.fencing_token = i.fence
           AND s.status = 'locked') IS NULL AS lost,
         i.op IN (SELECT t.op FROM t WHERE t.used) AS number_used,
         )" TK_PARTIAL R"(
  FROM unnest($1::int[], $2::int[], $3::uuid[], $4::uuid[], $5::uuid[], $6::bigint[],
              $7::timestamptz[], $8::uuid[], $9::uuid[], $10::int[], $11::bigint[], $12::int[],
              $13::bigint[], $14::int[], $15::bigint[], $16::uuid[])
    AS i(op, item, attempt_id, payment_id, reservation_id, amount, approved_at, seat_id, type_id,
         quantity, fence, block_shard, block_epoch, checkout_shard, checkout_epoch, request_id)
  LEFT JOIN reservations r ON r.id = i.reservation_id
  LEFT JOIN payment_attempts a ON a.id = i.attempt_id
  LEFT JOIN payments p ON p.id = i.payment_id
),
v AS MATERIALIZED (
  SELECT w.*, CASE WHEN bool_or(status = 'confirmed' AND pin_id = attempt_id) OVER p THEN 'done'
                   WHEN bool_or(fenced) OVER p THEN 'fenced'
                   WHEN bool_or(twin) OVER p THEN 'in_flight'
                   WHEN bool_or(status IS DISTINCT FROM 'pending'
                                OR pin_id IS DISTINCT FROM attempt_id
                                OR attempt_status IS DISTINCT FROM 'live'
                                OR order_status IS DISTINCT FROM 'pending') OVER p
                   THEN 'not_pinned'
                   WHEN bool_or(total_amount <> amount) OVER p THEN 'amount'
                   WHEN bool_or(lost OR partial) OVER p THEN 'lost'
                   WHEN bool_or(number_used) OVER p THEN 'number_used' ELSE 'ok' END AS verdict
  FROM w WINDOW p AS (PARTITION BY op)
),
confirmed AS (
  UPDATE reservations r SET status = 'confirmed', payment_status = 'completed',
         payment_method = v.method, updated_at = now() FROM v
   WHERE v.verdict = 'ok' AND v.item = 1 AND r.id = v.reservation_id
     AND r.status || '' = 'pending' AND r.pin_id = v.attempt_id RETURNING 1
),
sold AS (
  UPDATE seats s SET status = 'reserved', version = s.version + 1, updated_at = now() FROM v
   WHERE v.verdict = 'ok' AND s.id = v.seat_id AND s.reservation_id = v.reservation_id
     AND s.fencing_token = v.fence AND s.status = 'locked' RETURNING 1
),
issued AS (
  INSERT INTO tickets (id, ticket_number, reservation_id, unit, seat_id, ticket_type_id, event_id,
                       user_id, price)
  SELECT t.ticket_id, t.number, v.reservation_id,
         row_number() OVER (PARTITION BY v.op ORDER BY v.item, t.number), v.seat_id, v.type_id,
         v.event_id, v.user_id,
         (SELECT x.unit_price FROM reservation_items x WHERE x.reservation_id = v.reservation_id
             AND x.seat_id IS NOT DISTINCT FROM v.seat_id
             AND x.ticket_type_id IS NOT DISTINCT FROM v.type_id LIMIT 1)
    FROM v JOIN t ON t.op = v.op AND t.item = v.item WHERE v.verdict = 'ok' RETURNING 1
),
paid AS (
  UPDATE payments p SET status = 'confirmed', method = v.method, payment_key = v.payment_key,
         approved_at = v.approved_at, toss_status = 'DONE', updated_at = now() FROM v
   WHERE v.verdict = 'ok' AND v.item = 1 AND p.id = v.payment_id
     AND p.status || '' = 'pending' RETURNING 1
),
closed AS (
  UPDATE payment_attempts a SET status = 'approved', closed_at = clock_timestamp(),
         next_ask_at = NULL FROM v
   WHERE v.verdict = 'ok' AND v.item = 1 AND a.id = v.attempt_id
     AND a.status || '' = 'live' RETURNING 1
),
booked AS (
  )" TK_BOOKED("attempt_id", "provider", "sales") R"( AND v.item = 1 RETURNING 1
),
)" TK_AWARDED R"(,
noted AS (
  INSERT INTO reservation_history (reservation_id, from_status, to_status, payment_from,
                                   payment_to, actor, actor_id, reason, request_id)
  SELECT reservation_id, 'pending', 'confirmed', payment_status, 'completed', 'user', user_id,
         'payment', request_id FROM v WHERE verdict = 'ok' AND item = 1 RETURNING 1
),
told AS (
  INSERT INTO outbox (shard, topic, key, type, body, correlation)
  SELECT v.block_shard, t.topic,
         CASE t.n WHEN 1 THEN v.order_id ELSE v.reservation_id::text END, t.type,
         CASE t.n WHEN 1 THEN
           jsonb_build_object('paymentId', v.payment_id, 'orderId', v.order_id,
             'userId', v.user_id, 'reservationId', v.reservation_id,
             'paymentType', 'reservation', 'amount', v.amount, 'paymentMethod', v.method)
         ELSE
           jsonb_build_object('reservationId', v.reservation_id, 'userId', v.user_id,
             'eventId', v.event_id, 'totalAmount', v.total_amount, 'paymentMethod', v.method)
         END, v.request_id
    FROM v, (VALUES (1, 'payment-events', 'PAYMENT_CONFIRMED'),
                    (2, 'reservation-events', 'RESERVATION_CONFIRMED')) AS t(n, topic, type)
   WHERE v.verdict = 'ok' AND v.item = 1 ORDER BY v.op, t.n RETURNING 1
),
sums AS MATERIALIZED (
  SELECT count(*) FILTER (WHERE verdict = 'ok' AND seat_id IS NOT NULL) AS seats,
         coalesce(sum(quantity) FILTER (WHERE verdict = 'ok'), 0) AS units,
         count(*) FILTER (WHERE verdict = 'ok' AND item = 1) AS orders FROM v
)
SELECT v.op, CASE WHEN (SELECT count(*) FROM sold) = sums.seats
                   AND (SELECT count(*) FROM issued) = sums.units
                   AND (SELECT count(*) FROM confirmed) = sums.orders
                   AND (SELECT count(*) FROM paid) = sums.orders
                   AND (SELECT count(*) FROM closed) = sums.orders
                  THEN v.verdict ELSE torn() END, clock_timestamp(), v.expires_at
  FROM v, sums WHERE v.item = 1 ORDER BY v.op
)";

constexpr const char* fail_attempts = TK_OWN R"(
w AS MATERIALIZED (
  SELECT i.*, r.pin_id, r.expires_at, a.status AS attempt_status,
         )" TK_FENCED("checkout") " OR " TK_FENCED("block") " AS fenced, " TK_TWIN R"(
  FROM unnest($1::int[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::int[],
              $8::bigint[], $9::int[], $10::bigint[])
    AS i(op, attempt_id, payment_id, reservation_id, how, error, checkout_shard, checkout_epoch,
         block_shard, block_epoch)
  LEFT JOIN reservations r ON r.id = i.reservation_id
  LEFT JOIN payment_attempts a ON a.id = i.attempt_id
),
v AS MATERIALIZED (
  SELECT w.*, CASE WHEN attempt_status = how THEN 'done' WHEN fenced THEN 'fenced'
                   WHEN twin THEN 'in_flight'
                   WHEN attempt_status IS DISTINCT FROM 'live'
                     OR pin_id IS DISTINCT FROM attempt_id THEN 'not_pinned'
                   ELSE 'ok' END AS verdict FROM w
),
unpinned AS (
  UPDATE reservations r SET pin_id = NULL, updated_at = now() FROM v
   WHERE v.verdict = 'ok' AND r.id = v.reservation_id
     AND r.status || '' = 'pending' AND r.pin_id = v.attempt_id RETURNING 1
),
closed AS (
  UPDATE payment_attempts a SET status = v.how, closed_at = clock_timestamp(), error = v.error,
         next_ask_at = CASE v.how WHEN 'untried' THEN NULL
                            ELSE clock_timestamp() + interval '1 minute' END
    FROM v WHERE v.verdict = 'ok' AND a.id = v.attempt_id
     AND a.status || '' = 'live' RETURNING 1
),
failed AS (
  UPDATE payments p SET status = 'failed', updated_at = now() FROM v
   WHERE v.verdict = 'ok' AND v.how <> 'untried' AND p.id = v.payment_id
     AND p.status || '' = 'pending' RETURNING 1
)
SELECT op, CASE WHEN (SELECT count(*) FROM unpinned) = (SELECT count(*) FROM v WHERE verdict = 'ok')
                 AND (SELECT count(*) FROM closed) = (SELECT count(*) FROM unpinned)
                THEN verdict ELSE torn() END, clock_timestamp(), expires_at
  FROM v ORDER BY op
)";

constexpr const char* note_asked = TK_OWN R"(
w AS MATERIALIZED (
  SELECT i.*, a.status, a.asked AS asked_before, )" TK_FENCED("checkout") " AS fenced, " TK_TWIN R"(
  FROM unnest($1::int[], $2::uuid[], $3::uuid[], $4::int[], $5::int[], $6::bigint[])
    AS i(op, attempt_id, reservation_id, asked, checkout_shard, checkout_epoch)
  LEFT JOIN payment_attempts a ON a.id = i.attempt_id
),
v AS MATERIALIZED (
  SELECT w.*, CASE WHEN asked_before >= asked THEN 'done' WHEN fenced THEN 'fenced'
                   WHEN twin THEN 'in_flight'
                   WHEN status IS NULL OR status NOT IN ('declined', 'voided') THEN 'not_pending'
                   ELSE 'ok' END AS verdict FROM w
),
noted AS (
  UPDATE payment_attempts a SET asked = v.asked,
         next_ask_at = CASE v.asked WHEN 1 THEN a.closed_at + interval '10 minutes'
                                    WHEN 2 THEN a.closed_at + interval '1 hour'
                                    WHEN 3 THEN a.closed_at + interval '24 hours' END
    FROM v WHERE v.verdict = 'ok' AND a.id = v.attempt_id RETURNING 1
)
SELECT op, CASE WHEN (SELECT count(*) FROM noted) = (SELECT count(*) FROM v WHERE verdict = 'ok')
                THEN verdict ELSE torn() END, clock_timestamp(), NULL::timestamptz
  FROM v ORDER BY op
)";

// Captured, but not sold: whatever the attempt was closed as, its money goes back, once.
constexpr const char* claim_refunds = TK_OWN R"(
w AS MATERIALIZED (
  SELECT i.*, a.status, a.payment_id, a.payment_key, a.amount, a.subject,
         )" TK_FENCED("checkout") " AS fenced, " TK_TWIN R"(,
         (SELECT f.id FROM refunds f WHERE f.attempt_id = i.attempt_id) AS own_id
  FROM unnest($1::int[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::int[], $7::bigint[])
    AS i(op, refund_id, attempt_id, reservation_id, reason, checkout_shard, checkout_epoch)
  LEFT JOIN payment_attempts a ON a.id = i.attempt_id
),
v AS MATERIALIZED (
  SELECT w.*, CASE WHEN own_id IS NOT NULL THEN 'done' WHEN fenced THEN 'fenced'
                   WHEN twin THEN 'in_flight'
                   WHEN status IS NULL OR status = 'approved' THEN 'not_pending'
                   ELSE 'ok' END AS verdict FROM w
),
unpinned AS (
  UPDATE reservations r SET pin_id = NULL, updated_at = now() FROM v
   WHERE v.verdict = 'ok' AND r.id = v.reservation_id
     AND r.status || '' = 'pending' AND r.pin_id = v.attempt_id RETURNING 1
),
late AS (
  UPDATE payment_attempts a SET status = 'late', next_ask_at = NULL,
         closed_at = coalesce(a.closed_at, clock_timestamp()) FROM v
   WHERE v.verdict = 'ok' AND a.id = v.attempt_id RETURNING 1
),
owed AS (
  UPDATE payments p SET status = 'refund_pending', refund_reason = v.reason,
         payment_key = coalesce(p.payment_key, v.payment_key), updated_at = now() FROM v
   WHERE v.verdict = 'ok' AND p.id = v.payment_id
     AND p.status || '' IN ('pending', 'failed') RETURNING 1
),
made AS (
  INSERT INTO refunds (id, attempt_id, payment_id, reservation_id, amount, reason, subject)
  SELECT refund_id, attempt_id, payment_id, reservation_id, amount, reason, subject
    FROM v WHERE verdict = 'ok' RETURNING 1
),
booked AS (
  )" TK_BOOKED("attempt_id", "provider", "owed") R"( RETURNING 1
)
SELECT op, CASE WHEN (SELECT count(*) FROM late) = (SELECT count(*) FROM v WHERE verdict = 'ok')
                 AND (SELECT count(*) FROM made) = (SELECT count(*) FROM late)
                THEN verdict ELSE torn() END, clock_timestamp(), NULL::timestamptz
  FROM v ORDER BY op
)";

constexpr const char* cancel_paid = TK_OWN R"(
w AS MATERIALIZED (
  SELECT i.*, r.status, r.pin_id, r.user_id, r.event_id, r.total_amount, r.payment_status,
         a.payment_id, a.amount, )" TK_FENCED("checkout") R"(
         OR )" TK_FENCED("block") R"( AS fenced, )" TK_TWIN R"(,
         (SELECT f.id FROM refunds f WHERE f.id = i.refund_id) AS own_id,
         i.terms >= 0 AND (SELECT e.terms_version FROM events e WHERE e.id = r.event_id)
           IS DISTINCT FROM i.terms AS other_terms,
         a.subject = 1 AND (i.actor_id = r.user_id OR (SELECT count(*) FROM ticket_transfers l
           WHERE l.seller_id = i.actor_id AND l.reservation_id = i.reservation_id
             AND l.status = 'completed') > 0) AS resold,
         i.actor_id = r.user_id
           AND (SELECT count(*) FROM tickets k WHERE k.reservation_id = i.reservation_id
                   AND k.status = 'used') > 0 AS let_in,
         ARRAY(SELECT k.id FROM tickets k WHERE k.reservation_id = i.reservation_id
                  AND k.status IN ('valid', 'used')) AS issued,
         )" TK_PARTIAL R"(
  FROM unnest($1::int[], $2::int[], $3::uuid[], $4::uuid[], $5::uuid[], $6::text[], $7::uuid[],
              $8::uuid[], $9::int[], $10::int[], $11::bigint[], $12::int[], $13::bigint[],
              $14::uuid[], $15::bigint[], $16::bigint[], $17::timestamptz[])
    AS i(op, item, refund_id, reservation_id, actor_id, reason, seat_id, type_id, quantity,
         block_shard, block_epoch, checkout_shard, checkout_epoch, request_id, fee, terms, until)
  LEFT JOIN reservations r ON r.id = i.reservation_id
  LEFT JOIN payment_attempts a ON a.id = r.pin_id
),
v AS MATERIALIZED (
  SELECT w.*, CASE WHEN bool_or(own_id IS NOT NULL) OVER p THEN 'done'
                   WHEN bool_or(fenced) OVER p THEN 'fenced'
                   WHEN bool_or(twin) OVER p THEN 'in_flight'
                   WHEN bool_or(status IS DISTINCT FROM 'confirmed' OR payment_id IS NULL
                                OR resold) OVER p
                   THEN 'not_pending'
                   WHEN bool_or(partial) OVER p THEN 'partial'
                   WHEN bool_or(let_in) OVER p THEN 'used'
                   WHEN bool_or(other_terms) OVER p THEN 'moved'
                   WHEN bool_or(until <= clock_timestamp()) OVER p THEN 'late'
                   WHEN bool_or(fee < 0 OR fee > amount) OVER p THEN 'amount'
                   ELSE 'ok' END AS verdict
  FROM w WINDOW p AS (PARTITION BY op)
),
ended AS (
  UPDATE reservations r SET status = 'cancelled', payment_status = 'refund_requested',
         updated_at = now() FROM v
   WHERE v.verdict = 'ok' AND v.item = 1 AND r.id = v.reservation_id AND r.status = 'confirmed'
  RETURNING 1
),
voided AS (
  UPDATE tickets k SET status = 'cancelled', voided_at = clock_timestamp()
    FROM (SELECT unnest(issued) AS id FROM v WHERE verdict = 'ok' AND item = 1) i
   WHERE k.id = i.id RETURNING 1
),
)" TK_FREED("reserved") R"(,
)" TK_QUOTAS("back", "+") R"(,
owed AS (
  UPDATE payments p SET status = 'refund_pending', refund_reason = v.reason, updated_at = now()
    FROM v WHERE v.verdict = 'ok' AND v.item = 1 AND p.id = v.payment_id
             AND p.status || '' = 'confirmed' RETURNING 1
),
made AS (
  INSERT INTO refunds (id, attempt_id, payment_id, reservation_id, amount, fee, reason)
  SELECT refund_id, pin_id, payment_id, reservation_id, amount - fee, fee, reason
    FROM v WHERE verdict = 'ok' AND item = 1 RETURNING 1
),
booked AS (
  INSERT INTO books (attempt_id, payment_id, account, amount)
  SELECT v.pin_id, v.payment_id, b.account, b.amount
    FROM v, LATERAL (VALUES ('sales', v.amount), ('owed', v.fee - v.amount), ('fees', -v.fee))
      AS b(account, amount)
   WHERE v.verdict = 'ok' AND v.item = 1 AND (b.account <> 'fees' OR v.fee > 0) RETURNING 1
),
noted AS (
  INSERT INTO reservation_history (reservation_id, from_status, to_status, payment_from,
                                   payment_to, actor, actor_id, reason, request_id)
  SELECT reservation_id, 'confirmed', 'cancelled', payment_status, 'refund_requested',
         )" TK_ACTOR R"(, reason, request_id
    FROM v WHERE verdict = 'ok' AND item = 1 RETURNING 1
),
told AS (
  INSERT INTO outbox (shard, topic, key, type, body, correlation)
  SELECT block_shard, 'reservation-events', reservation_id::text, 'RESERVATION_CANCELLED',
         jsonb_build_object('reservationId', reservation_id, 'userId', user_id,
                            'eventId', event_id, 'totalAmount', total_amount, 'reason', reason,
                            'refundAmount', amount - fee, 'fee', fee),
         request_id
    FROM v WHERE verdict = 'ok' AND item = 1 ORDER BY op RETURNING 1
),
)" TK_SUMS R"(
SELECT v.op,
       CASE WHEN (SELECT count(*) FROM freed) = sums.seats
             AND (SELECT coalesce(sum(k), 0) FROM back) = sums.quotas
             AND (SELECT count(*) FROM ended) = sums.orders
             AND (SELECT count(*) FROM owed) = sums.orders
             AND (SELECT count(*) FROM made) = sums.orders
            THEN v.verdict ELSE torn() END, clock_timestamp(), NULL::timestamptz
  FROM v, sums WHERE v.item = 1 ORDER BY v.op
)";

constexpr const char* settle_refunds = TK_OWN R"(
w AS MATERIALIZED (
  SELECT i.*, f.status, f.attempt_id, f.payment_id, f.amount, f.fee, f.reason, p.order_id,
         p.user_id, p.request_id, p.payment_type, p.reference_id, r.id AS of_id,
         r.status AS of_status, r.payment_status, coalesce(r.shard, i.checkout_shard) AS shard,
         )" TK_FENCED("checkout") R"( AS fenced,
         min(i.op) OVER (PARTITION BY i.refund_id) < i.op AS twin
  FROM unnest($1::int[], $2::uuid[], $3::uuid[], $4::bool[], $5::text[], $6::int[], $7::int[],
              $8::bigint[])
    AS i(op, refund_id, reservation_id, done, error, retry_s, checkout_shard, checkout_epoch)
  LEFT JOIN refunds f ON f.id = i.refund_id
  LEFT JOIN payments p ON p.id = f.payment_id
  LEFT JOIN reservations r ON r.id = i.reservation_id
),
v AS MATERIALIZED (
  SELECT w.*, CASE WHEN status = 'done' THEN 'done' WHEN fenced THEN 'fenced'
                   WHEN twin THEN 'in_flight' WHEN status IS NULL THEN 'not_pending'
                   ELSE 'ok' END AS verdict FROM w
),
settled AS (
  UPDATE refunds f SET status = CASE WHEN v.done THEN 'done' ELSE 'pending' END,
         tries = f.tries + 1, error = v.error,
         done_at = CASE WHEN v.done THEN clock_timestamp() END,
         next_try_at = clock_timestamp() + v.retry_s * interval '1 second'
    FROM v WHERE v.verdict = 'ok' AND f.id = v.refund_id
     AND f.status || '' = 'pending' RETURNING 1
),
back AS (
  UPDATE payments p SET status = 'refunded', refund_amount = v.amount, refunded_at = now(),
         toss_status = 'CANCELED', updated_at = now() FROM v
   WHERE v.verdict = 'ok' AND v.done AND p.id = v.payment_id AND p.status = 'refund_pending'
  RETURNING 1
),
ended AS (
  UPDATE reservations r SET payment_status = 'refunded', updated_at = now() FROM v
   WHERE v.verdict = 'ok' AND v.done AND r.id = v.reservation_id
     AND r.payment_status = 'refund_requested' RETURNING 1
),
booked AS (
  )" TK_BOOKED("attempt_id", "owed", "provider") R"( AND v.done RETURNING 1
),
noted AS (
  INSERT INTO reservation_history (reservation_id, from_status, to_status, payment_from,
                                   payment_to, actor, reason, request_id)
  SELECT reservation_id, of_status, of_status, payment_status, 'refunded', 'system', reason,
         request_id FROM v
   WHERE verdict = 'ok' AND done AND payment_status = 'refund_requested' RETURNING 1
),
told AS (
  INSERT INTO outbox (shard, topic, key, type, body, correlation)
  SELECT shard, 'payment-events', order_id, 'PAYMENT_REFUNDED',
         jsonb_strip_nulls(jsonb_build_object('paymentId', payment_id, 'orderId', order_id,
           'userId', user_id, 'reservationId', of_id, 'referenceId', reference_id, 'paymentType',
           payment_type, 'amount', amount, 'reason', reason, 'refundId', refund_id, 'fee', fee)),
         request_id
    FROM v WHERE verdict = 'ok' AND done ORDER BY op RETURNING 1
)
SELECT op, CASE WHEN (SELECT count(*) FROM settled) = (SELECT count(*) FROM v WHERE verdict = 'ok')
                THEN verdict ELSE torn() END, clock_timestamp(), NULL::timestamptz
  FROM v ORDER BY op
)";

} // namespace

std::vector<statement> payment_statements() {
  return {
    {"open_payments", open_payments},
    {"begin_attempts", begin_attempts},
    {"complete_payments", complete_payments},
    {"fail_attempts", fail_attempts},
    {"note_asked", note_asked},
    {"claim_refunds", claim_refunds},
    {"cancel_paid", cancel_paid},
    {"settle_refunds", settle_refunds},
  };
}

} // namespace tk::sql
