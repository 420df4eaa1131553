"""The judge of purchases refuses books and histories that are wrong, and takes right ones."""
import copy
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import judge  # noqa: E402
import provider  # noqa: E402

PRICE, DAY = 50000, "2026-11-22"


def reservation(n, status, pin=None):
    return {"id": f"r{n}", "event_id": "e", "user_id": f"u{n}", "status": status, "pin_id": pin,
            "payment_status": "x", "total_amount": PRICE, "idempotency_key": f"k{n}"}


def entry(transaction, attempt, account, amount):
    return {"transaction": transaction, "attempt_id": attempt, "account": account,
            "amount": amount}


def told(op, n, code="OK", **more):
    return {"op": op, "user": f"u{n}", "reservation": f"r{n}", "key": f"key{n}", "code": code,
            "status": 200, **more}


def step(n, was, now):
    return {"reservation_id": f"r{n}", "from_status": was, "to_status": now, "day": DAY}


def event(n, kind):
    return {"id": f"{n}{kind}", "topic": "reservation-events", "key": f"r{n}", "type": kind}


def record(offset, row):
    return [0, offset, row["key"], {"id": row["id"], "type": row["type"]}]


def sound():
    """One who has bought, one whose purchase went back, one who was declined."""
    rows = [event(1, "CREATED"), event(1, "CONFIRMED"), event(2, "CREATED"),
            event(2, "CONFIRMED"), event(2, "CANCELLED"), event(3, "CREATED")]
    books = []
    for n in (1, 2):
        books += [entry(f"t{n}", f"a{n}", "provider", PRICE), entry(f"t{n}", f"a{n}", "sales",
                                                                    -PRICE)]
    books += [entry("t3", "a2", "sales", PRICE), entry("t3", "a2", "owed", -PRICE),
              entry("t4", "a2", "owed", PRICE), entry("t4", "a2", "provider", -PRICE)]
    attempts = [{"id": f"a{n}", "payment_id": f"p{n}", "reservation_id": f"r{n}", "amount": PRICE,
                 "payment_key": f"key{n}", "status": status}
                for n, status in ((1, "approved"), (2, "approved"), (3, "declined"))]
    return {
        "provider": [["capture", "key1", PRICE], ["capture", "key2", PRICE],
                     ["refund", "key2", PRICE]],
        "attempts": attempts, "payments": [], "books": books, "outbox": rows,
        "reservations": [reservation(1, "confirmed", "a1"), reservation(2, "cancelled", "a2"),
                         reservation(3, "pending")],
        "items": [{"reservation_id": f"r{n}", "seat_id": f"s{n}", "quantity": 1}
                  for n in (1, 2, 3)],
        "tickets": [{"reservation_id": "r1", "seat_id": "s1", "status": "valid"},
                    {"reservation_id": "r2", "seat_id": "s2", "status": "cancelled"}],
        "refunds": [{"id": "f2", "attempt_id": "a2", "amount": PRICE, "status": "done",
                     "day": DAY}],
        "history": [step(1, None, "pending"), step(1, "pending", "confirmed"),
                    step(2, None, "pending"), step(2, "pending", "confirmed"),
                    step(2, "confirmed", "cancelled"), step(3, None, "pending")],
        "seats": {"e": 10},
        "days": [{"date": DAY, "total_reservations": 3, "confirmed_reservations": 2,
                  "cancelled_reservations": 1, "expired_reservations": 0, "total_revenue": PRICE,
                  "payment_revenue": PRICE}],
        "halls": [{"event_id": "e", "total_seats": 10, "reserved_seats": 1, "available_seats": 9,
                   "total_reservations": 3, "confirmed_reservations": 1, "total_revenue": PRICE}],
        # One is told twice, which is as it may be.
        "kafka": {"reservation-events": [record(i, x) for i, x in enumerate(rows + rows[:2])]},
        "told": [told("reserve", 1, key="k1"), told("confirm", 1), told("confirm", 2),
                 told("cancel", 2), told("confirm", 3, "PAYMENT_DECLINED")]}


def test_what_is_sound_is_taken():
    assert judge.judge(sound()) == {}


def drop(name, n):
    return lambda x: x[name].pop(n)


def put(name, n, **values):
    return lambda x: x[name][n].update(values)


def add(name, row):
    return lambda x: x[name].append(row)


def swap_on_kafka(x):
    records = x["kafka"]["reservation-events"]
    records[0], records[1] = records[1], records[0]


def lose_on_kafka(x):
    del x["kafka"]["reservation-events"][4]


def invent_on_kafka(x):
    x["kafka"]["reservation-events"].append(record(9, event(9, "CREATED")))


def another_key_on_kafka(x):
    x["kafka"]["reservation-events"][3][2] = "r9"


def sell_again(x):
    x["items"][1]["seat_id"] = "s1"
    x["reservations"][1]["status"] = "confirmed"
    x["tickets"][1]["status"] = "valid"
    x["provider"].pop()  # Money and tickets are as they should be.


