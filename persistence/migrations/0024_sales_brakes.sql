-- What of the shop is stopped, by whom and why (G17). Every node reads what is on once a
-- second. A brake that was released stays as its own record; to stop again is a new row. The id is
-- that of the operation, so a repetition sets nothing, not even after a release.
CREATE TABLE sales_brakes (
  id uuid PRIMARY KEY,
  what varchar(10) NOT NULL CHECK (what IN ('all', 'queue', 'holds', 'payments')),
  event_id uuid,                             -- null: every event
  method varchar(50),                        -- null: every method of payment
  reason varchar(200) NOT NULL CHECK (reason <> ''),
  set_by uuid NOT NULL,
  set_by_name varchar(255) NOT NULL,
  set_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  released_by uuid,
  released_at timestamptz,
  CHECK (method IS NULL OR what = 'payments'),
  CHECK ((released_by IS NULL) = (released_at IS NULL))
);
CREATE UNIQUE INDEX sales_brakes_on
  ON sales_brakes (what, coalesce(event_id, '00000000-0000-0000-0000-000000000000'),
                   coalesce(method, ''))
  WHERE released_at IS NULL;

GRANT INSERT (id, what, event_id, method, reason, set_by, set_by_name),
  UPDATE (released_by, released_at) ON sales_brakes TO tiketi_store;
