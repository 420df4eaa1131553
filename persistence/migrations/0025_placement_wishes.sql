-- What operators wish of who owns which shards: a node that is to be empty, a shard that is to be a
-- node's and stay there, shards to be evened out once. Every node reads what is open with its
-- heartbeat, so a wish outlives restarts and any node can take it. The id is that of the
-- operation, so a repetition wishes nothing, not even after the wish has ended. A wish that ended
-- stays as its own record; `ended_by` is null when it ended by coming true.
CREATE TABLE placement_wishes (
  id uuid PRIMARY KEY,
  what varchar(10) NOT NULL CHECK (what IN ('drain', 'move', 'rebalance')),
  node uuid,                                 -- who is to be empty; whose the shard is to be
  shard int CHECK (shard BETWEEN 0 AND 127),
  key varchar(120) NOT NULL DEFAULT '',      -- by which the shard was named
  reason varchar(200) NOT NULL DEFAULT '',
  set_by uuid NOT NULL,
  set_by_name varchar(255) NOT NULL,
  set_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  ended_by uuid,
  ended_by_name varchar(255),
  ended_at timestamptz,
  CHECK ((node IS NULL) = (what = 'rebalance')),
  CHECK ((shard IS NULL) = (what <> 'move')),
  CHECK (ended_by IS NULL OR ended_at IS NOT NULL)
);
CREATE UNIQUE INDEX placement_wishes_open
  ON placement_wishes (what, coalesce(shard, -1),
                       (CASE WHEN what = 'drain' THEN node
                             ELSE '00000000-0000-0000-0000-000000000000' END))
  WHERE ended_at IS NULL;

GRANT INSERT (id, what, node, shard, key, reason, set_by, set_by_name),
  UPDATE (ended_by, ended_by_name, ended_at) ON placement_wishes TO tiketi_store;
GRANT SELECT, UPDATE (ended_at) ON placement_wishes TO tiketi_ledger;
