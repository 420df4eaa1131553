-- Expands.
-- What became of a dead letter (G18): handed to its consumer once more, or given up by somebody.
ALTER TABLE dead_letters
  ADD COLUMN replays int NOT NULL DEFAULT 0,  -- That were refused again.
  ADD COLUMN refused_why text,                -- The last of them.
  ADD COLUMN ended_as varchar(10) CHECK (ended_as IN ('replayed', 'discarded')),
  ADD COLUMN ended_at timestamptz,
  ADD COLUMN ended_by uuid,
  ADD COLUMN ended_why varchar(200),
  ADD CONSTRAINT dead_letters_ended CHECK ((ended_as IS NULL) = (ended_at IS NULL));
CREATE INDEX dead_letters_waiting ON dead_letters (at) WHERE ended_as IS NULL;
GRANT UPDATE (replays, refused_why, ended_as,
  ended_at, ended_by, ended_why) ON dead_letters TO tiketi_relay;
