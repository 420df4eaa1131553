"""Operators move shards about with tiketi-inspect while people buy: nobody hears of it."""
import json
import pathlib
import sys
import threading
import time
import uuid

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests" / "load"))
import tiketi_harness as harness  # noqa: E402
from balanced_buyers import BalancedBuyers  # noqa: E402
from cluster_nodes import OperatedWorld  # noqa: E402
from seat_buyers import check  # noqa: E402

SHARE = 43  # Of 128 shards, with three nodes.


class World(OperatedWorld):
    """Three nodes that move nothing by themselves; the first has everything."""

    def __init__(self):
        super().__init__("operated", env={"MAX_ACTIVE_HOLDS_PER_USER_EVENT": "0",
                                          "CLUSTER_REBALANCE_AFTER_SECONDS": "0"})
        self.nodes.start()

    def rows(self, verb):
        parts = json.loads(self.say(verb, "--json").stdout)["parts"]
        return next(x["data"] for x in parts if x["from"] == "rows")

    def states(self):
        return {x["node"]: x["state"] for x in self.rows("nodes")["nodes"]}

    def shares(self):
        return [self.nodes.shards_of(x) for x in self.nodes]

    def owner_of(self, key):
        """As every node believes; they agree within two heartbeats."""
        deadline = time.monotonic() + 20
        while True:
            parts = json.loads(self.say("where", key, "--json").stdout)["parts"]
            owners = {x["data"]["owner"] for x in parts}
            if len(owners) == 1:
                return owners.pop()
            assert time.monotonic() < deadline, parts
            time.sleep(0.1)


@pytest.fixture(scope="module")
def world():
    made = World()
    yield made
    made.close()


def name_of(node):
    return node.env["TIKETI_NODE_ID"]


def timed(load, words, run):
    """Runs it beside the buyers and prints how long any of them had to wait meanwhile."""
    since = time.monotonic()
    out = run()
    until = time.monotonic()
    slow = [load.slowest(since, until, share) * 1000 for share in (0.5, 0.99, 1)]
    print(f"\n{words}: {until - since:.2f} s; answers took p50 {slow[0]:.0f} ms, "
          f"p99 {slow[1]:.0f} ms, longest {slow[2]:.0f} ms")
    return out


def test_shards_are_evened_out_when_somebody_says_so(world):
    assert sorted(world.shares()) == [0, 0, 128]
    told = world.done("rebalance")
    assert told["changed"] and told["done"]
    assert max(world.shares()) <= SHARE and sum(world.shares()) == 128
    again = world.done("rebalance")
    assert again["done"]
    assert max(world.shares()) <= SHARE


def test_a_drain_and_its_end_fail_no_request(world):
    event = harness.add_event(world.db, "Drained", seats=3000)
    load = BalancedBuyers(list(world.nodes), event, harness.seats_of(world.db, event), 7)
    node = world.nodes[1]
    with load:
        time.sleep(2)
        timed(load, "nothing moves", lambda: time.sleep(2))
        told = timed(load, "drain", lambda: world.done("drain", name_of(node), "--reason", "Disk"))
        assert told["changed"] and told["done"] and world.nodes.shards_of(node) == 0
        assert world.states()[name_of(node)] == "drained"
        assert not world.done("drain", name_of(node))["changed"]
        time.sleep(1)
        assert world.nodes.shards_of(node) == 0
        assert world.done("undrain", name_of(node))["changed"]
        assert not world.done("undrain", name_of(node))["changed"]
        assert world.states()[name_of(node)] == "alive"
        timed(load, "rebalance", lambda: world.done("rebalance"))
        assert max(world.shares()) <= SHARE
        key = f"block:{event}/0"
        target = next(x for x in world.nodes if name_of(x) != world.owner_of(key))
        timed(load, "move", lambda: world.done("move", key, name_of(target)))
        assert world.owner_of(key) == name_of(target)
        time.sleep(0.5)
    assert load.failed == []
    check(world.db, load)
    print("status counts", load.by_status)


