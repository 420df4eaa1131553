-- The range of an event's seat prices (D14), written when its seats are made: a list of events must
-- not look at 50,000 seats to show it.
ALTER TABLE events ADD COLUMN min_seat_price int, ADD COLUMN max_seat_price int,
  ADD CHECK (min_seat_price <= max_seat_price);
GRANT UPDATE (min_seat_price, max_seat_price) ON events TO tiketi_store;
