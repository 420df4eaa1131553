"""A fail-over that has lost something that was answered, and an operator who goes on without it."""
import json
import os
import pathlib
import subprocess
import sys
import time
import uuid

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import operators  # noqa: E402
from inspector import harness, inspect  # noqa: E402


class FallibleCluster(harness.Cluster):
    """One that can go back to what it was, as if a standby that lags had been promoted."""

    def copy_data(self):
        subprocess.run(["cp", "-a", str(self.data), str(self.folder / "behind")], check=True)

    def fall_back(self):
        self.kill()
        subprocess.run(["rm", "-rf", str(self.data)], check=True)
        subprocess.run(["mv", str(self.folder / "behind"), str(self.data)], check=True)
        (self.data / "standby.signal").touch()
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        if os.geteuid() == 0:
            subprocess.run(["chown", "postgres:", str(self.data / "standby.signal")], check=True)
        self.start()
        harness.Database(str(self.folder), "postgres").rows("SELECT pg_promote()")


@pytest.fixture(scope="module")
def cluster():
    made = FallibleCluster()
    made.start()
    yield made
    made.close()


@pytest.fixture(scope="module")
def node(cluster):
    running = operators.OperatedNode(harness.create_database(str(cluster.folder), "fallible"))
    running.command("migrate")
    harness.add_users(running.database, 0, 4)
    running.start()
    yield running
    try:
        running.close()
    except RuntimeError:
        pass  # A node that has accepted a loss ends with 1.


@pytest.fixture(scope="module")
def sale(cluster, node):
    """Two reservations, of which the second is lost."""
    event = harness.add_event(node.database, "Hall", seats=6)
    seats = harness.seats_of(node.database, event)
    first = reserve(node, 0, event, seats[:1])
    assert first.status == 200, first
    cluster.kill()
    cluster.copy_data()
    cluster.start()
    second = eventually(lambda: reserve(node, 1, event, seats[1:2]), lambda x: x.status == 200)
    kept = {"event": event, "seats": seats, "kept": first.json["reservationId"],
            "lost": second.json["reservationId"]}
    cluster.fall_back()
    return kept


def reserve(node, user, event, seats):
    client = node.client(token=harness.access_token(harness.user_uuid(user)))
    answer = client.post("/api/seats/reserve", {"eventId": event, "seatIds": seats})
    client.close()
    return answer


def eventually(look, true, patience=60):
    until = time.monotonic() + patience
    while not true(found := look()):
        assert time.monotonic() < until, found
        time.sleep(0.2)
    return found


def say(node, *args, name="bob"):
    return inspect("accept-loss", *args, "--node", node.url,
                   env={"INSPECT_TOKEN": operators.token_of(name)})


def loss(node):
    said = say(node, "--json", name="ann")
    return json.loads(said.stdout)["parts"][0]["data"]


def test_while_nothing_is_missing_there_is_nothing_to_accept(node):
    said = say(node, name="ann")
    assert (said.returncode, said.stderr) == (0, "")
    nothing = say(node, "0123456789ab", "--reason", "x")
    assert nothing.returncode == 0 and "no node misses anything" in nothing.stdout
    denied = say(node, "0123456789ab", "--reason", "x", name="ann")
    assert denied.returncode == 2 and "role operator" in denied.stderr
    body = {"key": "0123456789ab", "reason": "x"}
    assert node.ask("/operator/losses/accept", "bob", body)[1]["changed"] is False
    assert node.process.poll() is None


def test_what_was_answered_and_is_gone_is_told_exactly(node, sale):
    def asked_again():  # A lane finds out when it has something to write.
        reserve(node, 2, sale["event"], sale["seats"][2:3])
        return loss(node)
    data = eventually(asked_again, lambda x: x["key"])
    assert [(x["what"], x["id"]) for x in data["missing"]] == [("reservation made", sale["lost"])]
    assert data["loss"] == "suspected" and data["missing_in_all"] == 1
    assert [x["list"] for x in data["lanes"]] == ["complete"]
    said = say(node, name="ann")
    assert said.returncode == 1 and sale["lost"] in said.stdout
    assert f"accept-loss {data['key']} --reason" in said.stdout


def test_its_lane_sells_nothing_meanwhile(node, sale):
    refused = reserve(node, 2, sale["event"], sale["seats"][2:3])
    assert refused.status == 503, refused


def test_it_is_accepted_by_nobody_who_may_not_or_has_not_seen_it(node, sale):
    key = loss(node)["key"]
    denied = say(node, key, "--reason", "x", name="ann")
    assert denied.returncode == 2 and "role operator" in denied.stderr
    other = say(node, "0123456789ab", "--reason", "x")
    assert other.returncode == 2 and "look again" in other.stderr
    for body, status, code in (({"key": "0123456789ab", "reason": "x"}, 409, "LOSS_CHANGED"),
                               ({"key": key}, 400, None), ({"reason": "x"}, 400, None),
                               ({"key": key, "reason": " "}, 400, None)):
        got, said = node.ask("/operator/losses/accept", "bob", body)
        assert got == status and code in (None, said["code"]), said
    silent = say(node, key)
    assert silent.returncode == 2 and "--reason" in silent.stderr
    assert node.process.poll() is None and loss(node)["key"] == key
    noted = node.database.rows("SELECT response_status FROM admin_audit_logs "
                               "WHERE action = 'ACCEPT_LOSS'")
    assert {"409", "400"} <= {x[0] for x in noted}
    assert node.database.number("SELECT count(*) FROM accepted_losses") == 0


def test_who_accepts_it_goes_on_without_it(node, sale):
    key, operation = loss(node)["key"], str(uuid.uuid4())
    said = say(node, key, "--reason", "Buyers are called", "--operation", operation)
    assert (said.returncode, said.stderr) == (0, "") and "accepted" in said.stdout
    assert node.process.wait(60) == 1  # To be started again by whoever looks after it.
    row = node.database.rows("SELECT id, key, reason, accepted_by_name, missing->0->>'id', more "
                             "FROM accepted_losses")
    assert row == [[operation, key, "Buyers are called", "bob", sale["lost"], "f"]]
    noted = node.database.rows("SELECT request_summary FROM admin_audit_logs WHERE "
                               "action = 'ACCEPT_LOSS' AND response_status = 200 "
                               "ORDER BY created_at DESC LIMIT 1")
    assert noted[0][0].startswith("bob: without 1 answered") and operation in noted[0][0]
    node.start()
    assert loss(node)["loss"] == "none"
    # To say it again does no harm.
    again = say(node, key, "--reason", "Buyers are called", "--operation", operation)
    assert again.returncode == 0 and "no node misses anything" in again.stdout
    # What is gone can be had by others, what was there is there.
    assert reserve(node, 2, sale["event"], sale["seats"][1:2]).status == 200
    client = node.client(token=harness.access_token(harness.user_uuid(0)))
    assert client.get(f"/api/reservations/{sale['kept']}").status == 200
    client.close()
    assert node.process.poll() is None
