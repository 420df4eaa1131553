"""Several nodes on one database, as one cluster, for black-box tests."""
import time
import uuid

import tiketi_harness as harness


class ClusterNodes:
    """`count` nodes that speak with each other over the loopback."""

    def __init__(self, database, count, env=None):
        self.database = database
        self.nodes = []
        for _ in range(count):
            settings = {"CLUSTER_LISTEN": f"127.0.0.1:{harness.free_port()}",
                        "TIKETI_NODE_ID": str(uuid.uuid4())}
            settings.update(env or {})
            self.nodes.append(harness.Node(database, settings))

    def __getitem__(self, n):
        return self.nodes[n]

    def __iter__(self):
        return iter(self.nodes)

    def start(self):
        for node in self.nodes:
            node.start()

    def close(self):
        wrong = []
        for node in self.nodes:
            try:
                node.close()
            except RuntimeError as e:
                wrong.append(str(e))
        if wrong:
            raise RuntimeError("\n".join(wrong))

    def shards_of(self, node):
        """How many shards the table gives a node."""
        return self.database.number("SELECT count(*) FROM shard_owners WHERE node = "
                                    f"'{node.env['TIKETI_NODE_ID']}'")

    def wait_for_shards(self, wanted, patience=30):
        """Until every node has as many as `wanted` says, or more."""
        deadline = time.monotonic() + patience
        while not all(self.shards_of(node) >= n for node, n in wanted):
            if time.monotonic() > deadline:
                have = [(self.shards_of(node), n) for node, n in wanted]
                logs = "\n".join(x.log() for x in self.nodes)
                raise RuntimeError(f"shards as had and wanted: {have}\n{logs}")
            time.sleep(0.05)
