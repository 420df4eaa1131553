#pragma once

/// Parts that several of the ledger's statements share, so that a rule stands once. Macros, because
/// only literals join at compile time. In all of them `i` is an op's row (or its item's), `w` the
/// same with what it is judged by, `v` with its verdict; item 1 stands for the op.

/// Begins a statement: the epochs as an array indexed by shard + 1; the condition is there for the
/// index (H-25).
#define TK_OWN                                                                                     \
  "WITH own AS MATERIALIZED (SELECT array_agg(epoch ORDER BY shard) AS e "                         \
  "FROM shard_owners WHERE shard >= 0),"

/// Whether a participant of row `ROW` is not the owner (any more).
#define TK_FENCED_OF(ROW, WHO)                                                                     \
  "(SELECT e FROM own)[" ROW "." WHO "_shard + 1] IS DISTINCT FROM " ROW "." WHO "_epoch"
#define TK_FENCED(WHO) TK_FENCED_OF("i", WHO)

/// An earlier op of the batch is about the same reservation.
#define TK_TWIN "min(i.op) OVER (PARTITION BY i.reservation_id) < i.op AS twin"

/// The items are not those of the reservation, compared as multisets: one left out would stay
/// locked for ever (H-38).
#define TK_PARTIAL                                                                                 \
  "(SELECT count(*) FROM reservation_items x WHERE x.reservation_id = i.reservation_id) "          \
  "<> count(*) OVER (PARTITION BY i.op) "                                                          \
  "OR (SELECT count(*) FROM reservation_items x WHERE x.reservation_id = i.reservation_id "        \
  "AND x.seat_id IS NOT DISTINCT FROM i.seat_id "                                                  \
  "AND x.ticket_type_id IS NOT DISTINCT FROM i.type_id AND x.quantity = i.quantity) "              \
  "<> count(*) OVER (PARTITION BY i.op, i.seat_id, i.type_id, i.quantity) AS partial"

/// Frees the seats that were `STATUS`.
#define TK_FREED(STATUS)                                                                           \
  "freed AS ( "                                                                                    \
  "UPDATE seats s SET status = 'available', version = s.version + 1, locked_by = NULL, "           \
  "reservation_id = NULL, updated_at = now() FROM v "                                              \
  "WHERE v.verdict = 'ok' AND s.id = v.seat_id AND s.reservation_id = v.reservation_id "           \
  "AND s.status = '" STATUS "' RETURNING 1)"

/// Draws from quotas (`SIGN` is "-") or gives back ("+"), one update per quota; `k` = its items.
#define TK_QUOTAS(NAME, SIGN)                                                                      \
  NAME " AS ( "                                                                                    \
       "UPDATE ticket_types t SET available_quantity = t.available_quantity " SIGN " n.n, "        \
       "updated_at = now() "                                                                       \
       "FROM (SELECT type_id, sum(quantity) AS n, count(*) AS k FROM v "                           \
       "WHERE verdict = 'ok' AND seat_id IS NULL GROUP BY type_id) n "                             \
       "WHERE t.id = n.type_id RETURNING n.k)"

/// How many rows the parts of the statement must have changed; what differs is torn.
#define TK_SUMS                                                                                    \
  "sums AS MATERIALIZED ( "                                                                        \
  "SELECT count(*) FILTER (WHERE verdict = 'ok' AND seat_id IS NOT NULL) AS seats, "               \
  "count(*) FILTER (WHERE verdict = 'ok' AND seat_id IS NULL) AS quotas, "                         \
  "count(*) FILTER (WHERE verdict = 'ok' AND item = 1) AS orders FROM v)"

/// Locks the rows of a table whose ids are given, in their order.
#define TK_LOCK(TABLE)                                                                             \
  "SELECT count(*) FROM (SELECT 1 FROM " TABLE " WHERE id = ANY($1::uuid[]) "                      \
  "ORDER BY id FOR NO KEY UPDATE) x"

/// Whose doing a change is, for the history: two columns, `actor` and `actor_id`.
#define TK_ACTOR                                                                                   \
  "CASE WHEN actor_id IS NULL THEN 'system' WHEN actor_id = user_id THEN 'user' "                  \
  "ELSE 'admin' END, actor_id"

/// Books the amount of `ATTEMPT` to one account and from another; a condition may follow.
#define TK_BOOKED(ATTEMPT, TO, FROM)                                                               \
  "INSERT INTO books (attempt_id, payment_id, account, amount) "                                   \
  "SELECT v." ATTEMPT ", v.payment_id, b.account, b.sign * v.amount "                              \
  "FROM v, (VALUES ('" TO "', 1), ('" FROM "', -1)) AS b(account, sign) "                          \
  "WHERE v.verdict = 'ok'"
