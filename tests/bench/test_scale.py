"""bench/scale.py: what it reads, what it reckons, and that docs/scaling.md says the same."""
import json
import pathlib
import re
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench"))
import scale  # noqa: E402

# A node takes 100 us for a reservation and the database 50; for a purchase 300 and 600.
RUN = """
reserve
  reserve, 128 connections   5000.0 /s       cores: node 50 %, postgres 25 %
contended
  refused, 128 connections on 100 seats   20000.0 /s       cores: node 100 %, postgres 0 %
  seat map, 4,900 seats, gzip   50000.0 /s       cores: node 100 %, postgres 0 %
  buy, reserve, provider 0 ms   1000.0 /s       cores: node 10 %, postgres 20 %
  buy, prepare, provider 0 ms   1000.0 /s       cores: node 10 %, postgres 20 %
  buy, confirm, provider 0 ms   1000.0 /s       cores: node 10 %, postgres 20 %
  joins   50000.0 /s       cores: node 100 %, postgres 0 %
  status polls   50000.0 /s       cores: node 100 %, postgres 0 %
cluster
  a node of three, its own blocks and people   5000.0 /s       nodes 100 us each
  a node of three, any blocks and people   4000.0 /s       nodes 140 us each
"""


def rows(text=RUN, *arguments):
    model = scale.Model(text)
    what = scale.parse(list(arguments))
    return [scale.row_of(model, scale.argparse.Namespace(**{**vars(what), "nodes": n}))
            for n in what.nodes]


def test_costs_are_cores_divided_by_rates():
    model = scale.Model(RUN)
    assert model.cost("reservation", 1) == (100, 50)
    assert model.cost("purchase", 1) == (300, 600)
    assert model.cost("poll", 7) == (20, 0)


def test_of_several_runs_the_median_counts():
    other = RUN.replace("connections   5000.0 /s", "connections   2500.0 /s")
    assert scale.Model(RUN + other + other).cost("reservation", 1) == (200, 100)


def test_a_link_costs_what_any_blocks_cost_more():
    model = scale.Model(RUN)
    assert model.hop() == pytest.approx(30)  # 40 us more, and four thirds of a message crossed.
    assert model.cost("reservation", 3)[0] == pytest.approx(140)  # What was measured.
    assert model.cost("reservation", 100)[0] == pytest.approx(100 + 2 * 0.99 * 30)


def test_one_node_is_bound_by_what_is_short():
    one, = rows(RUN, "--nodes", "1", "--cores", "4", "--load", "1", "--database-cores", "1")
    assert one["purchase"] == 1667 and one["purchase wall"] == "database"
    assert one["reservation"] == 20_000 and one["poll"] == 200_000
    one, = rows(RUN, "--nodes", "1", "--cores", "1", "--load", "1", "--database-cores", "16")
    assert one["reservation"] == 10_000 and one["reservation wall"] == "nodes"


def test_a_node_uses_no_more_of_the_database_than_its_lanes():
    few, many = rows(RUN, "--nodes", "1", "100", "--cores", "64", "--load", "1")
    assert few["purchase"] == 3333  # Two lanes, 600 us each.
    assert many["purchase"] == 26667  # All sixteen cores.


def test_more_never_carries_less():
    for databases in ("1", "4"):
        told = rows(RUN, "--databases", databases)
        for name in ("reservation", "purchase", "poll", "cores"):
            assert [x[name] for x in told] == sorted(x[name] for x in told)


@pytest.mark.parametrize("arguments", [("--nodes", "0"), ("--load", "1.5"), ("--cores", "-1"),
                                       ("--nodes", "many")])
def test_nonsense_is_refused(arguments):
    with pytest.raises(SystemExit) as end:
        scale.parse(list(arguments))
    assert end.value.code == 2


def test_a_figure_that_is_missing_is_named(capsys):
    assert scale.main([], RUN.replace("status polls", "status pools")) == 1
    assert "no figure 'status polls'" in capsys.readouterr().err


def test_machines_are_told_the_same(capsys):
    assert scale.main(["--nodes", "3", "--json"], RUN) == 0
    assert json.loads(capsys.readouterr().out) == {"hop_us": pytest.approx(30),
                                                   "rows": rows(RUN, "--nodes", "3")}


def test_the_document_says_what_the_recorded_figures_say():
    said = (ROOT / "docs" / "scaling.md").read_text()
    table = re.search(r"(?:^\|.*people waiting.*$\n)(?:^\|.*$\n?)+", said, re.M)
    model = scale.Model(scale.RESULTS.read_text())
    what = scale.parse([])
    told = scale.table([scale.row_of(model, scale.argparse.Namespace(**{**vars(what), "nodes": n}))
                        for n in what.nodes])
    assert table and table[0].splitlines() == told, "\n".join(told)
