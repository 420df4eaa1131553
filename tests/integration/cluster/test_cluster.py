"""Three nodes, one sale: any node serves everybody, and the death of one loses nothing."""
import os
import pathlib
import re
import signal
import sys
import time
import uuid

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests" / "load"))
import tiketi_harness as harness  # noqa: E402
from balanced_buyers import BalancedBuyers  # noqa: E402
from cluster_nodes import ClusterWorld  # noqa: E402
from seat_buyers import SeatBuyers, check, settle  # noqa: E402


class World(ClusterWorld):
    def __init__(self):
        super().__init__("cluster", env={"MAX_ACTIVE_HOLDS_PER_USER_EVENT": "0",
                                         "CLUSTER_REBALANCE_AFTER_SECONDS": "2"})
        self.nodes.start()
        self.spread()

    def spread(self):
        """Every node gets shards: who has all of them ends, and the others share what it had."""
        whole = max(self.nodes, key=self.nodes.shards_of)
        whole.stop()
        rest = [x for x in self.nodes if x is not whole]
        self.nodes.wait_for_shards([(x, 60) for x in rest])
        whole.start()

    def owners(self):
        """The nodes that have shards."""
        return [x for x in self.nodes if self.nodes.shards_of(x) > 0]


@pytest.fixture(scope="module")
def world():
    made = World()
    yield made
    made.close()


def new_load(world, seed, nodes=None):
    event = harness.add_event(world.db, f"Cluster {seed}", seats=3000)
    seats = harness.seats_of(world.db, event)
    return SeatBuyers(nodes or list(world.nodes), event, seats, seed)


def reserve(node, user, event, seats, **more):
    client = node.client(token=harness.access_token(harness.user_uuid(user)))
    return client.post("/api/seats/reserve", {"eventId": event, "seatIds": seats, **more})


def test_every_node_serves_every_seat(world):
    """Seats of blocks of all nodes, asked for at each of them."""
    event = harness.add_event(world.db, "Anywhere", seats=3000)
    seats = harness.seats_of(world.db, event)
    for n in range(60):
        node = world.nodes[n % 3]
        held = reserve(node, n, event, [seats[n * 50]])
        assert held.status == 200, (n, held, node.log())
        again = reserve(world.nodes[(n + 1) % 3], n + 1000, event, [seats[n * 50]])
        assert again.status == 409, (n, again)
    assert harness.judge(world.db) == {}


def test_a_repeat_at_another_node_is_one_reservation(world):
    event = harness.add_event(world.db, "Repeats", seats=200)
    seats = harness.seats_of(world.db, event)
    for n in range(12):
        key = str(uuid.uuid4())
        told = {reserve(node, n, event, [seats[n]], idempotencyKey=key).json["reservationId"]
                for node in world.nodes}
        assert len(told) == 1
    assert world.db.number(f"SELECT count(*) FROM reservations WHERE event_id = '{event}'") == 12


def statuses(node, event):
    listed = node.client().get(f"/api/seats/events/{event}").json["seats"]
    return {x["id"]: x["status"] for x in listed}


def test_every_node_shows_the_same_map(world):
    """What is held anywhere is soon seen everywhere (boards)."""
    event = harness.add_event(world.db, "Shown", seats=1200)
    seats = harness.seats_of(world.db, event)
    for node in world.nodes:
        assert set(statuses(node, event).values()) == {"available"}
    held = seats[::150]
    for n, seat in enumerate(held):
        assert reserve(world.nodes[n % 3], n, event, [seat]).status == 200
    for node in world.nodes:
        deadline = time.monotonic() + 10
        while any(statuses(node, event)[x] == "available" for x in held):
            assert time.monotonic() < deadline, node.log()
            time.sleep(0.05)
        shown = statuses(node, event)
        assert {x for x in shown if shown[x] != "available"} == set(held)


def page_of(node):
    """What a node counts: {(name, label): value} of rows with one label or none."""
    out = {}
    for line in node.client().get("/actuator/prometheus").body.decode().splitlines():
        found = re.fullmatch(r'(\w+)(?:\{\w+="([^"]*)"\})? (\S+)', line)
        if found:
            out[found[1], found[2]] = float(found[3])
    return out


def eventually(true, patience=20):
    deadline = time.monotonic() + patience
    while not true():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.1)


def told_shards(world):
    """Those that the pages of all nodes name."""
    return [label for node in world.nodes for name, label in page_of(node) if name == "shard_epoch"]


