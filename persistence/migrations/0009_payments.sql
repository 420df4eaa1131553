-- Payments of reservations (H-06). The reservation's row lock guards its payments, attempts and
-- refunds: whoever changes one of them has locked the reservation first.

-- Domain events of payments are keyed by their order, which is no uuid.
ALTER TABLE outbox ALTER COLUMN key TYPE text;

ALTER TABLE payments
  ADD COLUMN request_id uuid,
  ADD COLUMN toss_status varchar(50),
  DROP CONSTRAINT payments_status_check,
  ADD CONSTRAINT payments_status_check
    CHECK (status IN ('pending', 'confirmed', 'failed', 'refund_pending', 'refunded'));
CREATE INDEX payments_of ON payments (reservation_id, created_at);
CREATE INDEX payments_mine ON payments (user_id, created_at);

-- One row per try to move money, written before the provider hears of it. Its id is the pin of the
-- reservation and the provider's idempotency key. `next_ask_at` is the durable timer: while the
-- outcome is open it is due at once, after a failed end at the next of 1 min, 10 min, 1 h, 24 h.
CREATE TABLE payment_attempts (
  id uuid PRIMARY KEY,
  payment_id uuid NOT NULL REFERENCES payments,
  reservation_id uuid NOT NULL,
  provider varchar(20) NOT NULL,
  payment_key varchar(200) NOT NULL,
  method varchar(50) NOT NULL,
  amount bigint NOT NULL CHECK (amount >= 0),
  status varchar(10) NOT NULL DEFAULT 'live'
    CHECK (status IN ('live', 'approved', 'declined', 'voided', 'untried', 'late')),
  asked smallint NOT NULL DEFAULT 0 CHECK (asked >= 0),  -- Times after a failed end.
  next_ask_at timestamptz,
  started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  closed_at timestamptz,
  error varchar(200),
  CHECK ((status = 'live') = (closed_at IS NULL))
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX payment_attempts_live ON payment_attempts (reservation_id)
  WHERE status = 'live';
CREATE INDEX payment_attempts_of ON payment_attempts (reservation_id, started_at);
CREATE INDEX payment_attempts_key ON payment_attempts (payment_key);
CREATE INDEX payment_attempts_due ON payment_attempts (next_ask_at) WHERE next_ask_at IS NOT NULL;

-- Money on its way back: asked of the provider until it is done, however long that takes. One per
-- attempt, so a capture is given back once; the id is the provider's idempotency key.
CREATE TABLE refunds (
  id uuid PRIMARY KEY,
  attempt_id uuid NOT NULL UNIQUE REFERENCES payment_attempts,
  payment_id uuid NOT NULL REFERENCES payments,
  reservation_id uuid NOT NULL,
  amount bigint NOT NULL CHECK (amount >= 0),
  reason varchar(200) NOT NULL,
  status varchar(10) NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'done')),
  tries int NOT NULL DEFAULT 0 CHECK (tries >= 0),
  next_try_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  error varchar(200),
  made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  done_at timestamptz,
  CHECK ((status = 'done') = (done_at IS NOT NULL))
) WITH (fillfactor = 70);
CREATE INDEX refunds_of ON refunds (reservation_id);
CREATE INDEX refunds_due ON refunds (next_try_at) WHERE status = 'pending';

-- Double entry: what an outcome does to money, written in the statement that decides it. Each entry
-- sums to zero. `provider` holds what was captured, `sales` what was sold, `owed` what goes back.
CREATE TABLE books (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  attempt_id uuid NOT NULL,
  payment_id uuid NOT NULL,
  account varchar(10) NOT NULL CHECK (account IN ('provider', 'sales', 'owed')),
  amount bigint NOT NULL
);
CREATE INDEX books_of ON books (attempt_id);

GRANT SELECT, INSERT ON payment_attempts, refunds, books TO tiketi_ledger;
GRANT UPDATE (status, asked, next_ask_at, closed_at, error) ON payment_attempts TO tiketi_ledger;
GRANT UPDATE (status, tries, next_try_at, error, done_at) ON refunds TO tiketi_ledger;
