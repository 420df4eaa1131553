#!/usr/bin/python3
"""Purchases under load while node, broker and payment provider are killed at every step of them
(./dev chaos purchases).

Exit codes: 0 everything held, 1 something did not, 2 asked wrongly, 3 it took too long, 77 there is
no broker to start.
"""
import argparse
import collections
import faulthandler
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import threading
import time
import uuid

import judge
import provider
from buyers import Buyers
from stage import NEED_A_BROKER, STEPS, VICTIMS, Broken, Stage, brokers, harness, until
from inspector import inspect

TOPICS = ("payment-events", "reservation-events")
GROUPS = {"stats-service-group": TOPICS, "ticket-service-group": TOPICS[:1]}
EVENTS, SEATS = 3, 3000
START_S, KILL_S, SETTLE_S, BROKER_S = 120, 20, 240, 180  # As long may it take, a kill on average.
RECONCILE_S = 480  # It asks a provider about some hundreds of payments, one at a time.
# Of each victim some steps, for every run of the tests.
SHORT = (("node", "sale at COMMIT"), ("broker", "told, cursor at COMMIT"),
         ("provider", "provider: confirm done"), ("node", "provider: confirm done"),
         ("provider", "provider: cancel done"), ("broker", "consumer's effect at COMMIT"),
         ("node", "told, cursor at COMMIT"), ("provider", "provider: callback sent"),
         ("node", "provider: cancel done"))
BEGIN = time.monotonic()


def say(*words):
    print(f"[{time.monotonic() - BEGIN:7.1f}]", *words, flush=True)


def options_from(args):
    parser = argparse.ArgumentParser(prog="./dev chaos purchases", description=__doc__)
    parser.add_argument("--purchases", type=int, default=500, help="so many at least")
    parser.add_argument("--each", type=int, default=3, help="kills of each victim at each step")
    parser.add_argument("--seed", type=int, default=1, help="in which order, and what people want")
    parser.add_argument("--minutes", type=int, default=60, help="no kill after so many")
    parser.add_argument("--short", action="store_true", help="a few kills of each victim")
    parser.add_argument("--victim", choices=VICTIMS, help="no other one")
    parser.add_argument("--step", choices=STEPS, metavar="STEP", help="no other one")
    parser.add_argument("--keep", metavar="FOLDER", help="keep what was told and found there")
    options = parser.parse_args(args)
    if min(options.purchases, options.each, options.minutes) < 1:
        parser.error("--purchases, --each and --minutes want numbers from 1")
    return options


def plan_of(options):
    """(victim, step) in order: each once before any comes again."""
    dice = random.Random(f"plan {options.seed}")
    if options.short:
        return dice.sample(SHORT, len(SHORT))
    pairs = [(v, s) for v in VICTIMS for s in STEPS
             if options.victim in (None, v) and options.step in (None, s)]
    return [x for _ in range(options.each) for x in dice.sample(pairs, len(pairs))]


