"""Whom tiketi-inspect asks and what it makes of what they say: before nodes that are none."""
import json
import os
import pathlib
import subprocess
import sys
import time
import uuid

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import inspector  # noqa: E402
import fake_nodes  # noqa: E402
from fake_nodes import FakeNode, fakes, hung, told, unreachable  # noqa: E402
from inspector import inspect  # noqa: E402

ID = str(uuid.uuid4())
TEXT = ("--level", "info", "--ko", "가", "--en", "a")
LOOKS = [("nodes",), ("shards",), ("where", "event:" + ID), ("actor", "event:" + ID),
         ("event", ID), ("queue", ID), ("holds", ID), ("user", ID), ("reservation", ID),
         ("why", "seat", ID), ("why", "reservation", ID), ("ledger",), ("brakes",), ("notices",),
         ("wishes",), ("hot",), ("outbox",), ("cases",), ("accept-loss",)]
CHANGES = [("brake", "all", "--reason", "x"), ("release", "all"), ("drain", ID, "--wait", "0"),
           ("undrain", ID), ("rebalance", "--wait", "0"),
           ("move", "event:" + ID, ID, "--wait", "0"),
           ("notice", "add", *TEXT), ("notice", "change", ID, *TEXT), ("notice", "remove", ID),
           ("reconcile", "--wait", "0"), ("cases", "close", ID, "--reason", "x"),
           ("accept-loss", "abc", "--reason", "x")]


def words_of(command):
    return "-".join(x for x in command[:2] if x != ID)


def ask(command, nodes, **env):
    nodes = [x.url if isinstance(x, FakeNode) else x for x in nodes]
    return inspect(*command, *(y for x in nodes for y in ("--node", x)),
                   env={"INSPECT_TOKEN": "t", **env})


def run_top(args, env, heard):
    """It ends by a signal alone: until `heard()`."""
    top = subprocess.Popen([inspector.program(), "top", *args], stdout=subprocess.DEVNULL, env=env)
    try:
        until = time.monotonic() + 30
        while not heard() and time.monotonic() < until:
            time.sleep(0.02)
    finally:
        top.kill()
        top.wait()


# -- whom, and as whom ----------------------------------------------------------------------------

@pytest.mark.parametrize("command", LOOKS + CHANGES + [("top",)], ids=words_of)
def test_the_command_line_beats_the_environment(command, tmp_path):
    for name in ("said", "environment"):
        (tmp_path / name).write_text(f"the token {name}\n")
    with fakes(None, None) as (said, other):
        env = {"INSPECT_NODES": other.url, "INSPECT_TOKEN": "a third one",
               "INSPECT_TOKEN_FILE": str(tmp_path / "environment")}
        args = ("--node", said.url, "--token-file", str(tmp_path / "said"))
        if command == ("top",):
            run_top(args, env, lambda: said.heard or other.heard)
        else:
            inspect(*command, *args, env=env)
        assert other.heard == [] and {x[3] for x in said.heard} == {"the token said"}
        said.heard.clear()
        if command == ("top",):
            run_top((), env, lambda: said.heard or other.heard)
        else:
            inspect(*command, env=env)
        assert said.heard == [] and {x[3] for x in other.heard} == {"the token environment"}


def test_every_command_is_among_them():
    helped = inspect("--help").stdout.split("Subcommands:\n")[1]
    names = {x.split()[0] for x in helped.splitlines() if x.startswith("  ") and x[2] != " "}
    alone = {"audit", "verify-draw", "completion", "token", "top", "money"}
    assert {x[0] for x in LOOKS + CHANGES} == {x for x in names if x.isascii()} - alone


def test_several_nodes_may_be_in_one_variable():
    with fakes(None, None) as nodes:
        done = inspect("nodes", env={"INSPECT_TOKEN": "t",
                                     "INSPECT_NODES": f" {nodes[0].url} , {nodes[1].url},"})
        assert done.returncode == 0 and [len(x.heard) for x in nodes] == [1, 1]


