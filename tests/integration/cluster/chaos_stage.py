"""Three nodes, one more that comes and goes, doors between them that can be shut, a PostgreSQL that
can be hurt; and everything that is done to them, each as one function of the stage and the dice."""
import os
import signal
import time

import tiketi_harness as harness
from cluster_nodes import OperatedWorld
from tcp_gate import Gate

HOLD_S = 8
LEAST_SHARDS = 30  # Of 128, when all is whole.
SETTINGS = {"MAX_ACTIVE_HOLDS_PER_USER_EVENT": "0", "CLUSTER_REBALANCE_AFTER_SECONDS": "1",
            "RESERVATION_TTL_SECONDS": str(HOLD_S), "LOG_REQUESTS_PERCENT": "0",
            "CLUSTER_DRAIN_SECONDS": "30"}  # However busy the machine is, it gives all of them.


class Broken(Exception):
    """Something that must come to pass did not."""


def until(true, patience, what):
    """`what` says what did not come to pass, when that is asked."""
    deadline = time.monotonic() + patience
    while not true():
        if time.monotonic() > deadline:
            raise Broken(f"after {patience} s {what() if callable(what) else what}")
        time.sleep(0.05)


class Stage(OperatedWorld):
    """`core` nodes always run between rounds, the spare one only in some."""

    def __init__(self, before=None):
        """`before` is the node of an older release."""
        self.programs = [harness.node_program()] + ([before] if before else [])
        self.gate = Gate()
        try:
            super().__init__("chaos", 4, SETTINGS, users=4000)
        except BaseException:
            self.gate.close()
            raise
        try:
            self.core, self.spare = self.nodes[:3], self.nodes[3]
            for node in self.nodes:
                port = int(node.env["CLUSTER_LISTEN"].rsplit(":", 1)[1])
                door = self.gate.before(self.name_of(node), port)
                node.env["CLUSTER_ADDRESS"] = f"127.0.0.1:{door}"
            for node in self.core:
                node.start()
            self.until_whole()
        except BaseException:
            self.close()
            raise

    def logs(self, first):
        """The ends of all logs but for answers, that of one node first."""
        out = []
        for node in sorted(self.core, key=lambda x: x is not first):
            lines = (node.folder / "node.log").read_text(errors="replace").splitlines()
            out += [x for x in lines if '"event":"answered"' not in x][-30:]
            out += self.cluster_metrics(node)
        return "\n".join(out)

    @staticmethod
    def name_of(node):
        return node.env["TIKETI_NODE_ID"]

    @staticmethod
    def cluster_metrics(node):
        """What it says of its connections; nothing when it says nothing."""
        client = harness.Client(node.port, timeout=2, checked=False)
        try:
            page = client.get("/actuator/prometheus").body.decode()
        except Exception:
            return []
        finally:
            client.close()
        return [x for x in page.splitlines() if "cluster_" in x and not x.startswith("#")]

    def links_of(self, node):
        """How many other nodes it speaks with; 0 when it does not say."""
        for line in self.cluster_metrics(node):
            if "cluster_links_standing" in line:
                return int(float(line.split()[-1]))
        return 0

    def until_linked(self, patience=40):
        """Every node speaks with every other one."""
        until(lambda: all(self.links_of(x) >= 2 for x in self.core), patience,
              "the nodes still did not speak with each other")

    def until_whole(self, patience=60):
        """And every node has its share of shards. Not waited for between rounds: what moves then,
        moves while the next thing happens."""
        self.until_linked()
        until(self.is_even, patience, "the shards still were not evened out")

    def is_even(self):
        """Every node has its share; if not, operators say once more that it is to have it."""
        try:
            have = dict(self.db.rows("SELECT node, count(*) FROM shard_owners GROUP BY 1"))
        except RuntimeError:
            return False
        if all(int(have.get(self.name_of(x), 0)) >= LEAST_SHARDS for x in self.core):
            return True
        self.say("rebalance", at=self.core)  # Refused while a node finds itself again.
        return False

    def shards_of(self, node):
        """-1 while PostgreSQL does not say."""
        try:
            return self.nodes.shards_of(node)
        except RuntimeError:
            return -1

    def victim(self, dice):
        """One of which something would be missed."""
        owners = [x for x in self.core if self.shards_of(x) >= 10]
        return dice.choice(owners or self.core)

    def pids(self):
        """Of everything that was started."""
        started = [x.process for x in self.nodes] + [self.cluster.process, self.gate.process]
        return [x.pid for x in started if x is not None and x.poll() is None]

    def close(self):
        for node in self.nodes:  # One that stands still would not hear that it is to end.
            if node.process is not None and node.process.poll() is None:
                node.process.send_signal(signal.SIGCONT)
        try:
            super().close()
        finally:
            self.gate.close()


