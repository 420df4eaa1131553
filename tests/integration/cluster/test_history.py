"""tiketi-history, the judge of what clients wrote down: it believes what can have been, and finds
each contradiction that is planted."""
import json
import os
import subprocess
import uuid

import pytest

TTL_MS = 1000
ANN, BEN = str(uuid.UUID(int=1)), str(uuid.UUID(int=2))
ONE, TWO = str(uuid.UUID(int=11)), str(uuid.UUID(int=12))
SEAT = [0, 1]


def held(user, reservation, asked, seat=None, **more):
    seats = [seat or SEAT]
    return {"op": "reserve", "user": user, "key": f"key of {reservation}", "seats": seats,
            "asked": asked, "answered": asked + 10, "code": "OK", "reservation": reservation,
            "made": seats, "pending": True, "expires": asked + TTL_MS, **more}


def refused(user, code, asked):
    return {"op": "reserve", "user": user, "key": f"{user} at {asked}", "seats": [SEAT],
            "asked": asked, "answered": asked + 10, "code": code, "refused": [SEAT]}


def change(op, reservation, asked, code="OK"):
    return {"op": op, "reservation": reservation, "asked": asked, "answered": asked + 10,
            "code": code}


def row(user, reservation, status, seat=None):
    return {"op": "row", "reservation": reservation, "user": user, "status": status,
            "seats": [seat or SEAT]}


@pytest.fixture
def judge(tmp_path):
    def run(*lines):
        path = tmp_path / "told.jsonl"
        path.write_text("".join(json.dumps(x) + "\n" for x in lines))
        done = subprocess.run([os.environ["TIKETI_HISTORY"], str(path), str(TTL_MS)],
                              capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode in (0, 1), done
        said = json.loads(done.stdout)
        assert (done.returncode == 0) == (said["wrong"] == []), said
        return said
    return run


def test_one_after_the_other_is_believed(judge):
    said = judge(held(ANN, ONE, 0), change("cancel", ONE, 20), held(BEN, TWO, 40),
                 refused(ANN, "SEAT_HELD", 60), change("pay", TWO, 80),
                 refused(ANN, "SEAT_SOLD", 100), row(ANN, ONE, "cancelled"),
                 row(BEN, TWO, "confirmed"))
    assert said["wrong"] == [] and said["seats"] == 1 and said["acknowledged"] == 4


def test_an_unknown_outcome_explains_either(judge):
    open_end = change("cancel", ONE, 20, "OUTCOME_UNKNOWN")
    assert judge(held(ANN, ONE, 0), open_end, row(ANN, ONE, "pending"))["wrong"] == []
    assert judge(held(ANN, ONE, 0), open_end, held(BEN, TWO, 40), row(ANN, ONE, "cancelled"),
                 row(BEN, TWO, "pending"))["wrong"] == []


def test_one_seat_held_by_two_at_once(judge):
    said = judge(held(ANN, ONE, 0), held(BEN, TWO, 40), row(ANN, ONE, "pending"),
                 row(BEN, TWO, "pending"))
    assert said["contradictions"] == 1


def test_a_seat_that_was_sold_to_two(judge):
    said = judge(held(ANN, ONE, 0), change("pay", ONE, 20), held(BEN, TWO, 2000),
                 change("pay", TWO, 2020), row(ANN, ONE, "confirmed"), row(BEN, TWO, "confirmed"))
    assert said["sold_twice"] == 1 and said["contradictions"] == 1


@pytest.mark.parametrize("rows", [
    [], [row(BEN, ONE, "pending")], [row(ANN, ONE, "pending", [0, 2])],
    [row(ANN, ONE, "cancelled")], [row(ANN, ONE, "confirmed")]])
def test_an_acknowledged_hold_that_is_lost(judge, rows):
    """Gone, somebody else's, of another seat, cancelled or sold by nobody."""
    assert judge(held(ANN, ONE, 0), *rows)["lost"] == 1


@pytest.mark.parametrize("op,status", [("cancel", "pending"), ("cancel", "confirmed"),
                                       ("pay", "pending"), ("pay", "expired")])
def test_an_acknowledged_change_that_is_lost(judge, op, status):
    assert judge(held(ANN, ONE, 0), change(op, ONE, 20), row(ANN, ONE, status))["lost"] == 1


def test_a_refusal_of_a_seat_that_nobody_had(judge):
    assert judge(refused(ANN, "SEAT_SOLD", 100))["contradictions"] == 1


def test_a_file_that_proves_nothing_does_not_pass(tmp_path):
    path = tmp_path / "told.jsonl"
    for text, code in (("", 1), ("no JSON\n", 2), ("{}\n", 2)):
        path.write_text(text)
        done = subprocess.run([os.environ["TIKETI_HISTORY"], str(path), "1000"],
                              capture_output=True, timeout=60, check=False)
        assert done.returncode == code, done
