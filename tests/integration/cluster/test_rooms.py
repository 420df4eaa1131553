"""Three nodes, waiting rooms on each of them: everybody hears the same place wherever they ask, and
the death of a room's node costs neither a place nor a slot (contract 4.1, H-10)."""
import http.client
import pathlib
import sys
import threading
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests" / "load"))
import tiketi_harness as harness  # noqa: E402
from cluster_nodes import ClusterWorld  # noqa: E402

INSIDE, PEOPLE, ROOMS = 3, 9, 8


class World(ClusterWorld):
    def __init__(self):
        super().__init__("rooms", env={
            "CLUSTER_REBALANCE_AFTER_SECONDS": "1", "QUEUE_THRESHOLD": str(INSIDE),
            "QUEUE_ADMISSION_INTERVAL_MS": "200", "RATE_LIMIT_QUEUE_RPM": "0"},
            users=ROOMS * PEOPLE)
        self.nodes.start()
        self.nodes.wait_for_shards([(x, 20) for x in self.nodes], patience=120)


@pytest.fixture(scope="module")
def world():
    made = World()
    yield made
    made.close()


class Person:
    """With a browser that keeps the ticket and asks at any node."""

    def __init__(self, event, number):
        self.event, self.ticket = event, None
        self.token = harness.access_token(harness.user_uuid(number))

    def ask(self, node, verb, path, patience=20):
        """What the node says, as soon as it says anything but *not now*."""
        client = node.client(token=self.token)
        shown = {"Cookie": f"tiketi-queue-{self.event}={self.ticket}"} if self.ticket else {}
        deadline = time.monotonic() + patience
        try:
            while True:
                answer = client.request(verb, f"/api/queue/{path}/{self.event}", headers=shown)
                if answer.status != 503:
                    break
                assert time.monotonic() < deadline, (answer, node.log())
                time.sleep(0.1)
        finally:
            client.close()
        assert answer.status == 200, answer
        for line in answer.cookies:
            if line.startswith(f"tiketi-queue-{self.event}="):
                self.ticket = line.split(";")[0].split("=", 1)[1]
        return answer.json

    def standing(self, node):
        told = self.ask(node, "GET", "status")
        return told["status"], told.get("position"), told["currentUsers"]


def until(true, patience=60):
    """Waits for what happens by itself in a moment."""
    deadline = time.monotonic() + patience
    while not true():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.1)


def test_who_signs_out_at_one_node_hears_nothing_more_at_the_others(world):
    """Not of places, and of an entry token least of all."""
    event = harness.add_event(world.db, "Signed out", seats=5)
    harness.add_users(world.db, 5000, INSIDE + 1)
    crowd = [Person(event, 5000 + n) for n in range(INSIDE + 1)]
    for who in crowd:
        who.ask(world.nodes[0], "POST", "check")
    waits = crowd[-1]
    streams = []
    for node in world.nodes:
        connection = http.client.HTTPConnection("127.0.0.1", node.port, timeout=20)
        connection.request("GET", f"/api/queue/stream/{event}",
                           headers={"Authorization": f"Bearer {waits.token}"})
        streams.append(connection.getresponse())
        while not streams[-1].readline().startswith(b"event: position"):
            pass
    out = world.nodes[1].client(token=waits.token).post("/api/auth/logout")
    assert out.status == 200, out
    deadline = time.monotonic() + 20  # Without news of other nodes it takes up to a minute.
    for stream in streams:
        while line := stream.readline():
            assert not line.startswith(b"event: admitted")
            assert time.monotonic() < deadline, "it goes on"


def test_a_room_resumes_elsewhere_with_the_same_order_and_the_same_people_inside(world):
    rooms = []
    for r in range(ROOMS):
        event = harness.add_event(world.db, f"Room {r}", seats=5)
        crowd = [Person(event, r * PEOPLE + n) for n in range(PEOPLE)]
        for n, who in enumerate(crowd):
            told = who.ask(world.nodes[(n + r) % 3], "POST", "check")
            assert told["status"] == ("active" if n < INSIDE else "queued"), told
        rooms.append(crowd)
    wanted = [("active", None, INSIDE)] * INSIDE
    wanted += [("queued", n + 1, INSIDE) for n in range(PEOPLE - INSIDE)]

    def everybody_at(nodes):
        for crowd in rooms:
            for node in nodes:
                assert [who.standing(node) for who in crowd] == wanted
    everybody_at(world.nodes)
    victim = max(world.nodes, key=world.nodes.shards_of)
    others = [x for x in world.nodes if x is not victim]
    heard, over = [], threading.Event()

    def keep_asking(node):  # While the rooms move nobody hears of another place.
        while not over.is_set():
            for crowd in rooms:
                heard.append((crowd[-1].standing(node), wanted[-1]))
    asking = [threading.Thread(target=keep_asking, args=(x,)) for x in others]
    for thread in asking:
        thread.start()
    victim.kill()
    until(lambda: world.nodes.shards_of(victim) == 0)
    everybody_at(others)
    over.set()
    for thread in asking:
        thread.join()
    assert heard and all(told == place for told, place in heard), [x for x in heard if x[0] != x[1]]
    for crowd in rooms:  # Without a ticket it is the same: it is on record.
        for who in crowd:
            who.ticket = None
    everybody_at(others[:1])
    # It goes on: who leaves at one node makes room for the next one, who hears it at the other.
    for crowd in rooms:
        crowd[0].ask(others[0], "POST", "leave")
        until(lambda c=crowd: c[INSIDE].standing(others[1])[0] == "active")
        until(lambda c=crowd: c[INSIDE + 1].standing(others[0])[:2] == ("queued", 1))
    open_slots = world.db.rows("SELECT event_id, count(*) FROM queue_admissions "
                               "WHERE ended_at IS NULL GROUP BY 1")
    names = {crowd[0].event for crowd in rooms}
    assert [int(x[1]) for x in open_slots if x[0] in names] == [INSIDE] * ROOMS
    victim.start()