# -- nodes -----------------------------------------------------------------------------------------


def kill(stage, dice):
    victim = stage.victim(dice)
    victim.kill()
    until(lambda: stage.shards_of(victim) == 0, 30, "nobody had taken the dead node's shards")
    time.sleep(dice.uniform(0, 1))
    victim.start()


def zombie(stage, dice):
    """It stands still until others have taken over, and then goes on."""
    victim = stage.victim(dice)
    os.kill(victim.process.pid, signal.SIGSTOP)
    try:
        until(lambda: stage.shards_of(victim) == 0, 30, "nobody had taken the still node's shards")
        time.sleep(dice.uniform(0.2, 1.5))
    finally:
        os.kill(victim.process.pid, signal.SIGCONT)
    time.sleep(1)


def pause(stage, dice):
    """It stands still, for less than a takeover needs."""
    victim = stage.victim(dice)
    os.kill(victim.process.pid, signal.SIGSTOP)
    try:
        time.sleep(dice.uniform(0.5, 2.5))
    finally:
        os.kill(victim.process.pid, signal.SIGCONT)
    time.sleep(0.5)


def rolling(stage, dice):
    """One after the other in order, as an upgrade does it."""
    for node in dice.sample(stage.core, 3):
        if node.stop() != 0:
            raise Broken(f"a node did not end in order: {node.log()}")
        if left := stage.shards_of(node):
            raise Broken(f"a node that ended in order left {left} shards behind: {node.log()}")
        node.start()
        until(lambda n=node: stage.links_of(n) >= 2, 20,
              lambda n=node: f"a node that started did not speak with all: {stage.logs(n)}")
        time.sleep(0.3)


def another_release(stage, dice):
    """A rolling restart in which nodes go from one release to the other, or back, or stay."""
    for node in stage.core:
        node.program = dice.choice(stage.programs)
    if len({x.program for x in stage.core}) == 1:  # Neighbours of different releases, always.
        other = next(x for x in stage.programs if x != stage.core[0].program)
        dice.choice(stage.core).program = other
    rolling(stage, dice)


def insist(stage, *wish):
    """What an operator says until it comes true: a node that has just lost the database refuses."""
    until(lambda: stage.say(*wish, at=stage.core).returncode == 0, 30, f"{wish[0]} was refused")


def join_and_drain(stage, dice):
    """A fourth node comes, one is drained and taken back, the fourth leaves."""
    victim = stage.victim(dice)
    stage.spare.start()
    until(lambda: stage.links_of(stage.spare) >= 3, 20, "the fourth node spoke with nobody")
    insist(stage, "rebalance")
    insist(stage, "drain", stage.name_of(victim), "--reason", "Chaos")
    if stage.shards_of(victim) != 0:
        raise Broken("a drained node has shards")
    time.sleep(0.5)
    insist(stage, "undrain", stage.name_of(victim))
    if stage.spare.stop() != 0:
        raise Broken(f"the fourth node did not end in order: {stage.spare.log()}")


# -- links -----------------------------------------------------------------------------------------


def cut(how, ways, least, most):
    """A fault of links: `ways` picks (from, to) of the nodes' ids, in an order of the dice."""
    def run(stage, dice):
        names = [stage.name_of(x) for x in dice.sample(stage.core, 3)]
        stage.gate.set(how, ways(*names))
        try:
            time.sleep(dice.uniform(least, most))
        finally:
            stage.gate.heal()
        time.sleep(0.5)
    return run


def pair(a, b, _):
    return [(a, b), (b, a)]


