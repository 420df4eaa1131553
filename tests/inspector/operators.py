"""Tokens for the operators' listener, and a node that has one."""
import hashlib
import urllib.error
import urllib.request
import json

from inspector import harness

TOKENS = {"ann": ("reader", "a token of ann's"), "bob": ("operator", "a token of bob's")}


def configured():
    return ",".join(f"{name}:{role}:{hashlib.sha256(token.encode()).hexdigest()}"
                    for name, (role, token) in TOKENS.items())


def token_of(name):
    return TOKENS[name][1]


class OperatedNode(harness.Node):
    """A node with an operators' listener on a port of its own."""

    def __init__(self, database, env=None):
        self.operator_port = harness.free_port()
        super().__init__(database, {"OPERATOR_PORT": str(self.operator_port),
                                    "OPERATOR_TOKENS": configured(), **(env or {})})
        self.url = f"http://127.0.0.1:{self.operator_port}"

    def ask(self, path, name="ann", body=None, headers=None, json_bytes=None):
        """(status, decoded body) of one request; `name` None bears no token; `json_bytes` is sent
        as it is."""
        request = urllib.request.Request(self.url + path, headers=dict(headers or {}))
        if name:
            request.add_header("Authorization", "Bearer " + token_of(name))
        if body is not None or json_bytes is not None:
            request.data = json.dumps(body).encode() if json_bytes is None else json_bytes
            request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as refused:
            return refused.code, json.loads(refused.read())
