"""tiketi-inspect reconcile: what a provider has against what is on record, what is repaired of it
by itself, and what becomes a case for operators (G18)."""
import json
import pathlib
import sys
import time
import uuid

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration" / "payment"))
import inspector  # noqa: E402
import operators  # noqa: E402
from inspector import harness, inspect  # noqa: E402
import toss_fake  # noqa: E402


class Shop:
    """A node whose buyers pay at a fake, and a hall."""

    def __init__(self):
        self.fake = toss_fake.TossFake()
        self.node = operators.OperatedNode(inspector.new_database("reconciled"), {
            "PAYMENT_PROVIDERS": "toss", "TOSS_BASE_URL": self.fake.start(),
            "TOSS_SECRET_KEY": toss_fake.SECRET_KEY, "TOSS_WEBHOOK_SECRET": "0123456789abcdef",
            "RESERVATION_RECONCILIATION_INTERVAL_MS": "86400000"})
        self.node.command("migrate")
        self.node.command("seed")
        harness.add_users(self.database, 0, 4)
        self.node.start()
        self.event = harness.add_event(self.database, "Hall", seats=20)
        self.seats = harness.seats_of(self.database, self.event)
        self.held = 0
        assert self.reconcile().returncode == 0  # From now on none is due by itself.

    @property
    def database(self):
        return self.node.database

    def close(self):
        self.node.close()
        self.fake.stop()

    def buyer(self):
        return self.node.client(token=harness.access_token(harness.user_uuid(self.held % 4)))

    def pay(self, expect=200, **how):
        """A buyer who has been on the provider's page and comes back: (client, order, key)."""
        client = self.buyer()
        answer = client.post("/api/v1/seats/reserve", {
            "eventId": self.event, "seatIds": [self.seats[self.held]]})
        assert answer.status == 200, answer
        self.held += 1
        held = answer.json["reservation"]["id"]
        order = client.post("/api/v1/payments/prepare", {"reservationId": held}).json["orderId"]
        key = f"key-{uuid.uuid4()}"
        self.fake.authenticate(order, 50000, key, **how)
        answer = client.post("/api/v1/payments/confirm", {
            "paymentKey": key, "orderId": order, "amount": 50000})
        assert answer.status == expect, answer
        return client, order, key

    def grow_old(self):
        """As if all of it had happened a minute ago: the last seconds wait for the next run."""
        self.database.rows("SET session_replication_role = replica; "
                           "UPDATE books SET at = at - interval '1 minute'")

    def reconcile(self, *args, name="bob"):
        done = inspect("reconcile", "--node", self.node.url, *args,
                       env={"INSPECT_TOKEN": operators.token_of(name)})
        return done

    def reconciled(self):
        """(exit code, what it says)."""
        self.grow_old()
        done = self.reconcile("--json")
        assert done.returncode in (0, 1), done
        told = json.loads(done.stdout)
        assert told["ended"] is True, told
        return done.returncode, told

    def cases(self):
        done = inspect("cases", "--json", "--node", self.node.url,
                       env={"INSPECT_TOKEN": operators.token_of("ann")})
        assert done.returncode == 0, done
        (part,) = [x for x in json.loads(done.stdout)["parts"] if x["from"] == "rows"]
        return part["data"]["cases"]

    def status(self, order):
        return self.database.value(f"SELECT status FROM payments WHERE order_id = '{order}'")


@pytest.fixture(scope="module")
def shop():
    running = Shop()
    yield running
    running.close()


def wait_until(what, patience=30):
    deadline = time.monotonic() + patience
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_what_agrees_is_asked_about_once(shop):
    shop.pay()
    client, order, key = shop.pay()
    assert client.post(f"/api/v1/payments/{key}/cancel", {}).status == 200
    wait_until(lambda: shop.status(order) == "refunded")
    code, told = shop.reconciled()
    result = told["result"]
    assert (code, told["cases_open"]) == (0, 0), told
    assert (result["asked"], result["agreed"], result["found"]) == (2, 2, 0), told
    assert result["rows"]["compared"] and result["rows"]["broken"] == 0
    code, told = shop.reconciled()
    assert (code, told["result"]["asked"]) == (0, 0), told


def test_people_read_what_came_of_it(shop):
    done = shop.reconcile()
    assert done.returncode == 0, done
    assert "it compares now\n" in done.stdout and "no case is open\n" in done.stdout
    assert " rules of the rows asked, 0 broken\n" in done.stdout


