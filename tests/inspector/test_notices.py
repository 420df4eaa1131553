"""Operators tell buyers something with tiketi-inspect (G08)."""
import json
import pathlib
import sys
import time
import uuid

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import operators  # noqa: E402
from inspector import harness, inspect  # noqa: E402


@pytest.fixture(scope="module")
def node(cluster):
    running = operators.OperatedNode(harness.create_database(str(cluster.folder), "noticed"))
    running.command("migrate")
    running.start()
    yield running
    running.close()


def say(node, *args, name="bob", at=None):
    return inspect(*args, "--node", at or node.url,
                   env={"INSPECT_TOKEN": operators.token_of(name)})


def done(node, *args):
    said = say(node, "notice", *args, "--json")
    assert (said.returncode, said.stderr) == (0, ""), (args, said)
    return json.loads(said.stdout)


def shown(node):
    """What every page is told."""
    client = node.client()
    answer = client.get("/api/notices")
    client.close()
    assert answer.status == 200, answer
    return answer.json


TEXT = ("--ko", "점검 중", "--en", "Maintenance")


def test_a_notice_is_written_changed_and_taken_back(node):
    said = say(node, "notice", "add", "--level", "warning", *TEXT)
    assert (said.returncode, said.stderr) == (0, "")
    assert "within 10 s" in said.stdout and "점검 중" in said.stdout
    told = shown(node)["notices"]
    assert [x["text"] for x in told] == [{"ko": "점검 중", "en": "Maintenance"}]
    made = told[0]["id"]
    event = harness.add_event(node.database, "Hall", seats=1)
    changed = done(node, "change", made, "--level", "incident", "--ko", "중단", "--en", "Stopped",
                   "--event", event, "--until", "2099-01-01T00:00:00+09:00")
    assert changed["changed"] is True
    told = shown(node)["notices"][0]
    assert (told["id"], told["level"], told["event_id"]) == (made, "incident", event)
    assert told["ends_at"].startswith("2098-12-31T15:00:00")
    assert done(node, "remove", made)["changed"] is True
    assert shown(node)["notices"] == []
    assert "nothing to change" in say(node, "notice", "remove", made).stdout


def test_it_is_looked_at_with_those_to_come(node):
    later = done(node, "add", "--level", "info", *TEXT, "--from", "2099-01-01T00:00:00Z")["id"]
    now = done(node, "add", "--level", "info", *TEXT)["id"]
    looked = say(node, "notices", "--json", name="ann")
    assert looked.returncode == 0
    part = json.loads(looked.stdout)["parts"][0]
    assert part["from"] == "memory" and 0 <= part["age_ms"] < 10_000
    assert {(x["notice"], x["shown"], x["by"]) for x in part["data"]["notices"]} == \
        {(later, False, "bob"), (now, True, "bob")}
    assert "점검 중" in say(node, "notices", name="ann").stdout
    for x in (later, now):
        done(node, "remove", x)


def test_a_reader_tells_nobody_anything(node):
    denied = say(node, "notice", "add", "--level", "info", *TEXT, name="ann")
    assert denied.returncode == 2 and "role operator" in denied.stderr
    body = {"level": "info", "text": {"ko": "가", "en": "a"}}
    assert node.ask("/operator/notices", "ann", body)[0] == 403
    assert node.ask("/operator/notices", None, body)[0] == 401
    assert shown(node)["notices"] == []


def test_to_repeat_does_no_harm_and_is_offered_when_the_outcome_is_not_known(node):
    operation = str(uuid.uuid4())
    add = ("add", "--level", "info", *TEXT, "--operation", operation)
    assert [done(node, *add)["changed"] for _ in range(2)] == [True, False]
    assert [x["id"] for x in shown(node)["notices"]] == [operation]
    done(node, "remove", operation)
    assert done(node, *add)["changed"] is False and shown(node)["notices"] == []
    dead = f"http://127.0.0.1:{harness.free_port()}"
    lost = say(node, "notice", *add, at=dead)
    assert lost.returncode == 2 and f"--operation {operation}" in lost.stderr


def test_what_makes_no_sense_is_refused_and_on_record(node):
    stranger = str(uuid.uuid4())
    for args, why in (
            (("change", stranger, "--level", "info", *TEXT), "Notice not found"),
            (("remove", stranger), "Notice not found"),
            (("add", "--level", "info", *TEXT, "--event", stranger), "Event not found"),
            (("add", "--level", "info", "--ko", "가" * 501, "--en", "x"), "at most 500"),
            (("add", "--level", "info", *TEXT, "--until", "yesterday"), "endsAt"),
            (("add", "--level", "info", *TEXT, "--until", "2020-01-01T00:00:00Z"),
             "endsAt must be later")):
        refused = say(node, "notice", *args)
        assert refused.returncode == 2 and why in refused.stderr, (args, refused)
        assert "--operation" not in refused.stderr  # It is certain that nothing was done.
    noted = node.database.rows("SELECT action, response_status, request_summary FROM "
                               "admin_audit_logs WHERE resource_type = 'notice' "
                               "AND response_status <> 403 ORDER BY created_at")
    assert [x[1] for x in noted[-6:]] == ["404", "404", "404", "400", "400", "400"], noted
    assert all(x[2].startswith("bob") for x in noted)
    for args in (("notice",), ("notice", "add"), ("notice", "add", "--level", "panic", *TEXT),
                 ("notice", "change", stranger), ("notice", "remove")):
        assert inspect(*args).returncode == 2, args


def test_without_postgresql_it_is_told_with_its_age_and_nothing_is_written(cluster, node):
    made = done(node, "add", "--level", "incident", *TEXT)["id"]
    cluster.kill()
    try:
        until = time.monotonic() + 30
        while shown(node)["age_ms"] < 2500:
            assert time.monotonic() < until
            time.sleep(0.1)
        assert [x["id"] for x in shown(node)["notices"]] == [made]
        refused = say(node, "notice", "remove", made)
        assert refused.returncode == 2 and "does no harm" in refused.stderr
    finally:
        cluster.start()
    until = time.monotonic() + 60
    while shown(node)["age_ms"] > 2000:
        assert time.monotonic() < until
        time.sleep(0.1)
    assert done(node, "remove", made)["changed"] is True
