"""Traces over nodes: one request, spans of all of them, and collectors that are no help."""
import pathlib
import re
import sys
import time
import uuid

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests" / "load"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import tiketi_harness as harness  # noqa: E402
from cluster_nodes import ClusterNodes  # noqa: E402
from collector import Collector, SilentCollector  # noqa: E402


@pytest.fixture(scope="module")
def cluster():
    made = harness.Cluster()
    made.start()
    yield made
    made.close()


@pytest.fixture
def nodes_with(cluster):
    """Nodes of a cluster of their own, whose spans go to `endpoint`."""
    made = []

    def start(count, endpoint, **env):
        db = harness.create_database(str(cluster.folder), "t" + uuid.uuid4().hex[:8])
        nodes = ClusterNodes(db, count, {"MAX_ACTIVE_HOLDS_PER_USER_EVENT": "0",
                                         "CLUSTER_REBALANCE_AFTER_SECONDS": "1",
                                         "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
                                         "TRACE_SAMPLE_PERCENT": "100", **env})
        made.append(nodes)
        nodes[0].command("migrate")
        harness.add_users(db, 0, 200)
        nodes.start()
        return nodes

    yield start
    for nodes in made:
        nodes.close()


def reserve(node, user, event, seats, trace=None):
    client = node.client(token=harness.access_token(harness.user_uuid(user)))
    headers = {"traceparent": f"00-{trace}-00000000000000ab-01"} if trace else {}
    answer = client.request("POST", "/api/seats/reserve", {"eventId": event, "seatIds": seats},
                            headers)
    client.close()
    return answer


def page_of(node):
    return node.client().get("/actuator/prometheus").body.decode()


