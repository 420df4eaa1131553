"""Two nodes, a broker and a payment provider, each a process that may be killed; and steps of a
purchase at which somebody can be waited for.

Three kinds of steps. *Rows*: a deferred trigger makes a transaction wait in the middle of its
COMMIT for a lock that we hold. *Provider*: its process tells that it got there, and waits. *Buyer*:
somebody is about to ask, or has just been told.
"""
import json
import os
import pathlib
import queue
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve()
sys.path[:0] = [str(HERE.parents[1] / x) for x in ("kafka", "payment")]
sys.path[:0] = [str(HERE.parents[2] / x) for x in ("load", "inspector")]
import brokers  # noqa: E402
import provider  # noqa: E402
import tiketi_harness as harness  # noqa: E402
import toss_fake  # noqa: E402
from cluster_nodes import OperatedWorld  # noqa: E402

NODES, USERS, HOLD_S = 2, 400, 10
LOCK = 4242  # Of advisory locks, with the number of the step.
# Which rows tell that a transaction is at that step: table, event, condition.
ROWS = {
    "hold at COMMIT": ("reservations", "INSERT", ""),
    "order at COMMIT": ("payments", "INSERT", ""),
    "attempt at COMMIT": ("payment_attempts", "INSERT", ""),
    "sale at COMMIT": ("payments", "UPDATE", "WHEN (NEW.status = 'confirmed')"),
    "refund owed at COMMIT": ("refunds", "INSERT", ""),
    "refund done at COMMIT": ("refunds", "UPDATE", "WHEN (NEW.status = 'done')"),
    "told, cursor at COMMIT": ("relay_cursor", "UPDATE", ""),
    "consumer's effect at COMMIT": ("processed_events", "INSERT", ""),
}
PROVIDER = tuple("provider: " + x for x in provider.POINTS)
BUYER = ("buyer asks for a hold", "buyer confirms", "buyer has bought", "buyer cancels")
STEPS = tuple(ROWS) + PROVIDER + BUYER
NEED_A_BROKER = ("told, cursor at COMMIT", "consumer's effect at COMMIT")
VICTIMS = ("node", "broker", "provider")


class Broken(Exception):
    """Something that must come to pass did not."""


def until(true, patience, what, pause=0.02):
    deadline = time.monotonic() + patience
    while not true():
        if time.monotonic() > deadline:
            raise Broken(f"after {patience} s {what() if callable(what) else what}")
        time.sleep(pause)


