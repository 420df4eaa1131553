"""Toss Payments as a process of its own that may be killed: it remembers what it has said.

    provider.py SOCKET_FD JOURNAL SEED NODE_URL [NODE_URL ...]

Whatever changes is a line of the journal before anybody hears of it; whoever starts again reads
them. The listening socket belongs to who started it, so callers who come meanwhile wait in line.
A node's calls begin with /nN, its number. Callbacks go to the nodes until one of them says 200.

Somebody may wait for it at a point (`POST /fake/trap {at}`): once, whoever gets there is told of on
stdout, {"at", "node"}, and goes on after `POST /fake/release`, or when patience is over.
"""
import base64
import collections
import datetime
import hashlib
import hmac
import http.client
import json
import os
import pathlib
import random
import re
import socket
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "payment"))
from fake_server import FakeHandler, Server  # noqa: E402
from toss_fake import TossFake  # noqa: E402

WEBHOOK_KEY = "0123456789abcdef0123456789abcdef"
TRAP_PATIENCE_S = 3.0
# Where it can be waited for, in the order in which a purchase and its refund get there.
POINTS = ("page arrived", "page done", "confirm arrived", "confirm done", "confirm answered",
          "callback due", "callback sent", "cancel arrived", "cancel done", "cancel answered")


def signed(body, sent_at, key=WEBHOOK_KEY):
    """The headers of a callback."""
    mac = hmac.new(key.encode(), f"{body}:{sent_at}".encode(), hashlib.sha256).digest()
    return {"Content-Type": "application/json",
            "tosspayments-webhook-signature": "v1:" + base64.b64encode(mac).decode(),
            "tosspayments-webhook-transmission-time": sent_at}


def lines_of(path):
    """The whole lines of a journal; one that was being written when its writer died never was."""
    raw = path.read_bytes() if path.exists() else b""
    return [json.loads(x) for x in raw[:raw.rfind(b"\n") + 1].splitlines()]


def books_of(path):
    """[what, payment key, amount] in order, and the order id of each payment key."""
    books, orders = [], {}
    for line in lines_of(path):
        books += line.get("books", [])
        if "payment" in line:
            orders[line["payment"]["paymentKey"]] = line["payment"]["orderId"]
    return books, orders


