-- No index of `seats` may mention a column that the ledger updates (status, version,
-- fencing_token, locked_by, reservation_id, updated_at): one such index, no update is HOT (H-26).
CREATE TABLE seats (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  event_id uuid NOT NULL REFERENCES events ON DELETE CASCADE,
  block_no int NOT NULL CHECK (block_no >= 0),
  section varchar(50) NOT NULL,
  row_number int NOT NULL,
  seat_number int NOT NULL,
  seat_label varchar(80) NOT NULL,
  price int NOT NULL CHECK (price >= 0),
  status varchar(20) NOT NULL DEFAULT 'available',
  version int NOT NULL DEFAULT 0 CHECK (version >= 0),
  fencing_token bigint NOT NULL DEFAULT 0 CHECK (fencing_token >= 0),
  locked_by uuid,
  reservation_id uuid,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (event_id, section, row_number, seat_number),
  CONSTRAINT seats_holder CHECK (CASE status
    WHEN 'available' THEN reservation_id IS NULL AND locked_by IS NULL
    WHEN 'locked' THEN reservation_id IS NOT NULL AND locked_by IS NOT NULL
    WHEN 'reserved' THEN reservation_id IS NOT NULL AND locked_by IS NOT NULL
    ELSE false END)
) WITH (fillfactor = 45, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX seats_block ON seats (event_id, block_no);

-- The row is the record of idempotency (H-22c). `event_id` and `block_no` name the lead block,
-- `shard` is that block's. No foreign keys: their checks lock the row they look at; the nightly
-- audit looks for orphans instead.
CREATE TABLE reservations (
  id uuid PRIMARY KEY,
  user_id uuid NOT NULL,
  event_id uuid,
  reservation_number varchar(50) NOT NULL UNIQUE,
  total_amount bigint NOT NULL CHECK (total_amount >= 0),
  status varchar(20) NOT NULL DEFAULT 'pending'
    CHECK (status IN ('pending', 'confirmed', 'cancelled', 'expired')),
  payment_method varchar(50),
  payment_status varchar(20) NOT NULL DEFAULT 'pending'
    CHECK (payment_status IN ('pending', 'completed', 'refund_requested', 'refunded')),
  pin_id uuid,                               -- the payment attempt that pins; in no index (H-26)
  expires_at timestamptz NOT NULL,
  operation text NOT NULL,
  idempotency_key varchar(64),
  request_digest text,
  shard smallint NOT NULL CHECK (shard BETWEEN 0 AND 127),
  block_no int NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT reservations_paid_by_pin CHECK (status <> 'confirmed' OR pin_id IS NOT NULL)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
CREATE UNIQUE INDEX reservations_idem ON reservations (user_id, operation, idempotency_key)
  WHERE idempotency_key IS NOT NULL;
CREATE INDEX reservations_mine ON reservations (user_id, created_at);
CREATE INDEX reservations_open ON reservations (event_id, block_no) WHERE status = 'pending';
CREATE INDEX reservations_due ON reservations (shard, expires_at) WHERE status = 'pending';

CREATE TABLE reservation_items (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  reservation_id uuid NOT NULL,
  ticket_type_id uuid,
  seat_id uuid,
  quantity int NOT NULL CHECK (quantity > 0),
  unit_price bigint NOT NULL CHECK (unit_price >= 0),
  subtotal bigint NOT NULL CHECK (subtotal = quantity * unit_price),
  created_at timestamptz NOT NULL DEFAULT now(),
  CHECK ((seat_id IS NULL) <> (ticket_type_id IS NULL)),
  CHECK (seat_id IS NULL OR quantity = 1)
);
CREATE INDEX reservation_items_reservation ON reservation_items (reservation_id);

-- Written in the statement of the change, never altered; its fold is the row (G20).
CREATE TABLE reservation_history (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  reservation_id uuid NOT NULL,
  from_status varchar(20),                   -- null: the reservation was made
  to_status varchar(20) NOT NULL,
  payment_from varchar(20),
  payment_to varchar(20) NOT NULL,
  actor varchar(10) NOT NULL CHECK (actor IN ('user', 'admin', 'system')),
  actor_id uuid,
  reason text,
  request_id uuid
);
CREATE INDEX reservation_history_of ON reservation_history (reservation_id, id);

CREATE TABLE artist_memberships (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  user_id uuid NOT NULL,
  artist_id uuid NOT NULL REFERENCES artists ON DELETE CASCADE,
  tier varchar(20) NOT NULL DEFAULT 'SILVER'
    CHECK (tier IN ('BRONZE', 'SILVER', 'GOLD', 'DIAMOND')),
  points int NOT NULL DEFAULT 0 CHECK (points >= 0),
  status varchar(20) NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'active', 'expired')),
  joined_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  payment_reference_id uuid,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (user_id, artist_id)
);
CREATE INDEX artist_memberships_artist ON artist_memberships (artist_id);

CREATE TABLE membership_point_logs (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  membership_id uuid NOT NULL REFERENCES artist_memberships ON DELETE CASCADE,
  action_type varchar(50) NOT NULL,
  points int NOT NULL,
  description text,
  reference_id uuid,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (membership_id, action_type, reference_id)
);

CREATE TABLE ticket_transfers (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  reservation_id uuid NOT NULL,
  seller_id uuid NOT NULL,
  buyer_id uuid,
  artist_id uuid,
  original_price bigint NOT NULL CHECK (original_price >= 0),
  transfer_fee bigint NOT NULL CHECK (transfer_fee >= 0),
  transfer_fee_percent int NOT NULL CHECK (transfer_fee_percent BETWEEN 0 AND 100),
  total_price bigint NOT NULL CHECK (total_price >= 0),
  status varchar(20) NOT NULL DEFAULT 'listed'
    CHECK (status IN ('listed', 'completed', 'cancelled')),
  created_at timestamptz NOT NULL DEFAULT now(),
  completed_at timestamptz,
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX ticket_transfers_listed ON ticket_transfers (reservation_id)
  WHERE status = 'listed';
CREATE INDEX ticket_transfers_market ON ticket_transfers (status, artist_id);
CREATE INDEX ticket_transfers_seller ON ticket_transfers (seller_id);

CREATE TABLE processed_events (
  consumer_group varchar(100) NOT NULL,
  event_key varchar(255) NOT NULL,
  processed_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (consumer_group, event_key)
);

CREATE TABLE payments (
  id uuid PRIMARY KEY,
  reservation_id uuid,
  user_id uuid NOT NULL,
  event_id uuid,
  order_id varchar(64) NOT NULL UNIQUE,
  payment_key varchar(200) UNIQUE,
  amount bigint NOT NULL CHECK (amount >= 0),
  method varchar(50),
  status varchar(20) NOT NULL DEFAULT 'pending'
    CHECK (status IN ('pending', 'confirmed', 'failed', 'refunded')),
  payment_type varchar(20) NOT NULL DEFAULT 'reservation'
    CHECK (payment_type IN ('reservation', 'transfer', 'membership')),
  reference_id uuid,
  approved_at timestamptz,
  refund_amount bigint NOT NULL DEFAULT 0 CHECK (refund_amount BETWEEN 0 AND amount),
  refund_reason text,
  refunded_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CHECK (payment_type <> 'reservation' OR reservation_id IS NOT NULL)
);
CREATE UNIQUE INDEX payments_live_reservation ON payments (reservation_id)
  WHERE payment_type = 'reservation' AND status IN ('pending', 'confirmed');
CREATE UNIQUE INDEX payments_live_reference ON payments (payment_type, reference_id)
  WHERE payment_type <> 'reservation' AND status IN ('pending', 'confirmed');
