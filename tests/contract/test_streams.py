"""G05: seats and places as server-sent events."""
import http.client
import json
import threading
import time
import uuid

import jsonschema
import pytest

import tiketi_harness as harness
from conftest import assert_error, start_node
from queue_room import check, event, leave, people  # noqa: F401


class Stream:
    """An open stream. Events are checked against what the description says of them."""

    def __init__(self, node, path, token=None, headers=None):
        self.connection = http.client.HTTPConnection("127.0.0.1", node.port, timeout=20)
        sent = {"Authorization": f"Bearer {token}"} if token else {}
        self.connection.request("GET", path, headers={**sent, **(headers or {})})
        self.response = self.connection.getresponse()
        self.status = self.response.status
        self.headers = {k.lower(): v for k, v in self.response.getheaders()}
        self.hints, self.comments, self.ids = [], 0, []
        kind = "seats" if "/seats/" in path else "queue"
        described = harness.contract_of(node.port).document["paths"][
            f"/api/{kind}/stream/{{eventId}}"]["get"]["responses"]["200"]["content"]
        self.described = described["text/event-stream"]["schema"]["x-events"]

    def event(self):
        """The next event as (name, data); None at the end of the stream."""
        name = data = number = None
        while line := self.response.readline():
            line = line.decode().rstrip("\n")
            if line.startswith(":"):
                self.comments += 1
            elif line.startswith("retry: "):
                self.hints.append(int(line[7:]))
            elif line.startswith("event: "):
                name = line[7:]
            elif line.startswith("id: "):
                number = int(line[4:])
            elif line.startswith("data: "):
                data = json.loads(line[6:])
            elif not line and name:
                jsonschema.validate(data, self.described[name])
                self.ids.append(number)
                return name, data
        return None

    def until(self, wanted):
        """The first event with `wanted(name, data)`."""
        while (found := self.event()) and not wanted(*found):
            pass
        assert found, "the stream ended before"
        return found

    def close(self):
        self.response.close()
        self.connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def seats_stream(node, event, **named):
    return Stream(node, f"/api/v1/seats/stream/{event}", **named)


def queue_stream(user, node, event, **named):
    return Stream(node, f"/api/v1/queue/stream/{event}", token=user.token, **named)


def until(condition, patience=10):
    end = time.monotonic() + patience
    while not (out := condition()) and time.monotonic() < end:
        time.sleep(0.05)
    assert out, "it never happened"
    return out


def metric(node, name):
    page = node.client().get("/actuator/prometheus").body.decode()
    return next(float(x.split()[-1]) for x in page.splitlines() if x.startswith(name + " "))


# -- seats -----------------------------------------------------------------------------------------


def seat_map(node, event):
    return node.client().get(f"/api/seats/events/{event}").json["seats"]


def apply(seats, changes):
    by_id = {x["id"]: x for x in seats}
    for change in changes:
        by_id[change["id"]]["status"] = change["status"]


def test_a_seat_stream_begins_with_the_map(node, hall):
    event, _ = hall
    with seats_stream(node, event, headers={"Origin": "http://localhost:3000"}) as stream:
        assert stream.status == 200
        assert stream.headers["content-type"] == "text/event-stream"
        assert stream.headers["cache-control"] == "no-store, no-transform"
        assert stream.headers["access-control-allow-origin"] == "http://localhost:3000"
        assert stream.headers["access-control-allow-credentials"] == "true"
        assert stream.headers["x-content-type-options"] == "nosniff"
        assert "x-request-id" in stream.headers and "content-encoding" not in stream.headers
        name, data = stream.event()
        assert name == "snapshot" and data["seats"] == seat_map(node, event)
        assert stream.ids == [data["version"]]
        assert len(stream.hints) == 1 and 2000 <= stream.hints[0] < 4000


