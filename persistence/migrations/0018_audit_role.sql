-- Who audits reads what `tiketi_read` may read, never writes, and gives up what takes too long.
DO $$
DECLARE name text := 'tiketi_audit';
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
    BEGIN
      EXECUTE format('CREATE ROLE %I LOGIN CONNECTION LIMIT 8', name);
    EXCEPTION WHEN duplicate_object OR unique_violation THEN
      NULL; -- Another database of this cluster is being migrated at the same moment.
    END;
  END IF;
  IF NOT pg_has_role(name, 'tiketi_read', 'MEMBER') THEN
    BEGIN
      EXECUTE format('GRANT tiketi_read TO %I', name);
    EXCEPTION WHEN unique_violation THEN
      NULL;
    END;
  END IF;
  -- `tiketi-inspect audit` sets its own limit on a statement; these are for whoever uses psql.
  EXECUTE format('ALTER ROLE %I IN DATABASE %I SET default_transaction_read_only = on',
                 name, current_database());
  EXECUTE format('ALTER ROLE %I IN DATABASE %I SET statement_timeout = %L',
                 name, current_database(), '5min');
  EXECUTE format('ALTER ROLE %I IN DATABASE %I SET lock_timeout = %L',
                 name, current_database(), '1s');
  EXECUTE format('ALTER ROLE %I IN DATABASE %I SET idle_in_transaction_session_timeout = %L',
                 name, current_database(), '1min');
  EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), name);
END $$;
