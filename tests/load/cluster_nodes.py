"""Several nodes on one database, as one cluster, for black-box tests."""
import json
import pathlib
import sys
import time
import uuid

import tiketi_harness as harness
from seat_buyers import USERS

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "inspector"))
import operators  # noqa: E402
from inspector import inspect  # noqa: E402


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


class ClusterWorld:
    """A PostgreSQL and nodes on a database of their own."""

    def __init__(self, name, count=3, env=None, users=USERS):
        self.cluster = harness.Cluster()
        try:
            self.cluster.start()
            self.db = harness.create_database(str(self.cluster.folder), name)
            self.nodes = ClusterNodes(self.db, count, env)
            self.nodes[0].command("migrate")
            harness.add_users(self.db, 0, users)
        except BaseException:
            self.cluster.close()
            raise

    def close(self):
        try:
            self.nodes.close()
        finally:
            self.cluster.close()


class OperatedWorld(ClusterWorld):
    """One where operators can say something."""

    def __init__(self, name, count=3, env=None, users=USERS):
        super().__init__(name, count, {**(env or {}), "OPERATOR_TOKENS": operators.configured()},
                         users)
        for node in self.nodes:
            node.operator_port = harness.free_port()
            node.env["OPERATOR_PORT"] = str(node.operator_port)

    def say(self, *args, name="bob", at=None):
        """One command, by way of the nodes `at`."""
        urls = [f"http://127.0.0.1:{x.operator_port}" for x in at or self.nodes]
        return inspect(*args, "--node", ",".join(urls),
                       env={"INSPECT_TOKEN": operators.token_of(name)})

    def done(self, *args, **how):
        """What it told when it came true."""
        said = self.say(*args, "--json", **how)
        assert (said.returncode, said.stderr) == (0, ""), (args, said)
        return json.loads(said.stdout)