def test_money_that_came_late_goes_back_through_its_checkout(shop):
    _, order, key = shop.pay(expect=400, declined=True)
    assert shop.status(order) == "failed"
    # Its checkout would ask again in a minute; asleep it has no timer but the row's.
    shop.node.stop()
    shop.node.start()
    with shop.fake.lock:
        shop.fake.capture(shop.fake.payments[key])
    code, told = shop.reconciled()
    assert (told["result"]["found"], told["result"]["repairs"]) == (1, 1), told
    wait_until(lambda: shop.status(order) == "refunded")
    with shop.fake.lock:
        assert [what for what, of, _ in shop.fake.books if of == key] == ["capture", "refund"]
    code, told = shop.reconciled()
    assert (code, told["cases_open"]) == (0, 0), told  # A repair that succeeded closes its case.
    assert shop.database.rows(
        "SELECT kind, status, reason FROM operator_cases") == [
            ["paid_incomplete", "closed", "repaired"]]
    code, told = shop.reconciled()
    with shop.fake.lock:  # Nothing has a second effect.
        assert [what for what, of, _ in shop.fake.books if of == key] == ["capture", "refund"]


def test_what_a_provider_says_otherwise_is_a_case_until_it_is_so_no_more(shop):
    _, order, key = shop.pay()
    with shop.fake.lock:
        before = dict(shop.fake.payments[key])
        shop.fake.cancel(key, {"cancelReason": "by hand"})
    for _ in range(2):
        code, told = shop.reconciled()
        assert (code, told["cases_open"]) == (1, 1), told
    (case,) = shop.cases()
    assert case["kind"] == "provider_difference" and order in case["next_step"]
    assert case["against"] == "the provider took 50000 and gave back 50000"
    assert case["says"] == "attempt to pay 50000 by toss is approved"
    with shop.fake.lock:
        shop.fake.payments[key] = before
        shop.fake.books.pop()
    code, told = shop.reconciled()
    assert (code, told["cases_open"]) == (0, 0), told


def test_operators_close_a_case_with_a_reason_and_are_on_record(shop):
    case = shop.database.value(
        "INSERT INTO operator_cases (kind, subject, says, against, next_step) VALUES "
        "('refund_failed', 'refund 1', 'a', 'b', 'look') RETURNING id").split()[0]

    def close(*args, name="bob"):
        return inspect("cases", "close", *args, "--node", shop.node.url,
                       env={"INSPECT_TOKEN": operators.token_of(name)})

    def state():
        return shop.database.rows("SELECT status, closed_by_name, reason FROM operator_cases "
                                  f"WHERE id = '{case}'")
    assert close(case, "--reason", "x", name="ann").returncode == 2  # A reader.
    assert close(case).returncode == 2 and close(case, "--reason", " ").returncode == 2
    assert close(str(uuid.uuid4()), "--reason", "x").returncode == 2
    assert state() == [["open", "", ""]]
    done = close(case, "--reason", "given back by hand")
    assert (done.returncode, done.stderr) == (0, ""), done
    assert "Case closed" in done.stdout
    assert "refund_failed of refund 1: closed by bob, given back by hand" in done.stdout
    again = close(case, "--reason", "another", "--json")
    assert again.returncode == 0 and json.loads(again.stdout)["changed"] is False, again
    assert state() == [["closed", "bob", "given back by hand"]]
    assert shop.database.rows("SELECT response_status, count(*) FROM admin_audit_logs WHERE action "
                              f"= 'CLOSE_CASE' AND resource_id = '{case}' AND request_summary LIKE "
                              "'bob: %' GROUP BY 1 ORDER BY 1") == [["200", "2"], ["400", "1"]]


def test_rows_that_contradict_each_other_are_cases(shop):
    seat = shop.seats[0]
    shop.database.rows(f"UPDATE seats SET status = 'locked' WHERE id = '{seat}'")
    code, told = shop.reconciled()
    assert code == 1 and told["result"]["rows"]["broken"] > 0
    assert f"seat_status {seat}" in [x["subject"] for x in shop.cases()]
    shop.database.rows(f"UPDATE seats SET status = 'reserved' WHERE id = '{seat}'")
    code, told = shop.reconciled()
    assert (code, told["cases_open"]) == (0, 0), told


