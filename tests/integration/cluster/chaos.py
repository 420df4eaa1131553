#!/usr/bin/python3
"""Three nodes under load while everything breaks, round after round (./dev chaos).

Exit codes: 0 everything held, 1 something did not, 2 asked wrongly, 3 it took too long.
"""
import argparse
import faulthandler
import os
import pathlib
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests" / "load"))
import tiketi_harness as harness  # noqa: E402
from chaos_crowd import BLOCK_SEATS, BLOCKS, Crowd, Doors  # noqa: E402
from chaos_stage import BETWEEN_RELEASES, FAULTS, HOLD_S, SHORT, Broken, Stage, until  # noqa: E402
from inspector import inspect  # noqa: E402

ROUNDS_OF_AN_EVENT = 5
START_S, ROUND_S = 300, 40  # As long may the start, and a round on average, take.
BEGIN = time.monotonic()


def say(*words):
    print(f"[{time.monotonic() - BEGIN:7.1f}]", *words, flush=True)


def options_from(args):
    parser = argparse.ArgumentParser(prog="./dev chaos", description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1, help="which faults, when, and to whom")
    parser.add_argument("--short", action="store_true", help="one round of each kind")
    parser.add_argument("--only", choices=FAULTS, metavar="FAULT", help="no other one")
    parser.add_argument("--keep", metavar="FOLDER", help="keep what clients wrote down there")
    parser.add_argument("--before", metavar="PROGRAM", help="a node of an older release")
    options = parser.parse_args(args)
    if options.rounds < 1:
        parser.error("--rounds wants a number from 1")
    if options.only in BETWEEN_RELEASES and not options.before:
        parser.error(f"{options.only} wants --before")
    return options


def plan_of(options):
    """The faults, in order: every one comes before any comes again."""
    dice, plan = random.Random(f"plan {options.seed}"), []
    faults = [x for x in FAULTS if options.before or x not in BETWEEN_RELEASES]
    if options.only:
        return [options.only] * options.rounds
    if options.short:
        return dice.sample(SHORT, len(SHORT))
    while len(plan) < options.rounds:
        plan += dice.sample(faults, len(faults))
    return plan[:options.rounds]


