-- What of a ticket type is not for sale here: sold at the box office, withdrawn, or sold before
-- this shop was opened. With it every ticket is accounted for at all times (the audit asks).
ALTER TABLE ticket_types ADD COLUMN sold_elsewhere int NOT NULL DEFAULT 0
  CHECK (sold_elsewhere BETWEEN 0 AND total_quantity);
UPDATE ticket_types t SET sold_elsewhere = greatest(0, t.total_quantity - t.available_quantity -
  (SELECT coalesce(sum(i.quantity), 0) FROM reservation_items i JOIN reservations r
     ON r.id = i.reservation_id AND r.status IN ('pending', 'confirmed')
    WHERE i.ticket_type_id = t.id));
CREATE OR REPLACE FUNCTION ticket_type_is_new() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.available_quantity := NEW.total_quantity - NEW.sold_elsewhere;
  RETURN NEW;
END $$;
