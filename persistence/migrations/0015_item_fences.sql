-- The fencing token that a reservation got for its seat: the seat forgets it when somebody else
-- holds it, and a replay of the reservation tells it (contract 2.4, C27). Null of standing tickets.
ALTER TABLE reservation_items ADD COLUMN fencing_token bigint CHECK (fencing_token > 0);
UPDATE reservation_items i SET fencing_token = s.fencing_token FROM seats s
 WHERE s.id = i.seat_id AND s.reservation_id = i.reservation_id AND s.fencing_token > 0;
