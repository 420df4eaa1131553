-- Expands.
-- Listings and memberships are paid for as reservations are. Of which kind it is what an attempt
-- or a refund is for, and so whose checkout sees to it: 0 a reservation, 1 a listing, 2 a
-- membership. Its id stands in `reservation_id`.
ALTER TABLE payment_attempts
  ADD COLUMN subject smallint NOT NULL DEFAULT 0 CHECK (subject BETWEEN 0 AND 2);
ALTER TABLE refunds
  ADD COLUMN subject smallint NOT NULL DEFAULT 0 CHECK (subject BETWEEN 0 AND 2);

-- Every buyer of a listing has an order of their own, and one of them pays. A membership is paid
-- for once a year, under the same id: its row says whether it is paid for.
DROP INDEX payments_live_reference;
CREATE UNIQUE INDEX payments_open_reference ON payments (reference_id, user_id)
  WHERE payment_type <> 'reservation' AND status = 'pending';
CREATE UNIQUE INDEX payments_sold_listing ON payments (reference_id)
  WHERE payment_type = 'transfer' AND status = 'confirmed';
CREATE INDEX payments_of_reference ON payments (reference_id) WHERE reference_id IS NOT NULL;
ALTER TABLE payments ADD CONSTRAINT payments_referred
  CHECK (payment_type = 'reservation' OR reference_id IS NOT NULL) NOT VALID;

GRANT SELECT ON ticket_transfers, artist_memberships, membership_point_logs, artists
  TO tiketi_ledger;
GRANT UPDATE (status, buyer_id, completed_at, updated_at) ON ticket_transfers TO tiketi_ledger;
GRANT UPDATE (status, tier, points, joined_at, expires_at, payment_reference_id, updated_at)
  ON artist_memberships TO tiketi_ledger;
GRANT INSERT ON membership_point_logs TO tiketi_ledger;
GRANT UPDATE (user_id) ON reservations TO tiketi_ledger;

-- What a tier is by points (contract 2.12).
CREATE FUNCTION tier_of(points int) RETURNS text LANGUAGE sql IMMUTABLE
RETURN CASE WHEN points >= 1500 THEN 'DIAMOND' WHEN points >= 500 THEN 'GOLD' ELSE 'SILVER' END;
GRANT EXECUTE ON FUNCTION tier_of(int) TO tiketi_ledger, tiketi_store, tiketi_read;

-- As before (0032); whoever changes an attempt has locked what it is for.
CREATE OR REPLACE FUNCTION ask_again(attempt uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public SET lock_timeout = '1s' AS $$
BEGIN
  PERFORM 1 FROM public.reservations r JOIN public.payment_attempts a ON a.reservation_id = r.id
    WHERE a.id = attempt AND a.subject = 0 FOR UPDATE OF r;
  PERFORM 1 FROM public.ticket_transfers t JOIN public.payment_attempts a ON a.reservation_id = t.id
    WHERE a.id = attempt AND a.subject = 1 FOR UPDATE OF t;
  PERFORM 1 FROM public.artist_memberships m
    JOIN public.payment_attempts a ON a.reservation_id = m.id
    WHERE a.id = attempt AND a.subject = 2 FOR UPDATE OF m;
  UPDATE public.payment_attempts SET next_ask_at = clock_timestamp()
   WHERE id = attempt AND status IN ('declined', 'voided')
     AND (next_ask_at IS NULL OR next_ask_at > clock_timestamp());
  RETURN FOUND;
END $$;