def test_a_provider_that_is_away_changes_nothing_and_is_asked_later(shop):
    shop.pay()
    with shop.fake.lock:
        shop.fake.faults = [{"on": "query", "is": "drop-before", "times": 50, "ms": 0}]
    code, told = shop.reconciled()
    assert (code, told["result"]["silent"], told["cases_open"]) == (0, 1, 0), told
    with shop.fake.lock:
        shop.fake.faults = []
    code, told = shop.reconciled()
    assert (code, told["result"]["agreed"]) == (0, 1), told


def test_who_may_and_that_it_is_on_record(shop):
    refused = shop.reconcile(name="ann")
    assert refused.returncode == 2 and "needs a token with the role operator" in refused.stderr
    operation = str(uuid.uuid4())
    for words in ("it compares now", "this one has been done"):
        done = shop.reconcile("--operation", operation)
        assert done.returncode == 0 and words in done.stdout, done
    assert shop.database.number(
        f"SELECT count(*) FROM reconciliations WHERE id = '{operation}' AND asked_by = 'bob'") == 1
    assert shop.database.number("SELECT count(*) FROM admin_audit_logs WHERE action = 'RECONCILE' "
                                f"AND resource_id = '{operation}'") == 2
    assert shop.node.ask("/operator/reconcile", "bob", {"operationId": 7})[0] == 400


def test_metrics_tell_of_it(shop):
    client = shop.node.client()
    page = client.get("/actuator/prometheus").body.decode()
    assert "\nreconciliation_runs_total" in page
    assert 'operator_cases_open{kind="paid_incomplete"} 0' in page
    assert 'operator_cases_overdue{kind="row_mismatch"} 0' in page


def money(shop, *args, text=None, tmp_path=None):
    if text is not None:
        (tmp_path / "list").write_text(text)
        args = ("--settlement", str(tmp_path / "list"), "--provider", "toss", *args)
    return inspect("money", *args, database=shop.database)


def test_the_books_balance(shop):
    done = money(shop)
    assert done.returncode == 0 and "the books balance, as of " in done.stdout, done
    told = json.loads(money(shop, "--json").stdout)
    lines = {x["what"]: x for x in told["lines"]}
    assert told["balances"] and lines["everything cancels out"]["rows"] > 0
    with shop.fake.lock:
        kept = sum(amount if what == "capture" else -amount for what, _, amount in shop.fake.books)
    (held,) = [x for x in told["accounts"] if (x["provider"], x["account"]) == ("toss", "provider")]
    assert held["sum"] == kept


def test_a_settlement_list_is_compared_with_what_is_on_record(shop, tmp_path):
    with shop.fake.lock:
        taken = {x["orderId"]: (x["totalAmount"],
                                sum(y["cancelAmount"] for y in x["cancels"] or []))
                 for x in shop.fake.payments.values() if x["approvedAt"]}
    rows = [f"{order},{amount},{back}" for order, (amount, back) in taken.items()]
    text = "\n".join(["orderId,amount,refunded", *rows])
    done = money(shop, text=text, tmp_path=tmp_path)
    assert done.returncode == 0, done
    assert f"{len(rows)} rows of the settlement list compared" in done.stdout
    listed = [{"orderId": order, "amount": amount, "refunded": back}
              for order, (amount, back) in taken.items()]
    lost = listed.pop(0)
    listed[0]["amount"] = 1
    told = money(shop, "--json", text=json.dumps(listed), tmp_path=tmp_path)
    assert told.returncode == 1
    found = {x["order_id"]: x for x in json.loads(told.stdout)["differences"]}
    assert found[lost["orderId"]]["is"] == "missing_there"
    assert found[listed[0]["orderId"]]["there"] == {"amount": 1,
                                                    "refunded": listed[0]["refunded"]}
    assert len(found) == 2


def test_what_is_no_list_and_no_database_is_refused(shop, tmp_path):
    refused = money(shop, text="[1]", tmp_path=tmp_path)
    assert refused.returncode == 2 and "row 1: is no object" in refused.stderr
    refused = money(shop, "--settlement", "/nowhere", "--provider", "toss")
    assert refused.returncode == 2 and "cannot read /nowhere" in refused.stderr
    assert "--provider" in money(shop, "--settlement", "/nowhere").stderr
    refused = money(shop, "--from", "yesterday", text="[]", tmp_path=tmp_path)
    assert refused.returncode == 2 and "--from must be a time" in refused.stderr
    assert inspect("money").returncode == 2
