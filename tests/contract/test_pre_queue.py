"""C5 and docs/fair-draw.md: the pre-queue; and admission that follows the inventory."""
import hashlib
import json
import pathlib
import subprocess
import sys
import time
import uuid

import tiketi_harness as harness
from conftest import User, assert_error, start_node
from queue_room import admin, check, event, people, room, status  # noqa: F401

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "support"))
import fair_draw  # noqa: E402  (the independent implementation)

PRE_QUEUE = {"queued", "status", "opensAt", "secondsToOpening", "drawNumber", "nextPoll",
             "threshold", "currentUsers", "queueSize", "eventInfo"}


def iso(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))


def set_up(admin, event, seconds):
    answer = admin.post(f"/api/v1/queue/admin/pre-queue/{event}?opensAt={iso(seconds)}")
    assert answer.status == 200, answer
    return answer.json


def fairness(room, event):
    client = room.client()
    try:
        return client.get(f"/api/queue/fairness/{event}")
    finally:
        client.close()


def eventually(what, seconds=20):
    deadline = time.monotonic() + seconds
    while True:
        found = what()
        if found:
            return found
        assert time.monotonic() < deadline, "never came"
        time.sleep(0.1)


def lines_of(room, event):
    client = room.client()
    lines, after = [], 0
    while after is not None:
        page = client.get(f"/api/queue/fairness/{event}/list?after={after}")
        assert page.status == 200, page
        lines += page.json["lines"]
        after = page.json["next"]
    client.close()
    return lines


def user_id(user):
    return user.http.get("/api/auth/me").json["user"]["id"]


def test_the_draw_is_the_one_everybody_can_recompute(room, people, admin, event, tmp_path):
    told = set_up(admin, event, 4)
    assert set(told) == {"eventId", "preQueue", "opensAt", "commitment"}
    before = fairness(room, event).json
    assert before["preQueue"] and not before["drawn"] and "seed" not in before
    assert before["commitment"] == told["commitment"]
    unknown = fairness(room, event)
    assert unknown.status == 200

    crowd = people(9)
    numbers = {}
    for user in crowd:
        answer = check(user, event).json
        assert set(answer) == PRE_QUEUE and answer["status"] == "pre_queue" and answer["queued"]
        assert answer["currentUsers"] == 0 and 0 <= answer["secondsToOpening"] <= 4
        numbers[answer["drawNumber"]] = user
    assert len(numbers) == 9
    same = status(crowd[0], event).json  # Second tab: the same number.
    assert numbers[same["drawNumber"]] is crowd[0] and same["status"] == "pre_queue"
    assert crowd[0].http.post(f"/api/v1/queue/heartbeat/{event}").json == {
        "status": "pre_queue", "queued": True}
    assert_error(room.client().get(f"/api/queue/fairness/{event}/list"), 404,
                 "No draw was made for this event")

    draw = eventually(lambda: (lambda x: x if x["drawn"] else None)(fairness(room, event).json))
    late = people(1)[0]
    last = check(late, event).json
    assert last["status"] == "queued" and last["peopleAhead"] >= 7
    assert draw["commitment"] == told["commitment"] == fair_draw.commitment(draw["seed"])
    assert draw["algorithm"] == fair_draw.ALGORITHM
    lines = lines_of(room, event)
    assert fair_draw.list_digest(lines) == draw["listDigest"]
    assert {x["number"]: x["pseudonym"] for x in lines} == {
        n: fair_draw.pseudonym(draw["seed"], user_id(user)) for n, user in numbers.items()}
    order = [n for n in fair_draw.drawn_numbers(draw) if n in numbers]

    def inside():
        found = {n for n, user in numbers.items()
                 if status(user, event).json["status"] == "active"}
        return found if len(found) == 2 else None
    assert eventually(inside) == set(order[:2])
    for place, number in enumerate(order[2:]):
        answer = status(numbers[number], event).json
        assert answer["status"] == "queued" and answer["peopleAhead"] == place
        assert answer["drawNumber"] == number
    assert status(late, event).json["peopleAhead"] == 7

    files = [tmp_path / "draw.json", tmp_path / "list.json"]
    files[0].write_text(json.dumps(draw))
    files[1].write_text(json.dumps({"lines": lines, "next": None}))
    inspect = pathlib.Path(harness.node_program()).parents[1] / "inspector" / "tiketi-inspect"

    def verify(*more):
        return subprocess.run([inspect, "verify-draw", *files, *more], capture_output=True,
                              text=True, check=False)
    found = verify("--number", str(order[4]), "--order", "--json")
    assert found.returncode == 0, found
    assert json.loads(found.stdout)["position"] == 5
    assert json.loads(found.stdout)["order"] == order
    assert "Position 1." in verify("--user", user_id(numbers[order[0]])).stdout
    draw["seed"] = hashlib.sha256(b"another").hexdigest()
    files[0].write_text(json.dumps(draw))
    assert verify().returncode == 1
    files[0].write_text("nonsense")
    assert verify().returncode == 2