def metric(node, name):
    return sum(float(x) for x in re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", page_of(node), re.M))


def check_tree(spans):
    """Every span but the request's has its parent among them, and lies behind its start."""
    by_id = {x["spanId"]: x for x in spans}
    assert len(by_id) == len(spans)
    for x in spans:
        assert int(x["startTimeUnixNano"]) <= int(x["endTimeUnixNano"])
        assert x["status"] == {}, x
        if x["name"] == "request":
            assert x["parentSpanId"] == "00000000000000ab" and x["kind"] == 2
        else:
            assert x["parentSpanId"] in by_id, (x, spans)
    names = {x["spanId"]: x["name"] for x in spans}
    return sorted((x["name"], names.get(x.get("parentSpanId"))) for x in spans)


def test_a_reserve_through_two_nodes_is_one_trace(nodes_with):
    collector = Collector()
    try:
        nodes = nodes_with(2, collector.url)
        nodes.wait_for_shards([(nodes[0], 64), (nodes[1], 64)], patience=90)
        db = nodes[0].database
        event = harness.add_event(db, "Traced", seats=1200)
        seats = harness.seats_of(db, event)
        crossed = 0
        for n in range(24):  # Blocks and sessions of both nodes.
            trace = uuid.uuid4().hex
            assert reserve(nodes[0], n, event, [seats[n * 50]], trace).status == 200
            spans = collector.trace(trace, lambda x: len(x) >= 4)
            assert check_tree(spans) == [("block claim", "session"), ("ledger", "block claim"),
                                         ("request", None), ("session", "request")]
            request = next(x for x in spans if x["name"] == "request")
            assert request["node"] == nodes[0].env["TIKETI_NODE_ID"]
            about = request["attributes"][0]["value"]["stringValue"]
            assert about == "POST /api/seats/reserve 200"
            crossed += len({x["node"] for x in spans}) == 2
        assert crossed > 0, "both nodes have shards, so some went over the link"
        # Seats of two blocks: the further one claims for the lead one.
        trace = uuid.uuid4().hex
        assert reserve(nodes[1], 99, event, [seats[10], seats[-10]], trace).status == 200
        tree = check_tree(collector.trace(trace, lambda x: len(x) >= 5))
        assert ("block claim", "block claim") in tree
        assert all(metric(x, "traces_spans_exported_total") > 0 for x in nodes)
        assert [metric(x, "traces_spans_dropped_total") for x in nodes] == [0, 0]
    finally:
        collector.close()


def test_a_payment_is_a_trace_with_the_provider_in_it(nodes_with):
    collector = Collector()
    try:
        node = nodes_with(1, collector.url)[0]
        event = harness.add_event(node.database, "Paid", seats=10)
        held = reserve(node, 1, event, harness.seats_of(node.database, event)[:1]).json
        client = node.client(token=harness.access_token(harness.user_uuid(1)))
        order = client.post("/api/payments/prepare",
                            {"reservationId": held["reservationId"]}).json
        trace = uuid.uuid4().hex
        paid = client.request("POST", "/api/payments/confirm", {
            "paymentKey": str(uuid.uuid4()), "orderId": order["orderId"],
            "amount": order["amount"]}, {"traceparent": f"00-{trace}-00000000000000ab-00"})
        assert paid.status == 200, paid
        tree = check_tree(collector.trace(trace, lambda x: len(x) >= 7))
        assert tree == [("block pin", "checkout"), ("block sale", "checkout"),
                        ("checkout", "request"), ("ledger", "block pin"),
                        ("ledger", "block sale"), ("provider", "checkout"), ("request", None)]
    finally:
        collector.close()


def test_what_is_not_sampled_is_not_sent(nodes_with):
    collector = Collector()
    try:
        node = nodes_with(1, collector.url, TRACE_SAMPLE_PERCENT="0")[0]
        event = harness.add_event(node.database, "Unsampled", seats=10)
        assert reserve(node, 1, event, harness.seats_of(node.database, event)[:1],
                       uuid.uuid4().hex).status == 200
        assert node.stop() == 0  # It sends what waits.
        assert collector.got == []
    finally:
        collector.close()


def test_what_failed_is_sent_though_it_is_not_sampled(nodes_with, cluster):
    collector = Collector()
    try:
        node = nodes_with(1, collector.url, TRACE_SAMPLE_PERCENT="0")[0]
        event = harness.add_event(node.database, "Failing", seats=10)
        seats = harness.seats_of(node.database, event)
        assert reserve(node, 1, event, seats[:1], uuid.uuid4().hex).status == 200
        cluster.kill()
        trace = uuid.uuid4().hex
        assert reserve(node, 2, event, seats[1:2], trace).status >= 500
        spans = collector.trace(trace, lambda x: any(y["name"] == "request" for y in x))
        assert all(x["status"]["code"] == 2 for x in spans), spans
        assert {x["traceId"] for x in collector.got} == {trace}
    finally:
        cluster.start()
        collector.close()


def test_a_node_that_ends_sends_what_waits(nodes_with):
    collector = Collector()
    try:
        node = nodes_with(1, collector.url)[0]
        event = harness.add_event(node.database, "Ending", seats=200)
        seats = harness.seats_of(node.database, event)
        traces = [uuid.uuid4().hex for _ in seats]
        for n, trace in enumerate(traces):  # Some 800 spans: more than one batch.
            assert reserve(node, n, event, [seats[n]], trace).status == 200
        assert node.stop() == 0
        for trace in traces:
            collector.trace(trace, lambda x: len(x) == 4, patience=1)
    finally:
        collector.close()


@pytest.mark.parametrize("kind", ["dead", "silent"])
def test_a_collector_that_is_no_help_fails_no_request(nodes_with, kind):
    silent = SilentCollector() if kind == "silent" else None
    endpoint = silent.url if silent else f"http://127.0.0.1:{harness.free_port()}"
    try:
        node = nodes_with(1, endpoint)[0]
        event = harness.add_event(node.database, "Unheard", seats=200)
        seats = harness.seats_of(node.database, event)
        for n in range(100):
            assert reserve(node, n, event, [seats[n]]).status == 200, node.log()
        deadline = time.monotonic() + 60
        while metric(node, "traces_spans_dropped_total") == 0:
            assert time.monotonic() < deadline, page_of(node)
            assert node.client().get("/health").status == 200
            time.sleep(0.2)
        assert metric(node, "traces_spans_exported_total") == 0
        assert metric(node, "traces_spans_waiting") <= 4096
        assert harness.judge(node.database) == {}
        assert node.stop() == 0
    finally:
        if silent:
            silent.close()