def test_deltas_lead_to_the_map_at_each_version(node, hall, make_user):
    event, seats = hall
    users = [make_user() for _ in range(3)]
    with seats_stream(node, event) as stream, seats_stream(node, event) as other:
        mine = stream.event()[1]["seats"]
        theirs = other.event()[1]["seats"]
        for n, user in enumerate(users):
            chosen = seats[4 * n:4 * n + 2 + n % 2]
            made = user.reserve(event, chosen)
            assert made.status == 200, made
            for open_stream, known in ((stream, mine), (other, theirs)):
                name, data = open_stream.event()
                assert name == "delta"
                assert {x["id"]: x["status"] for x in data["changes"]} == {
                    x: "locked" for x in chosen}
                apply(known, data["changes"])
            until(lambda: seat_map(node, event) == mine == theirs)
            if n == 1:
                assert user.cancel(made.json["reservationId"]).status == 200
                for open_stream, known in ((stream, mine), (other, theirs)):
                    _, data = open_stream.event()
                    assert {x["status"] for x in data["changes"]} == {"available"}
                    apply(known, data["changes"])
                until(lambda: seat_map(node, event) == mine == theirs)
        assert stream.ids == other.ids and stream.ids == sorted(set(stream.ids))


def test_a_storm_of_holds_is_told_whole(node, db, make_user):
    event = harness.add_event(db, "Storm", seats=40)
    seats = harness.seats_of(db, event)
    users = [make_user() for _ in range(10)]
    with seats_stream(node, event) as stream:
        known = stream.event()[1]["seats"]
        threads = [threading.Thread(target=user.reserve, args=(event, seats[4 * n:4 * n + 4]))
                   for n, user in enumerate(users)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        while any(x["status"] == "available" for x in known):
            name, data = stream.event()
            assert name == "delta"
            apply(known, data["changes"])
        until(lambda: seat_map(node, event) == known)


def test_who_comes_back_is_told_what_changed_meanwhile(node, hall, user):
    event, seats = hall
    with seats_stream(node, event) as other:  # Somebody else goes on listening.
        other.event()
        with seats_stream(node, event) as stream:
            known = stream.event()[1]["version"]
        user.reserve(event, seats[:1])
        other.event()
        with seats_stream(node, event, headers={"Last-Event-ID": str(known)}) as back:
            name, data = back.event()
            assert name == "delta"
            assert data["changes"] == [{"id": seats[0], "status": "locked"}]
            assert back.ids == other.ids[-1:]
        for unknown in ("1", str(known + 1), "x", "-1", "9" * 30):
            with seats_stream(node, event, headers={"Last-Event-ID": unknown}) as back:
                name, data = back.event()
                assert name == "snapshot" and data["seats"][0]["status"] == "locked"


def test_nobody_is_told_the_same_version_twice(node, hall, user):
    event, seats = hall
    with seats_stream(node, event) as stream:
        known = stream.event()[1]["version"]
        with seats_stream(node, event, headers={"Last-Event-ID": str(known)}) as back:
            user.reserve(event, seats[:1])
            name, data = back.event()
            assert name == "delta" and data["version"] != known


def test_there_are_streams_of_known_events_only(node, http, hall):
    event, _ = hall
    assert_error(http.get(f"/api/seats/stream/{uuid.uuid4()}"), 404, "Event not found")
    assert_error(http.get("/api/seats/stream/no-uuid"), 400)
    assert_error(http.post(f"/api/seats/stream/{event}"), 405)
    head = http.request("HEAD", f"/api/seats/stream/{event}")
    assert head.status == 200 and head.headers["content-type"] == "text/event-stream"
    assert http.get("/api/time").status == 200  # On the same connection.


def test_a_standing_event_has_no_seats_to_tell(node, db):
    event, _ = harness.add_standing(db, "Standing", [("Floor", 50000, 10)])
    with seats_stream(node, event) as stream:
        name, data = stream.event()
        assert name == "snapshot" and data["seats"] == []


# -- places ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def room():
    """A node with one slot a room."""
    running = start_node(ENTRY_GATE="on", QUEUE_THRESHOLD="1", QUEUE_ADMISSION_INTERVAL_MS="100",
                         QUEUE_SEEN_TTL_SECONDS="6", QUEUE_STALE_CLEANUP_INTERVAL_MS="200",
                         RATE_LIMIT_QUEUE_RPM="0")
    yield running
    running.close()


def test_a_place_counts_down_until_its_owner_is_admitted(room, people, event):
    users = people(4)
    for user in users:
        check(user, event)
    with queue_stream(users[3], room, event) as stream:
        name, data = stream.event()
        assert (name, data["position"]) == ("position", 3)
        assert data.keys() == users[3].http.get(f"/api/queue/status/{event}").json.keys()
        for n, user in enumerate(users[1:3]):  # Those in front give up.
            leave(user, event)
            _, data = stream.until(lambda name, data, n=n: data["position"] == 2 - n)
            assert data["peopleAhead"] == 1 - n and data["status"] == "queued"
        leave(users[0], event)
        _, data = stream.until(lambda name, _: name == "admitted")
        assert data["status"] == "active" and data["queued"] is False
        assert stream.event() is None
    seat = harness.seats_of(room.database, event)[0]
    made = users[3].http.post("/api/v1/seats/reserve", {"eventId": event, "seatIds": [seat]},
                              headers={"x-queue-entry-token": data["entryToken"]})
    assert made.status == 200, made
    with queue_stream(users[3], room, event) as again:  # Who comes back is told the same.
        assert again.event()[0] == "admitted" and again.event() is None


def test_a_stream_never_joins(room, people, event):
    user, = people(1)
    with queue_stream(user, room, event) as stream:
        name, data = stream.event()
        assert (name, data["status"]) == ("not_in_queue", "not_in_queue")
        assert stream.event() is None
    assert user.http.get(f"/api/queue/status/{event}").json["status"] == "not_in_queue"


def test_who_leaves_in_another_tab_is_told_so(room, people, event):
    users = people(2)
    for user in users:
        check(user, event)
    with queue_stream(users[1], room, event) as stream:
        assert stream.event()[0] == "position"
        leave(users[1], event)
        stream.until(lambda name, _: name == "not_in_queue")
        assert stream.event() is None


def test_an_open_stream_is_a_sign_of_life(room, people, event):
    users = people(3)
    for user in users:
        check(user, event)
    with queue_stream(users[1], room, event) as stream:
        _, data = stream.event()
        assert data["position"] == 1 and data["peopleBehind"] == 1
        # Whoever neither asks nor listens loses the place.
        _, data = stream.until(lambda _, data: data["peopleBehind"] == 0)
        assert data["position"] == 1
        told = users[2].http.get(f"/api/queue/status/{event}").json
        assert told["status"] == "not_in_queue"
        time.sleep(8)  # Longer than silence is suffered.
        told = users[1].http.get(f"/api/queue/status/{event}").json
        assert told["status"] in ("queued", "active")


def test_a_queue_stream_needs_a_login(room, event):
    assert_error(room.client().get(f"/api/queue/stream/{event}"), 401)
    stranger = room.client(token="no.such.token")
    assert_error(stranger.get(f"/api/queue/stream/{event}"), 401)


def test_signing_out_ends_the_stream(room, people, event):
    first, second = people(2)
    for user in (first, second):
        check(user, event)
    with queue_stream(second, room, event) as stream:
        assert stream.event()[0] == "position"
        assert second.http.post("/api/auth/logout").status == 200
        while found := stream.event():
            assert found[0] == "position"
    with Stream(room, f"/api/queue/stream/{event}", token=second.token) as stream:
        while found := stream.event():  # The token is of no use any more.
            assert found[0] == "position"


def test_a_token_that_runs_out_ends_the_stream(room, people, event):
    first, second = people(2)
    for user in (first, second):
        check(user, event)
    token = harness.access_token(second.id, exp=int(time.time()) + 2)
    with Stream(room, f"/api/queue/stream/{event}", token=token) as stream:
        assert stream.event()[0] == "position"
        while stream.event():
            pass
    with queue_stream(second, room, event) as stream:
        assert stream.event()[0] == "position"


def test_unknown_events_have_no_queue_to_listen_to(people):
    user, = people(1)
    assert_error(user.http.get(f"/api/queue/stream/{uuid.uuid4()}"), 404, "Event not found")
    assert_error(user.http.get("/api/queue/stream/no-uuid"), 400)


def test_visitors_listen_where_they_may_wait():
    """D12."""
    node = start_node(QUEUE_ALLOW_ANONYMOUS="on", QUEUE_THRESHOLD="0")
    try:
        event = harness.add_event(node.database, "Rush", seats=10)
        joined = node.client().post(f"/api/queue/check/{event}")
        visitor = "; ".join(x.split(";")[0] for x in joined.cookies)
        with Stream(node, f"/api/queue/stream/{event}", headers={"Cookie": visitor}) as stream:
            name, data = stream.event()
            assert (name, data["position"]) == ("position", 1)
        with Stream(node, f"/api/queue/stream/{event}") as stream:
            assert "tiketi-visitor=" in stream.headers["set-cookie"]
            assert stream.event()[0] == "not_in_queue"
    finally:
        node.close()


# -- the node --------------------------------------------------------------------------------------


def test_beyond_the_limits_one_polls():
    node = start_node(STREAM_MAX_PER_NODE="3", STREAM_MAX_PER_ADDRESS="2",
                      TRUSTED_PROXIES="127.0.0.1")
    try:
        event = harness.add_event(node.database, "Full", seats=10)

        def listen(address):
            return seats_stream(node, event, headers={"X-Forwarded-For": address})

        def refused(address):
            answer = node.client().get(f"/api/seats/stream/{event}",
                                       headers={"X-Forwarded-For": address})
            assert_error(answer, 503, code="STREAMS_FULL")
            assert int(answer.headers["retry-after"]) > 0
        open_streams = [listen("10.0.0.1"), listen("10.0.0.1")]
        refused("10.0.0.1")
        open_streams.append(listen("10.0.0.2"))
        refused("10.0.0.3")
        assert all(x.event()[0] == "snapshot" for x in open_streams)
        assert metric(node, "stream_clients") == 3
        assert len(seat_map(node, event)) == 10  # Polling goes on.
        open_streams.pop().close()
        until(lambda: metric(node, "stream_clients") == 2)
        with listen("10.0.0.3") as stream:
            assert stream.event()[0] == "snapshot"
        for stream in open_streams:
            stream.close()
        until(lambda: metric(node, "stream_clients") == 0)
        ended = node.log_until(lambda x: x.get("event") == "stream_ended")
        assert ended[0]["route"] == "/api/seats/stream/{eventId}" and ended[0]["why"] == "left"
        assert ended[0]["bytes"] > 1000 and ended[0]["duration_ms"] >= 0
        assert ended[0]["method"] == "GET" and ended[0]["request_id"]
    finally:
        node.close()


def test_the_end_of_the_node_ends_its_streams():
    node = start_node()
    try:
        event = harness.add_event(node.database, "Last", seats=10)
        streams = [seats_stream(node, event) for _ in range(20)]
        assert all(x.event()[0] == "snapshot" for x in streams)
        assert node.stop() == 0
        assert all(x.event() is None for x in streams)  # To the last chunk, else it raises.
        assert node.log_until(lambda x: x.get("why") == "shut_down")
        assert not [x for x in node.log_lines() if x.get("event") == "stop_forced"]
        node.start()
        known = streams[0].ids[-1]
        with seats_stream(node, event, headers={"Last-Event-ID": str(known)}) as stream:
            assert stream.event()[0] == "snapshot"  # Another life of the node knows no version.
            assert stream.ids[0] > known
    finally:
        node.close()
