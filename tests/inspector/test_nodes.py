"""What operators ask of running nodes: the listener's rules, and tiketi-inspect in front of it."""
import json
import os
import pathlib
import pty
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import inspector  # noqa: E402
import operators  # noqa: E402
from inspector import harness, inspect  # noqa: E402

LOOKS = ["nodes", "shards", "ledger", "hot", "brakes", "notices", "wishes", "outbox"]


@pytest.fixture(scope="module")
def node(cluster):
    running = operators.OperatedNode(harness.create_database(str(cluster.folder), "operated"))
    running.command("migrate")
    harness.add_users(running.database, 0, 4)
    running.start()
    yield running
    running.close()


@pytest.fixture(scope="module")
def sale(node):
    """An event of 12 seats: two held, one cancelled, one sold."""
    event = harness.add_event(node.database, "Hall", seats=12)
    seats = harness.seats_of(node.database, event)
    made = []
    for user, wanted in ((0, seats[:2]), (1, seats[2:3]), (2, seats[3:4])):
        client = node.client(token=harness.access_token(harness.user_uuid(user)))
        answer = client.post("/api/seats/reserve", {"eventId": event, "seatIds": wanted})
        assert answer.status == 200, answer
        made.append(answer.json["reservationId"])
        if user == 1:
            assert client.post(f"/api/reservations/{made[-1]}/cancel").status == 200
        if user == 2:
            order = client.post("/api/payments/prepare", {"reservationId": made[-1]}).json
            paid = client.post("/api/payments/confirm", {
                "paymentKey": str(uuid.uuid4()), "orderId": order["orderId"],
                "amount": order["amount"]})
            assert paid.status == 200, paid
        client.close()
    return {"event": event, "seats": seats, "held": made[0], "cancelled": made[1],
            "sold": made[2]}


def look(node, *args, name="ann", **env):
    return inspect(*args, "--node", node.url,
                   env={"INSPECT_TOKEN": operators.token_of(name), **env})


def told(node, *args):
    """The parts of a complete answer, by where they are from."""
    done = look(node, *args, "--json")
    assert (done.returncode, done.stderr) == (0, ""), done
    answer = json.loads(done.stdout)
    assert answer["missing"] == [] and answer["refusals"] == []
    for part in answer["parts"]:
        assert 0 <= part["age_ms"] < 60_000 and part["as_of"], part
    return {x["from"]: x["data"] for x in answer["parts"]}


def told_when(node, holds, *args, patience=20):
    """The same as soon as it `holds`: a board tells what was true a moment ago, and catches up
    without anybody doing anything more."""
    until = time.monotonic() + patience
    while not holds(parts := told(node, *args)) and time.monotonic() < until:
        time.sleep(0.05)
    return parts


# -- the listener ---------------------------------------------------------------------------------

@pytest.mark.parametrize("path", ["/operator/nodes", "/operator/why/seats/" + str(uuid.uuid4())])
def test_whoever_bears_no_good_token_is_refused(node, path):
    assert node.ask(path, None)[0] == 401
    for wrong in ("a token of ann", hashed(operators.token_of("bob")), "x" * 5000):
        status, said = node.ask(path, None, headers={"Authorization": "Bearer " + wrong})
        assert (status, said["code"]) == (401, "AUTHENTICATION_REQUIRED")
    shop = node.client(token=operators.token_of("bob"), checked=False)
    assert shop.get(path).status == 404  # The shop's port knows none of it.
    assert shop.get("/api/auth/me").status == 401
    buyer = harness.access_token(harness.user_uuid(0))
    assert node.ask(path, None, headers={"Authorization": "Bearer " + buyer})[0] == 401


def test_neither_cookies_bear_a_token_nor_half_requests_keep_an_operator_out(node):
    cookie = {"Cookie": "access_token=" + operators.token_of("bob")}
    assert node.ask("/operator/nodes", None, headers=cookie)[0] == 401
    half = []
    for _ in range(200):  # More than there are places.
        half.append(socket.create_connection(("127.0.0.1", node.operator_port), 5))
        half[-1].sendall(b"GET /operator/nodes HTTP/1.1\r\nHost: x\r\n")
    assert node.ask("/operator/nodes")[0] == 200


