"""Section 2.8 and 4.1: the waiting room of an event, for people and for organisers."""
import base64
import json
import threading
import time
import uuid

import tiketi_harness as harness
from conftest import User, assert_error, start_node
from queue_room import admin, check, event, leave, people, room, status  # noqa: F401

QUEUED = {"queued", "status", "position", "peopleAhead", "peopleBehind", "estimatedWait",
          "nextPoll", "threshold", "currentUsers", "queueSize", "eventInfo"}
ACTIVE = {"queued", "status", "currentUsers", "threshold", "nextPoll", "eventInfo", "entryToken"}


def cookies(answer):
    """Those that an answer sets: name -> (value, attributes)."""
    out = {}
    for line in answer.cookies:
        first, *rest = line.split("; ")
        key, _, text = first.partition("=")
        out[key] = (text, rest)
    return out


def ticket_of(answer, event):
    """The Cookie header with which a browser shows its place."""
    value, _ = cookies(answer)[f"tiketi-queue-{event}"]
    return {"Cookie": f"tiketi-queue-{event}={value}"}


def claims_of(token):
    body = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))


def until(condition, patience=10):
    """Waits for what happens in the background; what it gave at last."""
    end = time.monotonic() + patience
    while not (out := condition()) and time.monotonic() < end:
        time.sleep(0.05)
    assert out, "it never happened"
    return out


def is_active(user, event):
    return status(user, event).json["status"] == "active"


def test_who_finds_room_is_active_and_others_queue_in_order(room, people, event):
    first, second, third, fourth = people(4)
    answer = check(first, event)
    assert answer.status == 200 and ACTIVE <= answer.json.keys(), answer
    assert answer.json["status"] == "active" and answer.json["queued"] is False
    assert answer.json["nextPoll"] == 3 and answer.json["threshold"] == 2
    assert answer.json["currentUsers"] == 1  # C21: counts the caller.
    assert answer.json["eventInfo"] == {"title": "Opening night", "artist": None}
    assert check(second, event).json["currentUsers"] == 2
    answer = check(third, event)
    assert answer.status == 200 and answer.json.keys() == QUEUED, answer
    assert answer.json == {
        "queued": True, "status": "queued", "position": 1, "peopleAhead": 0, "peopleBehind": 0,
        "estimatedWait": 5, "nextPoll": 1, "threshold": 2, "currentUsers": 2, "queueSize": 1,
        "eventInfo": {"title": "Opening night", "artist": None}}
    told = check(fourth, event).json
    assert (told["position"], told["peopleAhead"], told["peopleBehind"]) == (2, 1, 0)
    told = status(third, event).json  # P-63: title and load line stay.
    assert told.keys() == QUEUED and told["peopleBehind"] == 1
    # Asking again changes nothing.
    assert check(third, event).json["position"] == 1
    assert check(first, event).json["status"] == "active"
    # Whoever leaves makes room for the next in line.
    leave(first, event)
    until(lambda: is_active(third, event))
    assert status(fourth, event).json["position"] == 1
    assert status(first, event).json["status"] == "not_in_queue"


def test_who_is_not_here_is_told_so_and_does_not_join(people, event):
    user, = people(1)
    answer = status(user, event)
    assert answer.status == 200
    assert {"status": "not_in_queue", "queued": False, "currentUsers": 0, "nextPoll": 3,
            "message": "Not in queue"}.items() <= answer.json.items(), answer
    assert user.http.post(f"/api/queue/heartbeat/{event}").json == {
        "status": "not_in_queue", "queued": False}
    leave(user, event)
    assert status(user, event).json["currentUsers"] == 0


def test_heartbeats_tell_where_one_stands(people, event):
    first, second, third = people(3)
    for user in (first, second, third):
        check(user, event)

    def beat(user):
        return user.http.post(f"/api/queue/heartbeat/{event}").json
    assert beat(first) == {"status": "active", "queued": False}
    assert beat(third) == {"status": "queued", "queued": True}


