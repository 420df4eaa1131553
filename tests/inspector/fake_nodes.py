"""Operators' listeners that answer as a test says: what a command asks of whom, without a shop."""
import contextlib
import http.server
import json
import socket
import threading

#: Good for whatever is asked.
ANSWER = {"node": "n", "at": "2026-11-22T12:00:00Z", "parts": [], "missing": [], "notes": [],
          "changed": True, "brakes": [], "notices": [], "id": "i", "message": "so it is"}


class FakeNode:
    """`answer(path, body)` gives (status, JSON); by default everything is done. `heard` are the
    requests so far: (method, path, body, token)."""

    def __init__(self, answer=None):
        self.answer = answer or (lambda path, body: (200, ANSWER))
        self.heard = []
        node = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def respond(self):
                size = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(size)) if size else None
                token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
                node.heard.append((self.command, self.path, body, token))
                status, said = node.answer(self.path, body)
                data = json.dumps(said).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PUT = do_DELETE = respond

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def changes(self):
        """The requests that were to change something."""
        return [x for x in self.heard if x[0] != "GET"]

    def bodies(self):
        return [x[2] for x in self.changes()]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@contextlib.contextmanager
def fakes(*answers):
    """A node for each of the answers."""
    nodes = [FakeNode(x) for x in answers]
    try:
        yield nodes
    finally:
        for node in nodes:
            node.close()


def told(*parts, missing=(), node="n"):
    """The answer to a look."""
    return {"node": node, "at": "2026-11-22T12:00:00Z", "missing": list(missing), "notes": [],
            "parts": [{"from": origin, "as_of": "2026-11-22T12:00:00Z", "age_ms": 1, "data": data}
                      for origin, data in parts]}


@contextlib.contextmanager
def hung():
    """The URL of a node that takes what it is sent and says nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=50) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@contextlib.contextmanager
def unreachable():
    """The URL of a node that cannot even be connected to: nobody answers the first packet."""
    with contextlib.ExitStack() as kept:
        listener = kept.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):  # As many as it keeps for later, and some.
            waiting = kept.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