def hashed(token):
    import hashlib
    return hashlib.sha256(token.encode()).hexdigest()


def test_the_listener_has_nothing_of_the_shop_and_describes_itself(node):
    assert node.ask("/api/events")[0] == 404
    paths = node.ask("/openapi.json", None)[1]["paths"]
    mine = {p: v for p, v in paths.items() if p.startswith("/operator/")}
    assert len(mine) >= 12
    for verbs in mine.values():
        for operation in verbs.values():
            assert operation["x-access"] in ("user", "admin")


def test_malformed_ids_are_refused_and_unknown_ones_are_not_found(node):
    for path in ("events", "queues", "holds", "users", "reservations", "why/seats",
                 "why/reservations"):
        assert node.ask(f"/operator/{path}/nonsense")[0] == 400, path
        assert node.ask(f"/operator/{path}/{uuid.uuid4()}")[0] == 404, path
    assert node.ask("/operator/where/nonsense")[0] == 400
    assert node.ask(f"/operator/where/seat:{uuid.uuid4()}")[0] == 404


@pytest.mark.parametrize("env, why", [
    ({"OPERATOR_PORT": "0"}, "OPERATOR_PORT: whoever reaches the listener must bear a token"),
    ({"OPERATOR_PORT": "0", "OPERATOR_ADDRESS": "0.0.0.0"}, "must bear a token"),
    ({"OPERATOR_PORT": "0", "OPERATOR_TOKENS": "ann:reader:abc"}, "64 hexadecimal digits"),
    ({"OPERATOR_PORT": "0", "OPERATOR_TOKENS": "Bad Name!:reader:" + "0" * 64},
     "a name has 1 to 40"),
    ({"OPERATOR_PORT": "0", "OPERATOR_TOKENS": "ann:king:" + "0" * 64}, "reader or operator"),
    ({"OPERATOR_PORT": "0", "OPERATOR_TOKENS_FILE": "/nowhere"}, "OPERATOR_TOKENS_FILE: cannot"),
    ({"OPERATOR_PORT": "x", "OPERATOR_TOKENS": "a:reader:" + "0" * 64}, "OPERATOR_PORT"),
])
def test_a_listener_that_is_not_set_up_safely_is_refused_at_the_start(node, env, why):
    other = harness.Node(node.database, env)
    try:
        with pytest.raises(RuntimeError) as refused:
            other.command("config")
        assert why in str(refused.value)
    finally:
        shutil.rmtree(other.folder)


def test_a_port_that_is_taken_stops_the_start_before_shards_are_taken(node):
    other = operators.OperatedNode(node.database, {"OPERATOR_PORT": str(node.operator_port)})
    try:
        ended = subprocess.run([harness.node_program(), "run"], env=other.env, text=True,
                               capture_output=True, timeout=60, check=False)
        assert ended.returncode == 1 and f"OPERATOR_PORT {node.operator_port}" in ended.stderr
    finally:
        shutil.rmtree(other.folder)
    assert told(node, "nodes")["rows"]["nodes"][0]["shards"] == 128


def test_tokens_may_be_in_a_file_and_are_never_shown(node, tmp_path):
    listed = tmp_path / "tokens"
    listed.write_text("# ours\n" + operators.configured().replace(",", "\n") + "\n")
    other = harness.Node(node.database, {"OPERATOR_PORT": "0", "OPERATOR_TOKENS_FILE": str(listed)})
    said = other.command("config")
    shutil.rmtree(other.folder)
    assert f"OPERATOR_TOKENS_FILE = {listed}" in said
    shown = harness.Node(node.database, {"OPERATOR_PORT": "0",
                                         "OPERATOR_TOKENS": operators.configured()})
    assert hashed(operators.token_of("ann")) not in shown.command("config")
    shutil.rmtree(shown.folder)