def one_way(a, b, _):
    return [(a, b)]


def alone(a, b, c):
    return [(a, b), (b, a), (a, c), (c, a)]


def mute(a, b, c):
    """It hears the others, and they do not hear it."""
    return [(a, b), (a, c)]


def everybody(a, b, c):
    return alone(a, b, c) + pair(b, c, a)


# -- PostgreSQL ------------------------------------------------------------------------------------


def database_restart(stage, dice):
    """As `pg_ctl stop -m immediate`, or killed outright."""
    if dice.random() < 0.5:
        stage.cluster.process.send_signal(signal.SIGQUIT)
        stage.cluster.process.wait(30)
    else:
        stage.cluster.kill()
    time.sleep(dice.uniform(0, 2))
    stage.cluster.start()


def asked_of(stage, sql):
    return harness.Database(str(stage.cluster.folder), "postgres").rows(sql)


def answers(stage):
    try:
        return asked_of(stage, "SELECT 1") != []
    except RuntimeError:
        return False


def killed_at_commit(stage, dice):
    """kill -9 of a backend that is in the middle of COMMIT: the whole server recovers. Backends are
    stopped, looked at, and let go again until one stands there."""
    for _ in range(200):
        busy = [int(x[0]) for x in asked_of(
            stage, "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND "
                   "usename <> 'postgres' AND state <> 'idle'")]
        if not busy:
            continue
        victim = dice.choice(busy)
        try:
            os.kill(victim, signal.SIGSTOP)
            there = asked_of(
                stage, f"SELECT 1 FROM pg_stat_activity WHERE pid = {victim} AND state = 'active' "
                       "AND (query ~* '^\\s*(commit|end)' OR wait_event IN ('WALSync', "
                       "'WALWrite', 'WALWriteLock', 'WALInsert'))")
            if there:
                os.kill(victim, signal.SIGKILL)
                time.sleep(0.1)
                until(lambda: answers(stage), 60, "PostgreSQL had not recovered")
                return
        except ProcessLookupError:
            continue
        finally:
            try:
                os.kill(victim, signal.SIGCONT)
            except ProcessLookupError:
                pass
    raise Broken("no backend was ever found in the middle of COMMIT")


def database_slow(stage, dice):
    """Its backends stand still for moments, some or all of them."""
    for _ in range(4):
        backends = stage.cluster.backends()
        chosen = backends if dice.random() < 0.3 else dice.sample(backends, len(backends) // 2)
        stopped = []
        try:
            for pid in chosen:
                os.kill(pid, signal.SIGSTOP)
                stopped.append(pid)
            time.sleep(dice.uniform(0.2, 0.8))
        except ProcessLookupError:
            pass
        finally:
            for pid in stopped:
                try:
                    os.kill(pid, signal.SIGCONT)
                except ProcessLookupError:
                    pass
        time.sleep(dice.uniform(0.1, 0.3))


FAULTS = {
    "kill -9 of a node": kill,
    "stands still, taken over": zombie,
    "stands still for a moment": pause,
    "pair cut, reset": cut("reset", pair, 1.5, 3.5),
    "pair cut, black hole": cut("hold", pair, 1.5, 4),
    "pair cut, one way": cut("hold", one_way, 1.5, 4),
    "node cut off, reset": cut("reset", alone, 1.5, 3.5),
    "node cut off, black hole": cut("hold", alone, 1.5, 4),
    "node mute, hears": cut("hold", mute, 1.5, 4),
    "all links cut": cut("reset", everybody, 1.5, 3),
    "PostgreSQL restarted": database_restart,
    "backend killed at COMMIT": killed_at_commit,
    "PostgreSQL slow": database_slow,
    "one joins, one drained": join_and_drain,
    "rolling restart": rolling,
    "another release": another_release,
}
BETWEEN_RELEASES = ("another release",)  # Only where there are two.
# Of each kind one, for every run of the tests; rolling restarts have a test of their own there.
SHORT = ("kill -9 of a node", "stands still, taken over", "pair cut, reset", "pair cut, one way",
         "node cut off, black hole", "PostgreSQL restarted", "backend killed at COMMIT",
         "PostgreSQL slow", "one joins, one drained")
