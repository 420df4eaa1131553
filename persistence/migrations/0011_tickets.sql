-- Tickets (G03): one per seat or standing unit, made by the transaction that confirms, voided by
-- the one that cancels. The reservation's row lock guards its tickets.
CREATE TABLE tickets (
  id uuid PRIMARY KEY,
  ticket_number varchar(20) NOT NULL CONSTRAINT tickets_number UNIQUE,
  reservation_id uuid NOT NULL,
  unit smallint NOT NULL CHECK (unit > 0),   -- Counted within the reservation.
  seat_id uuid,
  ticket_type_id uuid,
  event_id uuid NOT NULL,
  user_id uuid NOT NULL,                     -- Who may see and use it.
  price bigint NOT NULL CHECK (price >= 0),
  status varchar(12) NOT NULL DEFAULT 'valid'
    CHECK (status IN ('valid', 'used', 'transferred', 'cancelled')),
  issued_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  used_at timestamptz,
  used_by uuid,                              -- The admin whose scanner let it in.
  admission_key varchar(64),                 -- The scan that did; repeated, it hears the same.
  voided_at timestamptz,
  CHECK ((seat_id IS NULL) <> (ticket_type_id IS NULL)),
  CHECK (status <> 'used' OR used_at IS NOT NULL),
  CHECK ((used_at IS NULL) = (admission_key IS NULL)),
  CHECK ((status IN ('transferred', 'cancelled')) = (voided_at IS NOT NULL))
) WITH (fillfactor = 80);
-- Nobody gets two tickets for one unit, and no seat has two at once, whoever tries.
CREATE UNIQUE INDEX tickets_unit ON tickets (reservation_id, unit)
  WHERE status IN ('valid', 'used');
CREATE UNIQUE INDEX tickets_seat ON tickets (seat_id)
  WHERE seat_id IS NOT NULL AND status IN ('valid', 'used');
CREATE INDEX tickets_mine ON tickets (user_id, issued_at);

GRANT SELECT, INSERT ON tickets TO tiketi_ledger;
GRANT UPDATE (status, used_at, used_by, admission_key, voided_at) ON tickets TO tiketi_ledger;