def test_an_entry_token_opens_the_creations_and_comes_as_a_cookie_too(room, people, event):
    user, = people(1)
    answer = check(user, event)
    token = answer.json["entryToken"]
    value, attributes = cookies(answer)["urr-entry-token"]
    assert value == token
    assert {"Path=/", "Max-Age=600", "SameSite=Strict"} <= set(attributes), attributes
    assert "HttpOnly" not in attributes  # The client reads it back (1.3).
    claims = claims_of(token)
    assert claims["sub"] == event and claims["uid"] == user.id
    assert 0 < claims["exp"] - claims["iat"] <= 600
    seat = harness.seats_of(room.database, event)[0]
    body = {"eventId": event, "seatIds": [seat]}
    assert_error(user.http.post("/api/v1/seats/reserve", body), 403, code="ENTRY_TOKEN_REQUIRED")
    made = user.http.post("/api/v1/seats/reserve", body, headers={"x-queue-entry-token": token})
    assert made.status == 200, made
    # Status hands out a fresh one as well.
    again = status(user, event)
    assert again.json["message"] == "Entry allowed" and "entryToken" in again.json
    assert "urr-entry-token" in cookies(again)


def test_a_pass_is_worthless_when_its_slot_has_ended(room, people, event):
    user, = people(1)
    token = check(user, event).json["entryToken"]
    leave(user, event)
    body = {"eventId": event, "seatIds": [harness.seats_of(room.database, event)[0]]}

    def refused():
        answer = user.http.post("/api/v1/seats/reserve", body,
                                headers={"x-queue-entry-token": token})
        return answer.status == 403 and answer.json["code"] == "ENTRY_TOKEN_REQUIRED"
    assert refused()
    again = check(user, event).json["entryToken"]
    made = user.http.post("/api/v1/seats/reserve", body, headers={"x-queue-entry-token": again})
    assert made.status == 200, made


def test_in_a_crowded_room_a_pass_is_worthless_at_once(room, people):
    """Its board is told seldom: the room itself says whose slot is open."""
    event = harness.add_event(room.database, "Crowded", seats=10)
    crowd = 10_050
    room.database.rows(f"""
        INSERT INTO queue_rooms (event_id, turn, epoch, generation, reserved_to, admitted, paused,
                                 updated_at)
        SELECT '{event}', 1, 1, 1, 20001, 0, false, clock_timestamp();
        INSERT INTO queue_log (event_id, generation, turn, kind, places, users, at)
        SELECT '{event}', 1, 1, 'join', array_agg(n), array_agg(gen_random_uuid()),
               clock_timestamp() FROM generate_series(1, {crowd}) n""")
    *users, newcomer = people(4)
    tokens = []
    for n, user in enumerate(users, 1):  # Inside, as the room is to find it.
        room.database.rows(f"""
            INSERT INTO queue_admissions (event_id, generation, number, user_id, admitted_at,
                                          hard_end)
            VALUES ('{event}', 1, {n}, '{user.id}', clock_timestamp(),
                    clock_timestamp() + interval '20 min');
            UPDATE queue_rooms SET admitted = {n} WHERE event_id = '{event}'""")
    for user in users:
        told = check(user, event).json
        assert told["status"] == "active", told
        tokens.append(told["entryToken"])
    assert check(newcomer, event).json["queueSize"] > 10_000
    seats = harness.seats_of(room.database, event)

    def reserve(n):
        return users[n].http.post("/api/v1/seats/reserve",
                                  {"eventId": event, "seatIds": [seats[n]]},
                                  headers={"x-queue-entry-token": tokens[n]})
    assert reserve(0).status == 200
    for n in (1, 2):
        leave(users[n], event)
        assert_error(reserve(n), 403, code="ENTRY_TOKEN_REQUIRED")