class Session:
    """A psql that stays, for locks and for questions that are asked often."""

    def __init__(self, database):
        self.process = subprocess.Popen(
            ["psql", "-XAtq", "-F", "\t", "-d", database.url + " user=postgres"], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def rows(self, sql):
        self.process.stdin.write(sql + ";\n\\echo done\n")
        self.process.stdin.flush()
        out = []
        while (line := self.process.stdout.readline()) != "done\n":
            if not line or line.startswith("ERROR"):
                raise RuntimeError(f"{line}in: {sql}")
            out.append(line.rstrip("\n").split("\t"))
        return out

    def close(self):
        self.process.stdin.close()
        self.process.wait(20)


class Rows:
    """Steps that rows tell of."""

    def __init__(self, database):
        self.locks, self.looks = Session(database), Session(database)
        self.names = list(ROWS)
        sql = ("CREATE FUNCTION chaos_wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM "
               f"pg_advisory_xact_lock_shared({LOCK}, TG_ARGV[0]::int); RETURN NULL; END $$;\n")
        for n, (table, event, when) in enumerate(ROWS.values()):
            sql += (f"CREATE CONSTRAINT TRIGGER chaos_{n} AFTER {event} ON {table} DEFERRABLE "
                    f"INITIALLY DEFERRED FOR EACH ROW {when} EXECUTE FUNCTION chaos_wait({n});\n")
        database.rows(sql)

    def arm(self, step):
        self.locks.rows(f"SELECT pg_advisory_lock({LOCK}, {self.names.index(step)})")

    def reached(self, step):
        """[process id of the backend, node id or ""] of who stands there."""
        return self.looks.rows(
            "SELECT l.pid, coalesce((SELECT n.node::text FROM nodes n WHERE l.pid = "
            "ANY(n.backend_pids) LIMIT 1), '') FROM pg_locks l WHERE l.locktype = 'advisory' AND "
            f"l.classid = {LOCK} AND l.objid = {self.names.index(step)} AND NOT l.granted")

    def give_up(self, backends):
        """As if the server had found out that their client is dead."""
        for pid, _ in backends:
            self.looks.rows(f"SELECT pg_terminate_backend({pid})")

    def release(self, step):
        self.locks.rows(f"SELECT pg_advisory_unlock({LOCK}, {self.names.index(step)})")

    def close(self):
        self.locks.close()
        self.looks.close()


class Provider:
    """The process that plays Toss, on a socket that outlives it."""

    def __init__(self, folder, seed):
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        self.socket.listen(128)
        self.port, self.journal, self.seed = self.socket.getsockname()[1], folder / "toss", seed
        self.log = open(folder / "toss.log", "ab")
        self.told, self.process, self.nodes = queue.Queue(), None, []

    def start(self):
        fd = self.socket.fileno()
        self.process = subprocess.Popen(
            [sys.executable, str(HERE.parent / "provider.py"), str(fd), str(self.journal),
             str(self.seed), *self.nodes], pass_fds=[fd], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=self.log, text=True)
        threading.Thread(target=self._read, args=(self.process,), daemon=True).start()

    def _read(self, process):
        for line in process.stdout:
            if (said := json.loads(line))["at"] != "start":
                self.told.put(said)

    def say(self, what, patience=5, **body):
        """Its answer; None when it did not give one."""
        client = harness.Client(self.port, timeout=patience, checked=False)
        try:
            return client.post(f"/fake/{what}", body).json
        except Exception:  # Killed before, in the middle, or away.
            return None
        finally:
            client.close()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def close(self):
        if self.process and self.process.poll() is None:
            self.kill()
        self.socket.close()


class Stage(OperatedWorld):
    def __init__(self, seed, reconcile_ms):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="tiketi-purchases.", dir="/tmp"))
        self.provider, self.kafka, self.rows = Provider(self.folder, seed), None, None
        self.heard = {x: threading.Event() for x in BUYER}
        try:
            self.kafka = brokers.Brokers(1)
            self.kafka.start(0)
            super().__init__("purchases", NODES, {
                "KAFKA_BROKERS": self.kafka.address, "PAYMENT_PROVIDERS": "toss",
                "TOSS_SECRET_KEY": toss_fake.SECRET_KEY,
                "TOSS_WEBHOOK_SECRET": provider.WEBHOOK_KEY, "LOG_REQUESTS_PERCENT": "0",
                "MAX_ACTIVE_HOLDS_PER_USER_EVENT": "0", "RESERVATION_TTL_SECONDS": str(HOLD_S),
                "RESERVATION_RECONCILIATION_INTERVAL_MS": str(reconcile_ms)}, users=USERS)
        except BaseException:
            self._close_others()
            raise
        try:
            for n, node in enumerate(self.nodes):
                node.env["TOSS_BASE_URL"] = f"http://127.0.0.1:{self.provider.port}/n{n}"
                self.provider.nodes.append(f"http://127.0.0.1:{node.port}")
            self.provider.start()
            self.rows = Rows(self.db)
            self.kafka.wait_ready()
            self.nodes.start()
        except BaseException:
            self.close()
            raise

    def _close_others(self):
        if self.rows:
            self.rows.close()
        self.provider.close()
        if self.kafka:
            self.kafka.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def close(self):
        try:
            super().close()
        finally:
            self._close_others()

    def pids(self):
        started = [x.process for x in self.nodes] + [self.cluster.process, self.provider.process]
        started += self.kafka.processes if self.kafka else []
        return [x.pid for x in started if x is not None and x.poll() is None]

    # -- where somebody is waited for -----------------------------------------------------------

    def is_ready(self, node):
        if node.process is None or node.process.poll() is not None:
            return False
        client = harness.Client(node.port, timeout=1, checked=False)
        try:
            return client.get("/actuator/health/readiness").status == 200
        except Exception:
            return False
        finally:
            client.close()

    def until_up(self):
        """Everybody is there."""
        for node in self.nodes:
            if node.process.poll() is not None:
                raise Broken(f"a node ended by itself: {node.log()}")
        until(lambda: all(self.is_ready(x) for x in self.nodes), 60,
              lambda: "a node was not ready: " + "\n".join(x.log() for x in self.nodes), 0.1)
        until(lambda: self.provider.say("state", 2) is not None, 20, "the provider did not answer")

    def catch(self, step, dice, patience=120):
        """Waits until somebody is at that step; (node, what `let_go` wants)."""
        if step in ROWS:
            self.rows.arm(step)
            found = []
            try:
                until(lambda: found.extend(self.rows.reached(step)) or found, 0.9, "", 0.003)
            except Broken:  # So long only, because others wait behind it.
                self.rows.release(step)
                if patience <= 0:
                    raise Broken(f"nobody ever got to: {step}") from None
                time.sleep(0.3)
                return self.catch(step, dice, patience - 1.2)
            same = [x for x in found if x[1] == found[0][1]]
            return self.node_of(found[0][1], dice), same
        if step in PROVIDER:
            return self.catch_at_provider(step, dice, patience)
        event = self.heard[step]
        event.clear()
        if not event.wait(patience):
            raise Broken(f"nobody ever got to: {step}")
        time.sleep(dice.uniform(0, 0.015))
        return dice.choice(list(self.nodes)), None

    def catch_at_provider(self, step, dice, patience):
        while not self.provider.told.empty():
            self.provider.told.get()
        until(lambda: self.provider.say("trap", at=step.removeprefix("provider: ")) is not None,
              20, "the provider did not answer")
        try:
            said = self.provider.told.get(timeout=patience)
        except queue.Empty:
            raise Broken(f"nobody ever got to: {step}; {self.provider.say('state')}") from None
        if said["node"] is None:
            return dice.choice(list(self.nodes)), None
        return self.nodes[said["node"]], None

    def node_of(self, name, dice):
        named = [x for x in self.nodes if x.env["TIKETI_NODE_ID"] == name]
        return named[0] if named else dice.choice(list(self.nodes))

    def let_go(self, step, found, victim, dice):
        if step in ROWS:
            if victim == "node" and dice.random() < 0.5:
                self.rows.give_up(found)  # Else what was sent is committed, and nobody hears it.
            self.rows.release(step)
        elif step in PROVIDER and victim != "provider":
            self.provider.say("release")

    # -- what is done to them -------------------------------------------------------------------

    def strike(self, victim, node):
        if victim == "node":
            node.kill()
        elif victim == "broker":
            self.kafka.kill(0)
        else:
            self.provider.kill()

    def bring_back(self, victim, node, dice):
        """At once, or when its absence has been noticed."""
        if victim == "node":
            if dice.random() < 0.5:
                until(lambda: self.nodes.shards_of(node) == 0, 40,
                      "nobody had taken the dead node's shards", 0.1)
            node.process = start_only(node)
        elif victim == "broker":
            time.sleep(dice.uniform(0, 1))
            self.kafka.start(0)
        else:
            time.sleep(dice.choice((0, dice.uniform(0, 0.5))))
            self.provider.start()

    def has_broker(self):
        return self.kafka.processes[0] is not None and self.kafka.alive() == 1


def start_only(node):
    """As `Node.start`, without waiting."""
    log = open(node.folder / "node.log", "ab")
    return subprocess.Popen([node.program, "run"], env=node.env, stdout=log, stderr=log,
                            stdin=subprocess.DEVNULL)