class DurableToss(TossFake):
    def __init__(self, journal, seed, nodes):
        super().__init__()
        self.nodes, self.dice = nodes, random.Random(seed)
        self.trapped, self.released = None, threading.Event()
        self.owed = collections.deque()  # Callbacks: [order id, payment key, status].
        self.told_of = set()
        self.refused = 0                 # Forged ones that were believed: must stay 0.
        self.local = threading.local()
        self.replay(journal)
        self.out = open(journal, "ab", buffering=0)
        for _ in range(2):
            threading.Thread(target=self.call_back_all, daemon=True).start()

    # -- what it remembers --------------------------------------------------------------------

    def replay(self, journal):
        for line in lines_of(journal):
            if "payment" in line:
                self.payments[line["payment"]["paymentKey"]] = line["payment"]
            if line.get("key"):
                self.answers[line["key"]] = (line["asked"], tuple(line["answer"]))
            self.books += line.get("books", [])
            if "told_of" in line:
                self.told_of.add(tuple(line["told_of"]))
        raw = journal.read_bytes() if journal.exists() else b""
        if not raw.endswith(b"\n") and raw:
            with open(journal, "r+b") as torn:
                torn.truncate(raw.rfind(b"\n") + 1)
        for what, key, _ in self.books:
            self.owe(what, key)

    def note(self, **line):
        self.out.write(json.dumps(line).encode() + b"\n")

    def handle(self, step, argument, body, headers):
        with self.lock:
            before, key = len(self.books), headers.get("Idempotency-Key")
            known = key in self.answers
            result = super().handle(step, argument, body, headers)
            payment = self.payments.get(body.get("paymentKey") or argument)
            if payment and step in ("confirm", "cancel") and not known:
                line = {"payment": payment, "books": self.books[before:]}
                if key in self.answers:
                    asked, answer = self.answers[key]
                    line.update(key=key, asked=asked, answer=answer)
                self.note(**line)
            for what, of, _ in self.books[before:]:
                self.owe(what, of)
        self.local.well = result[0] == 200
        if self.local.well:
            self.reach(f"{step} done")
        return result

    def authenticate(self, order_id, amount, payment_key, **how):
        if payment_key in self.payments:  # The buyer's browser asks again.
            return
        super().authenticate(order_id, amount, payment_key, **how)
        self.note(payment=self.payments[payment_key], books=[])

    def control(self, what, body):
        if what == "trap":
            with self.lock:
                self.released.clear()
                self.trapped = body["at"]
            return {}
        if what == "release":
            self.trapped = None
            self.released.set()
            return {}
        if what == "state":
            with self.lock:
                return {"owed": len(self.owed), "believed": self.refused}
        if what != "authenticate":
            return super().control(what, body)
        self.reach("page arrived")
        answer = super().control(what, body)
        self.reach("page done")
        return answer

    # -- where it can be waited for -------------------------------------------------------------

    def reach(self, point, wait=True):
        with self.lock:
            if self.trapped != point:
                return
            self.trapped = None
        print(json.dumps({"at": point, "node": getattr(self.local, "node", None)}), flush=True)
        if wait:
            self.released.wait(TRAP_PATIENCE_S)

    # -- callbacks ------------------------------------------------------------------------------

    def owe(self, what, key):
        status = "DONE" if what == "capture" else "CANCELED"
        if (key, status) not in self.told_of:
            self.owed.append([self.payments[key]["orderId"], key, status])

    def call_back_all(self):
        dice = random.Random(self.dice.random())
        while True:
            time.sleep(dice.uniform(0.005, 0.1))
            try:
                order, key, status = self.owed.popleft()
            except IndexError:
                continue
            node = dice.choice(self.nodes)
            self.local.node = self.nodes.index(node)
            self.reach("callback due")
            said = self.call_back(node, order, key, status)
            if said == 200 and dice.random() < 0.8:  # Some come twice.
                with self.lock:
                    self.told_of.add((key, status))
                    self.note(told_of=[key, status])
            else:
                self.owed.append([order, key, status])
                time.sleep(0.2)
            if dice.random() < 0.05:
                self.refused += self.call_back(dice.choice(self.nodes), order, key, "DONE",
                                               forged=True) == 200

    def call_back(self, node, order, key, status, forged=False):
        korea = datetime.timezone(datetime.timedelta(hours=9))
        sent_at = datetime.datetime.now(korea).isoformat(timespec="seconds")
        body = json.dumps({
            "eventType": "PAYMENT_STATUS_CHANGED", "createdAt": sent_at,
            "data": {"orderId": order, "paymentKey": key, "status": status, "totalAmount": 1}})
        host, port = re.fullmatch(r"http://([^:]+):(\d+)", node).groups()
        connection = http.client.HTTPConnection(host, int(port), timeout=5)
        try:
            connection.request("POST", "/api/v1/webhooks/toss", body, signed(
                body, sent_at, "x" * 32 if forged else WEBHOOK_KEY))
            if not forged:
                self.reach("callback sent", wait=False)
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()


class Handler(FakeHandler):
    def serve(self):
        found = re.match(r"/n(\d+)(/.*)", self.path)
        self.fake.local.node = int(found[1]) if found else None
        if found:
            self.path = found[2]
        super().serve()

    def play(self, step, argument, body):
        self.fake.local.well = False
        self.fake.reach(f"{step} arrived")
        if step in ("confirm", "cancel"):
            time.sleep(self.fake.dice.uniform(0.002, 0.02))
        super().play(step, argument, body)
        if self.fake.local.well:
            self.fake.reach(f"{step} answered", wait=False)


def main():
    fd, journal, seed, *nodes = sys.argv[1:]
    fake = DurableToss(pathlib.Path(journal), f"{seed}/{os.getpid()}", nodes)
    Handler.fake = fake
    listening = socket.socket(fileno=int(fd))
    server = Server(listening.getsockname(), Handler, bind_and_activate=False)
    server.socket.close()
    server.socket = listening
    print(json.dumps({"at": "start"}), flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