def test_a_crash_makes_no_ended_pass_good_again():
    """H-10: a node that has just started knows of no slot until it has asked the room."""
    node = start_node(ENTRY_GATE="on", QUEUE_THRESHOLD="9", RATE_LIMIT_QUEUE_RPM="0")
    try:
        event = harness.add_event(node.database, "Killed", seats=10)
        inside, gone, cleared = [User(node) for _ in range(3)]
        tokens = {user: check(user, event).json["entryToken"] for user in (inside, gone)}
        leave(gone, event)
        other = harness.add_event(node.database, "Cleared", seats=10)
        tokens[cleared] = check(cleared, other).json["entryToken"]
        admin = node.client()
        admin.token = admin.post("/api/auth/login", {
            "email": harness.ADMIN[0], "password": harness.ADMIN[1]}).json["token"]
        assert admin.post(f"/api/queue/admin/clear/{other}").status == 200
        admin.close()
        node.kill()
        node.start()

        def reserve(user, event):
            user.http.close()
            body = {"eventId": event, "seatIds": [harness.seats_of(node.database, event)[0]]}
            return user.http.post("/api/v1/seats/reserve", body,
                                  headers={"x-queue-entry-token": tokens[user]})
        for user, of in ((gone, event), (cleared, other), (gone, event)):
            refused = assert_error(reserve(user, of), 403, "Queue entry token required",
                                   "ENTRY_TOKEN_REQUIRED")
            assert refused["redirectTo"] == "/queue"
        assert reserve(inside, event).status == 200
    finally:
        node.close()


def test_a_rate_below_one_a_round_lets_people_in(room, people, admin, event):
    """Rounds are 200 ms here: 4 a second is less than one in each."""
    admin.post(f"/api/queue/admin/threshold/{event}?threshold=0")
    users = people(2)
    for user in users:
        check(user, event)
    admin.post(f"/api/queue/admin/rate/{event}?perSecond=4")
    admin.post(f"/api/queue/admin/threshold/{event}?threshold=5")
    until(lambda: all(is_active(user, event) for user in users))


def test_a_rate_of_nothing_lets_nobody_in(people, admin, event):
    user, = people(1)
    assert admin.post(f"/api/queue/admin/rate/{event}?perSecond=0").json["perSecond"] == 0
    assert check(user, event).json["status"] == "queued"
    admin.post(f"/api/queue/admin/rate/{event}?perSecond=100")
    until(lambda: is_active(user, event))


def test_unknown_events_have_no_queue(people):
    """P-62, D21."""
    user, = people(1)
    for event in (str(uuid.uuid4()), str(uuid.uuid4())):
        assert_error(check(user, event), 404, "Event not found")
        assert_error(status(user, event), 404, "Event not found")
        leave(user, event)
    assert_error(user.http.post("/api/queue/check/no-uuid"), 400)


def test_waiting_needs_a_login(room, event):
    stranger = room.client()
    assert_error(stranger.post(f"/api/queue/check/{event}"), 401)
    assert_error(stranger.get(f"/api/queue/status/{event}"), 401)
    assert_error(stranger.post(f"/api/queue/heartbeat/{event}"), 401)
    assert_error(stranger.post(f"/api/queue/leave/{event}"), 401)


def test_an_unsigned_position_counts_for_nothing(people, event):
    """P-58."""
    users = people(5)
    for user in users[:4]:
        check(user, event)
    answer = users[4].http.post(f"/api/queue/check/{event}?vwrPosition=-1")
    assert answer.json["position"] == 3


def test_two_devices_of_one_person_have_one_place(people, event):
    users = people(4)
    for user in users:
        check(user, event)
    last = users[-1]
    phone, laptop = check(last, event), status(last, event)
    assert phone.json["position"] == laptop.json["position"] == 2
    assert phone.json["queueSize"] == 2


