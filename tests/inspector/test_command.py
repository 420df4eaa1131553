"""tiketi-inspect audit on the command line: what it prints, and what it exits with."""
import json
import os
import pathlib
import pty
import shutil
import signal
import subprocess
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import inspector  # noqa: E402
from inspector import harness, inspect  # noqa: E402


@pytest.fixture(scope="module")
def database():
    made = inspector.new_database("inspected")
    node = harness.Node(made)
    node.command("migrate")
    node.command("seed")
    shutil.rmtree(node.folder)
    return made


@pytest.fixture
def spoiled(database):
    """A seat that is sold to nobody, for the time of a test."""
    seat = database.value("SELECT id FROM seats ORDER BY id LIMIT 1")
    database.rows(f"UPDATE seats SET status = 'reserved', reservation_id = gen_random_uuid(), "
                  f"locked_by = gen_random_uuid(), version = 1 WHERE id = '{seat}'")
    yield seat
    database.rows(f"UPDATE seats SET status = 'available', reservation_id = NULL, "
                  f"locked_by = NULL, version = 0 WHERE id = '{seat}'")


def test_a_seeded_shop_holds(database):
    done = inspect("audit", database=database)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("\n") == 1 and " rules hold as of " in done.stdout
    found = json.loads(inspect("audit", "--json", database=database).stdout)
    assert found["held"] is True and found["findings"] == [] and found["rules"] > 60
    assert 0 <= found["age_ms"] < 60_000 and found["standby"] is False


def test_a_contradiction_is_named_with_both_values(database, spoiled):
    done = inspect("audit", database=database)
    assert done.returncode == 1
    assert "seat_status: a seat's status is not its reservation's: 1 row of seats" in done.stdout
    assert f"  {spoiled}  reserved for reservation " in done.stdout
    assert "there is no such reservation" in done.stdout and "\x1b" not in done.stdout
    found = json.loads(inspect("audit", "--json", database=database).stdout)
    rules = {x["rule"]: x for x in found["findings"]}
    assert set(rules) == {"seats.reservation_id", "seat_status", "seat_unlisted", "seat_version"}
    assert rules["seat_version"]["rows"] == [
        {"row": spoiled, "says": "version 1", "against": "0 steps on record"}]


def test_parts_and_rows_bound_what_is_asked_and_listed(database, spoiled):
    assert inspect("audit", "--part", "money", "--part", "tickets", database=database) \
        .returncode == 0
    done = inspect("audit", "--part", "seats", "--rows", "0", database=database)
    assert done.returncode == 1
    assert "  and 1 more\n" in done.stdout and spoiled not in done.stdout


def test_a_terminal_gets_colour_unless_it_asks_for_none(database, spoiled):
    def on_terminal(**env):
        ours, theirs = pty.openpty()
        done = subprocess.run([inspector.program(), "audit"], stdout=theirs, timeout=60,
                              env={"PATH": os.environ["PATH"], "DATABASE_URL": database.url,
                                   "TERM": "xterm", **env}, check=False)
        os.close(theirs)
        said = b""
        try:
            while chunk := os.read(ours, 65536):
                said += chunk
        except OSError:  # The end of a terminal.
            pass
        os.close(ours)
        assert done.returncode == 1
        return said.decode()
    assert "\x1b[1;31mseat_status" in on_terminal()
    assert "\x1b" not in on_terminal(NO_COLOR="1")


@pytest.mark.parametrize("args, env", [
    (("audit",), {}),
    (("audit",), {"DATABASE_URL": "host=/nowhere dbname=x"}),
    (("audit", "--follow", "0"), {}),
    (("audit", "--part", "luck"), {}),
    (("audit", "--rows", "many"), {}),
    (("guess",), {}),
    ((), {}),
])
def test_who_cannot_look_exits_with_2_and_says_why(args, env):
    done = inspect(*args, env=env)
    assert done.returncode == 2 and done.stderr.strip()
    if env:
        assert "no connection" in done.stderr and done.stderr.count("\n") == 1


def test_another_release_is_not_looked_at(database):
    database.rows("INSERT INTO schema_migrations VALUES (9999, '9999_future.sql', 'x')")
    try:
        done = inspect("audit", "--json", database=database)
        assert done.returncode == 2 and "9999" in done.stderr
        said = json.loads(done.stdout)
        assert said["held"] is None and "9999" in said["error"]
    finally:
        database.rows("DELETE FROM schema_migrations WHERE version = 9999")