def pay_again(x):
    x["attempts"][1]["reservation_id"] = "r1"
    x["provider"].pop()


WRONG = {
    "captured twice": ("captures", add("provider", ["capture", "key1", PRICE])),
    "given back twice": ("captures", add("provider", ["refund", "key2", PRICE])),
    "captured, and nobody knows": ("captures", add("provider", ["capture", "key9", PRICE])),
    "captured, and neither sold nor given back": ("captures", drop("provider", 2)),
    "sold, and given back": ("captures", add("provider", ["refund", "key1", PRICE])),
    "a part went back": ("captures", add("provider", ["refund", "key1", 1])),
    "sold without money": ("captures", drop("provider", 0)),
    "sold without a ticket": ("captures", drop("tickets", 0)),
    "a ticket of what went back": ("captures", put("tickets", 1, status="valid")),
    "a declined one that was captured": ("captures", add("provider", ["capture", "key3", PRICE])),
    "two orders for one seat": ("captures", sell_again),
    "paid twice": ("captures", pay_again),
    "a refund that waits": ("captures", put("refunds", 0, status="pending")),
    "an attempt without an end": ("captures", put("attempts", 2, status="live")),
    "a pin without an end": ("captures", put("reservations", 2, pin_id="a3")),
    "a torn entry": ("books", drop("books", 0)),
    "two entries that cancel out only together": ("books", put("books", 1, transaction="t9")),
    "an entry that is missing whole": ("books", lambda x: x["books"].__delitem__(slice(0, 2))),
    "a capture that no book has": ("books", add("provider", ["capture", "key3", PRICE])),
    "a hold that is gone": ("told", put("reservations", 0, idempotency_key="k9")),
    "a purchase that is gone": ("told", put("reservations", 0, status="expired")),
    "a reservation that is gone": ("told", drop("reservations", 0)),
    "a payment that is gone": ("told", drop("provider", 0)),
    "a cancellation that is gone": ("told", put("reservations", 1, status="confirmed")),
    "declined, and charged": ("told", add("provider", ["capture", "key3", PRICE])),
    "nobody asked for it to go back": ("told", drop("told", 3)),
    "an event that was not told": ("events", lose_on_kafka),
    "an event out of order": ("events", swap_on_kafka),
    "an event that never was": ("events", invent_on_kafka),
    "an event under another key": ("events", another_key_on_kafka),
    "a day counted twice": ("statistics", put("days", 0, total_reservations=4)),
    "a refund that was not counted": ("statistics", put("days", 0, total_revenue=2 * PRICE)),
    "a day that is missing": ("statistics", drop("days", 0)),
    "a hall of other figures": ("statistics", put("halls", 0, reserved_seats=2)),
    "a hall that nobody knows": ("statistics", put("halls", 0, event_id="f")),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_refused(name):
    rule, plant = WRONG[name]
    facts = copy.deepcopy(sound())
    plant(facts)
    found = judge.judge(facts)
    assert rule in found, found


def test_a_journal_that_was_torn_is_read_up_to_there(tmp_path):
    path = tmp_path / "toss"
    path.write_bytes(b'{"payment": {"paymentKey": "k", "orderId": "o"}, "books": [["capture", "k", '
                     b'7]]}\n{"payment": {"paym')
    assert provider.books_of(path) == ([["capture", "k", 7]], {"k": "o"})
    made = provider.DurableToss(path, 1, ["http://127.0.0.1:1"])
    assert made.books == [["capture", "k", 7]]
    made.note(told_of=["k", "DONE"])
    assert provider.lines_of(path)[-1] == {"told_of": ["k", "DONE"]}


def test_what_the_provider_has_answered_it_answers_again_after_its_death(tmp_path):
    path, headers = tmp_path / "toss", {
        "Authorization": "Basic dGVzdF9za19mYWtlOg==", "Idempotency-Key": "once"}
    first = provider.DurableToss(path, 1, ["http://127.0.0.1:1"])
    first.authenticate("o", PRICE, "k")
    body = {"paymentKey": "k", "orderId": "o", "amount": PRICE}
    answer = first.handle("confirm", "", body, headers)
    assert answer[0] == 200
    second = provider.DurableToss(path, 2, ["http://127.0.0.1:1"])
    assert second.handle("confirm", "", body, headers) == answer
    assert second.books == [["capture", "k", PRICE]]
    assert second.handle("confirm", "", body, {**headers, "Idempotency-Key": "twice"})[0] == 400
    again = second.handle("cancel", "k", {"cancelReason": "x", "cancelAmount": PRICE}, {
        **headers, "Idempotency-Key": "back"})
    assert again[0] == 200
    third = provider.DurableToss(path, 3, ["http://127.0.0.1:1"])
    assert third.books == [["capture", "k", PRICE], ["refund", "k", PRICE]]
    third.authenticate("o", PRICE, "k")  # A page that is loaded again changes nothing.
    assert third.payments["k"]["status"] == "CANCELED"