# -- what is told ---------------------------------------------------------------------------------

def test_nodes_and_shards_tell_memory_and_rows(node):
    parts = told(node, "nodes")
    assert parts["memory"]["state"] == "deciding" and parts["memory"]["shards"] == 128
    mine = parts["rows"]["nodes"][0]
    assert mine["shards"] == 128 and 0 <= mine["heartbeat_age_ms"] < 5000
    parts = told(node, "shards")
    assert {x["owner"] for x in parts["memory"]["shards"]} == {node.env["TIKETI_NODE_ID"]}
    assert {x["here"] for x in parts["memory"]["shards"]} == {True}
    assert {x["epoch"] for x in parts["memory"]["shards"]} == \
        {x["epoch"] for x in parts["rows"]["shards"]}


def test_where_finds_every_kind_of_key(node, sale):
    event, seat = sale["event"], sale["seats"][0]
    for key in (f"event:{event}", f"room:{event}", f"gate:{event}", f"block:{event}/0",
                f"session:{harness.user_uuid(0)}", f"checkout:{sale['held']}", f"seat:{seat}",
                f"reservation:{sale['held']}"):
        found = told(node, "where", key)["memory"]
        assert found["owner"] == node.env["TIKETI_NODE_ID"] and found["here"], key
        assert 0 <= found["shard"] < 128, key
    assert told(node, "where", f"seat:{seat}")["memory"]["key"].startswith(f"seat_block:{event}/")


def test_where_says_what_is_not_on_record(node, sale):
    for key, what in ((f"event:{uuid.uuid4()}", "no such event"),
                      (f"room:{uuid.uuid4()}", "no such event"),
                      (f"block:{uuid.uuid4()}/0", "no such event"),
                      (f"block:{sale['event']}/99999", "no such block of the event")):
        done = look(node, "where", key)
        assert done.returncode == 0 and "shard" in done.stdout, done
        assert f"note: {what} is on record: this is where it would live\n" in done.stdout
    for key in (f"event:{sale['event']}", f"block:{sale['event']}/0",
                f"session:{uuid.uuid4()}"):
        assert "note:" not in look(node, "where", key).stdout, key


def test_an_actor_tells_how_it_is_without_being_woken(node, sale):
    event, stranger = sale["event"], str(uuid.uuid4())
    parts = told_when(node, lambda x: x.get("board", {}).get("sold") == 1, "actor",
                      f"block:{event}/0")
    assert parts["memory"]["state"] == "running" and parts["memory"]["here"]
    assert 0 <= parts["memory"]["asked_ago_ms"] <= parts["memory"]["age_ms"]
    assert (parts["memory"]["messages_waiting"], parts["memory"]["unexpected_ends"]) == (0, 0)
    assert parts["memory"]["mailbox"] == 0
    assert parts["board"]["sold"] == 1
    steps = [x["what"] for x in parts["rows"]["last_steps"]]
    assert {"held", "pending -> confirmed", "pending -> cancelled"} == set(steps)
    assert [x["at"] for x in parts["rows"]["last_steps"]] == \
        sorted((x["at"] for x in parts["rows"]["last_steps"]), reverse=True)
    for key in (f"session:{harness.user_uuid(2)}", f"checkout:{sale['sold']}", f"event:{event}"):
        memory = told(node, "actor", key)["memory"]
        assert (memory["mailbox"] == 0) == (memory["state"] == "running"), memory
    for key, held in ((f"session:{harness.user_uuid(2)}", sale["sold"]),
                      (f"checkout:{sale['sold']}", sale["sold"]), (f"event:{event}", None)):
        last = told(node, "actor", key)["rows"]["last_steps"]
        assert {x["reservation"] for x in last} == {held} if held else len(last) == 5, key
    for _ in range(2):  # Looking starts nobody.
        asleep = told(node, "actor", f"session:{stranger}")
        assert asleep["memory"]["state"] == "asleep" and asleep["memory"]["age_ms"] is None
        assert asleep["memory"]["mailbox"] is None
        assert asleep["rows"]["last_steps"] == []
    assert told(node, "actor", f"gate:{stranger}")["memory"]["state"] == "asleep"
    seat = told(node, "actor", f"seat:{sale['seats'][0]}")["memory"]
    assert seat["key"].startswith(f"seat_block:{event}/")
    assert look(node, "actor", "nonsense").returncode == 2
    assert look(node, "actor", f"seat:{stranger}").returncode == 1


