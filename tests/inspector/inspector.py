"""Runs tiketi-inspect and reads what it says."""
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "load"))
import tiketi_harness as harness  # noqa: E402


def program():
    return os.environ["TIKETI_INSPECT"]


def new_database(name):
    host = dict(x.split("=") for x in os.environ["TIKETI_TEST_PG"].split())["host"]
    return harness.create_database(host, name)


def inspect(*args, database=None, env=None):
    """Runs it to its end."""
    variables = {"PATH": os.environ["PATH"], **(env or {})}
    if database:
        variables["DATABASE_URL"] = database.url
    return subprocess.run([program(), *args], env=variables, capture_output=True, text=True,
                          timeout=60, check=False)


class Follower:
    """`tiketi-inspect audit --follow --json`, its rounds read as they come."""

    def __init__(self, database, every=1, *args):
        self.rounds, self.guard = [], threading.Condition()
        self.process = subprocess.Popen(
            [program(), "audit", "--follow", str(every), "--json", *args],
            env={"PATH": os.environ["PATH"], "DATABASE_URL": database.url},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            with self.guard:
                self.rounds.append(json.loads(line))
                self.guard.notify_all()

    def wait_for(self, condition, patience=60):
        """Waits until `condition(rounds)`; a copy of the rounds so far."""
        with self.guard:
            assert self.guard.wait_for(lambda: condition(self.rounds), patience), self.rounds[-3:]
            return list(self.rounds)

    def stop(self, how=signal.SIGINT):
        """Its exit code."""
        self.process.send_signal(how)
        code = self.process.wait(30)
        self.reader.join(10)
        return code

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
