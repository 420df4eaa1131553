"""Compares answers with what /openapi.json promises: routes, statuses, types and shapes (G51)."""
import functools
import json
import re

import jsonschema

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(Z|\+00:00)")
# What the server may say before it knows the route: of the address, the form or the load.
BEFORE_ROUTES = {400, 401, 403, 404, 405, 408, 413, 429, 431, 500, 503}
ITEMS_MAX = 50  # Of long lists the first ones are looked at.
FORMATS = jsonschema.FormatChecker(formats=())


@FORMATS.checks("uuid")
def is_uuid(value):
    return not isinstance(value, str) or UUID.fullmatch(value) is not None


@FORMATS.checks("date-time")
def is_time(value):
    return not isinstance(value, str) or TIME.fullmatch(value) is not None


def shortened(value):
    if isinstance(value, dict):
        return {k: shortened(v) for k, v in value.items()}
    if isinstance(value, list):
        return [shortened(v) for v in value[:ITEMS_MAX]]
    return value


class Contract:
    """One description; `check` raises AssertionError for an answer it does not describe."""

    def __init__(self, document):
        self.document = document
        self.templates = []
        for path, operations in document["paths"].items():
            parts = re.split(r"\{\w+\}", path)
            pattern = re.compile("([^/]+)".join(re.escape(p) for p in parts))
            self.templates.append((path.count("{"), pattern, operations))
        self.templates.sort(key=lambda x: x[0])  # A literal part wins over a parameter.

    def operations(self, path):
        """All methods of a path: templates of the same shape share it."""
        found = {}
        for _, pattern, operations in self.templates:
            if pattern.fullmatch(path):
                for method, operation in operations.items():
                    found.setdefault(method, operation)
        return found

    @functools.lru_cache(maxsize=None)
    def validator(self, schema_text):
        schema = json.loads(schema_text)
        jsonschema.Draft202012Validator.check_schema(schema)
        schema["components"] = self.document["components"]  # What `$ref` points to.
        return jsonschema.Draft202012Validator(schema, format_checker=FORMATS)

    def check_body(self, where, schema, body):
        validator = self.validator(json.dumps(schema))
        for error in validator.iter_errors(shortened(json.loads(body))):
            at = "/".join(str(x) for x in error.absolute_path)
            raise AssertionError(f"{where}: /{at}: {error.message[:300]}")

    def check_error(self, where, described, body):
        """The envelope of 1.5, with a code that the operation lists."""
        if not isinstance(body, dict) or "error" not in body:
            return  # An answer of its own, of that status.
        assert body["error"] == body["message"], f"{where}: two texts: {body}"
        assert body["code"] in described.get("x-codes", ()), \
            f"{where} with {body['code']}, not one of {described.get('x-codes')}"

    def check(self, method, target, answer):
        path = re.sub(r"^/api/v1(?=/|$)", "/api", target.split("?")[0].split("#")[0])
        where = f"{method} {target} answered {answer.status}"
        for header in ("x-request-id", "x-content-type-options", "x-frame-options", "vary"):
            assert header in answer.headers, f"{where} without {header}"
        if method == "OPTIONS":
            assert answer.status in (204, 400, 405, 503), where
            return
        operations = self.operations(path)
        operation = operations.get("get" if method == "HEAD" else method.lower())
        if operation is None:
            assert answer.status in BEFORE_ROUTES, f"{where}, which is not described"
            self.check_body(where, {"$ref": "#/components/schemas/Error"}, answer.body)
            body = json.loads(answer.body)
            assert body["error"] == body["message"], f"{where}: two texts: {body}"
            return
        described = operation["responses"].get(str(answer.status))
        assert described, f"{where}: that status is not described: {answer!r}"
        if method == "HEAD":
            return
        content = described.get("content", {})
        kind = answer.headers.get("content-type", "").split(";")[0]
        if not content:
            assert not answer.body, f"{where} with a body that is not described"
            return
        assert kind in content, f"{where} as {kind}, not as {list(content)}"
        if kind == "application/json" and "content-encoding" not in answer.headers:
            self.check_body(where, content[kind]["schema"], answer.body)
            if answer.status >= 400:
                self.check_error(where, described, json.loads(answer.body))
