"""Sections 1.8, 2.8 and 4.1 when it gets rough: a killed node under a storm, slots that nobody may
stretch, polls that come too soon, and the record of what organisers did."""
import http.client
import threading
import time

import tiketi_harness as harness
from conftest import User, cookies_of, start_node, until
from queue_room import admin, check, event, leave, people, room, status  # noqa: F401


class Visitor:
    """Somebody with a browser: keeps the ticket, asks again and again, is inside for a few polls.
    Writes down what they were told."""

    def __init__(self, crowd, number):
        self.crowd, self.id = crowd, harness.user_uuid(number)
        self.token = harness.access_token(self.id)
        self.ticket = None
        self.numbers = []  # Each that a ticket named, once.
        self.inside, self.polls, self.done = False, 0, False

    def ask(self, client, verb, path):
        client.token = self.token
        event = self.crowd.event
        shown = {"Cookie": f"tiketi-queue-{event}={self.ticket}"} if self.ticket else {}
        answer = client.request(verb, f"/api/v1/queue/{path}/{event}", headers=shown)
        assert answer.status in (200, 503), answer
        given, _ = cookies_of(answer).get(f"tiketi-queue-{event}", (None, None))
        if given:
            self.ticket = given
            self.numbers.append(int(given.split(".")[2]))
        return answer.json if answer.status == 200 else {}

    def step(self, client):
        if self.done:
            return
        if not self.inside:
            told = self.ask(client, *(("GET", "status") if self.ticket else ("POST", "check")))
            if told.get("status") == "active":
                self.crowd.enters(self)
            return
        self.polls += 1
        if self.polls > 3 and self.crowd.open:
            self.crowd.leaves(self)  # Before it is said: from then on the slot may be another's.
            self.done = True
            self.ask(client, "POST", "leave")


class Crowd:
    def __init__(self, node, event, count):
        self.node, self.event, self.open = node, event, True
        self.lock, self.inside, self.most, self.wrong = threading.Lock(), set(), 0, []
        self.people = [Visitor(self, 9000 + n) for n in range(count)]

    def enters(self, who):
        with self.lock:
            who.inside = True
            self.inside.add(who)
            self.most = max(self.most, len(self.inside))

    def leaves(self, who):
        with self.lock:
            who.inside = False
            self.inside.discard(who)

    def run(self, some, end):
        client = self.node.client(checked=False)
        try:
            while time.monotonic() < end:
                for who in some:
                    try:
                        who.step(client)
                    except (OSError, http.client.HTTPException):  # It was killed.
                        client.close()
                        client = self.node.client(checked=False)
                        time.sleep(0.05)
        except AssertionError as broken:
            self.wrong.append(broken)
        finally:
            client.close()


def test_a_kill_under_a_storm_costs_no_place_and_opens_no_slot_too_many():
    threshold, count, threads = 5, 120, 12
    node = start_node(QUEUE_THRESHOLD=str(threshold), QUEUE_ADMISSION_INTERVAL_MS="100",
                      RATE_LIMIT_QUEUE_RPM="0")
    try:
        night = harness.add_event(node.database, "Storm", seats=10)
        harness.add_users(node.database, 9000, count)
        crowd = Crowd(node, night, count)
        end = time.monotonic() + 9
        running = [threading.Thread(target=crowd.run, args=(crowd.people[n::threads], end))
                   for n in range(threads)]
        for thread in running:
            thread.start()
        for pause in (0.05, 2.5):  # In the middle of the joins, and when all have a place.
            time.sleep(pause)
            node.kill()
            node.start()
        time.sleep(1)
        crowd.open = False  # Who is inside stays, so that the line stands still.
        for thread in running:
            thread.join()
        assert not crowd.wrong, crowd.wrong[0]
        assert 0 < crowd.most <= threshold
        assert any(who.done for who in crowd.people), "nobody got in"
        client = node.client()
        waiting = {}
        for who in crowd.people:
            # Nobody was ever told another number than the first.
            assert len(set(who.numbers)) <= 1, who.numbers
            told = who.ask(client, "GET", "status")
            if told["status"] == "queued":
                waiting[told["position"]] = who.numbers[-1]
            else:  # Whoever had a place has it still, or got the slot for it.
                assert who.inside or who.done, (told, who.numbers)
        assert sorted(waiting) == list(range(1, len(waiting) + 1))
        assert list(waiting[n] for n in sorted(waiting)) == sorted(waiting.values())
        assert len(waiting) + len(crowd.inside) + sum(x.done for x in crowd.people) == count
    finally:
        node.close()


