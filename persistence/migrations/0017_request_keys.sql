-- Idempotency keys of requests that move money (C4). What a key is used for is on record before it
-- is done: `effect_id` is the id under which the order, attempt or refund is made, so whatever has
-- that id came of the key (docs/adr/0012). Reservations keep theirs in their own rows.
CREATE TABLE request_keys (
  user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  operation varchar(40) NOT NULL,            -- "payments.confirm"
  key varchar(64) NOT NULL CHECK (key <> ''),
  digest varchar(64) NOT NULL,               -- Of what was asked for.
  effect_id uuid NOT NULL,
  claimed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (user_id, operation, key)
);

GRANT SELECT, INSERT ON request_keys TO tiketi_ledger;
GRANT UPDATE (effect_id) ON request_keys TO tiketi_ledger;
