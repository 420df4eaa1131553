-- Who owns what: changed by takeovers only, under the shard's exclusive advisory lock. The rows are
-- exactly 0..127, because the ledger's statements index an array by shard + 1.
CREATE TABLE shard_owners (
  shard int PRIMARY KEY CHECK (shard BETWEEN 0 AND 127),
  node uuid,
  epoch bigint NOT NULL CHECK (epoch > 0)
) WITH (fillfactor = 50);
INSERT INTO shard_owners SELECT g, NULL, 1 FROM generate_series(0, 127) g;

-- Who is alive: one heartbeat a second. The two arrays are indexed by lane and name the backends
-- that a takeover has to end first (H-36, H-37).
CREATE TABLE nodes (
  node uuid PRIMARY KEY,
  incarnation bigint NOT NULL DEFAULT 1,
  seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  backend_pids int[] NOT NULL DEFAULT '{}',
  backend_starts timestamptz[] NOT NULL DEFAULT '{}'
) WITH (fillfactor = 20);

-- Domain events. A consumer's record is {id, type, timestamp = made_at, correlation} plus the body.
CREATE TABLE outbox (
  seq bigint GENERATED ALWAYS AS IDENTITY,
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  shard int NOT NULL,
  topic text NOT NULL,
  key uuid NOT NULL,
  type text NOT NULL,
  body jsonb NOT NULL,
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  correlation uuid,
  made_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (shard, xid, seq, made_at)
) PARTITION BY RANGE (made_at);
-- No insert may fail for want of a partition.
CREATE TABLE outbox_default PARTITION OF outbox DEFAULT;

-- Makes the partitions of today and the next `days` days (UTC); returns how many it made. Safe to
-- call at any time by anybody: a day that already has rows in the default partition stays there.
CREATE FUNCTION ensure_outbox_partitions(days int) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public SET lock_timeout = '1s' SET timezone = 'UTC' AS $$
DECLARE
  day date;
  name text;
  made int := 0;
BEGIN
  IF days NOT BETWEEN 0 AND 60 THEN
    RAISE EXCEPTION 'days must be between 0 and 60' USING ERRCODE = '22023';
  END IF;
  PERFORM pg_advisory_xact_lock(7431, 1);
  FOR day IN SELECT current_date + g FROM generate_series(0, days) g LOOP
    name := 'outbox_' || to_char(day, 'YYYYMMDD');
    CONTINUE WHEN to_regclass('public.' || name) IS NOT NULL;
    BEGIN
      EXECUTE format('CREATE TABLE public.%I PARTITION OF public.outbox
                      FOR VALUES FROM (%L) TO (%L)', name, day::timestamptz,
                     (day + 1)::timestamptz);
      made := made + 1;
    EXCEPTION WHEN check_violation THEN
      RAISE WARNING 'rows of % are in the default partition and stay there', day;
    END;
  END LOOP;
  RETURN made;
END $$;
SELECT ensure_outbox_partitions(7);

CREATE TABLE relay_cursor (
  shard int PRIMARY KEY,
  xid xid8 NOT NULL DEFAULT '0',
  seq bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
INSERT INTO relay_cursor (shard) SELECT generate_series(0, 127);

-- The tripwire: volatile, so that it is called only where the statement reaches it.
CREATE FUNCTION torn() RETURNS text LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  RAISE EXCEPTION 'batch torn' USING ERRCODE = 'TK001';
END $$;

-- The history of the server's timeline: a line per ancestor with the point where it was left.
-- Null when the owner of the database may not read it; the installation grants EXECUTE on
-- pg_read_file(text, bigint, bigint, boolean) to that role.
CREATE FUNCTION timeline_history() RETURNS text LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog AS $$
BEGIN
  RETURN coalesce(pg_read_file(format('pg_wal/%s.history',
    left(pg_walfile_name(pg_current_wal_insert_lsn()), 8)), 0, 100000, true), '');
EXCEPTION WHEN insufficient_privilege THEN
  RETURN NULL;
END $$;
