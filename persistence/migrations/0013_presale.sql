-- How long after its start a sale opens for a user, by the tier of their membership of the artist
-- (contract 2.9). The tier is that of the points; without an active membership it is BRONZE.
CREATE FUNCTION presale_wait(who uuid, of_artist uuid, at timestamptz) RETURNS interval
LANGUAGE sql STABLE AS $$
  SELECT coalesce((SELECT CASE WHEN m.points >= 1500 THEN interval '0'
                               WHEN m.points >= 500 THEN interval '1 hour'
                               ELSE interval '24 hours' END
                     FROM artist_memberships m
                    WHERE m.user_id = who AND m.artist_id = of_artist AND m.status = 'active'
                      AND m.expires_at > at), interval '48 hours')
$$;
GRANT SELECT ON artist_memberships TO tiketi_ledger;
GRANT EXECUTE ON FUNCTION presale_wait(uuid, uuid, timestamptz) TO tiketi_ledger;