def test_an_event_tells_the_same_counts_from_board_and_rows(node, sale):
    def counts(part):
        return [sum(x[what] for x in part["blocks"]) for what in ("free", "held", "sold")]

    parts = told_when(node, lambda x: counts(x["board"]) == [9, 2, 1], "event", sale["event"])
    assert counts(parts["board"]) == counts(parts["rows"]) == [9, 2, 1]
    assert parts["rows"]["last_minute"] == {"held": 3, "sold": 1, "cancelled": 1, "expired": 0}


def test_a_queue_tells_its_room(node, sale):
    client = node.client(token=harness.access_token(harness.user_uuid(3)))
    assert client.post(f"/api/queue/check/{sale['event']}").status == 200
    client.close()
    parts = told_when(node, lambda x: x["board"]["inside"] == 1, "queue", sale["event"])
    assert parts["board"]["inside"] == 1 and parts["rows"]["paused"] is False
    assert "draw_seed" not in json.dumps(parts)


def test_holds_user_and_reservation(node, sale):
    holds = told(node, "holds", sale["event"])["rows"]["holds"]
    assert [x["reservation"] for x in holds] == [sale["held"]]
    assert holds[0]["units"] == 2 and 0 < holds[0]["left_ms"] <= 300_000
    mine = told(node, "user", harness.user_uuid(2))["rows"]
    assert [x["status"] for x in mine["reservations"]] == ["confirmed"]
    assert [x["status"] for x in mine["payments"]] == ["confirmed"]
    assert "@" not in json.dumps(mine)
    one = told(node, "reservation", sale["sold"])["rows"]
    assert one["status"] == "confirmed" and len(one["tickets"]) == 1
    assert one["items"][0]["fence"] == one["items"][0]["seat_fence_now"]


def test_why_tells_every_step_in_order_and_what_it_cannot_know(node, sale):
    sold = told(node, "why", "reservation", sale["sold"])["rows"]
    steps = [x["what"] for x in sold["steps"]]
    assert steps[0] == "held" and "pending -> confirmed" in steps and "payment approved" in steps
    assert [x["at"] for x in sold["steps"]] == sorted(x["at"] for x in sold["steps"])
    assert sold["steps"][0]["who"] == f"user {harness.user_uuid(2)}"
    seat = told(node, "why", "seat", sale["seats"][2])["rows"]
    assert seat["status"] == "available"
    assert [x["status"] for x in seat["reservations"]] == ["cancelled"]
    assert seat["steps"][-1]["what"] == "pending -> cancelled"
    assert "wishes that were stopped before their seat" in look(
        node, "why", "seat", sale["seats"][2]).stdout


def test_why_tells_who_was_refused_when_and_by_whom(node, sale):
    wanted = sale["seats"][0]
    late = node.client(token=harness.access_token(harness.user_uuid(3)), checked=False)
    for _ in range(3):
        refused = late.post("/api/seats/reserve", {"eventId": sale["event"], "seatIds": [wanted]})
        assert refused.status == 409, refused
    tried = told(node, "why", "seat", wanted)["memory"]["attempts"]
    claim, refusal = tried[0], tried[-1]
    assert (claim["what"], claim["who"]) == ("claim taken", f"user {harness.user_uuid(0)}")
    assert claim["reservation"] == sale["held"]
    assert (refusal["what"], refusal["reason"]) == ("hold refused", "seat_held")
    assert refusal["who"] == f"user {harness.user_uuid(3)}" and refusal["times"] == 3
    assert claim["last_at"] < refusal["at"] < refusal["last_at"]
    # A wish that came to nothing has no row: the node that refused it remembers.
    alone = told(node, "why", "reservation", refusal["reservation"])
    assert set(alone) == {"memory"}
    assert [x["item"] for x in alone["memory"]["attempts"]] == [wanted]
    table = look(node, "why", "seat", wanted).stdout
    assert "hold refused" in table and "seat_held" in table


