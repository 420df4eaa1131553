-- Expands.
-- Who relays the outbox: reads it, moves the cursors behind what was delivered, and keeps the
-- projections of domain events. It decides nothing.
DO $$
DECLARE name text := 'tiketi_relay';
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
    BEGIN
      EXECUTE format('CREATE ROLE %I LOGIN', name);
    EXCEPTION WHEN duplicate_object OR unique_violation THEN
      NULL; -- Another database of this cluster is being migrated at the same moment.
    END;
  END IF;
  -- An open write transaction of anybody holds the relay back (H-16), its own included.
  EXECUTE format('ALTER ROLE %I IN DATABASE %I SET idle_in_transaction_session_timeout = %L',
                 name, current_database(), '5s');
  EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), name);
  EXECUTE format('GRANT USAGE ON SCHEMA public TO %I', name);
END $$;

-- Statistics (contract 6.6, G21): what domain events add up to, by the rules of section 5. Sums of
-- money may be below zero for a day that gave back more than it took. Days are cut in Asia/Seoul.
CREATE TABLE daily_stats (
  date date PRIMARY KEY,
  total_reservations bigint NOT NULL DEFAULT 0,
  confirmed_reservations bigint NOT NULL DEFAULT 0,
  cancelled_reservations bigint NOT NULL DEFAULT 0,
  expired_reservations bigint NOT NULL DEFAULT 0,
  total_revenue bigint NOT NULL DEFAULT 0,
  payment_revenue bigint NOT NULL DEFAULT 0,
  membership_revenue bigint NOT NULL DEFAULT 0,
  new_users bigint NOT NULL DEFAULT 0,
  active_users bigint NOT NULL DEFAULT 0,
  new_events bigint NOT NULL DEFAULT 0,
  active_events bigint NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 20);
CREATE TABLE event_stats (
  event_id uuid PRIMARY KEY,
  total_seats bigint NOT NULL DEFAULT 0,
  reserved_seats bigint NOT NULL DEFAULT 0,
  available_seats bigint GENERATED ALWAYS AS (greatest(total_seats - reserved_seats, 0)) STORED,
  total_reservations bigint NOT NULL DEFAULT 0,
  confirmed_reservations bigint NOT NULL DEFAULT 0,
  total_revenue bigint NOT NULL DEFAULT 0,
  average_ticket_price bigint GENERATED ALWAYS AS
    (CASE WHEN reserved_seats > 0 THEN total_revenue / reserved_seats ELSE 0 END) STORED,
  transfers bigint NOT NULL DEFAULT 0,
  view_count bigint NOT NULL DEFAULT 0,
  last_calculated_at timestamptz NOT NULL DEFAULT now(),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 20);

-- Domain events that a consumer, or the relay itself, could not take after its tries (G18). The
-- copy is whole, so it outlives the partition it came from.
CREATE TABLE dead_letters (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  consumer varchar(100) NOT NULL,            -- who could not take it
  event_id uuid NOT NULL,
  shard int,
  topic text NOT NULL,
  key text NOT NULL,
  type text NOT NULL,
  body jsonb NOT NULL,
  correlation uuid,
  made_at timestamptz NOT NULL,
  why text NOT NULL,
  tries int NOT NULL CHECK (tries > 0),
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  UNIQUE (consumer, event_id)
);
CREATE INDEX dead_letters_at ON dead_letters (at);

-- Marks are cleared away by age (G22); new accounts and events are counted by day.
CREATE INDEX processed_events_age ON processed_events (processed_at);
CREATE INDEX users_created ON users (created_at);

-- Drops the oldest partition whose day ended more than `keep_days` days ago (UTC), unless it holds
-- a row that its shard's cursor has not passed: then it stays, and so do none behind it. Returns
-- how many it dropped: 0 or 1, so that nobody waits for two. It gives up rather than make the
-- ledger wait behind it, for a drop locks the whole outbox for its moment.
CREATE FUNCTION drop_outbox_partition(keep_days int) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public SET lock_timeout = '100ms' SET timezone = 'UTC' AS $$
DECLARE
  name text;
  waiting boolean;
BEGIN
  IF keep_days NOT BETWEEN 1 AND 3650 THEN
    RAISE EXCEPTION 'keep_days must be between 1 and 3650' USING ERRCODE = '22023';
  END IF;
  PERFORM pg_advisory_xact_lock(7431, 1);
  FOR name IN
    SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
     WHERE i.inhparent = 'public.outbox'::regclass AND c.relname ~ '^outbox_[0-9]{8}$'
       AND to_date(substring(c.relname from '[0-9]{8}$'), 'YYYYMMDD') < current_date - keep_days
     ORDER BY c.relname
  LOOP
    EXECUTE format('SELECT EXISTS (SELECT 1 FROM public.relay_cursor c WHERE EXISTS
                      (SELECT 1 FROM public.%I o WHERE o.shard = c.shard
                          AND (o.xid, o.seq) > (c.xid, c.seq)))', name) INTO waiting;
    CONTINUE WHEN waiting;
    BEGIN
      EXECUTE format('DROP TABLE public.%I', name);
      RETURN 1;
    EXCEPTION WHEN lock_not_available THEN
      RETURN 0; -- Somebody reads long in it: the next look finds it again.
    END;
  END LOOP;
  RETURN 0;
END $$;

GRANT SELECT ON outbox, relay_cursor, shard_owners, events, seats, ticket_types, reservations,
  reservation_items, reservation_history, payments, payment_attempts, refunds, ticket_transfers,
  artist_memberships, processed_events, daily_stats, event_stats, dead_letters TO tiketi_relay;
GRANT SELECT (id, created_at) ON users TO tiketi_relay;
GRANT UPDATE (xid, seq) ON relay_cursor TO tiketi_relay;
GRANT INSERT, DELETE ON processed_events TO tiketi_relay;
GRANT INSERT, UPDATE ON daily_stats, event_stats TO tiketi_relay;
GRANT INSERT ON dead_letters TO tiketi_relay;
GRANT EXECUTE ON FUNCTION drop_outbox_partition(int) TO tiketi_relay;
