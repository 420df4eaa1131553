"""QUEUE_ONE_PER_USER (C8): one person waits for one event at a time."""
import threading

import pytest

import tiketi_harness as harness
from conftest import User, assert_error, start_node, until
from queue_room import admin, check, leave, people, status  # noqa: F401


@pytest.fixture(scope="module")
def room():
    running = start_node(ENTRY_GATE="on", QUEUE_THRESHOLD="1", QUEUE_ADMISSION_INTERVAL_MS="100",
                         RATE_LIMIT_QUEUE_RPM="0", QUEUE_ONE_PER_USER="on")
    yield running
    running.close()


@pytest.fixture
def full(room):
    """Makes events in which somebody is, so that whoever comes waits."""
    inside = []

    def make(title="Opening night"):
        event = harness.add_event(room.database, title, seats=10)
        inside.append(User(room))
        assert check(inside[-1], event).json["status"] == "active"
        return event, inside[-1]
    yield make
    for user in inside:
        user.http.close()


def refused(user, event):
    assert_error(check(user, event), 409, "You are already waiting for another event",
                 "ALREADY_IN_QUEUE")


def waits(user, event, position=1):
    answer = check(user, event)
    assert answer.status == 200 and answer.json["status"] == "queued", answer
    assert answer.json["position"] == position
    return answer


def test_whoever_waits_for_one_event_joins_no_other(people, full):
    (opera, _), (circus, _) = full(), full()
    user, other = people(2)
    waits(user, opera)
    refused(user, circus)
    assert status(user, circus).json["status"] == "not_in_queue"
    assert user.http.post(f"/api/v1/queue/heartbeat/{circus}").json["status"] == "not_in_queue"
    waits(user, opera)  # A reload: the same place.
    assert status(user, opera).json["position"] == 1
    waits(other, circus)  # Nobody else is kept away.
    leave(user, opera)
    waits(user, circus, 2)
    refused(user, opera)


def test_two_joins_at_once_are_one_place(room, people, full):
    (opera, _), (circus, _) = full(), full()
    for user in people(12):
        second = room.client()
        second.token = user.token
        doors, answers = threading.Barrier(2), {}

        def come(client, event):
            doors.wait()
            answers[event] = client.post(f"/api/v1/queue/check/{event}")
        both = [threading.Thread(target=come, args=x)
                for x in ((user.http, opera), (second, circus))]
        for x in both:
            x.start()
        for x in both:
            x.join()
        second.close()
        assert sorted(x.status for x in answers.values()) == [200, 409], answers
        places = [status(user, event).json["status"] for event in (opera, circus)]
        assert sorted(places) == ["not_in_queue", "queued"]


def test_whoever_is_let_in_may_wait_for_another_event(people, full):
    (opera, first), (circus, _) = full(), full()
    user, = people(1)
    waits(user, opera)
    refused(user, circus)
    leave(first, opera)
    until(lambda: status(user, opera).json["status"] == "active")
    waits(user, circus)
    assert check(user, opera).json["status"] == "active"  # What one has, one keeps.
    leave(user, opera)
    assert status(user, opera).json["status"] == "not_in_queue"
    refused(user, opera)


def test_what_an_organiser_clears_holds_nobody(people, full, admin):
    (opera, _), (circus, _) = full(), full()
    user, = people(1)
    waits(user, opera)
    refused(user, circus)
    assert admin.post(f"/api/v1/queue/admin/clear/{opera}").status == 200
    waits(user, circus)


def test_a_place_that_nobody_looks_after_holds_nobody():
    node = start_node(QUEUE_THRESHOLD="0", QUEUE_ONE_PER_USER="on", QUEUE_SEEN_TTL_SECONDS="5",
                      QUEUE_STALE_CLEANUP_INTERVAL_MS="100", RATE_LIMIT_QUEUE_RPM="0")
    try:
        opera, circus = (harness.add_event(node.database, x, seats=1) for x in ("Opera", "Circus"))
        user = User(node)
        waits(user, opera)
        refused(user, circus)
        until(lambda: check(user, circus).status == 200, 20)
        refused(user, opera)
    finally:
        node.close()


def test_a_killed_node_forgets_nobody():
    node = start_node(QUEUE_THRESHOLD="0", QUEUE_ONE_PER_USER="on", RATE_LIMIT_QUEUE_RPM="0")
    try:
        opera, circus = (harness.add_event(node.database, x, seats=1) for x in ("Opera", "Circus"))
        users = [User(node) for _ in range(3)]
        tickets = {}
        for i, user in enumerate(users):
            answer = waits(user, opera, i + 1)
            name, _, value = answer.cookies[0].split("; ")[0].partition("=")
            tickets[user.id] = {"Cookie": f"{name}={value}"}
        node.kill()
        node.start()
        # A status with a ticket gives back a place that was not written down in time, as without
        # the option.
        for i, user in enumerate(users):
            told = status(user, opera, headers=tickets[user.id]).json
            assert (told["status"], told["position"]) == ("queued", i + 1)
            refused(user, circus)
    finally:
        node.close()


def test_without_the_option_one_may_wait_for_several():
    node = start_node(QUEUE_THRESHOLD="0")
    try:
        user = User(node)
        for title in ("Opera", "Circus"):
            waits(user, harness.add_event(node.database, title, seats=1))
    finally:
        node.close()
