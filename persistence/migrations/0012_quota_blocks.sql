-- A ticket type is sold by a block of its own, numbered behind every seat block an event can have.
-- The number never changes: reservations name it as their lead block.
ALTER TABLE ticket_types ADD COLUMN block_no int CHECK (block_no >= 1000000);
UPDATE ticket_types t SET block_no = n.block_no
  FROM (SELECT id, 999999 + row_number() OVER (PARTITION BY event_id ORDER BY created_at, id)
               AS block_no FROM ticket_types) n
 WHERE t.id = n.id;
ALTER TABLE ticket_types ALTER COLUMN block_no SET NOT NULL;
CREATE UNIQUE INDEX ticket_types_block ON ticket_types (event_id, block_no);
DROP INDEX ticket_types_event;

-- Types of one event get their numbers one after the other: the event's row is the queue.
CREATE FUNCTION ticket_type_gets_block() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM 1 FROM events WHERE id = NEW.event_id FOR NO KEY UPDATE;
  SELECT coalesce(max(block_no) + 1, 1000000) INTO NEW.block_no
    FROM ticket_types WHERE event_id = NEW.event_id;
  RETURN NEW;
END $$;
CREATE TRIGGER ticket_type_gets_block BEFORE INSERT ON ticket_types FOR EACH ROW
  WHEN (NEW.block_no IS NULL) EXECUTE FUNCTION ticket_type_gets_block();
