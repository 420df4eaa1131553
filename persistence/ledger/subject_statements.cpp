#include "persistence/ledger/sql_parts.hpp"
#include "persistence/ledger/statements.hpp"

/// Money for listings and memberships, by the pattern of `payment_statements.cpp`. `subject` is 1
/// for a listing, 2 for a membership. What pins one is its live attempt, of which it has one; that
/// it is still to be had is judged when an order is opened, when an attempt begins, and when it is
/// sold. Late captures and refunds are those of reservations.
namespace tk::sql {

namespace {

/// The rows that a subject of `i` is, and whether it is still to be had by `PAYER`: why not, or
/// null.
#define TK_SUBJECT                                                                                 \
  "LEFT JOIN ticket_transfers l ON i.subject = 1 AND l.id = i.reservation_id "                     \
  "LEFT JOIN artist_memberships m ON i.subject = 2 AND m.id = i.reservation_id "
#define TK_STANDING(PAYER)                                                                         \
  "CASE WHEN i.subject = 1 THEN CASE "                                                             \
  "WHEN l.status IS DISTINCT FROM 'listed' OR l.seller_id = " PAYER                                \
  " OR (SELECT r.user_id FROM reservations r WHERE r.id = l.reservation_id "                       \
  "AND r.status = 'confirmed') IS DISTINCT FROM l.seller_id "                                      \
  "OR (SELECT count(*) FROM tickets k WHERE k.reservation_id = l.reservation_id "                  \
  "AND k.status = 'used') > 0 THEN 'not_pending' "                                                 \
  "WHEN l.artist_id IS NOT NULL AND (SELECT count(*) FROM artist_memberships x "                   \
  "WHERE x.user_id = " PAYER " AND x.artist_id = l.artist_id AND x.status = 'active' "             \
  "AND x.expires_at > clock_timestamp()) = 0 THEN 'closed' END "                                   \
  "WHEN m.status IS DISTINCT FROM 'pending' OR m.user_id IS DISTINCT FROM " PAYER                  \
  " THEN 'not_pending' END AS standing"

// What was ordered costs what it cost then.
constexpr const char* open_subject_payments = TK_OWN R"(
w AS MATERIALIZED (
  SELECT i.*, CASE i.subject WHEN 1 THEN l.total_price ELSE
           (SELECT a.membership_price FROM artists a WHERE a.id = m.artist_id) END AS price,
         CASE i.subject WHEN 1 THEN 'transfer' ELSE 'membership' END AS type,
         )" TK_FENCED("checkout") R"( AS fenced,
         min(i.op) OVER (PARTITION BY i.reservation_id, i.user_id) < i.op AS twin,
         )" TK_STANDING("i.user_id") R"(,
         (SELECT p.id FROM payments p WHERE p.id = i.payment_id) AS own_id,
         (SELECT p.id FROM payments p WHERE p.reference_id = i.reservation_id
             AND p.user_id = i.user_id AND p.payment_type <> 'reservation'
             AND p.status || '' = 'pending') AS live_id
  FROM unnest($1::int[], $2::uuid[], $3::text[], $4::uuid[], $5::int[], $6::bigint[], $7::uuid[],
              $8::int[], $9::uuid[])
    AS i(op, payment_id, order_id, reservation_id, checkout_shard, checkout_epoch, request_id,
         subject, user_id)
  )" TK_SUBJECT R"(
),
v AS MATERIALIZED (
  SELECT w.*, CASE WHEN own_id IS NOT NULL THEN 'replayed' WHEN fenced THEN 'fenced'
                   WHEN twin THEN 'in_flight' WHEN standing IS NOT NULL THEN standing
                   WHEN live_id IS NOT NULL THEN 'replayed' ELSE 'ok' END AS verdict FROM w
),
made AS (
  INSERT INTO payments (id, user_id, order_id, amount, payment_type, reference_id, request_id)
  SELECT payment_id, user_id, order_id, price, type, reservation_id, request_id
    FROM v WHERE verdict = 'ok' RETURNING 1
)
SELECT v.op, CASE WHEN (SELECT count(*) FROM made) = (SELECT count(*) FROM v WHERE verdict = 'ok')
                  THEN v.verdict ELSE torn() END, clock_timestamp(), NULL::timestamptz,
       CASE v.verdict WHEN 'ok' THEN v.payment_id ELSE p.id END,
       CASE v.verdict WHEN 'ok' THEN v.order_id ELSE p.order_id END,
       CASE v.verdict WHEN 'ok' THEN v.price ELSE p.amount END
  FROM v LEFT JOIN payments p ON p.id = coalesce(v.own_id, v.live_id) ORDER BY v.op
)";

constexpr const char* begin_subject_attempts = TK_OWN R"(
w AS MATERIALIZED (
  SELECT i.*, p.status AS order_status, p.amount AS order_amount, p.reference_id AS order_of,
         )" TK_FENCED("checkout") " AS fenced, " TK_TWIN ", " TK_STANDING("p.user_id") R"(,
         min(i.op) OVER (PARTITION BY i.payment_key) < i.op AS key_twin,
         (SELECT a.id FROM payment_attempts a WHERE a.id = i.attempt_id) AS own_id,
         (SELECT count(*) FROM payment_attempts a WHERE a.reservation_id = i.reservation_id
             AND a.status = 'live') > 0 AS pinned,
         EXISTS (SELECT 1 FROM payment_attempts a WHERE a.payment_key = i.payment_key
                    AND a.payment_id <> i.payment_id) AS key_used
  FROM unnest($1::int[], $2::uuid[], $3::uuid[], $4::uuid[], $5::bigint[], $6::text[], $7::text[],
              $8::text[], $9::int[], $10::bigint[], $11::int[])
    AS i(op, attempt_id, payment_id, reservation_id, amount, provider, payment_key, method,
         checkout_shard, checkout_epoch, subject)
  LEFT JOIN payments p ON p.id = i.payment_id
  )" TK_SUBJECT R"(
),
v AS MATERIALIZED (
  SELECT w.*, CASE WHEN own_id IS NOT NULL THEN 'done' WHEN fenced THEN 'fenced'
                   WHEN twin THEN 'in_flight' WHEN key_twin THEN 'busy'
                   WHEN pinned THEN 'pinned' WHEN standing IS NOT NULL THEN standing
                   WHEN order_status IS DISTINCT FROM 'pending'
                     OR order_of IS DISTINCT FROM reservation_id THEN 'no_order'
                   WHEN amount <> order_amount THEN 'amount'
                   WHEN key_used THEN 'key_used' ELSE 'ok' END AS verdict FROM w
),
made AS (
  INSERT INTO payment_attempts (id, payment_id, reservation_id, provider, payment_key, method,
                                amount, next_ask_at, subject)
  SELECT attempt_id, payment_id, reservation_id, provider, payment_key, method, amount, now(),
         subject FROM v WHERE verdict = 'ok' RETURNING 1
)
SELECT op, CASE WHEN (SELECT count(*) FROM made) = (SELECT count(*) FROM v WHERE verdict = 'ok')
                THEN verdict ELSE torn() END, clock_timestamp(), NULL::timestamptz
  FROM v ORDER BY op
)";

