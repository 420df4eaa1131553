-- The gate before an event (tier 1): a counter that hands out positions and one that lets them
-- pass. A gate writes one *turn* at a time; nothing here grows with the crowd, because whoever has
-- a position carries a signed proof of it.

CREATE TABLE vwr_counters (
  event_id uuid PRIMARY KEY REFERENCES events,
  turn bigint NOT NULL CHECK (turn > 0),               -- the last one; without gaps from 1
  epoch bigint NOT NULL CHECK (epoch > 0),             -- of the owner that wrote it
  activation int NOT NULL CHECK (activation > 0),      -- one more each time the gate is opened
  is_active boolean NOT NULL,
  -- The positions of all earlier activations come before those of this one.
  order_base bigint NOT NULL CHECK (order_base >= 0),
  next_position bigint NOT NULL CHECK (next_position >= 0),   -- positions told, at least
  -- Positions up to here may have been told to somebody. No new owner gives them again.
  reserved_to bigint NOT NULL CHECK (reserved_to >= next_position),
  serving_counter bigint NOT NULL CHECK (serving_counter >= 0),
  -- Positions behind `from` up to `to` that an owner reserved and may never have told.
  holes_from bigint[] NOT NULL,
  holes_to bigint[] NOT NULL,
  made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  updated_at timestamptz NOT NULL,
  CHECK (cardinality(holes_from) = cardinality(holes_to) AND cardinality(holes_to) <= 64)
) WITH (fillfactor = 20);
-- What must not sleep.
CREATE INDEX vwr_counters_active ON vwr_counters (event_id) WHERE is_active;

GRANT SELECT, INSERT ON vwr_counters TO tiketi_ledger;
GRANT UPDATE (turn, epoch, activation, is_active, order_base, next_position, reserved_to,
  serving_counter, holes_from, holes_to, updated_at) ON vwr_counters TO tiketi_ledger;
