"""The two streams as a page hears them: by the browser's own EventSource (G05)."""
import pytest

import tiketi_harness as harness
from network import Network
from test_waiting import complaints, contract, until

# What docs/waiting-room.md tells a front-end developer to write.
LISTEN = """
window.heard = []; window.opened = 0;
window.stream = new EventSource(arguments[0], {withCredentials: true});
stream.onopen = () => { ++opened; };
for (const name of ['snapshot', 'delta', 'position', 'admitted', 'not_in_queue']) {
  stream.addEventListener(name, (e) => {
    heard.push({name, id: Number(e.lastEventId), data: JSON.parse(e.data)});
    if (name === 'admitted' || name === 'not_in_queue') stream.close();
  });
}
"""
CONNECTING, OPEN, CLOSED = range(3)


@pytest.fixture(scope="module")
def node():
    running = contract.start_node(QUEUE_THRESHOLD="1", QUEUE_ADMISSION_INTERVAL_MS="100",
                                  RATE_LIMIT_QUEUE_RPM="0")
    yield running
    running.close()


@pytest.fixture
def people(node):
    with contract.people_of(node) as make:
        yield make


@pytest.fixture
def listener(browse, node):
    """Makes pages, each in a browser and with a network of its own."""
    networks = []

    def make():
        networks.append(Network(node.port))
        return Page(browse(), networks[-1])
    yield make
    for network in networks:
        network.close()


class Page:
    """A page of the node in a browser, listening."""

    def __init__(self, driver, network):
        self.driver, self.network = driver, network
        driver.get(f"http://localhost:{network.port}/fairness/nonsense")

    def sign_in(self, user):
        status = self.driver.execute_async_script(
            "const done = arguments[arguments.length - 1];"
            "fetch('/api/v1/auth/login', {method: 'POST', credentials: 'include',"
            "  headers: {'Content-Type': 'application/json'}, body: JSON.stringify(arguments[0])})"
            ".then(x => done(x.status), e => done(String(e)))",
            {"email": user.mail, "password": user.password})
        assert status == 200

    def listen(self, path):
        self.driver.execute_script(LISTEN, path)

    @property
    def heard(self):
        return self.driver.execute_script("return heard")

    @property
    def state(self):
        return self.driver.execute_script("return stream.readyState")

    @property
    def opened(self):
        return self.driver.execute_script("return opened")

    def hears(self, wanted, patience=20):
        """Waits for an event with `wanted(event)`."""
        until(lambda: any(wanted(x) for x in self.heard), patience)

    def lose_network(self):
        self.network.cut()
        until(lambda: self.state == CONNECTING)


def folded(events):
    """The seats as a listener knows them; nothing may be told that it knows already."""
    seats, version = {}, 0
    for x in events:
        assert x["id"] == x["data"]["version"] > version, "versions rise"
        version = x["id"]
        if x["name"] == "snapshot":
            seats = {y["id"]: y["status"] for y in x["data"]["seats"]}
            continue
        assert x["name"] == "delta" and x["data"]["changes"]
        for change in x["data"]["changes"]:
            assert seats[change["id"]] != change["status"], "told twice"
            seats[change["id"]] = change["status"]
    return seats


def locked(events):
    return {seat for seat, status in folded(events).items() if status == "locked"}


def seats_now(node, event):
    client = node.client()
    found = client.get(f"/api/seats/events/{event}").json["seats"]
    client.close()
    return {x["id"]: x["status"] for x in found}


def reserve(user, event, seats):
    """Takes seats, with the pass of whoever is let in."""
    told = user.http.post(f"/api/v1/queue/check/{event}").json
    answer = user.http.post("/api/v1/seats/reserve", {"eventId": event, "seatIds": seats},
                            headers={"x-queue-entry-token": told["entryToken"]})
    assert answer.status == 200, answer
    user.http.post(f"/api/v1/queue/leave/{event}")
    return answer.json["reservationId"]