def test_the_ticket_answers_polls_and_only_its_owners(room, people, event):
    users = people(4)
    answers = [check(user, event) for user in users]
    _, attributes = cookies(answers[3])[f"tiketi-queue-{event}"]
    assert "HttpOnly" in attributes and "SameSite=Strict" in attributes
    shown = ticket_of(answers[3], event)
    for _ in range(20):
        told = status(users[3], event, headers=shown).json
        assert told.keys() == QUEUED and told["position"] == 2
    # In somebody else's hands it is nothing: they are told their own place.
    assert status(users[2], event, headers=shown).json["position"] == 1
    assert status(users[0], event, headers=shown).json["status"] == "active"
    # Whoever has left is not told otherwise by an old ticket, for long.
    leave(users[3], event)
    until(lambda: status(users[3], event, headers=shown).json["status"] == "not_in_queue")
    # Nor does it bring anybody back in.
    leave(users[2], event)
    assert status(users[3], event, headers=shown).json["status"] == "not_in_queue"


def test_never_more_inside_than_the_threshold_however_many_ask_at_once(room, event):
    """P-60."""
    count, threshold = 60, 2
    harness.add_users(room.database, 5000, count)
    tokens = [harness.access_token(harness.user_uuid(5000 + n)) for n in range(count)]
    answers, start = [], threading.Barrier(count)

    def ask(token):
        client = room.client()
        client.token = token
        start.wait()
        answers.append(client.post(f"/api/queue/check/{event}"))
        client.close()
    threads = [threading.Thread(target=ask, args=(token,)) for token in tokens]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(answer.status == 200 for answer in answers), answers
    active = [a for a in answers if a.json["status"] == "active"]
    assert len(active) == threshold
    positions = sorted(a.json["position"] for a in answers if a.json["queued"])
    assert len(positions) == count - threshold
    assert positions[-1] <= count - threshold
    open_slots = room.database.number(
        f"SELECT count(*) FROM queue_admissions WHERE event_id = '{event}' AND ended_at IS NULL")
    assert open_slots == threshold


def test_whoever_pays_leaves_the_slot(room, people, event):
    """D32."""
    buyer, other, next_one = people(3)
    token = check(buyer, event).json["entryToken"]
    check(other, event)
    assert check(next_one, event).json["position"] == 1
    seat = harness.seats_of(room.database, event)[0]
    made = buyer.http.post("/api/v1/seats/reserve", {"eventId": event, "seatIds": [seat]},
                           headers={"x-queue-entry-token": token})
    paid = buyer.http.post("/api/payments/process", {
        "reservationId": made.json["reservationId"], "paymentMethod": "naver_pay"})
    assert paid.status == 200, paid
    until(lambda: is_active(next_one, event))
    assert status(buyer, event).json["status"] == "not_in_queue"


def test_organisers_see_and_steer(room, people, admin, event):
    users = people(4)
    calm = admin.get(f"/api/queue/admin/{event}").json
    assert calm["throughput"] == 0 and calm["drainTime"] == 0
    for user in users:
        check(user, event)
    seen = admin.get(f"/api/queue/admin/{event}")
    assert {"eventId": event, "queueSize": 2, "currentUsers": 2, "threshold": 2,
            "available": 0}.items() <= seen.json.items(), seen

    def busy():  # G17; a moment later than the admissions themselves.
        now = admin.get(f"/api/queue/admin/{event}").json
        return now if now["throughput"] > 0 else None
    assert until(busy)["drainTime"] >= 5
    raised = admin.post(f"/api/queue/admin/threshold/{event}?threshold=3")
    assert raised.status == 200 and raised.json == {"eventId": event, "threshold": 3}
    until(lambda: is_active(users[2], event))
    assert status(users[3], event).json["threshold"] == 3
    lowered = admin.post(f"/api/queue/admin/threshold/{event}?threshold=0")
    assert lowered.json["threshold"] == 0
    assert admin.get(f"/api/queue/admin/{event}").json["available"] == 0
    assert is_active(users[0], event)  # Nobody is thrown out.
    cleared = admin.post(f"/api/queue/admin/clear/{event}")
    assert cleared.status == 200 and cleared.json == {"message": "Queue cleared"}
    for user in users:
        assert status(user, event).json["status"] == "not_in_queue"


