-- What each role may do (S29). A table that is not named for a role is not written by it.
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC;

-- The ledger: decides, never deletes what it has decided.
GRANT SELECT ON schema_migrations, shard_owners, nodes, events, ticket_types, seats, reservations,
  reservation_items, reservation_history, payments, outbox, relay_cursor, refresh_tokens,
  processed_events TO tiketi_ledger;
GRANT SELECT (id, role, revoked_before) ON users TO tiketi_ledger;
GRANT INSERT ON nodes, reservations, reservation_items, reservation_history, payments, outbox,
  refresh_tokens, processed_events TO tiketi_ledger;
GRANT UPDATE ON nodes, payments, relay_cursor TO tiketi_ledger;
GRANT UPDATE (node, epoch) ON shard_owners TO tiketi_ledger;
GRANT UPDATE (status, version, fencing_token, locked_by, reservation_id, updated_at) ON seats
  TO tiketi_ledger;
GRANT UPDATE (available_quantity, updated_at) ON ticket_types TO tiketi_ledger;
GRANT UPDATE (status, payment_status, payment_method, pin_id, updated_at) ON reservations
  TO tiketi_ledger;
GRANT UPDATE (revoked_at) ON refresh_tokens TO tiketi_ledger;
GRANT UPDATE (revoked_before, updated_at) ON users TO tiketi_ledger;
GRANT EXECUTE ON FUNCTION torn(), timeline_history(), ensure_outbox_partitions(int)
  TO tiketi_ledger;

-- The store: plain writes of what no entity owns.
GRANT SELECT ON ALL TABLES IN SCHEMA public TO tiketi_store;
REVOKE SELECT ON refresh_tokens FROM tiketi_store;
GRANT INSERT (id, email_cipher, email_lookup, password_hash, name_cipher, phone_cipher, role,
  google_id), UPDATE (email_cipher, email_lookup, password_hash, name_cipher, phone_cipher,
  google_id, updated_at) ON users TO tiketi_store;
GRANT INSERT, UPDATE ON seat_layouts, artists, keyword_mappings TO tiketi_store;
GRANT INSERT (id, title, description, venue, address, event_date, sale_start_date, sale_end_date,
  poster_image_url, seat_layout_id, artist_name, artist_id, pre_scaled, created_by),
  UPDATE (title, description, venue, address, event_date, sale_start_date, sale_end_date,
  poster_image_url, seat_layout_id, artist_name, artist_id, pre_scaled, updated_at)
  ON events TO tiketi_store;
GRANT INSERT (id, event_id, name, price, total_quantity, description),
  UPDATE (name, price, description, updated_at) ON ticket_types TO tiketi_store;
GRANT INSERT, UPDATE, DELETE ON news TO tiketi_store;
GRANT INSERT ON admin_audit_logs TO tiketi_store;

-- Reads: nothing but reads, and no secrets.
GRANT SELECT ON ALL TABLES IN SCHEMA public TO tiketi_read;
REVOKE SELECT ON refresh_tokens, users FROM tiketi_read;
GRANT SELECT (id, role, revoked_before, created_at) ON users TO tiketi_read;

-- What later migrations make is readable; writing is granted by name.
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO tiketi_store, tiketi_read;
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
