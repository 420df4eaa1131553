-- Expands.
-- The books only grow, and every entry balances: not even the owner of the database may have it
-- otherwise, except by taking these triggers away.
CREATE FUNCTION books_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the books only grow: write an entry that takes the wrong one back'
    USING ERRCODE = 'TK002';
END $$;
CREATE TRIGGER books_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON books
  FOR EACH STATEMENT EXECUTE FUNCTION books_stay();

-- An entry is what one statement writes of an attempt. What does not cancel out in it may still do
-- so with what another part of the same statement writes.
CREATE FUNCTION books_balance() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public AS $$
BEGIN
  IF EXISTS (SELECT FROM (SELECT attempt_id FROM added GROUP BY 1 HAVING sum(amount) <> 0) x
              WHERE (SELECT sum(b.amount) FROM public.books b
                      WHERE b.attempt_id = x.attempt_id) <> 0) THEN
    RAISE EXCEPTION 'an entry of the books does not balance' USING ERRCODE = 'TK003';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER books_balance AFTER INSERT ON books REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION books_balance();
