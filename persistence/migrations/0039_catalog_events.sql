-- Expands.
-- That an event is cancelled is told in the transaction that cancels it (G52).
CREATE OR REPLACE FUNCTION cancel_event(event uuid, event_shard int, who uuid, why text)
RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public SET lock_timeout = '2s' AS $$
DECLARE
  cancelled timestamptz := clock_timestamp();
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
  INSERT INTO public.event_cancellations (event_id, cancelled_by, reason, cancelled_at)
  VALUES (event, who, why, cancelled);
  INSERT INTO public.outbox (shard, topic, key, type, body)
  SELECT event_shard, 'catalog-events', e.id::text, 'EVENT_CANCELLED',
         jsonb_build_object('eventId', e.id, 'title', e.title, 'venue', e.venue,
           'eventDate', to_char(e.event_date AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
           'reason', why,
           'cancelledAt', to_char(cancelled AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))
    FROM public.events e WHERE e.id = event;
  RETURN true;
END $$;