class Chaos:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.plan, self.stage, self.doors = plan_of(options), None, None
        self.wrong, self.played = [], 0
        self.lasted, self.gaps, self.after = {}, {}, {}  # By fault, of each round.
        self.acknowledged = self.unknown = self.operations = self.seats = self.undecided = 0
        self.lost = self.sold_twice = 0
        self.fates, self.by_code, self.unknown_by = {}, {}, {}
        self.fault = "between rounds"

    def complain(self, text):
        self.wrong.append(text)
        say("WRONG:", text)

    def watch(self):
        """Ends everything when it takes longer than it may."""
        limit = START_S + ROUND_S * len(self.plan)

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
        self.stage = Stage(self.options.before)
        try:
            harness.contract_of(self.stage.core[0].port)
            self.doors = Doors(list(self.stage.nodes))
            say(f"three nodes stand; {len(self.plan)} rounds, seed {self.options.seed}")
            for first in range(0, len(self.plan), ROUNDS_OF_AN_EVENT):
                if not self.act(first, self.plan[first:first + ROUNDS_OF_AN_EVENT]):
                    break
        finally:
            if self.doors:
                self.doors.close()
            try:
                self.stage.close()
            except RuntimeError as e:  # A node that ended badly.
                self.complain(str(e)[:3000])

    def act(self, first, faults):
        """Some rounds with one event, and what is to be said of them."""
        event = harness.add_event(self.stage.db, f"Chaos {first}", BLOCKS * BLOCK_SEATS,
                                  BLOCK_SEATS)
        crowd = Crowd(self.stage, self.doors, event, f"{self.options.seed}/{first}",
                      lambda: self.fault)
        goes_on = True
        with crowd:
            try:
                until(lambda: crowd.all_served_since(0), 30, "a block did not serve at all")
                time.sleep(0.5)
                for n, name in enumerate(faults):
                    self.round(first + n, name, crowd)
                since = time.monotonic()
                self.stage.until_whole()
                say(f"whole after {time.monotonic() - since:.1f} s")
            except (Broken, AssertionError, RuntimeError, subprocess.SubprocessError) as e:
                self.complain(f"round {self.played + 1}, {self.fault}: {e}")
                goes_on = False
        crowd.settle()
        self.judge(crowd, first)
        return goes_on

    def round(self, n, name, crowd):
        dice = random.Random(f"{self.options.seed} {n} {name}")
        self.fault = name
        since = time.monotonic()
        FAULTS[name](self.stage, dice)
        healed = time.monotonic()
        until(lambda: crowd.all_served_since(healed), 60, "a block still did not serve")
        ended = time.monotonic()
        gap, after = crowd.gap(since, ended), ended - healed
        for to, took in ((self.lasted, healed - since), (self.gaps, gap), (self.after, after)):
            to.setdefault(name, []).append(took)
        self.stage.until_linked()
        self.played += 1
        say(f"round {n + 1}: {name}, {gap:.2f} s without service, over after "
            f"{healed - since:.1f} s, all served {after:.2f} s later, linked "
            f"{time.monotonic() - ended:.1f} s later")
        self.fault = "between rounds"

    def judge(self, crowd, first):
        """The history by the simulation's checker, the rows by the oracle and the auditor."""
        rows, made = crowd.rows_of(self.stage)
        crowd.count_fates(made)
        path = self.folder / f"told-{first + 1:04}.jsonl"
        crowd.write(path, rows)
        done = subprocess.run([os.environ["TIKETI_HISTORY"], str(path), str(HOLD_S * 1000)],
                              capture_output=True, text=True, timeout=300, check=False)
        if done.returncode not in (0, 1):
            raise RuntimeError(f"tiketi-history: {done.stderr}")
        said = harness.json.loads(done.stdout)
        for text in said["wrong"] + crowd.wrong:
            self.complain(f"rounds from {first + 1}: {text}")
        self.lost += said["lost"]
        self.sold_twice += said["sold_twice"]
        self.acknowledged += said["acknowledged"]
        self.operations += said["operations"]
        self.seats += said["seats"]
        self.undecided += said["undecided"]
        for to, more in ((self.fates, crowd.fates), (self.by_code, crowd.by_code)):
            for key, count in more.items():
                to[key] = to.get(key, 0) + count
        for told, _, _ in crowd.asked_again.values():
            self.unknown_by[told.fault] = self.unknown_by.get(told.fault, 0) + 1
        self.unknown += len(crowd.asked_again) + len(crowd.open)
        for name, found in harness.judge(self.stage.db).items():
            self.complain(f"rounds from {first + 1}: {name}: {found}")
        audit = inspect("audit", database=self.stage.db)
        if audit.returncode != 0:
            self.complain(f"rounds from {first + 1}: audit: {audit.stdout[-3000:]}{audit.stderr}")

    def report(self):
        out = [f"rounds                  {self.played} of {len(self.plan)}, seed "
               f"{self.options.seed}",
               f"requests                {self.operations}",
               f"acknowledged            {self.acknowledged}",
               f"unknown outcomes        {self.unknown}"]
        out += [f"  {kind + ', ' + fate:<40} {count}"
                for (kind, fate), count in sorted(self.fates.items())]
        out += [f"seats checked           {self.seats}, undecided {self.undecided}",
                f"lost                    {self.lost}", f"sold twice              "
                f"{self.sold_twice}", f"otherwise wrong         {len(self.wrong)}", "",
                f"{'':<28} {'':>6} {'':>8} {'lasted':>8}   {'without service':>16}   "
                f"{'after its end':>16}",
                f"{'fault':<28} {'rounds':>6} {'unknown':>8} {'median':>8} s {'median':>8} "
                f"{'worst':>7} s {'median':>8} {'worst':>7} s"]
        for name in FAULTS:
            if name in self.gaps:
                lasted, gaps, after = self.lasted[name], self.gaps[name], self.after[name]
                out.append(f"{name:<28} {len(gaps):>6} {self.unknown_by.get(name, 0):>8} "
                           f"{statistics.median(lasted):>8.2f}   "
                           f"{statistics.median(gaps):>8.2f} {max(gaps):>7.2f}   "
                           f"{statistics.median(after):>8.2f} {max(after):>7.2f}")
        out += ["", "answers: " + ", ".join(f"{k} {v}" for k, v in sorted(self.by_code.items()))]
        print("\n" + "\n".join(out))
        if self.wrong:
            print("\nWRONG:\n" + "\n".join(self.wrong))
        else:
            print("\nEverything held.")

    def held(self):
        return not self.wrong and self.lost == self.sold_twice == 0 and self.played == len(
            self.plan)


def interrupted(number, _):
    raise SystemExit(128 + number)


def main():
    options = options_from(sys.argv[1:])
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupted)
    faulthandler.enable()
    with tempfile.TemporaryDirectory(prefix="tiketi-chaos.") as made:
        folder = pathlib.Path(options.keep or made)
        folder.mkdir(parents=True, exist_ok=True)
        chaos = Chaos(options, folder)
        chaos.play()
        chaos.report()
        return 0 if chaos.held() else 1


if __name__ == "__main__":
    sys.exit(main())
