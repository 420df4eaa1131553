"""What fakes of payment providers share: a server with keep-alive, faults on demand, and control.

A fault is named by where it strikes: {"on": "confirm", "is": "lose-answer", "times": 1, "ms": 0}.

  refuse-before   500 before anything is done
  drop-before     the connection ends before anything is done
  lose-answer     done, and the connection ends without an answer
  fail-after      done, and answered with 500
  slow            done after `ms`
  slow-answer     done at once, answered after `ms`
  garbage         done, and the answer is no JSON
  cut             done, and the answer ends in the middle
  huge            done, and the answer is longer than anybody wants
  redirect        not done: sent elsewhere
  forged          done, and the answer tells of another order and amount
  proxy-404       not done: a 404 by something in between
"""
import json
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Fake:
    """Its state, guarded by one lock; a provider adds `handle`."""

    def __init__(self):
        self.lock = threading.RLock()
        self.faults = []
        self.calls = []      # [step, idempotency key]
        self.elsewhere = 0   # Whoever followed a redirect.
        self.server = None

    def fault_at(self, step):
        with self.lock:
            for fault in self.faults:
                if fault["on"] == step and fault.get("times", 1) > 0:
                    fault["times"] = fault.get("times", 1) - 1
                    return fault
        return {"is": ""}

    def start(self, port=0):
        fake = self

        class Handler(FakeHandler):
            pass

        Handler.fake = fake
        self.server = Server(("127.0.0.1", port), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    # -- for the provider ---------------------------------------------------------------------

    def route(self, method, path):
        """(step, argument) of a path, or None."""
        raise NotImplementedError

    def handle(self, step, argument, body, headers):
        """(status, answer as a dict)"""
        raise NotImplementedError

    def forge(self, answer):
        raise NotImplementedError

    def control(self, what, body):
        """What tests say: `faults` replaces them; a provider adds more."""
        with self.lock:
            if what == "faults":
                self.faults = body["faults"]
                return {}
            if what == "calls":
                return {"calls": self.calls, "elsewhere": self.elsewhere}
        raise KeyError(what)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


class FakeHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    fake = None

    def log_message(self, *args):
        pass

    def do_GET(self):
        self.serve()

    def do_POST(self):
        self.serve()

    def serve(self):
        length = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(length)
        body = json.loads(raw) if raw else {}
        if self.path.startswith("/elsewhere"):
            self.fake.elsewhere += 1
            return self.answer(200, {})
        if self.path.startswith("/fake/"):
            return self.answer(200, self.fake.control(self.path[len("/fake/"):], body))
        found = self.fake.route(self.command, self.path)
        if not found:
            return self.answer(404, {"code": "NOT_FOUND", "message": "no such path"})
        self.play(*found, body)

    def play(self, step, argument, body):
        fault = self.fake.fault_at(step)
        kind = fault["is"]
        if kind == "refuse-before":
            return self.answer(500, {"code": "UNKNOWN", "message": "try again"})
        if kind == "drop-before":
            return self.hang_up()
        if kind == "redirect":
            return self.answer(302, {}, {"Location": "/elsewhere"})
        if kind == "proxy-404":
            return self.answer(404, None)
        if kind == "slow":
            time.sleep(fault["ms"] / 1000)
        status, said = self.fake.handle(step, argument, body, self.headers)
        if kind == "lose-answer":
            return self.hang_up()
        if kind == "fail-after":
            return self.answer(500, {"code": "UNKNOWN", "message": "try again"})
        if kind == "slow-answer":
            time.sleep(fault["ms"] / 1000)
        if kind == "huge":
            said = {**said, "padding": "x" * 1_000_000}
        if kind == "forged":
            said = self.fake.forge(said)
        if kind == "garbage":
            return self.answer(status, None)
        self.answer(status, said, cut=kind == "cut")

    def answer(self, status, body, headers=None, cut=False):
        raw = b"<html>sorry" if body is None else json.dumps(body).encode()
        try:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(raw)))
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(raw[:len(raw) // 2] if cut else raw)
            self.wfile.flush()
        except OSError:  # The caller's patience was over.
            self.close_connection = True
        if cut:
            self.hang_up()

    def hang_up(self):
        self.close_connection = True
        try:
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