def test_the_ledger_and_what_is_hot(node, sale):
    ledger = told(node, "ledger")["memory"]
    assert {x["lane"] for x in ledger["lanes"]} == {"sales0", "sales1", "queue", "accounts"}
    assert ledger["aborts"] == 0 and {"verdict": "ok"}.items() <= ledger["verdicts"][0].items()
    hot = told(node, "hot")["rows"]["blocks"]
    assert hot[0]["event"] == sale["event"] and hot[0]["held"] == 3


def test_the_outbox_and_its_relay(node, sale):
    def told_all():
        return told(node, "outbox")["rows"]["waiting"] == 0
    deadline = time.monotonic() + 20
    while not told_all():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    memory, rows = (told(node, "outbox")[x] for x in ("memory", "rows"))
    assert memory["shards"] == 128 and memory["shards_stuck"] == 0 and memory["failures"] == 0
    assert memory["delivered"] == node.database.number("SELECT count(*) FROM outbox") >= 6
    assert memory["last_told"] and rows["oldest_ms"] is None and rows["shards"] == []
    assert rows["dead_letters"] == 0 and len(rows["oldest_partition"]) == 8
    node.database.rows("INSERT INTO dead_letters (consumer, event_id, topic, key, type, body, "
                       "made_at, why, tries) VALUES ('c', gen_random_uuid(), 't', 'k', 'T', '{}', "
                       "now(), 'no reason', 4)")
    dead = told(node, "outbox")["rows"]["last_dead_letters"]
    assert [(x["consumer"], x["why"]) for x in dead] == [("c", "no reason")]


# -- what operators may change --------------------------------------------------------------------

def test_a_reader_stops_nothing(node):
    body = {"scope": "all", "reason": "x"}
    assert node.ask("/operator/sales/stop", "ann", body)[0] == 403
    assert node.ask("/operator/sales/stop", None, body)[0] == 401
    assert node.ask("/operator/sales")[1]["stopped"] is False
    denied = look(node, "brake", "all", "--reason", "x")
    assert denied.returncode == 2 and "role operator" in denied.stderr


def test_an_operator_stops_a_sale_and_lets_it_go_on(node, sale):
    operation = str(uuid.uuid4())
    brake = ("brake", "event", sale["event"], "--reason", "Wrong plan", "--operation", operation)
    done = look(node, *brake, name="bob")
    assert (done.returncode, done.stderr) == (0, "") and "Wrong plan" in done.stdout
    client = node.client(token=harness.access_token(harness.user_uuid(3)))
    wanted = {"eventId": sale["event"], "seatIds": sale["seats"][6:7]}
    refused = client.post("/api/seats/reserve", wanted)
    assert refused.status == 503 and refused.json["message"] == "Sales are stopped: Wrong plan"
    assert "nothing to change" in look(node, *brake, name="bob").stdout
    shown = told(node, "brakes")["memory"]
    assert shown["sales"] == "stopped" and [x["by"] for x in shown["brakes"]] == ["bob"]
    released = look(node, "release", "event", sale["event"], "--json", name="bob")
    assert json.loads(released.stdout)["stopped"] is False
    assert "nothing to change" in look(node, "release", "event", sale["event"], name="bob").stdout
    held = client.post("/api/seats/reserve", wanted)
    assert held.status == 200
    assert client.post(f"/api/reservations/{held.json['reservationId']}/cancel").status == 200
    client.close()
    noted = node.database.rows("SELECT action, response_status, request_summary FROM "
                               "admin_audit_logs WHERE response_status = 200 ORDER BY created_at")
    assert [x[0] for x in noted] == ["STOP_SALES", "STOP_SALES", "RESUME_SALES", "RESUME_SALES"]
    assert all(x[1] == "200" and x[2].startswith("bob: event") for x in noted)
    assert operation in noted[0][2]


