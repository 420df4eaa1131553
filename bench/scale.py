#!/usr/bin/env python3
"""What N nodes carry and what they cost: a model of processor time, fed by bench/RESULTS.md.

Every operation costs a node and the database so many microseconds of a core. Both are read from the
recorded runs: the cores that the node and PostgreSQL used, divided by the rate; of several runs the
median. What this leaves out is said in docs/scaling.md.
"""
import argparse
import json
import pathlib
import re
import statistics
import sys

RESULTS = pathlib.Path(__file__).with_name("RESULTS.md")

# Operations as sums of recorded figures, with the messages that may cross a link: each does when
# the entity it goes to is at another node, which is (N - 1) / N of all cases.
OPERATIONS = {
    # Ingress to session, session to block.
    "reservation": (["reserve, 128 connections"], 2),
    # Besides: ingress to checkout, and from there to the block to pin and to tell it of the sale.
    "purchase": (["buy, reserve, provider 0 ms", "buy, prepare, provider 0 ms",
                  "buy, confirm, provider 0 ms"], 6),
    "refusal": (["refused, 128 connections on 100 seats"], 2),
    # A place is told from the node's own copy of the room's board, whoever owns the room.
    "poll": (["status polls"], 0),
    # Who joins is told to the room in batches of many.
    "join": (["joins"], 0),
    "seat map": (["seat map, 4,900 seats, gzip"], 0),
}
OWN, ANY = "a node of three, its own blocks and people", "a node of three, any blocks and people"
LANES = 2  # Connections of a node that write; one backend is one core at most.
FIGURE = re.compile(r"^ {2,4}(?P<name>\S.*?) {2,}(?P<rate>[\d.]+) /s +(?P<note>.*)$")
USED = re.compile(r"node (\d+) %, postgres (\d+) %")
EACH = re.compile(r"nodes (\d+) us each")


def figures(text):
    """By name: what one costs node and database in us, or all nodes together, once a run."""
    out = {}
    for line in text.splitlines():
        found = FIGURE.match(line)
        if not found or float(found["rate"]) == 0:
            continue
        rate = float(found["rate"])
        if used := USED.search(found["note"]):
            costs = tuple(10_000 * int(x) / rate for x in used.groups())
        elif each := EACH.search(found["note"]):
            costs = (float(each[1]), 0.0)
        else:
            continue
        out.setdefault(found["name"], []).append(costs)
    return out


class Model:
    """What the parts cost, in microseconds of a core."""

    def __init__(self, text):
        self.known = figures(text)

    def measured(self, name):
        """Node and database of one figure: the median of the runs, each by itself."""
        if name not in self.known:
            raise ValueError(f"bench/RESULTS.md has no figure '{name}'")
        return tuple(statistics.median(x[i] for x in self.known[name]) for i in (0, 1))

    def hop(self):
        """A message to another node and its answer, both ends: what reservations of any blocks
        and people cost more than one's own, of which two thirds cross a link twice."""
        if OWN not in self.known or ANY not in self.known:
            return None
        crossed = OPERATIONS["reservation"][1] * 2 / 3
        return max(0.0, (self.measured(ANY)[0] - self.measured(OWN)[0]) / crossed)

    def cost(self, operation, nodes):
        """Of one operation in a cluster of so many nodes: node and database."""
        names, hops = OPERATIONS[operation]
        parts = [self.measured(x) for x in names]
        away = hops * (nodes - 1) / nodes * (self.hop() or 0.0)
        return sum(x[0] for x in parts) + away, sum(x[1] for x in parts)

    def carried(self, operation, what):
        """Operations a second, and what stands in the way: 'nodes' or 'database'."""
        node, database = self.cost(operation, what.nodes)
        usable = min(what.database_cores, LANES * what.nodes / what.databases)
        by_nodes = what.nodes * what.cores * what.load * 1e6 / node
        by_database = (what.databases * usable * what.load * 1e6 / database
                       if database else float("inf"))
        return min((by_nodes, "nodes"), (by_database, "database"))


def row_of(model, what):
    """One line of the table: what a cluster of `what.nodes` nodes carries."""
    out = {"nodes": what.nodes}
    for operation in ("reservation", "purchase"):
        rate, wall = model.carried(operation, what)
        out[operation] = round(rate)
        out[f"{operation} wall"] = wall
    out["poll"] = round(model.carried("poll", what)[0])
    out["waiting"] = round(out["poll"] * what.poll_s)
    out["sold out s"] = round(what.seats / out["purchase"], 1)
    cores = what.nodes * what.cores + what.databases * what.database_cores
    out["cores"] = cores
    out["cost an hour"] = round(cores * what.price, 2)
    return out


def table(rows):
    """As Markdown, which reads as text, too."""
    lines = ["| nodes | reservations/s | purchases/s | stopped by | polls/s | people waiting "
             "| 50,000 seats sold in | cores | an hour |", "|--:|--:|--:|---|--:|--:|--:|--:|--:|"]
    for x in rows:
        lines.append(f"| {x['nodes']} | {x['reservation']:,} | {x['purchase']:,} "
                     f"| {x['purchase wall']} | {x['poll']:,} | {x['waiting']:,} "
                     f"| {x['sold out s']:,.1f} s | {x['cores']} | {x['cost an hour']:,.2f} |")
    return lines


def parse(arguments):
    to = argparse.ArgumentParser(prog="./dev bench scale", description=__doc__.split("\n", 1)[0])
    to.add_argument("--nodes", type=int, nargs="+", default=[1, 2, 3, 5, 10, 30, 100],
                    help="numbers of nodes")
    to.add_argument("--cores", type=int, default=4, help="of a node (%(default)s)")
    to.add_argument("--databases", type=int, default=1,
                    help="over which the shards are spread (%(default)s)")
    to.add_argument("--database-cores", type=int, default=16, help="of each (%(default)s)")
    to.add_argument("--load", type=float, default=0.7,
                    help="share of a processor that may be used (%(default)s)")
    to.add_argument("--poll-s", type=float, default=5,
                    help="seconds between two looks at one's place (%(default)s)")
    to.add_argument("--seats", type=int, default=50_000, help="of the sale (%(default)s)")
    to.add_argument("--price", type=float, default=0.05, help="of a core an hour (%(default)s)")
    to.add_argument("--json", action="store_true", help="for machines")
    out = to.parse_args(arguments)
    positive = [*out.nodes, out.cores, out.databases, out.database_cores, out.load, out.poll_s,
                out.seats]
    if min(positive) <= 0 or out.load > 1 or out.price < 0:
        to.error("numbers must be positive, and the load 1 at most")
    return out


def main(arguments, text=None):
    what = parse(arguments)
    try:
        model = Model(RESULTS.read_text() if text is None else text)
        rows = [row_of(model, argparse.Namespace(**{**vars(what), "nodes": n}))
                for n in what.nodes]
    except (OSError, ValueError) as e:
        print(f"scale: {e}", file=sys.stderr)
        return 1
    if what.json:
        print(json.dumps({"hop_us": model.hop(), "rows": rows}, indent=2))
        return 0
    print("\n".join(table(rows)))
    for operation in OPERATIONS:
        node, database = model.cost(operation, 1)
        print(f"{operation}: {node:.0f} us of a node, {database:.0f} us of the database")
    hop = model.hop()
    print("a message to another node: " + ("not measured" if hop is None else f"{hop:.0f} us"))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
