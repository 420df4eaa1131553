-- Expands.
-- What an event allows buyers who change their minds. As it was: everything, for nothing, for ever.
-- `cancel_fees` is `days:percent` by comma: from so many days before the show on, so much is kept.
ALTER TABLE events
  ADD COLUMN cancel_until_hours int CHECK (cancel_until_hours BETWEEN 0 AND 8760),
  ADD COLUMN cancel_show_day boolean NOT NULL DEFAULT true,
  ADD COLUMN cancel_fees text NOT NULL DEFAULT ''
    CHECK (cancel_fees ~ '^([0-9]{1,3}:[0-9]{1,3}(,[0-9]{1,3}:[0-9]{1,3}){0,15})?$'),
  ADD COLUMN terms_version bigint NOT NULL DEFAULT 0;

-- Whoever changes what terms depend on, a cancellation that was decided by the old ones is refused.
CREATE FUNCTION events_terms_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.terms_version := OLD.terms_version + 1;
  RETURN NEW;
END $$;
CREATE TRIGGER events_terms_changed BEFORE UPDATE ON events FOR EACH ROW
  WHEN ((OLD.event_date, OLD.status, OLD.cancel_until_hours, OLD.cancel_show_day, OLD.cancel_fees)
        IS DISTINCT FROM (NEW.event_date, NEW.status, NEW.cancel_until_hours, NEW.cancel_show_day,
                          NEW.cancel_fees))
  EXECUTE FUNCTION events_terms_changed();
GRANT UPDATE (cancel_until_hours, cancel_show_day, cancel_fees) ON events TO tiketi_store;

-- What is kept when a sale is given back: owed to nobody, and no sale any more.
ALTER TABLE refunds ADD COLUMN fee bigint NOT NULL DEFAULT 0 CHECK (fee >= 0);
ALTER TABLE books DROP CONSTRAINT books_account_check;
ALTER TABLE books ADD CONSTRAINT books_account_check
  CHECK (account IN ('provider', 'sales', 'owed', 'fees')) NOT VALID;
