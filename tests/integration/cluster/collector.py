"""An OpenTelemetry collector that keeps what it is sent, or that never answers."""
import http.server
import json
import socket
import threading
import time


class Collector:
    """Takes OTLP/HTTP in JSON."""

    def __init__(self):
        self.guard, self.got = threading.Condition(), []
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                assert self.path == "/v1/traces", self.path
                assert self.headers["Content-Type"] == "application/json"
                collector.add(json.loads(body))
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def add(self, body):
        spans = []
        for resource in body["resourceSpans"]:
            about = {x["key"]: x["value"]["stringValue"]
                     for x in resource["resource"]["attributes"]}
            assert about["service.name"] == "tiketi"
            for scope in resource["scopeSpans"]:
                spans += [dict(x, node=about["service.instance.id"]) for x in scope["spans"]]
        with self.guard:
            self.got += spans
            self.guard.notify_all()

    def trace(self, trace_id, whole, patience=30):
        """The spans of a trace, as soon as `whole` holds of them."""
        deadline = time.monotonic() + patience
        with self.guard:
            while True:
                mine = [x for x in self.got if x["traceId"] == trace_id]
                if whole(mine):
                    return mine
                left = deadline - time.monotonic()
                assert left > 0 and self.guard.wait(left), mine

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class SilentCollector:
    """Takes connections and says nothing."""

    def __init__(self):
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        self.socket.listen(128)
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"

    def close(self):
        self.socket.close()
