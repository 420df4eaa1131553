"""A node with a real Kafka: what is sold is told, once or more and first in order, brokers die."""
import contextlib
import json
import pathlib
import subprocess
import sys
import time
import uuid

import jsonschema
import pytest

HERE = pathlib.Path(__file__).resolve()
sys.path[:0] = [str(HERE.parent), str(HERE.parents[2] / "load"), str(HERE.parents[2] / "contract")]
import tiketi_harness as harness  # noqa: E402
from brokers import Brokers, available, make_authority  # noqa: E402
from conftest import User, new_database  # noqa: E402
from test_payments import confirm, prepare, process, wait_until  # noqa: E402
from test_presale import an_artist  # noqa: E402
from test_subjects import listed, pay, unpaid  # noqa: E402
from test_statistics import (  # noqa: E402
    DAYS, HALLS, WAITING, agree, told_all)

TOPICS = ("payment-events", "reservation-events", "transfer-events", "membership-events",
          "catalog-events")
GROUPS = {"stats-service-group": TOPICS, "ticket-service-group": TOPICS[:1]}


@pytest.fixture(scope="module", autouse=True)
def jars():
    if not available():
        pytest.skip("no broker: ./dev test installs one (tests/integration/kafka/pom.xml, kcat)")


@contextlib.contextmanager
def shop(brokers, **env):
    node = harness.Node(new_database(), {"KAFKA_BROKERS": brokers.address, **env})
    try:
        node.command("migrate")
        node.command("seed")
        node.start()
        yield node
    finally:
        node.close()


@contextlib.contextmanager
def brokers_of(count):
    with contextlib.closing(Brokers(count)) as made:
        made.start_all()
        yield made


class Sale:
    """Users who buy, cancel and give back, a few at a time."""

    def __init__(self, node):
        self.node, self.n = node, 0
        self.event = harness.add_event(node.database, f"Hall {uuid.uuid4()}", seats=200)
        self.seats = harness.seats_of(node.database, self.event)
        self.users = [User(node) for _ in range(3)]

    def some(self, rounds=4):
        for _ in range(rounds):
            for user, then in zip(self.users, ("keep", "cancel", "give back")):
                answer = user.reserve(self.event, self.seats[self.n:self.n + 1])
                self.n += 1
                assert answer.status == 200, answer
                held = answer.json["reservation"]["id"]
                if then == "cancel":
                    assert user.cancel(held).status == 200
                    continue
                order = prepare(user, held).json
                assert confirm(user, order["orderId"], amount=order["amount"]).status == 200
                if then == "give back":
                    assert user.cancel(held).status == 200

    def close(self):
        for user in self.users:
            user.http.close()


def cancel_another_event(node):
    """One that does not take place: told on the topic of events."""
    event = harness.add_event(node.database, "Off", seats=2)
    with contextlib.closing(node.client()) as admin:
        admin.token = admin.post("/api/auth/login", {
            "email": harness.ADMIN[0], "password": harness.ADMIN[1]}).json["token"]
        answer = admin.post(f"/api/admin/events/{event}/cancel", {"reason": "ill"})
        assert answer.status == 200, answer


def begin_and_pass_on(sale):
    """A membership begins, and a reservation changes hands."""
    db, (seller, buyer, *_) = sale.node.database, sale.users
    assert pay(buyer, "membership", unpaid(db, buyer, an_artist(db))).status == 200
    held = seller.reserve(sale.event, sale.seats[sale.n:sale.n + 1]).json["reservation"]["id"]
    sale.n += 1
    assert process(seller, held).status == 200
    assert pay(buyer, "transfer", listed(db, seller, held)).status == 200


def refunded(db):
    wait_until(lambda: db.number("SELECT count(*) FROM refunds WHERE status <> 'done'") == 0, 60)


def followed(db):
    """Until both groups have had everything that was told."""
    told_all(db)
    for group, topics in GROUPS.items():
        names = ", ".join(f"'{x}'" for x in topics)
        left = (f"SELECT count(*) FROM outbox o WHERE topic IN ({names}) AND NOT EXISTS (SELECT 1 "
                f"FROM processed_events p WHERE p.consumer_group = '{group}' "
                "AND p.event_key = o.id::text)")
        wait_until(lambda query=left: db.number(query) == 0, 90)


def schemas():
    """Of each type, its schema and the names of what the golden record has."""
    folder = HERE.parents[3] / "docs/events"
    out = {}
    for path in folder.glob("*.schema.json"):
        schema = json.loads(path.read_text())
        golden = json.loads((folder / "golden" / path.name.replace(".schema", "")).read_text())
        jsonschema.validate(golden, schema, format_checker=jsonschema.FormatChecker())
        out[schema["title"]] = schema, set(golden)
    return out