class Prober:
    """One person who asks one block all the time."""

    def __init__(self, node, event, seats):
        self.node, self.event, self.seats = node, event, seats
        self.took, self.refused = [], []
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._ask, daemon=True)

    def _post(self, client, path, body=None):
        since = time.monotonic()
        answer = client.post(path, body)
        self.took.append((time.monotonic() - since) * 1000)
        if answer.status != 200:
            self.refused.append((path, answer.status, answer.json))
        return answer.json

    def _ask(self):
        client = self.node.client(token=harness.access_token(harness.user_uuid(1)))
        while not self.stop.is_set():
            made = self._post(client, "/api/seats/reserve", {"eventId": self.event,
                                                             "seatIds": self.seats[:1]})
            self._post(client, f"/api/reservations/{made['reservationId']}/cancel")
        client.close()

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join(60)


def test_the_pause_of_one_block_that_moves_is_measured(world):
    event = harness.add_event(world.db, "Paused", seats=10)
    key = f"block:{event}/0"
    pauses = []
    with Prober(world.nodes[0], event, harness.seats_of(world.db, event)) as one:
        time.sleep(1)
        usual = sorted(one.took)
        for n in range(12):
            before = len(one.took)
            target = world.nodes[n % 3]
            world.done("move", key, name_of(target))
            time.sleep(0.2)
            pauses.append(max(one.took[before:]))
    assert one.refused == []
    world.done("move", key, "any")
    pauses.sort()
    print(f"\nthe longest answer of a block while it moves: median {pauses[6]:.0f} ms, worst "
          f"{pauses[-1]:.0f} ms; at rest p50 {usual[len(usual) // 2]:.0f} ms, worst "
          f"{usual[-1]:.0f} ms")


def test_an_entity_is_told_of_by_its_owner(world):
    key = f"block:{harness.add_event(world.db, 'Looked at', seats=10)}/0"
    owner = world.owner_of(key)
    parts = [x["data"] for x in json.loads(world.say("actor", key, "--json").stdout)["parts"]
             if x["from"] == "memory"]
    assert [x["state"] for x in parts if x["here"]] == ["asleep"]
    assert [x["state"] for x in parts if not x["here"]] == ["elsewhere"] * 2
    assert {x["owner"] for x in parts} == {owner}


def test_what_was_moved_stays_until_somebody_says_otherwise(world):
    event = harness.add_event(world.db, "Kept", seats=10)
    seat, key = harness.seats_of(world.db, event)[0], f"event:{event}"
    target = next(x for x in world.nodes if name_of(x) != world.owner_of(key))
    told = world.done("move", key, name_of(target).upper())
    assert told["changed"] and told["done"] and 0 <= told["shard"] < 128
    assert world.owner_of(key) == name_of(target)
    assert not world.done("move", key, name_of(target))["changed"]
    wish = next(x for x in world.rows("wishes")["wishes"] if x["shard"] == told["shard"])
    assert (wish["what"], wish["left"], wish["by"], wish["key"]) == ("move", 0, "bob", key)
    # A drain wins, and when it is over the shard comes back by itself.
    world.done("drain", name_of(target))
    assert world.owner_of(key) != name_of(target)
    world.done("undrain", name_of(target))
    assert world.done("move", key, name_of(target))["done"]
    assert world.owner_of(key) == name_of(target)
    world.done("rebalance")
    assert world.owner_of(key) == name_of(target)
    home = world.done("move", f"seat:{seat}", name_of(world.nodes[0]))
    assert world.owner_of(f"block:{event}/0") == name_of(world.nodes[0])
    assert world.done("move", f"seat:{seat}", "any")["changed"]
    assert not world.done("move", f"seat:{seat}", "any")["changed"]
    assert world.done("move", key, "any")["changed"] or home["shard"] == told["shard"]


