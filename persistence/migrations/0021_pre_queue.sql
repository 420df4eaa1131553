-- A pre-queue (C5): everybody who came before the opening is shuffled once. One row has all of it:
-- the seed is there before anybody joins, its digest is public from then on; the cut-off and what
-- the list was are written in the turn that puts the last of its joins on record, and never again
-- in this generation.
ALTER TABLE queue_rooms
  ADD follow_inventory boolean NOT NULL DEFAULT false,
  ADD draw_opens_at timestamptz,
  ADD draw_seed varchar(64) CHECK (draw_seed ~ '^[0-9a-f]{64}$'),
  ADD draw_from bigint CHECK (draw_from > 0),
  ADD draw_cutoff bigint CHECK (draw_cutoff = 0 OR draw_cutoff >= draw_from),
  ADD draw_turn bigint CHECK ((draw_turn > 0) = (draw_cutoff > 0)),
  ADD draw_list varchar(64) CHECK (draw_list ~ '^[0-9a-f]{64}$'),
  ADD CHECK (num_nulls(draw_opens_at, draw_seed, draw_from, draw_cutoff, draw_turn, draw_list)
       IN (0, 6));

GRANT UPDATE (follow_inventory, draw_opens_at, draw_seed, draw_from, draw_cutoff, draw_turn,
  draw_list) ON queue_rooms TO tiketi_ledger;