def test_a_clear_ends_passes_and_tickets(room, people, admin, event):
    """C36."""
    users = people(3)
    answers = [check(user, event) for user in users]
    admin.post(f"/api/queue/admin/clear/{event}")
    body = {"eventId": event, "seatIds": [harness.seats_of(room.database, event)[0]]}
    old = {"x-queue-entry-token": answers[0].json["entryToken"]}
    assert_error(users[0].http.post("/api/v1/seats/reserve", body, headers=old), 403)
    assert status(users[2], event,
                  headers=ticket_of(answers[2], event)).json["status"] == "not_in_queue"


def test_a_pause_lets_nobody_in(people, admin, event):
    user, later = people(2)
    assert admin.post(f"/api/queue/admin/pause/{event}").json == {"eventId": event, "paused": True}
    assert check(user, event).json["status"] == "queued"
    assert check(later, event).json["position"] == 2
    assert admin.post(f"/api/queue/admin/resume/{event}").json["paused"] is False
    until(lambda: is_active(user, event) and is_active(later, event))


def test_the_rate_is_set_for_one_event(admin, event):
    told = admin.post(f"/api/queue/admin/rate/{event}?perSecond=7")
    assert told.json == {"eventId": event, "perSecond": 7}
    assert admin.get(f"/api/queue/admin/{event}").json["perSecond"] == 7


def test_no_rate_is_promised_that_no_round_can_keep(admin, event):
    """A round lets in 1,000 at most, and rounds are 200 ms here."""
    told = admin.post(f"/api/queue/admin/rate/{event}?perSecond=5001")
    assert told.json == {"eventId": event, "perSecond": 5000}
    assert admin.get(f"/api/queue/admin/{event}").json["perSecond"] == 5000


def test_steering_is_for_admins_and_checked_and_audited(room, people, admin, event):
    user, = people(1)
    stranger = room.client()
    for path in (f"clear/{event}", f"threshold/{event}?threshold=1", f"pause/{event}",
                 f"resume/{event}", f"rate/{event}?perSecond=1"):
        assert_error(stranger.post(f"/api/queue/admin/{path}"), 401)
        assert_error(user.http.post(f"/api/queue/admin/{path}"), 403)
    assert_error(user.http.get(f"/api/queue/admin/{event}"), 403)
    for value in ("", "?threshold=", "?threshold=x", "?threshold=-1", "?threshold=1.5"):
        assert_error(admin.post(f"/api/queue/admin/threshold/{event}{value}"), 400)
    gone = str(uuid.uuid4())
    assert_error(admin.post(f"/api/queue/admin/threshold/{gone}?threshold=1"), 404)
    admin.post(f"/api/queue/admin/threshold/{event}?threshold=9")
    rows = room.database.rows(
        "SELECT action, resource_id, request_summary, response_status FROM admin_audit_logs "
        f"WHERE resource_id IN ('{event}', '{gone}') ORDER BY created_at")
    assert [tuple(row) for row in rows] == [
        ("SET_QUEUE_THRESHOLD", gone, "1", "404"), ("SET_QUEUE_THRESHOLD", event, "9", "200")]


def test_a_room_goes_on_after_its_node_was_killed():
    """The same order, and the same people inside."""
    node = start_node(ENTRY_GATE="on", QUEUE_THRESHOLD="2")
    try:
        event = harness.add_event(node.database, "Killed", seats=10)
        users = [User(node) for _ in range(6)]
        answers = [check(user, event) for user in users]
        leave(users[3], event)
        node.kill()
        node.start()
        told = [status(user, event).json for user in users]
        assert [x["status"] for x in told] == [
            "active", "active", "queued", "not_in_queue", "queued", "queued"]
        assert [x.get("position") for x in told] == [None, None, 1, None, 2, 3]
        # Nobody who comes now stands before them.
        late = User(node)
        assert check(late, event).json["position"] == 4
        assert answers[2].json["position"] == 1
    finally:
        node.close()