def test_a_drained_node_that_starts_again_takes_nothing(world):
    node, other = world.nodes[2], world.nodes[0]
    world.done("drain", name_of(node))
    assert node.stop() == 0
    assert world.states()[name_of(node)] == "ended"
    node.start()
    other.kill()
    deadline = time.monotonic() + 30
    while world.nodes.shards_of(other) > 0:
        assert time.monotonic() < deadline, node.log()
        time.sleep(0.1)
    assert world.shares() == [0, 128, 0]
    assert world.states()[name_of(node)] == "drained"
    assert world.states()[name_of(other)] == "dead"
    # Nobody would be left.
    refused = world.say("drain", name_of(world.nodes[1]), at=[node])
    assert refused.returncode == 2 and "nobody would sell" in refused.stderr
    dead = world.say("move", f"event:{uuid.uuid4()}", name_of(other))
    assert dead.returncode == 2 and "does not live" in dead.stderr
    drained = world.say("move", f"event:{uuid.uuid4()}", name_of(node))
    assert drained.returncode == 2 and "being drained" in drained.stderr
    # What the dead one hears when it is back.
    told = world.done("drain", name_of(other))
    assert told["changed"] and told["done"]
    other.start()
    time.sleep(3)
    assert world.shares() == [0, 128, 0]
    for x in (node, other):
        world.done("undrain", name_of(x))
    world.done("rebalance")
    assert max(world.shares()) <= SHARE


def test_a_drain_that_nobody_can_take_is_told_as_not_done(world):
    """All the others die in the middle: what was said stands, and the node goes on serving."""
    node = world.nodes[0]
    others = [x for x in world.nodes if x is not node]
    for x in others:
        x.kill()
    # For 3 s the roster takes the dead for living; their links know better.
    done = world.say("drain", name_of(node), "--wait", "3", at=[node])
    if done.returncode == 2:  # They were known to be dead already.
        assert "nobody would sell" in done.stderr
    else:
        assert done.returncode == 1 and "still to be given" in done.stdout, done
    assert world.nodes.shards_of(node) > 0
    assert node.client().get("/actuator/health/readiness").status == 200
    world.say("undrain", name_of(node), at=[node])
    for x in others:
        x.start()


def shown_by(node):
    client = node.client()
    answer = client.get("/api/notices")
    client.close()
    return {x["id"]: x["text"]["en"] for x in answer.json["notices"]}


def all_show(world, wanted):
    """Every page of every node is told the same within 10 s, its own patience of 5 s included."""
    deadline = time.monotonic() + 10
    while any(shown_by(x) != wanted for x in world.nodes):
        assert time.monotonic() < deadline, [shown_by(x) for x in world.nodes]
        time.sleep(0.05)


def test_a_notice_that_one_node_wrote_is_shown_by_every_node(world):
    words = ("--level", "incident", "--ko", "지연", "--en", "Slow")
    since = time.monotonic()
    made = world.done("notice", "add", *words, at=[world.nodes[0]])["id"]
    all_show(world, {made: "Slow"})
    print(f"\na notice was at every node after {(time.monotonic() - since) * 1000:.0f} ms")
    # Who starts later knows it, too, and any node takes it back.
    assert world.nodes[2].stop() == 0
    world.nodes[2].start()
    all_show(world, {made: "Slow"})
    assert world.done("notice", "remove", made, at=[world.nodes[1]])["changed"]
    all_show(world, {})


def test_everything_that_was_said_is_on_record(world):
    noted = world.db.rows("SELECT action, response_status FROM admin_audit_logs")
    assert {x[0] for x in noted} == {"DRAIN_NODE", "UNDRAIN_NODE", "REBALANCE_SHARDS", "MOVE_SHARD",
                                     "CREATE_NOTICE", "DELETE_NOTICE"}
    assert {"200", "409"} <= {x[1] for x in noted}
    assert world.db.number("SELECT count(*) FROM placement_wishes WHERE ended_at IS NULL "
                           "AND what = 'drain'") == 0
