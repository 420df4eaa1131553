-- Personal data is encrypted by the store; the database never sees it in clear (C15).
CREATE TABLE users (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  email_cipher bytea NOT NULL,
  email_lookup bytea NOT NULL UNIQUE,        -- HMAC-SHA256 of the lower-case mail
  password_hash text,                        -- null: signs in by Google only
  name_cipher bytea NOT NULL,
  phone_cipher bytea,
  role varchar(20) NOT NULL DEFAULT 'user' CHECK (role IN ('user', 'admin')),
  google_id varchar(255),
  revoked_before timestamptz,                -- access tokens issued up to here are refused (C32)
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX users_google ON users (google_id) WHERE google_id IS NOT NULL;
CREATE INDEX users_role ON users (role);

CREATE TABLE refresh_tokens (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  token_hash varchar(128) NOT NULL UNIQUE,   -- SHA-256, lower-case hex
  family_id uuid NOT NULL,
  expires_at timestamptz NOT NULL,
  revoked_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX refresh_tokens_user ON refresh_tokens (user_id);
CREATE INDEX refresh_tokens_family ON refresh_tokens (family_id);