def test_a_ticket_is_proof_of_a_place_that_was_not_written_down_in_time():
    """Killed at once after the answer: who has the cookie has the place."""
    node = start_node(QUEUE_THRESHOLD="0")
    try:
        event = harness.add_event(node.database, "Killed at once", seats=10)
        users = [User(node) for _ in range(3)]
        check(users[0], event)  # Reserves the numbers.
        answers = [check(user, event) for user in users]
        node.kill()
        node.start()
        late = User(node)
        check(late, event)
        positions = [status(user, event, headers=ticket_of(answer, event)).json.get("position")
                     for user, answer in reversed(list(zip(users, answers)))]
        assert sorted(positions) == positions[::-1] and None not in positions
        told = [status(user, event).json["position"] for user in users]
        assert told == [1, 2, 3]
        assert status(late, event).json["position"] == 4
    finally:
        node.close()


def test_a_room_without_its_record_says_so():
    """1.5; within 5 s."""
    cluster = harness.Cluster()
    node = None
    try:
        cluster.start()
        node = harness.Node(harness.create_database(str(cluster.folder), "queue"),
                            {"ENTRY_GATE": "on"})
        node.command("migrate")
        node.command("seed")
        node.start()
        event = harness.add_event(node.database, "Lost", seats=10)
        user = User(node)
        cluster.kill()
        for answer in (check(user, event), status(user, event)):
            assert_error(answer, 503, "Queue service temporarily unavailable. Please retry.",
                         "UNAVAILABLE")
            assert int(answer.headers["retry-after"]) > 0
        user.http.close()
    finally:
        if node:
            node.kill()
            node.close()
        cluster.close()


def test_visitors_may_wait_where_that_is_allowed():
    """D12: the load profile."""
    node = start_node(QUEUE_ALLOW_ANONYMOUS="true", QUEUE_THRESHOLD="1", ENTRY_GATE="on")
    try:
        event = harness.add_event(node.database, "Rush", seats=10)
        client = node.client()
        answer = client.post(f"/api/queue/check/{event}")
        assert answer.status == 200 and answer.json["status"] == "active", answer
        visitor, attributes = cookies(answer)["tiketi-visitor"]
        assert {"Path=/", "HttpOnly", "Max-Age=86400"} <= set(attributes)
        assert claims_of(answer.json["entryToken"])["uid"] == visitor
        shown = {"Cookie": f"tiketi-visitor={visitor}"}
        again = client.get(f"/api/queue/status/{event}", headers=shown)
        assert again.json["status"] == "active" and "tiketi-visitor" not in cookies(again)
        other = client.post(f"/api/queue/check/{event}")
        assert other.json["position"] == 1
        # Nobody passes for a user by writing the cookie.
        victim = User(node)
        assert check(victim, event).json["position"] == 2
        forged = client.post(f"/api/queue/leave/{event}",
                             headers={"Cookie": f"tiketi-visitor={victim.id}"})
        assert forged.status == 200
        assert status(victim, event).json["position"] == 2
        # What a visitor gets opens nothing for a user.
        user = User(node)
        body = {"eventId": event, "seatIds": [harness.seats_of(node.database, event)[0]]}
        headers = {"x-queue-entry-token": answer.json["entryToken"]}
        assert_error(user.http.post("/api/seats/reserve", body, headers=headers), 403)
        beat = client.post(f"/api/queue/heartbeat/{event}", headers=shown)
        assert beat.json["status"] == "active"
        assert client.post(f"/api/queue/leave/{event}", headers=shown).status == 200
    finally:
        node.close()
