-- Sessions: a family of refresh tokens is what a log-in starts and what is ended as a whole.
CREATE TABLE refresh_families (
  id uuid PRIMARY KEY,
  user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  generation int NOT NULL DEFAULT 1,                -- of the tokens that may be used now
  rotated_at timestamptz NOT NULL DEFAULT now(),    -- the grace of the one before counts from here
  expires_at timestamptz NOT NULL,                  -- the end, however often it is refreshed
  revoked_at timestamptz,
  user_agent varchar(255),                          -- of the log-in, for the list of sessions
  address varchar(45),
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX refresh_families_user ON refresh_families (user_id);
CREATE INDEX refresh_families_expiry ON refresh_families (expires_at);

INSERT INTO refresh_families (id, user_id, rotated_at, expires_at, revoked_at, created_at)
SELECT family_id, min(user_id::text)::uuid, max(created_at), max(expires_at),
       CASE WHEN bool_and(revoked_at IS NOT NULL) THEN max(revoked_at) END, min(created_at)
  FROM refresh_tokens GROUP BY family_id;

-- A token is of the generation it was made in; `revoked_at` also tells when it was used up.
ALTER TABLE refresh_tokens
  ADD COLUMN generation int NOT NULL DEFAULT 1,
  ADD FOREIGN KEY (family_id) REFERENCES refresh_families ON DELETE CASCADE;

ALTER TABLE users
  ADD COLUMN credentials int NOT NULL DEFAULT 1,    -- counts changes of the password, and leaving
  ADD COLUMN password_due boolean NOT NULL DEFAULT false,  -- has to be changed before all else
  ADD COLUMN closed_at timestamptz,                 -- no log-in from here on
  ADD COLUMN erased_at timestamptz;                 -- personal data is gone
CREATE INDEX users_closed ON users (closed_at) WHERE closed_at IS NOT NULL AND erased_at IS NULL;

GRANT SELECT ON refresh_families TO tiketi_ledger;
GRANT INSERT ON refresh_families TO tiketi_ledger;
GRANT UPDATE (generation, rotated_at, revoked_at) ON refresh_families TO tiketi_ledger;
GRANT SELECT (id, role, revoked_before, password_hash, credentials, password_due, closed_at)
  ON users TO tiketi_ledger;
GRANT UPDATE (password_hash, credentials, password_due, closed_at) ON users TO tiketi_ledger;

-- The store lists sessions and clears away what is over; the tokens go with their family.
GRANT DELETE ON refresh_families TO tiketi_store;
GRANT INSERT (password_due), UPDATE (erased_at) ON users TO tiketi_store;
REVOKE SELECT ON refresh_families FROM tiketi_read;