constexpr const char* fail_subject_attempts = TK_OWN R"(
w AS MATERIALIZED (
  SELECT i.*, a.status AS attempt_status, )" TK_FENCED("checkout") " AS fenced, " TK_TWIN R"(
  FROM unnest($1::int[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::int[],
              $8::bigint[])
    AS i(op, attempt_id, payment_id, reservation_id, how, error, checkout_shard, checkout_epoch)
  LEFT JOIN payment_attempts a ON a.id = i.attempt_id
),
v AS MATERIALIZED (
  SELECT w.*, CASE WHEN attempt_status = how THEN 'done' WHEN fenced THEN 'fenced'
                   WHEN twin THEN 'in_flight'
                   WHEN attempt_status IS DISTINCT FROM 'live' THEN 'not_pinned'
                   ELSE 'ok' END AS verdict FROM w
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
SELECT op, CASE WHEN (SELECT count(*) FROM closed) = (SELECT count(*) FROM v WHERE verdict = 'ok')
                THEN verdict ELSE torn() END, clock_timestamp(), NULL::timestamptz
  FROM v ORDER BY op
)";

/// What a sale does to the order and its attempt.
#define TK_PAID                                                                                    \
  "paid AS ( "                                                                                     \
  "UPDATE payments p SET status = 'confirmed', method = v.method, payment_key = v.payment_key, "   \
  "approved_at = v.approved_at, toss_status = 'DONE', updated_at = now() FROM v "                  \
  "WHERE v.verdict = 'ok' AND p.id = v.payment_id AND p.status || '' = 'pending' RETURNING 1), "   \
  "closed AS ( "                                                                                   \
  "UPDATE payment_attempts a SET status = 'approved', closed_at = clock_timestamp(), "             \
  "next_ask_at = NULL FROM v WHERE v.verdict = 'ok' AND a.id = v.attempt_id "                      \
  "AND a.status || '' = 'live' RETURNING 1), "                                                     \
  "booked AS ( " TK_BOOKED("attempt_id", "provider", "sales") " RETURNING 1)"

// A year from the moment it is paid for, and the points of who joins or comes back.
constexpr const char* complete_memberships = TK_OWN R"(
w AS MATERIALIZED (
  SELECT i.*, m.status AS standing, m.user_id, m.artist_id, a.status AS attempt_status, a.method,
         a.payment_key, p.order_id, p.status AS order_status, p.user_id AS payer,
         p.amount AS order_amount, CASE WHEN m.points > 0 THEN 'MEMBERSHIP_RENEW'
                                        ELSE 'MEMBERSHIP_JOIN' END AS action,
         )" TK_FENCED("checkout") " AS fenced, " TK_TWIN R"(
  FROM unnest($1::int[], $2::uuid[], $3::uuid[], $4::uuid[], $5::bigint[], $6::timestamptz[],
              $7::int[], $8::bigint[], $9::uuid[])
    AS i(op, attempt_id, payment_id, reservation_id, amount, approved_at, checkout_shard,
         checkout_epoch, request_id)
  LEFT JOIN artist_memberships m ON m.id = i.reservation_id
  LEFT JOIN payment_attempts a ON a.id = i.attempt_id
  LEFT JOIN payments p ON p.id = i.payment_id
),
v AS MATERIALIZED (
  SELECT w.*, CASE WHEN attempt_status = 'approved' THEN 'done' WHEN fenced THEN 'fenced'
                   WHEN twin THEN 'in_flight'
                   WHEN attempt_status IS DISTINCT FROM 'live'
                     OR order_status IS DISTINCT FROM 'pending' THEN 'not_pinned'
                   WHEN amount <> order_amount THEN 'amount'
                   WHEN standing IS DISTINCT FROM 'pending' OR user_id <> payer THEN 'lost'
                   ELSE 'ok' END AS verdict FROM w
),
begun AS (
  UPDATE artist_memberships m SET status = 'active', joined_at = clock_timestamp(),
         expires_at = clock_timestamp() + interval '1 year', points = m.points + 200,
         tier = tier_of(m.points + 200), payment_reference_id = v.payment_id, updated_at = now()
    FROM v WHERE v.verdict = 'ok' AND m.id = v.reservation_id AND m.status = 'pending' RETURNING 1
),
logged AS (
  INSERT INTO membership_point_logs (membership_id, action_type, points, reference_id)
  SELECT reservation_id, action, 200, payment_id FROM v WHERE verdict = 'ok' RETURNING 1
),
)" TK_PAID R"(,
told AS (
  INSERT INTO outbox (shard, topic, key, type, body, correlation)
  SELECT v.checkout_shard, t.topic,
         CASE t.n WHEN 1 THEN v.order_id ELSE v.reservation_id::text END, t.type,
         CASE t.n WHEN 1 THEN
           jsonb_build_object('paymentId', v.payment_id, 'orderId', v.order_id,
             'userId', v.payer, 'referenceId', v.reservation_id, 'paymentType', 'membership',
             'amount', v.amount, 'paymentMethod', v.method)
         ELSE
           jsonb_build_object('membershipId', v.reservation_id, 'userId', v.payer,
             'artistId', v.artist_id, 'paymentId', v.payment_id, 'amount', v.amount)
         END, v.request_id
    FROM v, (VALUES (1, 'payment-events', 'PAYMENT_CONFIRMED'),
                    (2, 'membership-events', 'MEMBERSHIP_ACTIVATED')) AS t(n, topic, type)
   WHERE v.verdict = 'ok' ORDER BY v.op, t.n RETURNING 1
),
sums AS MATERIALIZED (SELECT count(*) FILTER (WHERE verdict = 'ok') AS orders FROM v)
SELECT v.op, CASE WHEN (SELECT count(*) FROM begun) = sums.orders
                   AND (SELECT count(*) FROM paid) = sums.orders
                   AND (SELECT count(*) FROM closed) = sums.orders
                  THEN v.verdict ELSE torn() END, clock_timestamp(), NULL::timestamptz
  FROM v, sums ORDER BY v.op
)";

