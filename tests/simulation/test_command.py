"""tiketi-sim as a tester meets it: what it says of a bug, and what it refuses. Bugs are planted."""
import os
import pathlib
import re
import subprocess

import pytest

PROGRAM = os.environ["TIKETI_SIM"]
ODD = pathlib.Path(__file__).parent / "odd"
NOBODY = ODD / "nobody.json"
TWICE = ODD / "twice.json"


def sim(*arguments):
    return subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True,
                          timeout=100, check=False)


def again(told):
    """The line that plays it again, as arguments."""
    line = re.search(r"again: \./dev sim (replay .*)", told)
    assert line, told
    return line.group(1).split()


def test_what_holds_ends_with_zero():
    done = sim("run", "--sale", "calm", "--seeds", 3)
    assert done.returncode == 0 and done.stdout.rstrip().endswith("3 passed, 0 failed"), done


def test_a_failing_seed_is_shrunk_and_can_be_played_again():
    done = sim("run", "--sale", "storm", "--seeds", 1, "--mutant", "answers_before_commit")
    assert done.returncode == 1 and done.stdout.rstrip().endswith("0 passed, 1 failed"), done
    assert "seed 1 of storm fails: I" in done.stdout and "who did what:" in done.stdout
    smaller = again(done.stdout)
    assert "--people" in smaller  # Most of them have nothing to do with it.
    repeated = sim(*smaller)
    assert repeated.returncode == 1
    assert re.search(r"fails: (I\d+)", repeated.stdout).group(1) == \
        re.search(r"fails: (I\d+)", done.stdout).group(1)
    healthy = [x for x in smaller if x not in ("--mutant", "answers_before_commit")]
    assert sim(*healthy).returncode == 0


def test_people_are_taken_away_where_no_fault_can_be():
    done = sim("run", "--sale", "calm", "--seeds", 1, "--mutant", "charges_another_sum")
    assert done.returncode == 1 and "--people" in again(done.stdout), done


def test_a_crash_tells_its_story(tmp_path):
    done = sim("run", "--sale", "storm", "--seeds", 1, "--mutant", "falls_over")
    assert done.returncode == 1 and "seed 1 of storm fails: crash: signal 6" in done.stdout, done
    assert re.search(r"reserve", done.stdout.split("the last events:")[1])
    smaller = again(done.stdout)
    assert "--people" in smaller and "--without" in smaller
    record = tmp_path / "crash.html"
    repeated = sim(*smaller, "--record", record)
    assert repeated.returncode == 1 and "fails: crash: signal 6" in repeated.stdout, repeated
    assert "reserve" in record.read_text()


@pytest.mark.parametrize("name, wanted", [("run.md", "sequenceDiagram"),
                                          ("run.html", "<!doctype html>")])
def test_a_whole_run_is_written_to_a_file(tmp_path, name, wanted):
    record = tmp_path / name
    assert sim("replay", 1, "--sale", "calm", "--record", record).returncode == 0
    assert wanted in record.read_text() and len(record.read_text()) > 10_000


def test_coverage_that_is_demanded_and_not_met_fails():
    done = sim("run", "--sale", "money", "--seeds", 2, "--once", "--demand-coverage")
    assert done.returncode == 1 and "never" in done.stdout, done


@pytest.mark.parametrize("arguments, status, why", [
    (("run", "--sale", NOBODY, "--seeds", 2), 1, "proves nothing: nobody came"),
    (("replay", 1, "--without", "kil"), 2, "there is no fault kil"),
    (("replay", 1, "--people", "0,24"), 2, "there is nobody of number 24, only 0 to 23"),
    (("replay", "-1"), 2, "is no seed"),
    (("replay", "9" * 23), 2, "is no seed"),
    (("run", "--first", "1844674407370955161"), 2, "is no seed"),
    (("replay", 1, "--mutant", "no_such"), 2, "there is no planted bug no_such"),
    (("replay", 1, "--sale", "/nowhere"), 2, "/nowhere"),
    (("replay", 1, "--sale", TWICE), 2, "field 'people' is there twice"),
    (("replay", 1, "--record", "run.txt"), 2, "must end with .md or .html"),
    (("play", 1), 2, ""),
])
def test_what_there_is_not_is_refused(arguments, status, why):
    done = sim(*arguments)
    assert done.returncode == status and why in done.stdout + done.stderr, done