def test_a_slot_ends_at_its_hard_end_however_often_it_is_touched():
    """D32: after three times the life of a slot that is not heard of."""
    node = start_node(QUEUE_ACTIVE_TTL_SECONDS="5", QUEUE_THRESHOLD="1", RATE_LIMIT_QUEUE_RPM="0",
                      QUEUE_ADMISSION_INTERVAL_MS="200")
    try:
        night = harness.add_event(node.database, "Long", seats=10)
        first, second = User(node), User(node)
        assert check(first, night).json["status"] == "active"
        began = time.monotonic()
        check(second, night)

        def is_over():
            # Touched all the time, by whichever call touches; none of them joins again.
            first.http.post(f"/api/queue/heartbeat/{night}")
            status(second, night)
            return status(first, night).json["status"] != "active"
        until(is_over, 25)
        assert time.monotonic() - began > 10, "a touch did not make it longer"
        until(lambda: status(second, night).json["status"] == "active")
        assert status(first, night).json["status"] == "not_in_queue"
    finally:
        node.close()


def test_who_is_away_is_passed_over_and_keeps_the_place(room, people, event):
    """P-64: three polls and half a minute of silence cost the turn, not the place."""
    first, second, away, here = people(4)
    for user in (first, second, away, here):
        check(user, event)
    left = time.monotonic()
    assert status(away, event).json["position"] == 1

    def wait_for(ready, patience):
        def look():
            status(first, event)  # Slots end when nobody hears of them.
            status(second, event)
            return ready()
        until(look, patience)

    wait_for(lambda: status(here, event).json["position"] == 2 and time.monotonic() - left > 36, 45)
    leave(first, event)
    until(lambda: status(here, event).json["status"] == "active")
    back = status(away, event).json
    assert (back["status"], back["position"]) == ("queued", 1), back
    leave(second, event)
    until(lambda: status(away, event).json["status"] == "active")


def test_an_estimate_knows_its_own_event_only(room, people, event):
    """P-61: what another event admits makes nobody's wait shorter."""
    other = harness.add_event(room.database, "Next door", seats=40)
    *waiting, last = people(3)
    for user in (*waiting, last):
        check(user, event)
    for user in people(4):  # After five seconds an event knows its own pace.
        check(user, other)
        leave(user, other)
        time.sleep(1.5)
    *_, behind = others = people(3)
    for user in others:
        check(user, other)
    # Six were let in there and two here, in the same time; counted together they would wait alike.
    def waits(user, where):
        return status(user, where).json["estimatedWait"]
    until(lambda: waits(last, event) > waits(behind, other))


def metric(node, name):
    page = node.client().get("/actuator/prometheus").body.decode()
    return next(float(x.split()[-1]) for x in page.splitlines() if x.startswith(name + " "))


def test_polls_that_come_too_soon_are_counted_and_bring_nothing(room, people, event):
    users = people(5)
    answers = [check(user, event) for user in users]
    ticket, _ = cookies_of(answers[4])[f"tiketi-queue-{event}"]
    before = metric(room, "business_queue_early_polls_total")
    eager = {"Cookie": f"tiketi-queue-{event}={ticket}"}
    until(lambda: status(users[4], event, headers=eager).json["position"] == 3
          and metric(room, "business_queue_early_polls_total") >= before + 10)
    assert status(users[3], event).json["position"] == 2


def test_whatever_an_organiser_does_is_on_record(room, admin, event):
    words = [("pause", "PAUSE_QUEUE", ""), ("resume", "RESUME_QUEUE", ""),
             ("rate", "SET_QUEUE_RATE", "7"), ("threshold", "SET_QUEUE_THRESHOLD", "0"),
             ("follow-inventory", "FOLLOW_INVENTORY", ""), ("clear", "CLEAR_QUEUE", ""),
             ("pre-queue", "SET_PRE_QUEUE", "2099-01-01T00:00:00.000Z")]
    numbers = "?perSecond=7&threshold=0&opensAt=2099-01-01T00:00:00Z"
    for path, _, _ in words:
        assert admin.post(f"/api/queue/admin/{path}/{event}{numbers}").status == 200
    for path, action in (("follow-inventory", "IGNORE_INVENTORY"), ("pre-queue", "DROP_PRE_QUEUE")):
        assert admin.post(f"/api/queue/admin/{path}/{event}?enabled=false").status == 200
        words.append((path, action, ""))
    rows = room.database.rows(
        "SELECT action, coalesce(request_summary, ''), response_status FROM admin_audit_logs "
        f"WHERE resource_id = '{event}' ORDER BY created_at")
    assert [tuple(row) for row in rows] == [(x[1], x[2], "200") for x in words]