class Purchases:
    def __init__(self, options):
        self.options, self.plan, self.stage, self.buyers = options, plan_of(options), None, None
        self.wanted = 20 if options.short else options.purchases
        self.wrong, self.kills, self.facts, self.settled_s = [], collections.Counter(), None, 0

    def complain(self, text):
        self.wrong.append(text)
        say("WRONG:", text)

    def watch(self):
        """Ends everything when it takes longer than it may."""
        limit = START_S + KILL_S * len(self.plan) + self.wanted + SETTLE_S + RECONCILE_S

        def too_late():
            say(f"it took more than {limit} s")
            faulthandler.dump_traceback(all_threads=True)
            for pid in self.stage.pids() if self.stage else []:
                os.kill(pid, signal.SIGKILL)
            os._exit(3)
        timer = threading.Timer(limit, too_late)
        timer.daemon = True
        timer.start()

    def play(self):
        self.watch()
        # A reconciliation that dies with its node is waited for, for 90 s: not in the short form.
        self.stage = Stage(self.options.seed, 86_400_000 if self.options.short else 60_000)
        try:
            harness.contract_of(self.stage.nodes[0].port)
            events = [harness.add_event(self.stage.db, f"Purchases {n}", SEATS)
                      for n in range(EVENTS)]
            say(f"all stand; {len(self.plan)} kills, {self.wanted} purchases, seed "
                f"{self.options.seed}")
            self.buyers = Buyers(self.stage, events, self.options.seed,
                                 (1.5, 3) if self.options.short else (0.3, 1.2))
            try:
                with self.buyers:
                    self.sell()
                say(f"buyers have left: {self.buyers.bought} bought")
                self.settle()
            except (Broken, RuntimeError, AssertionError, OSError,
                    subprocess.SubprocessError) as e:
                self.complain(f"{type(e).__name__}: {e}")
            self.judge()
        finally:
            try:
                self.stage.close()
            except RuntimeError as e:  # A node that ended badly.
                self.complain(str(e)[:3000])

    def sell(self):
        for n, (victim, step) in enumerate(self.plan):
            if time.monotonic() - BEGIN > self.options.minutes * 60:
                say("no time for more kills")
                self.plan = self.plan[:n]
                break
            self.kill(random.Random(f"{self.options.seed} {n}"), victim, step)
        until(lambda: self.buyers.bought >= self.wanted or self.buyers.wrong, self.wanted + 60,
              lambda: f"only {self.buyers.bought} were bought")
        self.stage.until_up()

    def kill(self, dice, victim, step):
        stage, since = self.stage, time.monotonic()
        stage.until_up()
        if victim == "broker" or step in NEED_A_BROKER:
            until(stage.has_broker, BROKER_S, "the broker did not come back", 0.1)
        node, found = stage.catch(step, dice)
        try:
            stage.strike(victim, node)
        finally:
            stage.let_go(step, found, victim, dice)
        stage.bring_back(victim, node, dice)
        self.kills[victim, step] += 1
        say(f"{sum(self.kills.values())}: killed the {victim}, {step}; "
            f"{time.monotonic() - since:.1f} s, {self.buyers.bought} bought")

    # -- afterwards ------------------------------------------------------------------------------

    def settle(self):
        """Until nothing is open any more: attempts, refunds, callbacks, events on their way."""
        db, since = self.stage.db, time.monotonic()
        until(self.stage.has_broker, BROKER_S, "the broker did not come back", 0.1)
        counted = " + ".join(
            f"(SELECT count(*) FROM outbox o WHERE topic IN ({', '.join(map(repr, topics))}) AND "
            "NOT EXISTS (SELECT 1 FROM processed_events p WHERE p.consumer_group = "
            f"'{group}' AND p.event_key = o.id::text))" for group, topics in GROUPS.items())
        left = {
            "attempts": "SELECT count(*) FROM payment_attempts WHERE status = 'live'",
            "refunds": "SELECT count(*) FROM refunds WHERE status <> 'done'",
            "holds": "SELECT count(*) FROM reservations WHERE status = 'pending'",
            "untold": "SELECT count(*) FROM relay_cursor c JOIN outbox o ON o.shard = c.shard AND "
                      "(o.xid, o.seq) > (c.xid, c.seq)",
            "uncounted": f"SELECT {counted}"}
        open_ = {}

        def is_settled():
            open_.clear()
            open_.update({name: n for name, sql in left.items() if (n := db.number(sql))})
            if owed := (self.stage.provider.say("state") or {"owed": -1})["owed"]:
                open_["callbacks"] = owed
            if open_ and time.monotonic() - since > 15:
                self.stage.say("reconcile", "--wait", "0")
            return not open_
        self.stage.say("reconcile", "--wait", "0")  # Asks about most of it meanwhile.
        until(is_settled, SETTLE_S, lambda: f"something was still open: {open_}", 1)
        self.settled_s = time.monotonic() - since
        say(f"nothing is open any more, after {self.settled_s:.1f} s")

    def reconcile(self):
        """What it says when it has ended, or what it said last."""
        operation, deadline = str(uuid.uuid4()), time.monotonic() + RECONCILE_S
        while True:
            said = self.stage.say("reconcile", "--wait", "40", "--operation", operation, "--json")
            try:
                ended = json.loads(said.stdout)["ended"]
            except (ValueError, KeyError):
                ended = False
            if ended or time.monotonic() > deadline:
                return said

    def judge(self):
        stage = self.stage
        books, orders = provider.books_of(stage.provider.journal)
        self.facts = judge.facts_of(stage.db, stage.kafka, TOPICS, books, self.buyers.told)
        self.write(orders)
        for text in self.buyers.wrong + judge.said_of(judge.judge(self.facts)):
            self.complain(text)
        for name, found in harness.judge(stage.db).items():
            self.complain(f"{name}: {found}")
        said = stage.provider.say("state")
        if said["believed"]:
            self.complain(f"{said['believed']} forged callbacks were believed")
        audit = inspect("audit", database=stage.db)
        if audit.returncode != 0:
            self.complain(f"audit: {audit.stdout[-3000:]}{audit.stderr}")
        money = inspect("money", "--settlement", str(stage.folder / "settlement"), "--provider",
                        "toss", database=stage.db)
        if money.returncode != 0:
            self.complain(f"money: {money.stdout[-3000:]}{money.stderr}")
        say("everything is compared but for what the provider answers")
        cases = self.reconcile()
        if cases.returncode != 0:
            self.complain(f"reconcile: {cases.stdout[-3000:]}{cases.stderr}")
        say("judged")

    def write(self, orders):
        """The provider's list, and what --keep wants."""
        there, _ = judge.money_there(self.facts)
        (self.stage.folder / "settlement").write_text(json.dumps(
            [{"orderId": orders[key], "amount": captured, "refunded": back}
             for key, (captured, back) in there.items()]))
        if self.options.keep:
            folder = pathlib.Path(self.options.keep)
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "facts.json").write_text(json.dumps(self.facts))
            (folder / "kafka.log").write_text((self.stage.kafka.folder / "log0").read_text())
            for n, node in enumerate(self.stage.nodes):
                (folder / f"node{n}.log").write_text((node.folder / "node.log").read_text(
                    errors="replace"))

    # -- what it says ----------------------------------------------------------------------------

    def report(self):
        if not self.facts:
            return
        facts, told = self.facts, self.facts["told"]
        codes = collections.Counter((x["op"], x["code"]) for x in told)
        moved = collections.Counter(x[0] for x in facts["provider"])
        records = sum(len(x) for x in facts["kafka"].values())
        acknowledged = {x["reservation"] for x in told
                        if x["op"] == "confirm" and x["code"] in ("OK", "ALREADY_PAID")}
        wrong = judge.judge(facts)
        lines = [x for y in wrong.values() for x in y]
        unknown = sum(n for (_, code), n in codes.items()
                      if code in ("NONE", "OUTCOME_UNKNOWN", "PAYMENT_PENDING"))
        print(f"""
purchases begun         {self.buyers.begun}
acknowledged            {len(acknowledged)}
requests                {len(told)}, {unknown} of them without outcome at first
captures and refunds    {moved['capture']} and {moved['refund']}
sold in the end         {sum(x['status'] == 'confirmed' for x in facts['reservations'])}
domain events           {len(facts['outbox'])}, {records} records on Kafka
lost                    {sum('LOST' in x for x in lines)}
twice                   {sum('twice' in x for x in lines)}
otherwise wrong         {len(self.wrong) - sum('LOST' in x or 'twice' in x for x in self.wrong)}
settled after           {self.settled_s:.1f} s

{'killed at':<40} {' '.join(f'{x:>9}' for x in VICTIMS)}""")
        for step in STEPS:
            row = [self.kills[victim, step] for victim in VICTIMS]
            if any(row):
                print(f"{step:<40} {' '.join(f'{x:>9}' for x in row)}")
        total = [sum(n for (v, _), n in self.kills.items() if v == x) for x in VICTIMS]
        print(f"{'in all':<40} {' '.join(f'{x:>9}' for x in total)}")
        print("\nanswers: " + ", ".join(f"{op} {code} {n}"
                                       for (op, code), n in sorted(codes.items())))
        print("\nWRONG:\n" + "\n".join(self.wrong) if self.wrong else "\nEverything held.")

    def held(self):
        return self.facts is not None and not self.wrong and sum(
            self.kills.values()) == len(self.plan)


def interrupted(number, _):
    raise SystemExit(128 + number)


def main():
    options = options_from(sys.argv[1:])
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupted)
    faulthandler.enable()
    if not brokers.available():
        print("no broker: ./dev test installs one (tests/integration/kafka/pom.xml, kcat)")
        return 77
    run = Purchases(options)
    run.play()
    run.report()
    return 0 if run.held() else 1


if __name__ == "__main__":
    sys.exit(main())
