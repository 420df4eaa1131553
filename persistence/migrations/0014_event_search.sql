-- What lists and searches (2.2, G09) filter and sort by: a narrow row for each event. Reading all
-- of them costs a fraction of reading the events themselves, and nothing has to be computed for
-- every event at every question. Triggers keep it, as its owner; nobody else writes here.
CREATE TABLE event_search (
  event_id uuid PRIMARY KEY REFERENCES events ON DELETE CASCADE,
  event_date timestamptz NOT NULL,
  cancelled boolean NOT NULL,
  ticket_type_count int NOT NULL DEFAULT 0,
  search_text text NOT NULL, -- Where searches look, folded.
  sale_start_date timestamptz,
  sale_end_date timestamptz,
  artist_id uuid,
  min_type_price int,
  max_type_price int,
  min_seat_price int,
  max_seat_price int,
  -- An event without ticket types shows its seat prices (D14).
  min_price int GENERATED ALWAYS AS (coalesce(min_type_price, min_seat_price)) STORED,
  max_price int GENERATED ALWAYS AS (coalesce(max_type_price, max_seat_price)) STORED,
  venue_text text NOT NULL, -- Folded.
  title varchar(255) NOT NULL
);
CREATE INDEX event_search_date ON event_search (event_date);
CREATE INDEX event_search_artist ON event_search (artist_id);

CREATE FUNCTION event_is_searched() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public AS $$
BEGIN
  INSERT INTO event_search (event_id, event_date, sale_start_date, sale_end_date, cancelled,
    artist_id, min_seat_price, max_seat_price, search_text, venue_text, title)
  VALUES (NEW.id, NEW.event_date, NEW.sale_start_date, NEW.sale_end_date,
    NEW.status = 'cancelled', NEW.artist_id, NEW.min_seat_price, NEW.max_seat_price,
    -- The separator keeps a hit from reaching over two fields.
    lower(concat_ws(chr(31), NEW.title, NEW.artist_name, NEW.venue, NEW.address)),
    lower(NEW.venue), NEW.title)
  ON CONFLICT (event_id) DO UPDATE SET event_date = EXCLUDED.event_date,
    sale_start_date = EXCLUDED.sale_start_date, sale_end_date = EXCLUDED.sale_end_date,
    cancelled = EXCLUDED.cancelled, artist_id = EXCLUDED.artist_id,
    min_seat_price = EXCLUDED.min_seat_price, max_seat_price = EXCLUDED.max_seat_price,
    search_text = EXCLUDED.search_text, venue_text = EXCLUDED.venue_text, title = EXCLUDED.title;
  RETURN NULL;
END $$;
CREATE TRIGGER event_is_searched AFTER INSERT OR UPDATE OF title, artist_name, venue, address,
  event_date, sale_start_date, sale_end_date, status, artist_id, min_seat_price, max_seat_price
  ON events FOR EACH ROW EXECUTE FUNCTION event_is_searched();

-- Two changes of one event's types at once come one after the other: the event's row is the queue.
-- The statement behind the lock sees what the other one has committed.
CREATE FUNCTION ticket_type_is_priced() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public AS $$
DECLARE
  of_event uuid := coalesce(NEW.event_id, OLD.event_id);
BEGIN
  PERFORM 1 FROM events WHERE id = of_event FOR NO KEY UPDATE;
  UPDATE event_search SET (ticket_type_count, min_type_price, max_type_price)
    = (SELECT count(*), min(price), max(price) FROM ticket_types WHERE event_id = of_event)
   WHERE event_id = of_event;
  RETURN NULL;
END $$;
CREATE TRIGGER ticket_type_is_priced AFTER INSERT OR DELETE OR UPDATE OF price ON ticket_types
  FOR EACH ROW EXECUTE FUNCTION ticket_type_is_priced();

-- Keywords, folded as what they are looked for in: a search reads all of them.
ALTER TABLE keyword_mappings
  ADD COLUMN korean_text text GENERATED ALWAYS AS (lower(korean)) STORED,
  ADD COLUMN english_text text GENERATED ALWAYS AS (lower(english)) STORED;

-- What there is already goes the same way.
UPDATE events SET title = title;
UPDATE ticket_types SET price = price;