def test_what_cannot_be_stopped_says_why_and_how_to_repeat(node):
    unknown = look(node, "brake", "event", str(uuid.uuid4()), "--reason", "x", name="bob")
    assert unknown.returncode == 2 and "Event not found" in unknown.stderr
    dead = f"http://127.0.0.1:{harness.free_port()}"
    lost = inspect("brake", "all", "--reason", "x", "--node", dead,
                   env={"INSPECT_TOKEN": operators.token_of("bob")})
    assert lost.returncode == 2 and "--operation " in lost.stderr
    for args in (("brake", "all"), ("brake", "moon", "--reason", "x"), ("release",)):
        assert inspect(*args).returncode == 2


# -- who owns which shards: more of it in tests/integration/cluster --------------------------------

def test_a_reader_moves_nothing(node):
    name = node.env["TIKETI_NODE_ID"]
    for path, body in (("drain", {"node": name}), ("undrain", {"node": name}), ("rebalance", {}),
                       ("move", {"key": f"event:{uuid.uuid4()}", "node": name})):
        assert node.ask("/operator/placement/" + path, "ann", body)[0] == 403
        assert node.ask("/operator/placement/" + path, None, body)[0] == 401
    denied = look(node, "drain", name)
    assert denied.returncode == 2 and "role operator" in denied.stderr
    assert told(node, "wishes")["rows"]["wishes"] == []


def test_who_is_alone_is_not_drained_and_has_nothing_to_even_out(node):
    name = node.env["TIKETI_NODE_ID"]
    alone = look(node, "drain", name, name="bob")
    assert alone.returncode == 2 and "nobody would sell" in alone.stderr
    assert "--operation" not in alone.stderr  # It is certain that nothing was done.
    idle = look(node, "rebalance", name="bob")
    assert idle.returncode == 0 and idle.stdout.startswith("nothing to change: ")
    assert told(node, "nodes")["rows"]["nodes"][0]["state"] == "alive"


def test_what_makes_no_sense_is_refused_and_on_record(node):
    stranger = str(uuid.uuid4())
    for args, why in ((("drain", stranger), "no such node"),
                      (("undrain", stranger), "no such node"),
                      (("move", f"event:{uuid.uuid4()}", stranger), "no such node"),
                      (("drain", "nonsense"), "node"), (("drain", "any"), "node"),
                      (("drain", "00000000-0000-0000-0000-000000000000"), "node"),
                      (("move", "nonsense", stranger), "a key is KIND:UUID"),
                      (("move", f"seat:{uuid.uuid4()}", stranger), "seat not found"),
                      (("rebalance", "--reason", "x" * 201), "reason")):
        refused = look(node, *args, name="bob")
        assert refused.returncode == 2 and why in refused.stderr, (args, refused)
    noted = node.database.rows("SELECT action, response_status FROM admin_audit_logs "
                               "WHERE resource_type = 'node' ORDER BY created_at")
    assert [x[1] for x in noted[-9:]] == ["404", "404", "404", "400", "400", "400", "400", "404",
                                          "400"], noted
    for body in (b"", b"[]", b'{"node": 5}', b'{"node": null}', b"{"):
        assert node.ask("/operator/placement/drain", "bob", json_bytes=body)[0] == 400, body


