-- What a fail-over had lost of what was answered, and that an operator went on without it
-- (ledger.md 10). The node forgets it then; here it stays, for whoever makes up for it.
CREATE TABLE accepted_losses (
  id uuid PRIMARY KEY,                       -- of the operation that accepted it
  node uuid NOT NULL,
  key varchar(12) NOT NULL,                  -- by which the operator named what they had seen
  suspicion text NOT NULL,
  missing jsonb NOT NULL,                    -- [{lane, what, id, at}]
  more boolean NOT NULL,                     -- older ones may be missing, too
  reason varchar(200) NOT NULL CHECK (reason <> ''),
  accepted_by uuid NOT NULL,
  accepted_by_name varchar(255) NOT NULL,
  accepted_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

GRANT INSERT (id, node, key, suspicion, missing, more, reason, accepted_by, accepted_by_name)
  ON accepted_losses TO tiketi_store;