def test_top_keeps_events_on_the_screen_when_nobody_can_tell_what_is_hot():
    gap = [{"what": "rows", "why": "PostgreSQL cannot be asked"}]
    asked = []

    def away(path, _):  # After the first look PostgreSQL is.
        asked.append(path)
        gone = asked.count("/operator/nodes") > 1
        if path == "/operator/hot":
            hot = ("rows", {"blocks": [{"event": ID, "block": 0}]})
            return 200, told(missing=gap) if gone else told(hot)
        if path == "/operator/nodes":
            state = {"state": "suspended: no heartbeat" if gone else "deciding"}
            return 200, told(("memory", state), missing=gap if gone else ())
        if path == "/operator/brakes":
            return 200, told(("memory", {"sales": "running", "brakes": []}))
        board = {"stale": gone, "blocks": [{"block": 0, "free": 5}]}
        return 200, told(("board", board), missing=gap if gone else ())

    with fakes(away) as (node,):
        top = subprocess.Popen([inspector.program(), "top", "--watch", "1", "--node", node.url],
                               stdout=subprocess.PIPE, env={"INSPECT_TOKEN": "t"})
        said, until = "", time.monotonic() + 30
        while "stand still" not in said and time.monotonic() < until:
            said += os.read(top.stdout.fileno(), 65536).decode()
        top.kill()
        top.wait()
        top.stdout.close()
    before, after = said[:said.rindex("sales ")], said[said.rindex("sales "):]
    assert before.startswith("sales   running, as of 0.0 s ago\nledger")
    assert after.startswith("sales   stand still at all nodes asked (1); brakes as of 0.0 s ago: "
                            "none\nmissing PostgreSQL cannot be asked (says every node that "
                            "answers)\n")
    assert ID[:24] in before and "stale" not in before
    assert f"\n{ID[:24]}    stale 0.0 s " in after, after


# -- what of the shop is stopped ------------------------------------------------------------------

@pytest.mark.parametrize("command", [
    ("brake", "queue", "--reason", "x", "--method", "toss"),
    ("brake", "holds", "--reason", "x", "--method", "toss"),
    ("brake", "all", "--reason", "x", "--method", "toss"),
    ("brake", "event", ID, "--reason", "x", "--method", "toss"),
    ("release", "all", "--method", "toss"),
    ("brake", "payments", "--reason", "x", "--method", ""),
    ("release", "payments", "--method", ""),
    ("brake", "queue", "", "--reason", "x"),
    ("release", "holds", ""),
    ("notice", "add", *TEXT, "--event", ""),
], ids=lambda x: " ".join(x[:2]))
def test_a_slip_stops_nothing_else(command):
    with fakes(None) as nodes:
        refused = ask(command, nodes)
        assert refused.returncode == 2 and nodes[0].heard == []
        assert "--method is for payments" in refused.stderr or "empty" in refused.stderr


def test_a_method_of_payment_is_a_scope_of_its_own():
    with fakes(None) as nodes:
        assert ask(("release", "payments", "--method", "toss"), nodes).returncode == 0
        assert ask(("release", "payments"), nodes).returncode == 0
        assert nodes[0].bodies() == [{"scope": "payment_method", "method": "toss"},
                                     {"scope": "payments"}]


def test_what_is_taken_back_is_what_was_seen():
    def answer(path, body):
        return 200, {"asOf": "2026-11-22T12:00:01.000Z", "stopped": True, "brakes": [],
                     "changed": body is not None and body["asOf"].endswith("02.000Z")}

    def newer(path, body):  # It was stopped after what was seen first.
        status, said = answer(path, body)
        return status, said | ({"asOf": "2026-11-22T12:00:02.000Z"} if body else {})
    with fakes(newer) as nodes:
        assert ask(("release", "holds"), nodes).returncode == 0
        assert [x["asOf"][-7:] for x in nodes[0].bodies()] == ["01.000Z", "02.000Z"]
    rows = told(("memory", {}), ("rows", {"wishes": []}))
    rows["parts"][1]["as_of"] = "2026-11-22T12:00:03.000Z"
    with fakes(lambda path, body: (200, fake_nodes.ANSWER if body else rows)) as nodes:
        assert ask(("undrain", str(uuid.uuid4())), nodes).returncode == 0
        assert [x["asOf"][-7:] for x in nodes[0].bodies()] == ["03.000Z"]


# -- the next node --------------------------------------------------------------------------------

@pytest.mark.parametrize("command", CHANGES[:-1], ids=words_of)
def test_a_node_that_cannot_be_reached_is_passed_over(command):
    with unreachable() as dead, fakes(None) as nodes:
        done = ask((*command, "--limit", "1"), [dead, *nodes])
        assert (done.returncode, done.stderr) == (0, ""), done
        assert len(nodes[0].changes()) == 1


