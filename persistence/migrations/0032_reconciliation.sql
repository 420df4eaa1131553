-- Expands.
-- Who compares what providers have with what is on record (G18), and what of it only a person can
-- put right. It decides nothing: what it finds is repaired by the checkouts.
DO $$
DECLARE name text := 'tiketi_books';
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
    BEGIN
      EXECUTE format('CREATE ROLE %I LOGIN', name);
    EXCEPTION WHEN duplicate_object OR unique_violation THEN
      NULL; -- Another database of this cluster is being migrated at the same moment.
    END;
  END IF;
  IF NOT pg_has_role(name, 'tiketi_read', 'MEMBER') THEN
    BEGIN
      EXECUTE format('GRANT tiketi_read TO %I', name);
    EXCEPTION WHEN unique_violation THEN
      NULL;
    END;
  END IF;
  EXECUTE format('ALTER ROLE %I IN DATABASE %I SET idle_in_transaction_session_timeout = %L',
                 name, current_database(), '1min');
  EXECUTE format('ALTER ROLE %I IN DATABASE %I SET lock_timeout = %L',
                 name, current_database(), '1s');
  EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), name);
END $$;

-- One at a time, whichever node it is: while a row is not ended nobody else begins. Whoever stops
-- touching its row has died.
CREATE TABLE reconciliations (
  id uuid PRIMARY KEY,                -- of the operation that asked for it
  node uuid NOT NULL,
  asked_by varchar(255),              -- null: it was due
  began_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  ended_at timestamptz,
  given_up boolean NOT NULL DEFAULT false,
  books_from bigint NOT NULL,         -- entries it asks providers about: (from, to]
  books_to bigint NOT NULL,
  rows_compared_at timestamptz,       -- when rows were compared with each other, and for how long
  rows_compared_ms int,
  result jsonb
) WITH (fillfactor = 50);
CREATE UNIQUE INDEX reconciliations_one ON reconciliations ((true)) WHERE ended_at IS NULL;
CREATE INDEX reconciliations_by ON reconciliations (began_at);

-- What cannot be repaired. One open case for each subject and kind; found again it stays the same.
CREATE TABLE operator_cases (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  kind varchar(24) NOT NULL CHECK (kind IN ('paid_incomplete', 'payment_unresolved',
    'refund_failed', 'provider_difference', 'row_mismatch')),
  subject varchar(200) NOT NULL,      -- what it is about, e.g. `attempt <uuid>`
  reservation_id uuid,
  payment_id uuid,
  attempt_id uuid,
  says text NOT NULL,                 -- two things that cannot both be true
  against text NOT NULL,
  next_step text NOT NULL,
  attempts int NOT NULL DEFAULT 0,    -- to repair it
  status varchar(10) NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'closed')),
  detected_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  alerted_at timestamptz,
  closed_at timestamptz,
  closed_by uuid,                     -- null: it was repaired
  closed_by_name varchar(255),
  reason varchar(200),
  CHECK ((status = 'closed') = (closed_at IS NOT NULL)),
  CHECK ((status = 'closed') = (reason IS NOT NULL AND reason <> ''))
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX operator_cases_open ON operator_cases (kind, subject) WHERE status = 'open';
CREATE INDEX operator_cases_of ON operator_cases (kind, subject);
CREATE INDEX operator_cases_by ON operator_cases (detected_at);

GRANT INSERT, UPDATE, DELETE ON reconciliations TO tiketi_books;
GRANT INSERT, UPDATE ON operator_cases TO tiketi_books;
GRANT UPDATE (status, closed_at, closed_by, closed_by_name, reason) ON operator_cases
  TO tiketi_store;

-- Has the checkout of a failed attempt ask the provider now: the durable timer is set to this
-- moment, and whoever owns the checkout finds it due (ADR 0028). True when it was set.
CREATE FUNCTION ask_again(attempt uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public SET lock_timeout = '1s' AS $$
BEGIN
  -- Whoever changes an attempt has locked its reservation (0009).
  PERFORM 1 FROM public.reservations r JOIN public.payment_attempts a ON a.reservation_id = r.id
    WHERE a.id = attempt FOR UPDATE OF r;
  UPDATE public.payment_attempts SET next_ask_at = clock_timestamp()
   WHERE id = attempt AND status IN ('declined', 'voided')
     AND (next_ask_at IS NULL OR next_ask_at > clock_timestamp());
  RETURN FOUND;
END $$;
GRANT EXECUTE ON FUNCTION ask_again(uuid) TO tiketi_books;
