CREATE TABLE seat_layouts (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  name varchar(100) NOT NULL UNIQUE,
  description text,
  total_seats int NOT NULL CHECK (total_seats >= 0),
  layout_config jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE artists (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  name varchar(255) NOT NULL UNIQUE,
  image_url text,
  description text,
  membership_price int NOT NULL DEFAULT 30000 CHECK (membership_price >= 0),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

-- `status` is what was last written; lists show the status as of now (P-34). Only `cancelled` is
-- a decision, and it is taken under the event shard's lock (H-15).
CREATE TABLE events (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  title varchar(255) NOT NULL,
  description text,
  venue varchar(255) NOT NULL,
  address text,
  event_date timestamptz NOT NULL,
  sale_start_date timestamptz,
  sale_end_date timestamptz,
  poster_image_url text,
  status varchar(20) NOT NULL DEFAULT 'upcoming'
    CHECK (status IN ('upcoming', 'on_sale', 'ended', 'cancelled')),
  seat_layout_id uuid REFERENCES seat_layouts,
  artist_name varchar(255),
  artist_id uuid REFERENCES artists,
  pre_scaled boolean NOT NULL DEFAULT false,
  created_by uuid,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CHECK (sale_end_date IS NULL OR sale_start_date IS NULL OR sale_end_date > sale_start_date)
);
CREATE INDEX events_status ON events (status);
CREATE INDEX events_date ON events (event_date);
CREATE INDEX events_sale_start ON events (sale_start_date, id);
CREATE INDEX events_artist ON events (artist_id);

-- Few rows, updated by every batch of a standing sale: room for many versions on a page.
CREATE TABLE ticket_types (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  event_id uuid NOT NULL REFERENCES events ON DELETE CASCADE,
  name varchar(100) NOT NULL,
  price int NOT NULL CHECK (price >= 0),
  total_quantity int NOT NULL,
  available_quantity int NOT NULL,
  description text,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CHECK (available_quantity BETWEEN 0 AND total_quantity)
) WITH (fillfactor = 20);
CREATE INDEX ticket_types_event ON ticket_types (event_id);

-- The store makes ticket types but may not write `available_quantity`: a new type has all of it.
CREATE FUNCTION ticket_type_is_new() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.available_quantity := NEW.total_quantity;
  RETURN NEW;
END $$;
CREATE TRIGGER ticket_type_is_new BEFORE INSERT ON ticket_types FOR EACH ROW
  WHEN (NEW.available_quantity IS NULL) EXECUTE FUNCTION ticket_type_is_new();

CREATE TABLE keyword_mappings (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  korean varchar(255) NOT NULL,
  english varchar(255) NOT NULL,
  entity_type varchar(50) NOT NULL DEFAULT 'artist'
    CHECK (entity_type IN ('artist', 'venue', 'general')),
  UNIQUE (korean, english)
);
