#include "persistence/ledger/sql_parts.hpp"
#include "persistence/ledger/statements.hpp"

namespace tk::sql {

namespace {

// Credentials that changed since they were verified open nothing, and a closed account is nobody's.
constexpr const char* open_families = TK_OWN R"(
v AS MATERIALIZED (
  SELECT i.*,
         CASE WHEN (SELECT t.id FROM refresh_tokens t WHERE t.token_hash = i.token_hash) IS NOT NULL
                OR (SELECT f.id FROM refresh_families f WHERE f.id = i.family_id) IS NOT NULL
              THEN 'done'
              WHEN )" TK_FENCED("session") R"(
              THEN 'fenced'
              WHEN min(i.op) OVER (PARTITION BY i.token_hash) < i.op
                OR min(i.op) OVER (PARTITION BY i.family_id) < i.op THEN 'in_flight'
              WHEN (SELECT u.id FROM users u WHERE u.id = i.user_id AND u.closed_at IS NULL) IS NULL
              THEN 'not_pending'
              WHEN i.credentials > 0 AND i.credentials <>
                   (SELECT u.credentials FROM users u WHERE u.id = i.user_id) THEN 'moved'
              ELSE 'ok' END AS verdict
  FROM unnest($1::int[], $2::uuid[], $3::uuid[], $4::text[], $5::int[], $6::int[], $7::bigint[],
              $8::int[], $9::int[], $10::uuid[], $11::text[], $12::text[])
    AS i(op, user_id, family_id, token_hash, ttl_s, session_shard, session_epoch, life_s,
         credentials, ends, user_agent, address)
),
opened AS (
  INSERT INTO refresh_families (id, user_id, expires_at, user_agent, address)
  SELECT family_id, user_id, now() + life_s * interval '1 second', user_agent, address
    FROM v WHERE verdict = 'ok' ON CONFLICT DO NOTHING RETURNING 1
),
made AS (
  INSERT INTO refresh_tokens (user_id, token_hash, family_id, expires_at)
  SELECT user_id, token_hash, family_id, now() + least(ttl_s, life_s) * interval '1 second'
    FROM v WHERE verdict = 'ok' ON CONFLICT DO NOTHING RETURNING 1
),
ended AS (
  UPDATE refresh_families f SET revoked_at = now() FROM v
   WHERE v.verdict = 'ok' AND f.id = v.ends AND f.user_id = v.user_id AND f.revoked_at IS NULL
  RETURNING 1
),
spent AS (
  UPDATE refresh_tokens t SET revoked_at = now() FROM v
   WHERE v.verdict = 'ok' AND t.family_id = v.ends AND t.user_id = v.user_id
     AND t.revoked_at IS NULL RETURNING 1
)
SELECT op, CASE WHEN (SELECT count(*) FROM made) = (SELECT count(*) FROM v WHERE verdict = 'ok')
                 AND (SELECT count(*) FROM opened) = (SELECT count(*) FROM v WHERE verdict = 'ok')
                THEN verdict ELSE torn() END,
       (SELECT u.revoked_before FROM users u WHERE u.id = v.user_id),
       CASE verdict WHEN 'ok' THEN now() + least(ttl_s, life_s) * interval '1 second' END
  FROM v ORDER BY op
)";

// A family's tokens count generations: the current one may be used, the one before it within the
// grace (D13), and any other was used before. Ops of one batch are judged by the same rows, which
// is one of their orders: what both tabs hold is the current token for both. A token is judged
// reused in an ended family, too, so that a lost batch that is sent again says the same.
constexpr const char* rotate = TK_OWN R"(
w AS MATERIALIZED (
  SELECT i.*, t.id AS token_id, t.generation, f.generation AS current,
         f.expires_at AS family_ends, f.revoked_at IS NOT NULL AS ended,
         least(t.expires_at, f.expires_at) <= clock_timestamp() AS expired,
         t.generation <> f.generation
           AND NOT (t.generation = f.generation - 1
                    AND clock_timestamp() <= f.rotated_at + interval '10 seconds') AS stale
  FROM unnest($1::int[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::int[], $7::int[],
              $8::bigint[])
    AS i(op, user_id, family_id, token_hash, next_hash, ttl_s, session_shard, session_epoch)
  LEFT JOIN refresh_tokens t ON t.token_hash = i.token_hash AND t.user_id = i.user_id
                            AND t.family_id = i.family_id
  LEFT JOIN refresh_families f ON f.id = t.family_id
),
v AS MATERIALIZED (
  SELECT w.*,
         CASE WHEN (SELECT n.id FROM refresh_tokens n WHERE n.token_hash = w.next_hash) IS NOT NULL
              THEN 'done'
              WHEN )" TK_FENCED_OF("w", "session") R"(
              THEN 'fenced'
              WHEN min(w.op) OVER (PARTITION BY w.next_hash) < w.op THEN 'in_flight'
              WHEN w.token_id IS NULL THEN 'not_pending'
              WHEN w.stale THEN 'reused'
              WHEN w.ended OR w.expired THEN 'not_pending'
              ELSE 'ok' END AS verdict
  FROM w
),
made AS (
  INSERT INTO refresh_tokens (user_id, token_hash, family_id, generation, expires_at)
  SELECT user_id, next_hash, family_id, generation + 1,
         least(now() + ttl_s * interval '1 second', family_ends)
    FROM v WHERE verdict = 'ok' ON CONFLICT DO NOTHING RETURNING 1
),
turned AS (
  UPDATE refresh_families f
     SET generation = f.generation + n.steps,
         rotated_at = CASE n.steps WHEN 1 THEN clock_timestamp() ELSE f.rotated_at END,
         revoked_at = CASE WHEN n.theft THEN coalesce(f.revoked_at, now()) ELSE f.revoked_at END
  FROM (SELECT family_id, bool_or(verdict = 'reused') AS theft,
               bool_or(verdict = 'ok' AND generation = current)::int AS steps
          FROM v WHERE verdict IN ('ok', 'reused') GROUP BY family_id) n
  WHERE f.id = n.family_id RETURNING 1
),
spent AS (
  UPDATE refresh_tokens t SET revoked_at = now()
  FROM (SELECT DISTINCT family_id, CASE verdict WHEN 'ok' THEN token_hash END AS token_hash
          FROM v WHERE verdict IN ('ok', 'reused')) n
  WHERE t.family_id = n.family_id AND (n.token_hash IS NULL OR t.token_hash = n.token_hash)
    AND t.revoked_at IS NULL RETURNING 1
),
refused AS (
  UPDATE users u SET updated_at = now(),
         revoked_before = greatest(u.revoked_before, date_trunc('milliseconds', clock_timestamp()))
  FROM (SELECT DISTINCT user_id FROM v WHERE verdict = 'reused' AND NOT ended) n
  WHERE u.id = n.user_id RETURNING u.id, u.revoked_before
)
SELECT op, CASE WHEN (SELECT count(*) FROM made) = (SELECT count(*) FROM v WHERE verdict = 'ok')
                 AND (SELECT count(*) FROM turned) = (SELECT count(DISTINCT family_id) FROM v
                                                       WHERE verdict IN ('ok', 'reused'))
                THEN verdict ELSE torn() END,
       coalesce((SELECT r.revoked_before FROM refused r WHERE r.id = v.user_id),
                (SELECT u.revoked_before FROM users u WHERE u.id = v.user_id)),
       CASE verdict WHEN 'ok' THEN least(now() + ttl_s * interval '1 second', family_ends) END
  FROM v ORDER BY op
)";

// The new moment is cut to the milliseconds in which tokens and rows are compared, and never falls.
constexpr const char* revoke = TK_OWN R"(
w AS MATERIALIZED (
  SELECT i.*, u.revoked_before AS was, u.password_hash, u.id IS NULL AS nobody,
         greatest(u.revoked_before, date_trunc('milliseconds', clock_timestamp())) AS at,
         i.only_id IS NULL OR f.id IS NOT NULL AS named,
         u.password_hash = i.new_hash OR f.revoked_at IS NOT NULL
           OR (i.close = 1 AND u.closed_at IS NOT NULL) AS done
  FROM unnest($1::int[], $2::uuid[], $3::int[], $4::bigint[], $5::uuid[], $6::uuid[], $7::text[],
              $8::text[], $9::int[])
    AS i(op, user_id, session_shard, session_epoch, keep_id, only_id, old_hash, new_hash, close)
  LEFT JOIN users u ON u.id = i.user_id
  LEFT JOIN refresh_families f ON f.id = i.only_id AND f.user_id = i.user_id
),
v AS MATERIALIZED (
  SELECT w.*,
         CASE WHEN done THEN 'done'
              WHEN )" TK_FENCED_OF("w", "session") R"(
              THEN 'fenced'
              WHEN nobody OR NOT named THEN 'not_pending'
              WHEN new_hash IS NOT NULL
               AND (password_hash IS DISTINCT FROM old_hash
                    OR row_number() OVER (PARTITION BY user_id, new_hash IS NULL ORDER BY op) > 1)
              THEN 'moved'
              ELSE 'ok' END AS verdict
  FROM w
),
refused AS (
  UPDATE users u
     SET revoked_before = n.at, updated_at = now(),
         password_hash = coalesce(n.new_hash, u.password_hash),
         password_due = u.password_due AND n.new_hash IS NULL,
         credentials = u.credentials + CASE WHEN n.new_hash IS NULL AND n.close = 0 THEN 0
                                            ELSE 1 END,
         closed_at = CASE n.close WHEN 1 THEN coalesce(u.closed_at, now()) ELSE u.closed_at END
  FROM (SELECT user_id, max(at) AS at, max(new_hash) AS new_hash, max(close) AS close
          FROM v WHERE verdict = 'ok' GROUP BY user_id) n
  WHERE u.id = n.user_id RETURNING 1
),
ended AS (
  UPDATE refresh_families f SET revoked_at = now()
  FROM (SELECT DISTINCT user_id, keep_id, only_id FROM v WHERE verdict = 'ok') n
  WHERE f.user_id = n.user_id AND f.revoked_at IS NULL AND f.id IS DISTINCT FROM n.keep_id
    AND (n.only_id IS NULL OR f.id = n.only_id) RETURNING 1
),
spent AS (
  UPDATE refresh_tokens t SET revoked_at = now()
  FROM (SELECT DISTINCT user_id, keep_id, only_id FROM v WHERE verdict = 'ok') n
  WHERE t.user_id = n.user_id AND t.revoked_at IS NULL AND t.family_id IS DISTINCT FROM n.keep_id
    AND (n.only_id IS NULL OR t.family_id = n.only_id) RETURNING 1
)
SELECT op, CASE WHEN (SELECT count(*) FROM refused)
                       = (SELECT count(DISTINCT user_id) FROM v WHERE verdict = 'ok')
                THEN verdict ELSE torn() END,
       CASE verdict WHEN 'ok' THEN max(at) OVER (PARTITION BY user_id, verdict) ELSE was END,
       NULL::timestamptz
  FROM v ORDER BY op
)";