def has_operation(command):
    return command[0] != "release" and command[:2] not in (
        ("notice", "change"), ("notice", "remove"), ("cases", "close"))


@pytest.mark.parametrize("command", CHANGES[:-1], ids=words_of)
def test_the_next_is_asked_the_same_when_to_ask_twice_does_no_harm(command):
    busy = FakeNode(lambda path, body: (503, {"message": "Please ask again"}))
    try:
        with hung() as silent, fakes(None) as nodes:
            done = ask((*command, "--limit", "1"), [silent, busy, *nodes])
            if not has_operation(command):
                assert done.returncode == 2 and "to say it again does no harm" in done.stderr
                assert busy.changes() == [] and nodes[0].changes() == []
                return
            assert done.returncode == 0
            assert busy.bodies() == nodes[0].bodies() and len(nodes[0].changes()) == 1
            operation = nodes[0].bodies()[0]["operationId"]
            assert f"{silent}: Timeout was reached; the next node was asked the same" in done.stderr
            assert f"{busy.url}: Please ask again; the next node" in done.stderr
            assert done.stderr.count(operation) == 2
    finally:
        busy.close()


@pytest.mark.parametrize("command", [x for x in CHANGES[:-1] if has_operation(x)], ids=words_of)
def test_a_repetition_is_offered_only_when_it_may_have_been_done(command):
    operation = str(uuid.uuid4())
    for status, offered in ((400, False), (403, False), (404, False), (409, False), (503, True),
                            (500, True)):
        with fakes(lambda path, body, status=status: (status, {"message": "No"})) as nodes:
            refused = ask((*command, "--operation", operation), nodes)
            assert refused.returncode == 2 and "No" in refused.stderr
            assert (f"--operation {operation}" in refused.stderr) == offered, status
    # Who was asked before may have done it.
    with hung() as silent, fakes(lambda path, body: (403, {"message": "No"})) as nodes:
        refused = ask((*command, "--operation", operation, "--limit", "1"), [silent, *nodes])
        assert refused.returncode == 2 and f"say --operation {operation}" in refused.stderr


def test_what_was_refused_for_certain_is_not_offered_again():
    def no(path, body):
        return 409, {"message": "The node does not live"}

    with unreachable() as dead, fakes(no) as nodes:
        refused = inspect("move", f"event:{ID}", ID, "--node", dead, "--node", nodes[0].url,
                          "--limit", "1", env={"INSPECT_TOKEN": "t"})
    assert refused.returncode == 2 and "does not live" in refused.stderr
    assert "--operation" not in refused.stderr


def without_rows(path, body):
    gap = {"what": "rows", "why": "PostgreSQL cannot be asked"}
    return 200, told(("memory", {"here": True}), missing=[gap], node="n1")


@pytest.mark.parametrize("command", [("holds", ID), ("user", ID), ("reservation", ID),
                                     ("shards",), ("hot",)], ids=words_of)
def test_rows_are_told_by_whoever_can(command):
    def rows(path, body):
        return 200, told(("rows", {"pending": 7}), node="n2")

    with fakes(without_rows, rows, rows) as nodes:
        done = ask((*command, "--json"), nodes)
        said = json.loads(done.stdout)
        assert (done.returncode, said["missing"]) == (0, []), done
        assert [x["data"] for x in said["parts"]] == [{"pending": 7}]
        assert said["notes"] == [f"{nodes[0].url} could not tell rows: PostgreSQL cannot be asked"]
        assert nodes[2].heard == []
    with fakes(without_rows, without_rows) as nodes:
        none = ask((*command, "--json"), nodes)
        assert none.returncode == 1 and len(json.loads(none.stdout)["missing"]) == 2
        assert len(nodes[1].heard) == 1


def test_who_is_no_node_is_passed_over():
    with fakes(lambda path, body: (200, ["<html>"]), None) as nodes:
        done = ask(("holds", ID), nodes)
        assert done.returncode == 0 and "it is no node that answered" in done.stdout
        alone = ask(("holds", ID), nodes[:1])
        assert alone.returncode == 2 and "it is no node that answered" in alone.stdout
        lost = ask(("brake", "all", "--reason", "x"), nodes[:1])
        assert lost.returncode == 2 and "it is no node that answered" in lost.stderr
