"""Rude clients beside honest ones: every answer must be the asker's own.

Some clients leave in the middle of a request or of an answer, some never read. Descriptors are
reused all the time, so an answer that is sent by descriptor alone would reach a stranger. Honest
clients check what only they can know: their request id, their user, their reservation.

SOAK_SECONDS makes it longer than the 15 seconds of every test run.
"""
import os
import pathlib
import random
import socket
import struct
import sys
import threading
import time
import uuid

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "load"))
import tiketi_harness as harness  # noqa: E402

SECONDS = float(os.environ.get("SOAK_SECONDS", "15"))
HONEST, RUDE = 12, 12
USERS = 500


@pytest.fixture(scope="module")
def world():
    host = dict(x.split("=") for x in os.environ["TIKETI_TEST_PG"].split())["host"]
    db = harness.create_database(host, "soak")
    node = harness.Node(db, {"MAX_ACTIVE_HOLDS_PER_USER_EVENT": "0",
                             "RESERVATION_TTL_SECONDS": "3"})
    node.command("migrate")
    harness.add_users(db, 0, USERS)
    event = harness.add_event(db, "Soak", seats=4900)
    node.start()
    yield node, db, event, harness.seats_of(db, event)
    node.close()


class Soak:
    def __init__(self, node, event, seats):
        self.node, self.event, self.seats = node, event, seats
        self.wrong, self.answers, self.rude_acts = [], 0, 0
        self.slowest = 0.0
        self.guard, self.stop = threading.Lock(), threading.Event()

    def run(self):
        threads = [threading.Thread(target=self.honest, args=(i,)) for i in range(HONEST)]
        threads += [threading.Thread(target=self.rude, args=(i,)) for i in range(RUDE)]
        for t in threads:
            t.start()
        time.sleep(SECONDS)
        self.stop.set()
        for t in threads:
            t.join()

    def honest(self, number):
        try:
            self._honest(random.Random(number), number)
        except Exception as e:  # An answer that never came, or could not be parsed.
            with self.guard:
                self.wrong.append(repr(e))

    def _honest(self, dice, number):
        n = number
        while not self.stop.is_set():
            n = (n + HONEST) % (USERS // HONEST * HONEST)
            user = harness.user_uuid(n)
            client = self.node.client(token=harness.access_token(user), timeout=10)
            seat, key = dice.choice(self.seats), str(uuid.uuid4())
            self.ask(client, "POST", "/api/seats/reserve", lambda a: self.own_reservation(a, seat),
                     {"eventId": self.event, "seatIds": [seat], "idempotencyKey": key})
            self.ask(client, "GET", f"/api/events/{self.event}",
                     lambda a: a.json["event"]["id"] == self.event)
            self.ask(client, "GET", f"/api/reservations/{uuid.uuid4()}",
                     lambda a: a.status in (404, 503))
            client.close()

    @staticmethod
    def own_reservation(answer, seat):
        if answer.status != 200:
            return answer.status in (409, 503)
        return [s["id"] for s in answer.json["reservation"]["seats"]] == [seat]

    def ask(self, client, method, path, is_own, body=None):
        mine = str(uuid.uuid4())
        begin = time.monotonic()
        answer = client.request(method, path, body=body, headers={"X-Request-Id": mine})
        took = time.monotonic() - begin
        with self.guard:
            self.answers += 1
            self.slowest = max(self.slowest, took)
            if answer.headers.get("x-request-id") != mine or not is_own(answer):
                self.wrong.append((mine, path, answer.headers, answer.body[:300]))

    def rude(self, number):
        dice = random.Random(1000 + number)
        deaf = []
        while not self.stop.is_set():
            try:
                act = dice.choice((self.leave_in_request, self.leave_before_answer,
                                   self.leave_in_answer, self.never_read))
                kept = act(dice)
                if kept:
                    deaf.append(kept)
                if len(deaf) > 8:
                    deaf.pop(0).close()
            except OSError:
                pass
            with self.guard:
                self.rude_acts += 1
            time.sleep(0.005)
        for s in deaf:
            s.close()

    def connect(self):
        s = socket.create_connection(("127.0.0.1", self.node.port), timeout=5)
        # Leaves with a reset, as a phone that loses its network does.
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return s

    def reserve_bytes(self, dice):
        user = harness.user_uuid(dice.randrange(USERS))
        body = f'{{"eventId":"{self.event}","seatIds":["{dice.choice(self.seats)}"]}}'
        return (f"POST /api/seats/reserve HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "
                f"{harness.access_token(user)}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\n\r\n{body}").encode()

    def leave_in_request(self, dice):
        with self.connect() as s:
            data = self.reserve_bytes(dice)
            s.sendall(data[:dice.randrange(1, len(data))])

    def leave_before_answer(self, dice):
        with self.connect() as s:
            s.sendall(self.reserve_bytes(dice))
            time.sleep(dice.choice((0, 0.0005, 0.002)))

    def leave_in_answer(self, dice):
        with self.connect() as s:
            s.sendall(f"GET /api/seats/events/{self.event} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            s.recv(dice.randrange(1, 4000))

    def never_read(self, _):
        s = self.connect()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.sendall(f"GET /api/seats/events/{self.event} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        return s


def test_every_answer_is_the_askers_own(world):
    node, db, event, seats = world
    soak = Soak(node, event, seats)
    soak.run()
    assert soak.wrong == [], (len(soak.wrong), soak.wrong[:3])
    assert soak.answers > 100 and soak.rude_acts > 100, (soak.answers, soak.rude_acts)
    assert soak.slowest < 5, f"somebody waited {soak.slowest:.1f} s"
    assert node.process.poll() is None
    time.sleep(4)  # The holds of the last ones run out.
    assert harness.judge(db) == {}
    open_files = len(os.listdir(f"/proc/{node.process.pid}/fd"))
    assert open_files < 120, f"{open_files} descriptors are open after everybody has left"
