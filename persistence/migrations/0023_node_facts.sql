-- What a node says of itself: where it takes links (empty: nowhere, it is alone), and its release.
-- Rows carry shard numbers, so a node that counts shards otherwise cannot even join.
ALTER TABLE nodes
  ADD COLUMN address text NOT NULL DEFAULT '',
  ADD COLUMN release text NOT NULL DEFAULT '',
  ADD COLUMN shards int NOT NULL DEFAULT 128 CHECK (shards = 128),
  ADD COLUMN draining boolean NOT NULL DEFAULT false;