def test_a_move_to_where_it_is_keeps_it_there(node, sale):
    name, key = node.env["TIKETI_NODE_ID"], f"event:{sale['event']}"
    said = look(node, "move", key, name, "--reason", "Mine", name="bob")
    assert said.returncode == 0 and "the whole shard" in said.stdout
    assert said.stdout.endswith("\ndone\n")
    wish = told(node, "wishes")["rows"]["wishes"][0]
    assert (wish["what"], wish["node"], wish["key"], wish["reason"], wish["left"]) == \
        ("move", name, key, "Mine", 0)
    assert told(node, "nodes")["rows"]["nodes"][0]["kept_shards"] == 1
    operation = str(uuid.uuid4())
    free = ("move", key, "any", "--operation", operation, "--json")
    assert json.loads(look(node, *free, name="bob").stdout)["changed"] is True
    assert json.loads(look(node, *free, name="bob").stdout)["changed"] is False
    assert told(node, "wishes")["rows"]["wishes"] == []
    noted = node.database.rows("SELECT request_summary FROM admin_audit_logs "
                               "WHERE action = 'MOVE_SHARD' ORDER BY created_at")
    assert noted[-1][0] == f"bob: move of {key} taken back (operation {operation})"


# -- the command line -----------------------------------------------------------------------------

def test_people_get_tables_without_colour_unless_on_a_terminal(node, sale):
    said = look(node, "event", sale["event"]).stdout
    assert "from rows\n" in said and "from board of node " in said and "\x1b" not in said
    ours, theirs = pty.openpty()
    subprocess.run([inspector.program(), "nodes", "--node", node.url], stdout=theirs, timeout=60,
                   env={"PATH": os.environ["PATH"], "TERM": "xterm",
                        "INSPECT_TOKEN": operators.token_of("ann")}, check=True)
    os.close(theirs)
    assert b"\x1b[1mas of " in os.read(ours, 65536)
    os.close(ours)


def test_every_look_gives_json(node):
    for verb in LOOKS:
        done = look(node, verb, "--json")
        assert done.returncode == 0 and done.stdout.count("\n") == 1
        assert json.loads(done.stdout)["parts"]


def test_the_token_comes_from_a_file_or_stdin(node, tmp_path):
    kept = tmp_path / "token"
    kept.write_text(operators.token_of("ann") + "\n")
    assert inspect("nodes", "--node", node.url, "--token-file", str(kept)).returncode == 0
    done = inspect("nodes", env={"INSPECT_NODES": node.url, "INSPECT_TOKEN_FILE": str(kept)})
    assert done.returncode == 0
    piped = subprocess.run([inspector.program(), "nodes", "--node", node.url, "--token-file", "-"],
                           input=operators.token_of("ann"), capture_output=True, text=True,
                           timeout=60, check=False)
    assert piped.returncode == 0


def test_exit_codes_tell_what_came_of_it(node):
    assert look(node, "event", str(uuid.uuid4())).returncode == 1
    denied = inspect("nodes", "--node", node.url, env={"INSPECT_TOKEN": "nobody's"})
    assert denied.returncode == 2 and "does not know this token" in denied.stderr
    none = inspect("nodes", "--node", node.url)
    assert none.returncode == 2 and "no token" in none.stderr
    dead = f"http://127.0.0.1:{harness.free_port()}"
    alone = inspect("nodes", "--node", dead, env={"INSPECT_TOKEN": "x"})
    assert alone.returncode == 2 and "missing: node " + dead in alone.stdout
    for args in (("where",), ("why",), ("why", "seat"), ("nodes", "--watch", "0"), ("guess",)):
        done = inspect(*args)
        assert done.returncode == 2 and done.stderr.strip(), args


def test_the_rest_is_told_when_one_node_is_dead(node):
    dead = f"http://127.0.0.1:{harness.free_port()}"
    done = look(node, "nodes", "--node", dead, "--json")
    said = json.loads(done.stdout)
    assert done.returncode == 1 and [x["what"] for x in said["missing"]] == ["node " + dead]
    assert {x["from"] for x in said["parts"]} == {"memory", "rows"}
    # Who tells the same as everybody is asked after the dead one, and all is told.
    first = inspect("hot", "--node", dead, "--node", node.url,
                    env={"INSPECT_TOKEN": operators.token_of("ann")})
    assert first.returncode == 0 and "from rows" in first.stdout
    assert f"note: {dead}: " in first.stdout


