"""What operators try and what they are told: on record with their names, in words that help."""
import pathlib
import sys
import time
import uuid

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import operators  # noqa: E402
from inspector import harness, inspect  # noqa: E402

ID = str(uuid.uuid4())
NIL = str(uuid.UUID(int=0))
TEXT = ("--level", "info", "--ko", "가", "--en", "Hello")
CHANGES = {("brake", "event", ID, "--reason", "x"): "STOP_SALES",
           ("release", "all"): "RESUME_SALES",
           ("drain", ID): "DRAIN_NODE", ("undrain", ID): "UNDRAIN_NODE",
           ("rebalance",): "REBALANCE_SHARDS", ("move", f"event:{ID}", ID): "MOVE_SHARD",
           ("notice", "add", *TEXT): "CREATE_NOTICE",
           ("notice", "change", ID, *TEXT): "UPDATE_NOTICE",
           ("notice", "remove", ID): "DELETE_NOTICE",
           ("reconcile",): "RECONCILE",
           ("cases", "close", ID, "--reason", "x"): "CLOSE_CASE"}


@pytest.fixture(scope="module")
def node(cluster):
    running = operators.OperatedNode(harness.create_database(str(cluster.folder), "tried"))
    running.command("migrate")
    running.start()
    yield running
    running.close()


def say(node, *args, name="bob"):
    return inspect(*args, "--node", node.url, env={"INSPECT_TOKEN": operators.token_of(name)})


def noted(node, more="true"):
    return node.database.rows(
        "SELECT action, response_status, request_summary, coalesce(resource_id::text, '') "
        f"FROM admin_audit_logs WHERE {more} ORDER BY created_at")


def denied(line, event, route):
    return (line.get("component"), line.get("event"), line.get("route")) == \
        ("security", event, route)


def test_what_a_reader_tries_is_on_record(node):
    for words in CHANGES:
        refused = say(node, *words, name="ann")
        assert refused.returncode == 2 and "role operator" in refused.stderr, (words, refused)
    # The key of a loss is not known by chance.
    assert node.ask("/operator/losses/accept", "ann", {"key": "k", "reason": "가" * 400})[0] == 403
    rows = noted(node)
    assert [x[0] for x in rows] == [*CHANGES.values(), "ACCEPT_LOSS"], rows
    assert all(x[1] == "403" and x[2].startswith("ann: refused") for x in rows), rows
    by_action = {x[0]: x for x in rows}
    for about in ("STOP_SALES", "DRAIN_NODE", "UPDATE_NOTICE", "DELETE_NOTICE", "CLOSE_CASE"):
        assert by_action[about][3] == ID, rows
    assert '"scope":"event"' in by_action["STOP_SALES"][2]
    assert '"operationId"' in by_action["REBALANCE_SHARDS"][2]
    # Whoever only looks leaves nothing.
    assert say(node, "brakes", name="ann").returncode == 0
    assert len(noted(node)) == len(rows)


def test_who_bears_an_unknown_token_is_in_the_log(node):
    stranger = inspect("drain", ID, "--node", node.url, env={"INSPECT_TOKEN": "stolen"})
    assert stranger.returncode == 2 and "does not know this token" in stranger.stderr
    lines = node.log_until(lambda x: denied(x, "token_denied", "/operator/placement/drain"))
    assert lines and "stolen" not in str(lines)


def test_the_record_says_what_was_said(node):
    operation = str(uuid.uuid4())
    say(node, "undrain", ID, "--operation", operation)
    assert noted(node)[-1][2] == f"bob: undrain (operation {operation})"
    say(node, "drain", ID, "--operation", operation)
    assert noted(node)[-1][2] == f"bob: drain (operation {operation})"
    for words in (("drain", ID), ("rebalance",), ("brake", "all", "--reason", "x"),
                  ("notice", "add", *TEXT), ("reconcile",)):
        refused = say(node, *words, "--operation", "no-uuid")
        assert refused.returncode == 2 and "operationId must be a uuid" in refused.stderr, refused
        row = noted(node)[-1]
        assert row[1] == "400" and row[2].endswith("(operation malformed)"), row
        assert NIL not in str(row), row


def test_another_reason_is_told_and_on_record(node):
    first = say(node, "brake", "holds", "--reason", "We look")
    assert (first.returncode, first.stderr) == (0, "") and "done" in first.stdout
    second = say(node, "brake", "holds", "--reason", "Back at 10:00")
    assert "nothing to change" not in second.stdout
    assert "Back at 10:00" in second.stdout and "We look" not in second.stdout
    assert "nothing to change" in say(node, "brake", "holds", "--reason", "Back at 10:00").stdout
    rows = noted(node, "action = 'STOP_SALES' AND response_status = 200")
    assert ["We look" in x[2] for x in rows] == [True, False, False]
    client = node.client(token=harness.access_token(harness.user_uuid(1)))
    refused = client.post("/api/seats/reserve", {"eventId": ID, "seatIds": [ID]})
    client.close()
    assert refused.json["message"] == "Sales are stopped: Back at 10:00", refused
    assert "nothing is stopped" in say(node, "release", "holds").stdout


def test_an_event_that_is_none_is_not_found(node):
    for words in (("brake", "event", NIL, "--reason", "x"), ("release", "event", NIL),
                  ("brake", "queue", NIL, "--reason", "x")):
        refused = say(node, *words)
        assert refused.returncode == 2 and "Event not found" in refused.stderr, (words, refused)
    assert "eventId required" in say(node, "brake", "event", "--reason", "x").stderr
    assert node.ask("/operator/sales")[1]["stopped"] is False


def test_without_postgresql_they_hear_what_is_away(cluster, node):
    event = harness.add_event(node.database, "Hall", seats=1)
    seat = harness.seats_of(node.database, event)[0]
    cluster.kill()
    try:
        for words in (*CHANGES, ("where", f"seat:{seat}")):
            words = tuple(seat if x == ID and words[0] == "where" else x for x in words)
            deadline = time.monotonic() + 30  # What is under way when it goes is not known.
            while "PostgreSQL cannot be asked" not in (said := say(node, *words)).stderr:
                assert time.monotonic() < deadline, (words, said)
            assert said.returncode == 2
        # A reader is refused all the same: nothing has to be on record for that.
        refused = say(node, "rebalance", name="ann")
        assert refused.returncode == 2 and "role operator" in refused.stderr
        # The first such line was of a try that is on record.
        assert node.log_until(lambda _: len([
            x for x in node.log_lines()
            if denied(x, "admin_denied", "/operator/placement/rebalance")]) == 2)
    finally:
        cluster.start()
