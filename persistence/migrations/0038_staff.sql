-- Expands.
-- What staff look for (G19): every call to a provider, payments and reservations by time, and what
-- providers say that they have settled.

-- A row per call to a provider: what was asked and what was said, without secrets and card data.
-- The id is made by the node, in order of time, so that a portion which is written twice is there
-- once. Nobody changes a row, and none goes before its time.
CREATE TABLE payment_calls (
  id uuid PRIMARY KEY,
  at timestamptz NOT NULL,            -- when it was begun
  took_ms int NOT NULL CHECK (took_ms >= 0),
  provider varchar(20) NOT NULL,
  call varchar(10) NOT NULL CHECK (call IN ('approve', 'query', 'void', 'refund')),
  order_id text NOT NULL,
  subject uuid,                       -- the attempt or refund it was for
  amount bigint,
  outcome varchar(12) NOT NULL,
  code varchar(200),                  -- in the provider's words
  says varchar(200)
);
CREATE INDEX payment_calls_of ON payment_calls (order_id, id);
GRANT INSERT ON payment_calls TO tiketi_store;

-- Takes away the oldest of those that are older than seven years, at most so many.
CREATE FUNCTION forget_payment_calls(most int) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  WITH old AS (SELECT id, at FROM public.payment_calls ORDER BY id LIMIT most),
  gone AS (DELETE FROM public.payment_calls c USING old
            WHERE c.id = old.id AND old.at < now() - interval '7 years' RETURNING 1)
  SELECT count(*) FROM gone
$$;
GRANT EXECUTE ON FUNCTION forget_payment_calls(int) TO tiketi_store;

-- By time. No index begins with a status: what the ledger prepares on empty tables must not mistake
-- it for a short way (H-25).
CREATE INDEX payments_by ON payments (created_at, id);
CREATE INDEX payments_unsold ON payments (created_at, id) WHERE status <> 'confirmed';
CREATE INDEX payment_attempts_order ON payment_attempts (payment_id);
CREATE INDEX payment_attempts_closed ON payment_attempts (closed_at) WHERE closed_at IS NOT NULL;
CREATE INDEX payment_attempts_error ON payment_attempts (error, started_at)
  WHERE error IS NOT NULL AND error <> '';
CREATE INDEX refunds_done ON refunds (done_at) WHERE done_at IS NOT NULL;
CREATE INDEX reservations_by ON reservations (created_at, id);
CREATE INDEX reservations_of_event ON reservations (event_id, created_at, id);

-- Staff look for people by their whole name: an HMAC of it as it is written, but for case and
-- blanks. Nodes that do not know it leave it out; who keeps accounts fills it in.
ALTER TABLE users ADD COLUMN name_lookup bytea;
CREATE INDEX users_name ON users (name_lookup) WHERE name_lookup IS NOT NULL;
CREATE INDEX users_without_name ON users (id) WHERE name_lookup IS NULL AND erased_at IS NULL;
CREATE FUNCTION users_renamed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.name_lookup := NULL;
  RETURN NEW;
END $$;
CREATE TRIGGER users_renamed BEFORE UPDATE OF name_cipher ON users FOR EACH ROW
  WHEN (NEW.name_cipher <> OLD.name_cipher AND NEW.name_lookup IS NOT DISTINCT FROM OLD.name_lookup)
  EXECUTE FUNCTION users_renamed();
GRANT INSERT (name_lookup), UPDATE (name_lookup) ON users TO tiketi_store;

-- What a provider says that it has settled: one list for each provider and time. Said again, it
-- takes the place of what it said before.
CREATE TABLE settlements (
  id uuid PRIMARY KEY,                -- of provider and time
  provider varchar(20) NOT NULL,
  from_at timestamptz NOT NULL,       -- what was captured in [from, to)
  to_at timestamptz NOT NULL CHECK (to_at > from_at),
  settled_on date NOT NULL,           -- the business day of the summary
  taken_by uuid NOT NULL,
  taken_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE settled_payments (
  settlement_id uuid NOT NULL REFERENCES settlements,
  order_id varchar(200) NOT NULL,
  attempt_id uuid,                    -- the capture; null: there is none on record
  amount bigint NOT NULL CHECK (amount >= 0),
  refunded bigint NOT NULL CHECK (refunded >= 0),
  fee bigint NOT NULL,                -- that the provider keeps; below zero: it gave some back
  PRIMARY KEY (settlement_id, order_id)
);
CREATE INDEX settlements_on ON settlements (settled_on);
CREATE INDEX settled_payments_of ON settled_payments (attempt_id) WHERE attempt_id IS NOT NULL;
CREATE INDEX settled_payments_order ON settled_payments (order_id);
GRANT INSERT, UPDATE (settled_on, taken_by, taken_at) ON settlements TO tiketi_books;
GRANT INSERT, UPDATE (attempt_id, amount, refunded, fee), DELETE ON settled_payments
  TO tiketi_books;

-- The provider's side of the books: `settled` is what it owes us no more, `costs` what it kept of
-- that for itself, `credits` what it paid out.
ALTER TABLE books DROP CONSTRAINT books_account_check;
ALTER TABLE books ADD CONSTRAINT books_account_check CHECK (account IN
  ('provider', 'sales', 'owed', 'fees', 'settled', 'costs', 'credits')) NOT VALID;

-- Books what is settled of these captures and is not booked yet; said again it books nothing.
CREATE FUNCTION book_settled(attempts uuid[]) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  WITH wanted AS MATERIALIZED (
    SELECT a.id, a.payment_id, coalesce(s.net, 0) AS net, coalesce(s.fee, 0) AS fee
      FROM (SELECT DISTINCT unnest(attempts) AS id) x JOIN public.payment_attempts a ON a.id = x.id
      LEFT JOIN LATERAL (SELECT sum(amount - refunded)::bigint AS net, sum(fee)::bigint AS fee
        FROM public.settled_payments s WHERE s.attempt_id = a.id) s ON true
  ),
  due AS (
    SELECT w.id, w.payment_id, t.account, t.amount - coalesce((SELECT sum(b.amount)::bigint
             FROM public.books b WHERE b.attempt_id = w.id AND b.account = t.account), 0) AS amount
      FROM wanted w CROSS JOIN LATERAL (VALUES ('settled', -w.net), ('costs', w.fee),
                                               ('credits', w.net - w.fee)) t(account, amount)
  ),
  made AS (
    INSERT INTO public.books (attempt_id, payment_id, account, amount)
    SELECT id, payment_id, account, amount FROM due WHERE amount <> 0 RETURNING 1
  )
  SELECT count(*) FROM made
$$;
GRANT EXECUTE ON FUNCTION book_settled(uuid[]) TO tiketi_books;