// Of several ops with one key the first of the batch counts; the others are judged by what it left.
// An upsert that changes nothing is what returns the row as it is now, whoever has just made it: a
// twin on another node commits before this one is judged.
constexpr const char* claim_keys = R"(
WITH w AS MATERIALIZED (
  SELECT i.*, min(i.op) OVER (PARTITION BY i.user_id, i.operation, i.key) = i.op AS leads,
         (SELECT u.id FROM users u WHERE u.id = i.user_id) IS NOT NULL AS known
  FROM unnest($1::int[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::uuid[], $7::uuid[])
    AS i(op, user_id, operation, key, digest, effect_id, instead_of)
),
named AS (
  INSERT INTO request_keys AS k (user_id, operation, key, digest, effect_id)
  SELECT user_id, operation, key, digest, effect_id FROM w WHERE leads AND known
   ORDER BY user_id, operation, key
  ON CONFLICT (user_id, operation, key) DO UPDATE
     SET effect_id = coalesce((SELECT w.effect_id FROM w
           WHERE w.leads AND w.user_id = k.user_id AND w.operation = k.operation AND w.key = k.key
             AND w.digest = k.digest AND w.instead_of = k.effect_id), k.effect_id)
  RETURNING user_id, operation, key, digest, effect_id
)
SELECT w.op, CASE WHEN n.key IS NULL THEN 'not_pending' WHEN n.digest <> w.digest THEN 'conflict'
                  WHEN n.effect_id = w.effect_id THEN 'ok' ELSE 'replayed' END,
       clock_timestamp(), NULL::timestamptz, n.effect_id
  FROM w LEFT JOIN named n ON n.user_id = w.user_id AND n.operation = w.operation AND n.key = w.key
 ORDER BY w.op
)";

} // namespace

std::vector<statement> account_statements() {
  return {{"open_families", open_families},
          {"rotate", rotate},
          {"revoke", revoke},
          {"claim_keys", claim_keys}};
}

} // namespace tk::sql