// A reservation changes hands, sold as it is: its seats and units stay, its tickets are void, and
// others take their place. From now on the attempt that paid for it is the buyer's. The new tickets
// come from what the old ones were updated to, so a unit never has two.
constexpr const char* complete_transfers = TK_OWN R"(
n AS MATERIALIZED (
  SELECT n.*, row_number() OVER (PARTITION BY op ORDER BY number) AS no,
         row_number() OVER (PARTITION BY number ORDER BY op) > 1
           OR (SELECT k.id FROM tickets k WHERE k.ticket_number = n.number) IS NOT NULL AS used
    FROM unnest($11::int[], $12::uuid[], $13::text[]) AS n(op, ticket_id, number)
),
w AS MATERIALIZED (
  SELECT i.*, l.status AS standing, l.seller_id, l.reservation_id AS of_listing, l.total_price,
         r.status, r.user_id, r.shard, r.payment_status, a.status AS attempt_status, a.method,
         a.payment_key, p.order_id, p.status AS order_status, p.user_id AS buyer,
         p.amount AS order_amount, )" TK_FENCED("checkout") " AS fenced, " TK_TWIN R"(,
         ARRAY(SELECT k.id FROM tickets k WHERE k.reservation_id = i.listed
                  AND k.status = 'valid') AS issued,
         (SELECT count(*) FROM tickets k WHERE k.reservation_id = i.listed
             AND k.status = 'used') > 0 AS let_in,
         (SELECT count(*) FROM n WHERE n.op = i.op) AS units,
         EXISTS (SELECT 1 FROM n WHERE n.op = i.op AND n.used) AS number_used
  FROM unnest($1::int[], $2::uuid[], $3::uuid[], $4::uuid[], $5::bigint[], $6::timestamptz[],
              $7::uuid[], $8::int[], $9::bigint[], $10::uuid[])
    AS i(op, attempt_id, payment_id, reservation_id, amount, approved_at, listed, checkout_shard,
         checkout_epoch, request_id)
  LEFT JOIN ticket_transfers l ON l.id = i.reservation_id
  LEFT JOIN reservations r ON r.id = i.listed
  LEFT JOIN payment_attempts a ON a.id = i.attempt_id
  LEFT JOIN payments p ON p.id = i.payment_id
),
v AS MATERIALIZED (
  SELECT w.*, CASE WHEN attempt_status = 'approved' THEN 'done' WHEN fenced THEN 'fenced'
                   WHEN twin THEN 'in_flight'
                   WHEN attempt_status IS DISTINCT FROM 'live'
                     OR order_status IS DISTINCT FROM 'pending' THEN 'not_pinned'
                   WHEN amount <> order_amount THEN 'amount'
                   WHEN standing IS DISTINCT FROM 'listed' OR of_listing <> listed
                     OR status IS DISTINCT FROM 'confirmed' OR user_id <> seller_id
                     OR buyer = seller_id OR let_in OR units <> cardinality(issued) THEN 'lost'
                   WHEN number_used THEN 'number_used' ELSE 'ok' END AS verdict FROM w
),
sold AS (
  UPDATE ticket_transfers l SET status = 'completed', buyer_id = v.buyer,
         completed_at = clock_timestamp(), updated_at = now()
    FROM v WHERE v.verdict = 'ok' AND l.id = v.reservation_id
     AND l.status || '' = 'listed' RETURNING 1
),
moved AS (
  UPDATE reservations r SET user_id = v.buyer, pin_id = v.attempt_id, updated_at = now()
    FROM v WHERE v.verdict = 'ok' AND r.id = v.listed AND r.status || '' = 'confirmed'
  RETURNING 1
),
theirs AS MATERIALIZED (
  SELECT s.id, v.buyer FROM v JOIN reservation_items x ON x.reservation_id = v.listed
    JOIN seats s ON s.id = x.seat_id AND s.reservation_id = v.listed
   WHERE v.verdict = 'ok' ORDER BY s.id FOR NO KEY UPDATE OF s
),
seated AS (
  UPDATE seats s SET locked_by = t.buyer, updated_at = now() FROM theirs t WHERE s.id = t.id
  RETURNING 1
),
voided AS (
  UPDATE tickets k SET status = 'transferred', voided_at = clock_timestamp()
    FROM (SELECT op, buyer, unnest(issued) AS id FROM v WHERE verdict = 'ok') i
   WHERE k.id = i.id RETURNING i.op, i.buyer, k.*
),
given AS (
  INSERT INTO tickets (id, ticket_number, reservation_id, unit, seat_id, ticket_type_id, event_id,
                       user_id, price)
  SELECT n.ticket_id, n.number, k.reservation_id, k.unit, k.seat_id, k.ticket_type_id, k.event_id,
         k.buyer, k.price
    FROM (SELECT voided.*, row_number() OVER (PARTITION BY op ORDER BY unit) AS no FROM voided) k
    JOIN n ON n.op = k.op AND n.no = k.no RETURNING 1
),
)" TK_PAID R"(,
noted AS (
  INSERT INTO reservation_history (reservation_id, from_status, to_status, payment_from,
                                   payment_to, actor, actor_id, reason, request_id)
  SELECT listed, 'confirmed', 'confirmed', payment_status, payment_status, 'user', buyer,
         'transfer', request_id FROM v WHERE verdict = 'ok' RETURNING 1
),
told AS (
  INSERT INTO outbox (shard, topic, key, type, body, correlation)
  SELECT v.shard, t.topic, CASE t.n WHEN 1 THEN v.order_id ELSE v.reservation_id::text END, t.type,
         CASE t.n WHEN 1 THEN
           jsonb_build_object('paymentId', v.payment_id, 'orderId', v.order_id,
             'userId', v.buyer, 'referenceId', v.reservation_id, 'paymentType', 'transfer',
             'amount', v.amount, 'paymentMethod', v.method)
         ELSE
           jsonb_build_object('transferId', v.reservation_id, 'reservationId', v.listed,
             'sellerId', v.seller_id, 'buyerId', v.buyer, 'totalPrice', v.total_price,
             'paymentId', v.payment_id)
         END, v.request_id
    FROM v, (VALUES (1, 'payment-events', 'PAYMENT_CONFIRMED'),
                    (2, 'transfer-events', 'TRANSFER_COMPLETED')) AS t(n, topic, type)
   WHERE v.verdict = 'ok' ORDER BY v.op, t.n RETURNING 1
),
sums AS MATERIALIZED (
  SELECT count(*) FILTER (WHERE verdict = 'ok') AS orders,
         coalesce(sum(units) FILTER (WHERE verdict = 'ok'), 0) AS units FROM v
)
SELECT v.op, CASE WHEN (SELECT count(*) FROM sold) = sums.orders
                   AND (SELECT count(*) FROM moved) = sums.orders
                   AND (SELECT count(*) FROM voided) = sums.units
                   AND (SELECT count(*) FROM given) = sums.units
                   AND (SELECT count(*) FROM paid) = sums.orders
                   AND (SELECT count(*) FROM closed) = sums.orders
                  THEN v.verdict ELSE torn() END, clock_timestamp(), NULL::timestamptz
  FROM v, sums ORDER BY v.op
)";

} // namespace

std::vector<statement> subject_statements() {
  return {
    {"lock_listings", TK_LOCK("ticket_transfers")},
    {"lock_memberships", TK_LOCK("artist_memberships")},
    {"open_subject_payments", open_subject_payments},
    {"begin_subject_attempts", begin_subject_attempts},
    {"fail_subject_attempts", fail_subject_attempts},
    {"complete_memberships", complete_memberships},
    {"complete_transfers", complete_transfers},
  };
}

} // namespace tk::sql
