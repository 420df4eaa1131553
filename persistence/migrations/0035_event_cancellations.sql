-- Expands.
-- Events that were cancelled, and what is to be given back of them: rows, so that whoever is killed
-- in the middle is followed by somebody who goes on.
CREATE TABLE event_cancellations (
  event_id uuid PRIMARY KEY REFERENCES events,
  cancelled_by uuid NOT NULL,
  reason varchar(200) NOT NULL,
  cancelled_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  filled_at timestamptz,  -- Since then `event_recalls` has all of its reservations.
  ended_at timestamptz    -- Since then none of them is left; refunds may be on their way.
);
CREATE INDEX event_cancellations_open ON event_cancellations (event_id) WHERE ended_at IS NULL;

-- The reservations that were pending or confirmed when their event was cancelled.
CREATE TABLE event_recalls (
  reservation_id uuid PRIMARY KEY,
  event_id uuid NOT NULL REFERENCES event_cancellations,
  shard smallint NOT NULL,  -- Of the lead block.
  block_no int NOT NULL,
  done_at timestamptz       -- It was seen that it had ended.
);
CREATE INDEX event_recalls_left ON event_recalls (reservation_id) WHERE done_at IS NULL;
CREATE INDEX event_recalls_of ON event_recalls (event_id) WHERE done_at IS NULL;

-- The decision is taken under the lock of the event's shard (H-15): what names the event and was
-- begun before has committed, whatever comes later is refused. False: it was cancelled before, or
-- there is no such event.
CREATE FUNCTION cancel_event(event uuid, event_shard int, who uuid, why text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public SET lock_timeout = '2s' AS $$
BEGIN
  IF event_shard NOT BETWEEN 0 AND 127 THEN
    RAISE EXCEPTION 'event_shard must be between 0 and 127' USING ERRCODE = '22023';
  END IF;
  PERFORM pg_advisory_xact_lock(7430, event_shard);
  UPDATE public.events SET status = 'cancelled', updated_at = now()
   WHERE id = event AND status <> 'cancelled';
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  INSERT INTO public.event_cancellations (event_id, cancelled_by, reason) VALUES (event, who, why);
  RETURN true;
END $$;

GRANT EXECUTE ON FUNCTION cancel_event(uuid, int, uuid, text) TO tiketi_store;
GRANT UPDATE (filled_at, ended_at) ON event_cancellations TO tiketi_store;
GRANT INSERT, UPDATE (done_at) ON event_recalls TO tiketi_store;
