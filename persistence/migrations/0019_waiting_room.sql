-- The waiting room of an event. A room writes one *turn* at a time: everything that has come
-- together since the one before, so a storm of joins costs a row a turn and not a row a person.
-- The lock of the room's row guards its log and its admissions. Users without a foreign key:
-- visitors of the load profile (D12) are nobody's account.

-- A place is one number here: that of somebody who came directly is positive, that of the gate
-- (tier 1) is 2^31 lower. So places sort as the people stand.

CREATE TABLE queue_rooms (
  event_id uuid PRIMARY KEY REFERENCES events,
  turn bigint NOT NULL CHECK (turn > 0),             -- the last one; without gaps from 1
  epoch bigint NOT NULL CHECK (epoch > 0),           -- of the owner that wrote it
  generation int NOT NULL CHECK (generation > 0),    -- one more each time the room is cleared
  -- Direct numbers below may have been told to somebody. No new owner gives them again.
  reserved_to bigint NOT NULL CHECK (reserved_to BETWEEN 1 AND 2147483648),
  admitted int NOT NULL CHECK (admitted >= 0),       -- the last admission of the generation
  threshold int CHECK (threshold >= 0),              -- null: as the node is set
  per_second int CHECK (per_second >= 0),
  paused boolean NOT NULL,
  made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  updated_at timestamptz NOT NULL                    -- `admitted_at` of what the last turn admitted
) WITH (fillfactor = 20);

-- Who took a place and who gave one up without a slot. Who waits are those who joined in the
-- room's generation, without those who left and those who were admitted with their place.
CREATE TABLE queue_log (
  event_id uuid NOT NULL,
  generation int NOT NULL,
  turn bigint NOT NULL,
  kind varchar(5) NOT NULL CHECK (kind IN ('join', 'leave')),
  places int[] NOT NULL CHECK (cardinality(places) > 0),
  users uuid[],                                      -- of joins: one a place, in the same order
  at timestamptz NOT NULL,
  PRIMARY KEY (event_id, generation, turn, kind),
  CHECK ((kind = 'join') = (users IS NOT NULL) AND cardinality(users) = cardinality(places))
);
-- Ids do not shrink: the attempt would cost more than it saves.
ALTER TABLE queue_log ALTER places SET STORAGE EXTERNAL, ALTER users SET STORAGE EXTERNAL;

-- A slot. It is open until it has ended or its hard end is past, whichever comes first (D32).
CREATE TABLE queue_admissions (
  event_id uuid NOT NULL,
  generation int NOT NULL,
  number int NOT NULL CHECK (number > 0),            -- without gaps from 1 in each generation
  user_id uuid NOT NULL,
  place int,                                         -- given up for it; null: came in directly
  admitted_at timestamptz NOT NULL,
  hard_end timestamptz NOT NULL,
  ended_at timestamptz,
  end_reason varchar(7) CHECK (end_reason IN ('left', 'expired', 'paid', 'cleared')),
  PRIMARY KEY (event_id, generation, number),
  CHECK (hard_end > admitted_at),
  CHECK ((ended_at IS NULL) = (end_reason IS NULL)),
  CHECK (ended_at >= admitted_at)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX queue_admissions_open ON queue_admissions (event_id, generation, number)
  WHERE ended_at IS NULL;
-- What a room asks for that lost an answer.
CREATE INDEX queue_admissions_paid ON queue_admissions (event_id, generation, ended_at)
  WHERE end_reason = 'paid';

-- The log is only added to; of a slot only the end is written.
GRANT SELECT, INSERT ON queue_rooms, queue_log, queue_admissions TO tiketi_ledger;
GRANT UPDATE (turn, epoch, generation, reserved_to, admitted, threshold, per_second, paused,
  updated_at) ON queue_rooms TO tiketi_ledger;
GRANT UPDATE (ended_at, end_reason) ON queue_admissions TO tiketi_ledger;