def test_every_node_counts_its_links_and_its_shards(world):
    names = {x.env["TIKETI_NODE_ID"] for x in world.nodes}
    for node in world.nodes:
        others = names - {node.env["TIKETI_NODE_ID"]}
        eventually(lambda: all(page_of(node).get(("cluster_link_standing", x)) == 1
                               for x in others))  # One of them has just been started.
        page = page_of(node)
        by_peer = {name for name, label in page if label in names}
        assert len(by_peer) == 13
        for name in by_peer:
            assert {label for n, label in page if n == name} == others, name
        for peer in others:
            assert page["cluster_link_standing", peer] == 1
            assert page["cluster_link_requests_open", peer] < page["cluster_link_window", peer]
            asked, answered = (page[f"cluster_link_{x}_total", peer]
                               for x in ("requests", "answers"))
            assert 0 <= answered <= asked
        assert sum(page["cluster_link_requests_total", x] for x in others) == \
            page["cluster_requests_total", None]
    # Pages are read one after the other: a shard that moves meanwhile is on none of them.
    everything = [str(x) for x in range(128)]
    eventually(lambda: sorted(told_shards(world), key=int) == everything)


def first_success(node, users, event, seats, since):
    """Seconds since then until somebody could reserve; asks one seat after the other."""
    for user, seat in zip(users, seats):
        if reserve(node, user, event, [seat]).status == 200:
            return time.monotonic() - since
        time.sleep(0.05)
    raise AssertionError("nobody could reserve")


def test_kill_of_a_node_loses_nothing(world):
    load = new_load(world, 1)
    with load:
        for n in range(2):
            time.sleep(1.5)
            victim = world.owners()[n % len(world.owners())]
            others = [x for x in world.nodes if x is not victim]
            victim.kill()
            deadline = time.monotonic() + 30
            while world.nodes.shards_of(victim) > 0:
                assert time.monotonic() < deadline, others[0].log()
                time.sleep(0.05)
            time.sleep(1)
            victim.start()
        time.sleep(1)
    settle(load)
    check(world.db, load)


def test_a_node_that_stood_still_is_no_owner_any_more(world):
    """SIGSTOP until others have taken over, SIGCONT: what it remembers counts for nothing."""
    load = new_load(world, 2)
    with load:
        time.sleep(1.5)
        zombie = world.owners()[0]
        others = [x for x in world.nodes if x is not zombie]
        os.kill(zombie.process.pid, signal.SIGSTOP)
        try:
            deadline = time.monotonic() + 30
            while world.nodes.shards_of(zombie) > 0:
                assert time.monotonic() < deadline, others[0].log()
                time.sleep(0.05)
            time.sleep(1)
        finally:
            os.kill(zombie.process.pid, signal.SIGCONT)
        time.sleep(2)
    settle(load)
    check(world.db, load)
    assert zombie.process.poll() is None, "it lives on, without those shards"


# -- planned moves: nobody hears of them -----------------------------------------------------------


def balanced(world, seed):
    event = harness.add_event(world.db, f"Moves {seed}", seats=3000)
    return BalancedBuyers(list(world.nodes), event, harness.seats_of(world.db, event), seed)


def test_a_rolling_restart_fails_no_request(world):
    """SIGTERM to one node after the other: each gives its shards away while it serves."""
    load = balanced(world, 3)
    with load:
        time.sleep(1.5)
        for node in world.nodes:
            owned = world.nodes.shards_of(node)
            assert node.stop() == 0, node.log()
            assert world.nodes.shards_of(node) == 0, f"it left some of {owned}: {node.log()}"
            time.sleep(0.5)
            node.start()
            time.sleep(1)
    assert load.failed == []
    check(world.db, load)
    print("status counts", load.by_status)


def test_a_node_that_joins_gets_its_share_and_fails_no_request(world):
    world.nodes[0].stop()
    load = balanced(world, 4)
    with load:
        time.sleep(1)
        world.nodes[0].start()
        world.nodes.wait_for_shards([(world.nodes[0], 40)], patience=120)
        time.sleep(1)
    assert load.failed == []
    check(world.db, load)
    assert sum(world.nodes.shards_of(x) for x in world.nodes) == 128


def test_maps_go_on_without_the_database_although_their_events_have_a_new_owner(world):
    """Whoever sleeps has told nobody of its owner of today: what is shown must not wait for it."""
    # So many that the one who dies has some with a block of theirs, whose map has to be made anew.
    events = [harness.add_event(world.db, f"Shown {n}", seats=20) for n in range(60)]
    victim, *others = world.owners()
    clients = [x.client() for x in others]
    for event in events:
        for client in clients:
            assert client.get(f"/api/seats/events/{event}").status == 200
    victim.kill()
    deadline = time.monotonic() + 30
    while world.nodes.shards_of(victim) > 0:
        assert time.monotonic() < deadline, others[0].log()
        time.sleep(0.05)
    with harness.away(world.db):
        time.sleep(3)
        for event in events:
            for client in clients:
                assert client.get(f"/api/seats/events/{event}").status == 200, event
    for client in clients:
        client.close()
    victim.start()
