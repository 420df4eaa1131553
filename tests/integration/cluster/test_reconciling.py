"""Two nodes, one reconciliation at a time: who owns the work does it, and when it is killed the
other takes over, and gives up what was begun and not ended (G18)."""
import concurrent.futures
import pathlib
import sys
import time
import uuid

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests" / "load"))
from cluster_nodes import OperatedWorld  # noqa: E402

# Of two runs that were both carried out; the clocks of two backends are compared.
OVERLAPS = """SELECT count(*) FROM reconciliations a JOIN reconciliations b ON a.id <> b.id
  AND a.began_at < b.ended_at - interval '50 ms' AND b.began_at < a.ended_at - interval '50 ms'
  WHERE NOT a.given_up AND NOT b.given_up"""


class World(OperatedWorld):
    def __init__(self):
        super().__init__("reconciling", count=2, users=1, env={
            "RESERVATION_RECONCILIATION_INTERVAL_MS": "1000",
            "CLUSTER_REBALANCE_AFTER_SECONDS": "0"})
        self.nodes.start()

    def runs_of(self, node, more="ended_at IS NOT NULL AND NOT given_up"):
        return self.db.number("SELECT count(*) FROM reconciliations WHERE node = "
                              f"'{node.env['TIKETI_NODE_ID']}' AND {more}")

    def open_runs(self):
        return self.db.number("SELECT count(*) FROM reconciliations WHERE ended_at IS NULL")

    def until(self, true, patience=60):
        deadline = time.monotonic() + patience
        while not true():
            assert time.monotonic() < deadline, "\n".join(x.log()[-2000:] for x in self.nodes)
            time.sleep(0.05)


@pytest.fixture
def world():
    made = World()
    yield made
    made.close()


def test_one_node_reconciles_and_the_other_takes_over_when_it_is_killed(world):
    first, second = world.nodes
    world.until(lambda: world.runs_of(first) >= 3)
    assert world.runs_of(second, "true") == 0  # Nobody has asked it.
    with concurrent.futures.ThreadPoolExecutor(8) as pool:  # Both are asked at once.
        said = list(pool.map(
            lambda n: world.say("reconcile", "--wait", "0", at=[world.nodes[n % 2]]), range(8)))
    # One that is at it already may be too busy to hear.
    assert any(x.returncode == 0 for x in said), said
    world.until(lambda: world.open_runs() == 0)
    assert world.db.number(OVERLAPS) == 0

    first.kill()
    # As if it had been in the middle of a run. While that may be so nobody begins another.
    dead = str(uuid.uuid4())
    world.db.rows("UPDATE reconciliations SET ended_at = clock_timestamp(), given_up = true "
                  "WHERE ended_at IS NULL")
    world.db.rows("INSERT INTO reconciliations (id, node, books_from, books_to) VALUES "
                  f"('{dead}', '{first.env['TIKETI_NODE_ID']}', 0, 0)")
    before = world.runs_of(second, "true")
    world.nodes.wait_for_shards([(second, 128)])
    time.sleep(3)
    assert world.runs_of(second, "true") == before
    world.db.rows("UPDATE reconciliations SET seen_at = clock_timestamp() - interval '2 minutes' "
                  f"WHERE id = '{dead}'")  # It has touched its row no more.
    world.until(lambda: world.runs_of(second) >= before + 2)
    assert world.db.rows("SELECT given_up, ended_at IS NOT NULL FROM reconciliations "
                         f"WHERE id = '{dead}'") == [["t", "t"]]
    assert world.db.number(OVERLAPS) == 0

    ours = world.runs_of(second)
    first.start()  # It comes back and has no share: the work stays where it is.
    world.until(lambda: world.runs_of(second) >= ours + 2)
    assert world.db.number(OVERLAPS) == 0