def test_a_killed_node_draws_once_with_the_seed_it_committed_to():
    # A node of its own: it dies between joins, draw and admission.
    node = start_node(ENTRY_GATE="on", QUEUE_THRESHOLD="0", RATE_LIMIT_QUEUE_RPM="0")
    try:
        event = harness.add_event(node.database, "Opening night", seats=4)
        admin = node.client()
        admin.token = admin.post("/api/auth/login", {
            "email": harness.ADMIN[0], "password": harness.ADMIN[1]}).json["token"]
        told = set_up(admin, event, 6)
        crowd = [User(node) for _ in range(4)]
        numbers = {check(user, event).json["drawNumber"]: user for user in crowd}
        admin.close()
        time.sleep(0.5)  # Browsers without cookies are known once their joins are on record.
        node.kill()
        node.start()
        for user in crowd:
            user.http.close()
        assert check(crowd[0], event).json["status"] in ("pre_queue", "queued")
        draw = eventually(
            lambda: (lambda x: x if x.get("drawn") else None)(fairness(node, event).json), 30)
        assert draw["commitment"] == told["commitment"] == fair_draw.commitment(draw["seed"])
        node.kill()
        node.start()
        for user in crowd:
            user.http.close()
        order = [n for n in fair_draw.drawn_numbers(draw) if n in numbers]
        for place, number in enumerate(order):
            assert check(numbers[number], event).json["peopleAhead"] == place
        assert fairness(node, event).json == draw
        for user in crowd:
            user.http.close()
    finally:
        node.close()


def test_a_pre_queue_is_set_up_before_anybody_comes(room, people, admin, event):
    user = people(1)[0]
    path = f"/api/v1/queue/admin/pre-queue/{event}"
    assert check(user, event).json["status"] == "active"
    assert_error(admin.post(f"{path}?opensAt={iso(60)}"), 409,
                 "Somebody has joined already, or the draw was made")
    user.http.post(f"/api/v1/queue/leave/{event}")
    first = set_up(admin, event, 60)
    later = set_up(admin, event, 90)
    assert later["commitment"] == first["commitment"] and later["opensAt"] != first["opensAt"]
    assert check(user, event).json["status"] == "pre_queue"
    assert admin.get(f"/api/v1/queue/admin/{event}").json["preQueue"] is True
    dropped = admin.post(f"{path}?enabled=false")
    assert dropped.json == {"eventId": event, "preQueue": False, "opensAt": None,
                            "commitment": None}
    assert fairness(room, event).json == {"eventId": event, "preQueue": False, "drawn": False}
    eventually(lambda: status(user, event).json["status"] == "active")


def test_what_is_refused(room, people, admin, event):
    path = f"/api/v1/queue/admin/pre-queue/{event}"
    assert_error(admin.post(f"{path}?opensAt=tomorrow"), 400,
                 "opensAt must be an ISO 8601 time")
    assert_error(admin.post(f"{path}?opensAt={iso(-5)}"), 400, "opensAt must be in the future")
    assert_error(admin.post(f"{path}?enabled=perhaps"), 400, "enabled must be true or false")
    unknown = uuid.uuid4()
    assert_error(admin.post(f"/api/v1/queue/admin/pre-queue/{unknown}?opensAt={iso(60)}"), 404,
                 "Event not found")
    assert fairness(room, unknown).status == 404
    assert_error(fairness(room, "nonsense"), 400, None)
    user = people(1)[0]
    assert user.http.post(f"{path}?opensAt={iso(60)}").status == 403


def test_a_room_that_follows_the_inventory_is_honest(room, people, admin):
    event = harness.add_event(room.database, "Small hall", seats=2)
    told = admin.post(f"/api/v1/queue/admin/follow-inventory/{event}")
    assert told.json == {"eventId": event, "followInventory": True}
    first, second, third = people(3)
    assert check(first, event).json["status"] == "active"
    # Two seats, and one person inside who may take both.
    answer = eventually(
        lambda: (lambda x: x if x.get("outlook") else None)(check(second, event).json))
    assert answer["status"] == "queued" and answer["outlook"] == "unlikely"
    assert (answer["seatsFree"], answer["seatsHeld"], answer["peopleChoosing"]) == (2, 0, 1)
    first.http.post(f"/api/v1/queue/leave/{event}")
    eventually(lambda: status(second, event).json["status"] == "active")
    assert check(third, event).json["status"] == "queued"
    off = admin.post(f"/api/v1/queue/admin/follow-inventory/{event}?enabled=false")
    assert off.json == {"eventId": event, "followInventory": False}
    eventually(lambda: status(third, event).json["status"] == "active")
    assert "outlook" not in status(third, event).json


def test_nobody_is_let_in_for_seats_that_were_bought_a_moment_ago(room, people, admin):
    event = harness.add_event(room.database, "Two seats", seats=2)
    admin.post(f"/api/v1/queue/admin/follow-inventory/{event}")
    buyer, waits = people(2)
    token = check(buyer, event).json["entryToken"]
    eventually(lambda: check(waits, event).json.get("outlook") == "unlikely")
    # Both at once: faster than the room looks at what is left.
    made = buyer.http.post("/api/v1/seats/reserve", {
        "eventId": event, "seatIds": harness.seats_of(room.database, event)},
        headers={"x-queue-entry-token": token})
    paid = buyer.http.post("/api/payments/process", {
        "reservationId": made.json["reservationId"], "paymentMethod": "naver_pay"})
    assert paid.status == 200, paid
    eventually(lambda: status(buyer, event).json["status"] == "not_in_queue")
    eventually(lambda: status(waits, event).json.get("outlook") == "sold_out")
    assert status(waits, event).json["status"] == "queued"
    back = buyer.http.post(f"/api/reservations/{made.json['reservationId']}/cancel")
    assert back.status == 200, back
    eventually(lambda: status(waits, event).json["status"] == "active")
