-- What buyers are told on every page (G08). Every node reads those that have not ended once a
-- second and answers from memory. The id is that of the operation that wrote it, so a repetition
-- writes nothing, not even after it was changed or taken back; what was taken back stays as its own
-- record.
CREATE TABLE notices (
  id uuid PRIMARY KEY,
  level varchar(10) NOT NULL CHECK (level IN ('info', 'warning', 'incident')),
  text_ko varchar(500) NOT NULL CHECK (text_ko <> ''),
  text_en varchar(500) NOT NULL CHECK (text_en <> ''),
  event_id uuid,                             -- null: for everybody
  starts_at timestamptz NOT NULL,
  ends_at timestamptz,                       -- null: until it is taken back
  set_by uuid NOT NULL,
  set_by_name varchar(255) NOT NULL,
  set_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  changed_by uuid,
  changed_by_name varchar(255),
  changed_at timestamptz,
  removed_by uuid,
  removed_at timestamptz,
  CHECK (ends_at > starts_at),
  CHECK ((changed_by IS NULL) = (changed_at IS NULL)),
  CHECK ((removed_by IS NULL) = (removed_at IS NULL))
);
CREATE INDEX notices_standing ON notices (starts_at, id) WHERE removed_at IS NULL;

GRANT INSERT (id, level, text_ko, text_en, event_id, starts_at, ends_at, set_by, set_by_name),
  UPDATE (level, text_ko, text_en, event_id, starts_at, ends_at, changed_by, changed_by_name,
  changed_at, removed_by, removed_at) ON notices TO tiketi_store;