def test_what_cannot_be_written_is_an_error(node):
    with open("/dev/full", "w", encoding="utf-8") as full:
        for args in (["nodes", "--node", node.url], ["completion", "bash"]):
            done = subprocess.run([inspector.program(), *args], stdout=full, text=True,
                                  stderr=subprocess.PIPE, timeout=60, check=False,
                                  env={"INSPECT_TOKEN": operators.token_of("ann")})
            assert done.returncode == 2 and "cannot write" in done.stderr, args


def test_a_watch_looks_again_until_it_is_told_to_end(node):
    watch = subprocess.Popen([inspector.program(), "nodes", "--json", "--watch", "1", "--node",
                              node.url], stdout=subprocess.PIPE, text=True,
                             env={"INSPECT_TOKEN": operators.token_of("ann")})
    try:
        rounds = [json.loads(watch.stdout.readline()) for _ in range(2)]
        assert rounds[0]["parts"][0]["as_of"] < rounds[1]["parts"][0]["as_of"]
        watch.send_signal(signal.SIGINT)
        assert watch.wait(30) == 0
    finally:
        watch.kill()


def test_top_fills_a_terminal_and_gives_it_back(node):
    ours, theirs = pty.openpty()
    top = subprocess.Popen([inspector.program(), "top", "--watch", "1", "--node", node.url],
                           stdout=theirs, env={"PATH": os.environ["PATH"], "TERM": "xterm",
                                               "INSPECT_TOKEN": operators.token_of("ann")})
    os.close(theirs)
    said = b""
    try:
        while said.count(b"\x1b[2J") < 2:
            said += os.read(ours, 65536)
        top.send_signal(signal.SIGINT)
        try:
            while chunk := os.read(ours, 65536):
                said += chunk
        except OSError:  # The end of a terminal.
            pass
        assert top.wait(30) == 0
    finally:
        top.kill()
        os.close(ours)
    assert said.startswith(b"\x1b[?1049h") and said.endswith(b"\x1b[?1049l")
    shown = re.sub(r"\x1b\[[01]?m", "", said.decode())
    last = shown.split("\x1b[2J")[-1].split("\x1b[?25h")[0].splitlines()
    assert len(last) <= 24 and max(map(len, last)) <= 80
    assert re.fullmatch(r"sales   running, as of [0-9.]+ s ago", last[0]), last
    assert node.env["TIKETI_NODE_ID"][:8] in "\n".join(last)


# -- without PostgreSQL: the last of all -----------------------------------------------------------

def test_a_node_without_postgresql_tells_what_is_left(cluster, node, sale):
    cluster.kill()
    try:
        for verb in (("nodes",), ("event", sale["event"])):
            done = look(node, *verb, "--json")
            said = json.loads(done.stdout)
            assert done.returncode == 1 and len(said["parts"]) >= 1
            assert [x["why"] for x in said["missing"]] != []
        assert told(node, "ledger")["memory"]["lanes"]
        assert look(node, "holds", sale["event"]).returncode == 1
        actor = look(node, "actor", f"block:{sale['event']}/0", "--json")
        said = json.loads(actor.stdout)
        assert actor.returncode == 1 and "running" in actor.stdout
        assert [x["what"] for x in said["missing"]] == ["last verdicts on record"]
        lost = look(node, "move", f"event:{sale['event']}", node.env["TIKETI_NODE_ID"], name="bob")
        assert lost.returncode == 2 and "--operation " in lost.stderr
        deadline = time.monotonic() + 30  # It is suspended then, and says what it cannot know.
        while True:
            done = look(node, "where", f"event:{sale['event']}", "--json")
            said = json.loads(done.stdout)
            assert said["parts"][0]["data"]["shard"] >= 0
            if [x["what"] for x in said["missing"]] == ["the roster"]:
                break
            assert time.monotonic() < deadline, said
            time.sleep(0.2)
        assert done.returncode == 1
    finally:
        cluster.start()