def judge(db, brokers):
    """I13: what is committed is told, nothing else is, and first times are in order by key."""
    told = {}  # Topic and key: ids in the order of their first times.
    known = schemas()
    for topic in TOPICS:
        for _, _, key, event in brokers.records(topic):
            schema, golden = known[event["type"]]
            jsonschema.validate(event, schema, format_checker=jsonschema.FormatChecker())
            fields = golden
            if event.get("paymentType", "reservation") != "reservation":
                fields = golden - {"reservationId"} | {"referenceId"}
            assert set(event) == fields, event
            ids = told.setdefault((topic, key), [])
            if event["id"] not in ids:
                ids.append(event["id"])
    committed = {}
    for topic, key, name in db.rows("SELECT topic, key, id FROM outbox ORDER BY shard, xid, seq"):
        committed.setdefault((topic, key), []).append(name)
    assert told == committed
    return sum(len(x) for x in told.values())


def judge_told(brokers):
    """How many different events there are."""
    return len({e["id"] for topic in TOPICS for _, _, _, e in brokers.records(topic)})


def test_what_is_sold_is_told_while_the_broker_dies_and_comes_back():
    with brokers_of(1) as brokers, shop(brokers) as node, contextlib.closing(Sale(node)) as sale:
        db = node.database
        sale.some()
        cancel_another_event(node)
        refunded(db)
        followed(db)
        first = judge(db, brokers)
        agree(db)
        brokers.kill(0)
        sale.some()  # Sales go on.
        assert db.number(WAITING) > 0
        node.kill()  # And what was under way is told by the next one.
        node.start()
        sale.close()  # Connections to the one before.
        sale.some(2)
        brokers.start(0)
        brokers.wait_ready()
        refunded(db)
        followed(db)
        assert judge(db, brokers) > first > 30
        agree(db)
        # Read again from the start, by whoever forgot everything: no figure changes (G22).
        before = db.rows(DAYS), db.rows(HALLS)
        db.rows("UPDATE relay_cursor SET xid = '0', seq = 0")
        followed(db)
        time.sleep(2)
        assert (db.rows(DAYS), db.rows(HALLS)) == before
        assert judge(db, brokers) == db.number("SELECT count(*) FROM outbox")
        begin_and_pass_on(sale)
        followed(db)
        assert judge(db, brokers) == db.number("SELECT count(*) FROM outbox")
        assert {x[0] for x in db.rows("SELECT DISTINCT type FROM outbox")} == {
            x for x in schemas() if x != "RESERVATION_EXPIRED"}
        text = node.client().get("/actuator/prometheus").body.decode()
        for name in ("kafka_consumer_records_lag", "kafka_reachable 1",
                     "ticketing_events_applied_total"):
            assert name in text, name
        assert 'result="amiss"' not in text
        poison(db, brokers)


def poison(db, brokers):
    """A record that nobody can take goes to its topic of dead letters and onto record."""
    subprocess.run(["kcat", "-b", brokers.address, "-P", "-t", "payment-events", "-k", "x"],
                   input='{"type": "PAYMENT_REFUNDED", "reservationId": "no uuid"}', text=True,
                   timeout=60, check=True)
    dead = "SELECT consumer FROM dead_letters ORDER BY consumer"
    wait_until(lambda: len(db.rows(dead)) == 2, 60)
    assert [x[0] for x in db.rows(dead)] == sorted(GROUPS)
    wait_until(lambda: len(brokers.records("payment-events-dlq")) == 2, 30)


def test_one_broker_of_three_dies_and_nothing_stops():
    with brokers_of(3) as brokers, shop(
            brokers, KAFKA_TOPIC_REPLICATION_FACTOR="3", KAFKA_MIN_INSYNC_REPLICAS="2") as node, \
            contextlib.closing(Sale(node)) as sale:
        db = node.database
        sale.some(2)
        followed(db)
        brokers.kill(1)
        sale.some(3)
        refunded(db)
        followed(db)  # While it is away.
        assert judge(db, brokers) > 30
        agree(db)


def test_a_guarded_broker_hears_who_knows_it_and_whom_it_knows():
    """G38: TLS with an authority of our own, and a password."""
    with contextlib.closing(Brokers(user=("teller", "teller-pass"))) as brokers:
        brokers.start_all()
        make_authority(brokers.folder, "stranger")
        known = {"KAFKA_BROKERS": brokers.guarded, "KAFKA_SECURITY_PROTOCOL": "sasl_ssl",
                 "KAFKA_SASL_USERNAME": "teller", "KAFKA_SASL_PASSWORD": "teller-pass",
                 "KAFKA_CA_FILE": str(brokers.authority)}
        with shop(brokers, **known) as node, contextlib.closing(Sale(node)) as sale:
            db = node.database
            sale.some(1)
            refunded(db)
            followed(db)
            first = judge(db, brokers)
            assert first > 5
            agree(db)
            sale.close()
            for wrong in ({"KAFKA_SASL_PASSWORD": "guess"},
                          {"KAFKA_CA_FILE": str(brokers.folder / "stranger.pem")}):
                node.kill()
                node.env.update({**known, **wrong})
                node.start()
                sale.some(1)  # Sales go on, and nothing is told to nobody.
                time.sleep(2)
                assert db.number(WAITING) > 0
                assert judge_told(brokers) == first
                sale.close()
            node.kill()
            node.env.update(known)
            node.start()
            refunded(db)
            followed(db)
            assert judge(db, brokers) > first
            agree(db)