def test_a_page_knows_every_seat_over_a_lost_network(listener, node, people):
    event = harness.add_event(node.database, "Hall", seats=20)
    seats = harness.seats_of(node.database, event)
    first, second, third = people(3)
    page, other = listener(), listener()
    for x in (page, other):  # While somebody listens the node knows what was told.
        x.listen(f"/api/v1/seats/stream/{event}")
        x.hears(lambda e: e["name"] == "snapshot")
    held = reserve(first, event, seats[:2])
    until(lambda: locked(page.heard) == set(seats[:2]))
    page.lose_network()
    before = len(page.heard)
    assert first.cancel(held).status == 200
    reserve(second, event, seats[2:5])
    until(lambda: locked(other.heard) == set(seats[2:5]))
    assert len(page.heard) == before
    page.network.mend()
    until(lambda: locked(page.heard) == set(seats[2:5]), 30)
    # Gone on, not begun anew.
    assert [x["name"] for x in page.heard] == ["snapshot", "delta", "delta"]
    assert page.opened == 2 and page.heard[-1]["id"] == other.heard[-1]["id"]
    reserve(third, event, seats[10:14])
    until(lambda: locked(page.heard) == {*seats[2:5], *seats[10:14]})
    until(lambda: folded(page.heard) == folded(other.heard) == seats_now(node, event))
    assert page.state == OPEN and complaints(page.driver) == []


def test_a_place_counts_down_over_a_lost_network_until_it_is_admitted(listener, node, people):
    event = harness.add_event(node.database, "Opening night", seats=4)
    users = people(5)
    for user in users:
        assert user.http.post(f"/api/v1/queue/check/{event}").status == 200
    page = listener()
    page.sign_in(users[4])
    page.listen(f"/api/v1/queue/stream/{event}")

    def leaves(user):
        assert user.http.post(f"/api/v1/queue/leave/{event}").status == 200

    def stands(position):
        page.hears(lambda e: e["name"] == "position" and e["data"]["position"] == position)
    stands(4)
    leaves(users[1])
    stands(3)
    page.lose_network()
    before = len(page.heard)
    leaves(users[2])
    assert len(page.heard) == before
    page.network.mend()
    stands(2)
    assert page.opened == 2
    leaves(users[3])
    stands(1)
    leaves(users[0])
    page.hears(lambda e: e["name"] == "admitted")
    told = page.heard
    # After coming back the place is told as it is now; it never falls back.
    places = [x["data"]["position"] for x in told if x["name"] == "position"]
    assert places == sorted(places, reverse=True) and set(places) == {4, 3, 2, 1}
    assert [(a, b) for a, b in zip(told, told[1:])
            if a["id"] > b["id"] or a["data"] == b["data"]] == []
    assert [x["name"] for x in told].count("admitted") == 1 and told[-1]["name"] == "admitted"
    assert page.state == CLOSED
    seat = harness.seats_of(node.database, event)[0]
    made = users[4].http.post("/api/v1/seats/reserve", {"eventId": event, "seatIds": [seat]},
                              headers={"x-queue-entry-token": told[-1]["data"]["entryToken"]})
    assert made.status == 200, made
    assert complaints(page.driver) == []


def test_a_stream_of_somebody_who_signed_out_gives_up(listener, node, people):
    event = harness.add_event(node.database, "Signed out", seats=1)
    inside, user = people(2)
    for x in (inside, user):
        x.http.post(f"/api/v1/queue/check/{event}")
    page = listener()
    page.sign_in(user)
    page.listen(f"/api/v1/queue/stream/{event}")
    page.hears(lambda e: e["name"] == "position")
    page.driver.execute_async_script(
        "const done = arguments[arguments.length - 1];"
        "fetch('/api/v1/auth/logout', {method: 'POST', credentials: 'include'})"
        ".then(x => done(x.status), e => done(String(e)))")
    until(lambda: page.state == CLOSED, 30)  # It came back, was refused, and says so.
    assert {x["name"] for x in page.heard} == {"position"}
