-- Roles by duty (S29). They log in without a password here: how a role proves itself is a matter of
-- the installation (pg_hba.conf, certificates, ALTER ROLE ... PASSWORD).
DO $$
DECLARE name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['tiketi_ledger', 'tiketi_store', 'tiketi_read'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
      BEGIN
        EXECUTE format('CREATE ROLE %I LOGIN', name);
      EXCEPTION WHEN duplicate_object OR unique_violation THEN
        NULL; -- Another database of this cluster is being migrated at the same moment.
      END;
    END IF;
    -- An open write transaction of anybody holds the relay back (H-16).
    EXECUTE format('ALTER ROLE %I IN DATABASE %I SET idle_in_transaction_session_timeout = %L',
                   name, current_database(), '5s');
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), name);
    EXECUTE format('GRANT USAGE ON SCHEMA public TO %I', name);
  END LOOP;
  EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
END $$;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