def test_help_has_examples_and_exit_codes():
    for args, codes in ((("--help",), "Exit codes: 0 it is so"),
                        (("audit", "--help"), "Exit codes: 0 all held")):
        done = inspect(*args)
        assert done.returncode == 0 and codes in done.stdout, done
    told = inspect("audit", "--help").stdout
    assert 'tiketi-inspect audit --database "host=' in told
    parts = "references,seats,orders,history,money,tickets,events,shards,queue,overdue"
    assert "{" + parts + "}" in told


def test_the_rules_are_listed_without_a_database():
    done = inspect("audit", "--list", "--part", "shards")
    assert done.returncode == 0 and "  shards  shard_node  <>  a shard is" in done.stdout
    named = json.loads(inspect("audit", "--list", "--json").stdout)
    assert len({x["rule"] for x in named}) == len(named) > 60


def test_the_documentation_counts_the_rules():
    named = json.loads(inspect("audit", "--list", "--json").stdout)
    text = (pathlib.Path(__file__).resolve().parents[2] / "docs/audit.md").read_text()
    assert f"1 of {len(named)} rules broken" in text and f"today {len(named)}," in text


def test_a_url_is_as_good_as_a_conninfo(database):
    address = dict(x.split("=", 1) for x in database.url.split())
    url = "postgresql://somebody@/{dbname}?host={host}&port={port}".format(**address)
    for there in (url, url.replace("postgresql:", "postgres:")):
        done = inspect("audit", "--part", "shards", "--database", there)
        assert (done.returncode, done.stderr) == (0, "")


def test_who_cannot_write_the_answer_does_not_say_that_all_is_well(database):
    for args in (("audit", "--part", "shards"), ("audit", "--follow", "1"), ("audit", "--list"),
                 ("audit", "--help")):
        with open("/dev/full", "w") as full:
            done = subprocess.run([inspector.program(), *args], stdout=full, text=True,
                                  stderr=subprocess.PIPE, timeout=60,
                                  env={"PATH": os.environ["PATH"], "DATABASE_URL": database.url})
        assert done.returncode == 2 and "cannot write" in done.stderr


def test_it_follows_and_says_only_what_changed(database):
    watch = inspector.Follower(database)
    plain = subprocess.Popen([inspector.program(), "audit", "--follow", "1"],
                             env={"PATH": os.environ["PATH"], "DATABASE_URL": database.url},
                             stdout=subprocess.PIPE, text=True)
    try:
        watch.wait_for(lambda x: len(x) >= 2)
        seat = database.value("SELECT id FROM seats ORDER BY id LIMIT 1")
        database.rows(f"UPDATE seats SET version = 5 WHERE id = '{seat}'")
        watch.wait_for(lambda x: not x[-1]["held"])
        seen = len(watch.rounds)
        watch.wait_for(lambda x: len(x) > seen + 2)
        database.rows(f"UPDATE seats SET version = 0 WHERE id = '{seat}'")
        rounds = watch.wait_for(lambda x: x[-1]["held"])
        assert [x["rule"] for r in rounds for x in r["findings"]][0] == "seat_version"
        assert all(a["as_of"] < b["as_of"] for a, b in zip(rounds, rounds[1:]))
        time.sleep(1.5)
        plain.send_signal(signal.SIGINT)
        said = plain.communicate(timeout=30)[0]
        assert plain.returncode == 0
        assert said.count("seat_version: ") == 2, said
        assert said.count(f"  {seat}  version 5  <>  0 steps on record\n") == 1
        assert said.count("seat_version: holds again\n") == 1
        assert said.count(" as of ") >= 5
        assert watch.stop() == 0
    finally:
        watch.close()
        if plain.poll() is None:
            plain.kill()


def test_a_follower_ends_with_what_it_saw_last(database, spoiled):
    watch = inspector.Follower(database)
    try:
        watch.wait_for(lambda x: x)
        assert watch.stop(signal.SIGTERM) == 1
    finally:
        watch.close()


def test_a_follower_ends_when_nobody_reads_it_any_more(database):
    watch = subprocess.Popen([inspector.program(), "audit", "--follow", "1"],
                             env={"PATH": os.environ["PATH"], "DATABASE_URL": database.url},
                             stdout=subprocess.PIPE, text=True)
    try:
        assert " hold as of " in watch.stdout.readline()
        watch.stdout.close()
        assert watch.wait(30) == -signal.SIGPIPE
    finally:
        watch.kill()


def test_a_follower_comes_back_when_its_connection_is_gone(database):
    watch = inspector.Follower(database)
    try:
        watch.wait_for(lambda x: x)
        database.rows("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                      "WHERE application_name = 'tiketi-inspect'")
        watch.wait_for(lambda x: any(r["held"] is None for r in x))
        watch.wait_for(lambda x: x[-1]["held"])
        assert watch.stop() == 0
    finally:
        watch.close()
