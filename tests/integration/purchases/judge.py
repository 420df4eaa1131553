"""What must be true after purchases during which everybody was killed. Pure: facts in, complaints
out. It believes the provider about money, PostgreSQL's rows about sales, and Kafka about what was
told; `facts_of` reads them.

facts:
  provider   [what, payment key, amount] in order, of its own books; what is capture or refund
  attempts, payments, reservations, items, tickets, refunds, books, history, outbox: rows as they
             are, outbox in the order in which it was committed, history and refunds with their
             `day`, books with the transaction that wrote them
  days, halls: rows of daily_stats and event_stats that say something
  seats      how many each event has
  kafka      records by topic, [partition, offset, key, event], read from the beginning
  told       what buyers were told
"""
import collections
import json

HAS_TICKET = ("valid", "used")
DAY_FIGURES = ("total_reservations", "confirmed_reservations", "cancelled_reservations",
               "expired_reservations", "total_revenue", "payment_revenue")
HALL_FIGURES = ("total_seats", "reserved_seats", "available_seats", "total_reservations",
                "confirmed_reservations", "total_revenue")
SHOWN_MAX = 5


def by(rows, name):
    out = collections.defaultdict(list)
    for row in rows:
        out[row[name]].append(row)
    return out


def money_there(facts):
    """{payment key: [captured, given back]}; and what the provider did twice."""
    out, wrong = {}, []
    for what, key, amount in facts["provider"]:
        sums = out.setdefault(key, [0, 0])
        if what == "capture":
            if sums[0]:
                wrong.append(f"captured twice: {key}")
            sums[0] += amount
        else:
            if sums[1]:
                wrong.append(f"given back twice: {key}")
            sums[1] += amount
            if sums[1] > sums[0]:
                wrong.append(f"more given back than captured: {key}")
    return out, wrong


def judge_books(facts):
    """Every transaction sums to zero for every attempt, and their sum is what the provider has."""
    wrong, there = [], money_there(facts)[0]
    entries = collections.Counter()
    for row in facts["books"]:
        entries[row["transaction"], row["attempt_id"]] += row["amount"]
    wrong += [f"an entry does not sum to zero: attempt {attempt}, {amount}"
              for (_, attempt), amount in entries.items() if amount]
    keys = {x["id"]: x["payment_key"] for x in facts["attempts"]}
    here = collections.Counter()
    for row in facts["books"]:
        if row["account"] == "provider":
            here[keys.get(row["attempt_id"])] += row["amount"]
    for key in sorted(set(here) | set(there), key=str):
        captured, back = there.get(key, (0, 0))
        if here[key] != captured - back:
            wrong.append(f"the books have {here[key]} of {key}, the provider took {captured} and "
                         f"gave back {back}")
    return wrong


def judge_captures(facts):
    """A ticket or the money back: never both, never neither."""
    there, wrong = money_there(facts)
    attempts = by(facts["attempts"], "payment_key")
    reservations = {x["id"]: x for x in facts["reservations"]}
    tickets, items = by(facts["tickets"], "reservation_id"), by(facts["items"], "reservation_id")
    paying = collections.defaultdict(list)  # Reservation: keys whose money is kept for it.
    for key, (captured, back) in there.items():
        if not attempts[key]:
            wrong.append(f"captured, and no attempt is on record: {key}")
            continue
        if back not in (0, captured):
            wrong.append(f"of {key} {back} of {captured} went back")
        elif not back:
            for one in {x["reservation_id"] for x in attempts[key]}:
                paying[one].append(key)
    for one, row in reservations.items():
        valid = sum(x["status"] in HAS_TICKET for x in tickets[one])
        due = sum(x["quantity"] for x in items[one]) if row["status"] == "confirmed" else 0
        if valid != due:
            wrong.append(f"{row['status']} reservation {one} has {valid} tickets for {due}")
        if len(paying[one]) != (row["status"] == "confirmed"):
            wrong.append(f"{row['status']} reservation {one} is paid by {paying[one]}")
    wrong += [f"money is kept for no reservation: {keys}" for one, keys in paying.items()
              if one not in reservations]
    sold = collections.Counter(
        x["seat_id"] for x in facts["items"] if x["seat_id"] and reservations.get(
            x["reservation_id"], {}).get("status") == "confirmed")
    wrong += [f"sold twice: seat {seat}" for seat, n in sold.items() if n > 1]
    wrong += [f"an attempt without an end: {x['id']}" for x in facts["attempts"]
              if x["status"] == "live"]
    wrong += [f"a refund that is not done: {x['id']}" for x in facts["refunds"]
              if x["status"] != "done"]
    wrong += [f"a hold that is still pinned: {x['id']}" for x in facts["reservations"]
              if x["status"] == "pending" and x["pin_id"]]
    return wrong


def judge_told(facts):
    """What buyers were told is so. A purchase that was acknowledged is theirs, or was given back
    after somebody had asked for that."""
    wrong, there = [], money_there(facts)[0]
    reservations = {x["id"]: x for x in facts["reservations"]}
    by_key = {(x["user_id"], x["idempotency_key"]): x for x in facts["reservations"]}
    asked_back = {x["reservation"] for x in facts["told"] if x["op"] == "cancel"}
    for line in facts["told"]:
        op, code = line["op"], line["code"]
        row = reservations.get(line.get("reservation"))
        if op == "reserve":
            if code == "OK" and (line["user"], line["key"]) not in by_key:
                wrong.append(f"LOST hold: {line}")
        elif not row and code != "RESERVATION_NOT_FOUND":
            wrong.append(f"LOST reservation: {line}")
        elif op == "confirm" and code in ("OK", "ALREADY_PAID"):
            captured, back = there.get(line["key"], (0, 0))
            if not captured and code == "OK":
                wrong.append(f"LOST payment: {line}")
            if row["status"] != "confirmed" and line["reservation"] not in asked_back:
                wrong.append(f"LOST purchase: {line}, and the reservation is {row['status']}")
        elif op == "confirm" and code in ("PAYMENT_DECLINED", "PAYMENT_TOO_LATE", "HOLD_EXPIRED"):
            captured, back = there.get(line["key"], (0, 0))
            if captured != back:
                wrong.append(f"told that it is not paid, and it is: {line}")
        elif op in ("cancel", "release") and code in ("OK", "ALREADY_CANCELLED"):
            if row["status"] != "cancelled":
                wrong.append(f"LOST cancellation: {line}, and it is {row['status']}")
    return wrong


def judge_events(facts):
    """Each domain event is on Kafka at least once, first times of a key in order, and no other."""
    wrong, told, topics = [], {}, {x["id"]: x for x in facts["outbox"]}
    for topic, records in facts["kafka"].items():
        for _, _, key, event in records:
            row = topics.get(event["id"])
            if not row or (row["topic"], row["key"], row["type"]) != (topic, key, event["type"]):
                wrong.append(f"on {topic} by {key}, and not in the outbox: {event}")
                continue
            told.setdefault((topic, key), {})[event["id"]] = None
    committed = collections.defaultdict(list)
    for row in facts["outbox"]:
        committed[row["topic"], row["key"]].append(row["id"])
    for (topic, key), ids in committed.items():
        first = list(told.get((topic, key), ()))
        if missing := set(ids) - set(first):
            wrong.append(f"LOST events of {key} on {topic}: {sorted(missing)}")
        elif first != ids:
            wrong.append(f"first times out of order on {topic}: {key} {first}, committed {ids}")
    return wrong


def recount(facts):
    """Figures of each day and of each event, from reservations and payments alone."""
    days = collections.defaultdict(lambda: dict.fromkeys(DAY_FIGURES, 0))
    price = {x["id"]: x["total_amount"] for x in facts["reservations"]}
    for row in facts["history"]:
        day, was, now = days[row["day"]], row["from_status"], row["to_status"]
        day["total_reservations"] += was is None
        day["cancelled_reservations"] += now == "cancelled" and was not in (None, "cancelled")
        day["expired_reservations"] += (was, now) == ("pending", "expired")
        if (was, now) == ("pending", "confirmed"):
            day["confirmed_reservations"] += 1
            day["total_revenue"] += price.get(row["reservation_id"], 0)
    approved = {x["id"] for x in facts["attempts"] if x["status"] == "approved"}
    for row in facts["refunds"]:
        if row["status"] == "done" and row["attempt_id"] in approved:
            days[row["day"]]["total_revenue"] -= row["amount"]
    for day in days.values():
        day["payment_revenue"] = day["total_revenue"]
    halls, items = {}, by(facts["items"], "reservation_id")
    for event, rows in by(facts["reservations"], "event_id").items():
        sold = [x for x in rows if x["status"] == "confirmed"]
        seats = sum(x["quantity"] for one in sold for x in items[one["id"]])
        halls[event] = dict(zip(HALL_FIGURES, (
            facts["seats"][event], seats, facts["seats"][event] - seats, len(rows), len(sold),
            sum(x["total_amount"] for x in sold))))
    return dict(days), halls


def judge_statistics(facts):
    wrong, (days, halls) = [], recount(facts)
    for kind, figures, mine, rows, name in (
            ("day", DAY_FIGURES, days, facts["days"], "date"),
            ("event", HALL_FIGURES, halls, facts["halls"], "event_id")):
        theirs = {x[name]: {f: x[f] for f in figures} for x in rows}
        for one in sorted(set(mine) | set(theirs)):
            counted = mine.get(one, dict.fromkeys(figures, 0))
            if theirs.get(one, dict.fromkeys(figures, 0)) != counted:
                wrong.append(f"{kind} {one}: the statistics say {theirs.get(one)}, a recount "
                             f"{counted}")
    return wrong


JUDGES = {"books": judge_books, "captures": judge_captures, "told": judge_told,
          "events": judge_events, "statistics": judge_statistics}


def judge(facts):
    """{rule: [complaint]}, so that {} means that all of it holds."""
    found = {name: rule(facts) for name, rule in JUDGES.items()}
    return {name: wrong for name, wrong in found.items() if wrong}


def said_of(found):
    """Lines for people."""
    out = []
    for name, wrong in found.items():
        out += [f"{name}: {x}" for x in wrong[:SHOWN_MAX]]
        if len(wrong) > SHOWN_MAX:
            out.append(f"{name}: and {len(wrong) - SHOWN_MAX} more")
    return out


# -- reading ---------------------------------------------------------------------------------------

QUERIES = {
    "attempts": "SELECT id, payment_id, reservation_id, payment_key, amount, status "
                "FROM payment_attempts",
    "payments": "SELECT id, order_id, payment_key, reservation_id, amount, status FROM payments",
    "reservations": "SELECT id, event_id, user_id, status, payment_status, pin_id, total_amount, "
                    "idempotency_key FROM reservations",
    "items": "SELECT reservation_id, seat_id, quantity FROM reservation_items",
    "tickets": "SELECT reservation_id, seat_id, status FROM tickets",
    "refunds": "SELECT id, attempt_id, amount, status, "
               "(done_at AT TIME ZONE 'Asia/Seoul')::date AS day FROM refunds",
    "books": "SELECT xmin::text AS transaction, attempt_id, account, amount FROM books ORDER BY id",
    "history": "SELECT reservation_id, from_status, to_status, "
               "(at AT TIME ZONE 'Asia/Seoul')::date AS day FROM reservation_history ORDER BY id",
    "outbox": "SELECT id, topic, key, type FROM outbox ORDER BY shard, xid, seq",
    "days": f"SELECT date, {', '.join(DAY_FIGURES)} FROM daily_stats WHERE total_reservations + "
            "confirmed_reservations + cancelled_reservations + expired_reservations + "
            "abs(total_revenue) > 0",
    "halls": f"SELECT event_id, {', '.join(HALL_FIGURES)} FROM event_stats "
             "WHERE total_reservations > 0",
}


def facts_of(database, brokers, topics, provider_books, told):
    """Of the rows one by one, so of a shop that stands still. `topics` are read in any case."""
    facts = {name: [json.loads(x[0]) for x in database.rows(
        f"SELECT row_to_json(x)::text FROM ({sql}) x")] for name, sql in QUERIES.items()}
    facts["seats"] = {event: int(n) for event, n in database.rows(
        "SELECT event_id, count(*) FROM seats GROUP BY 1")}
    topics = {*topics, *(x["topic"] for x in facts["outbox"])}
    facts["kafka"] = {x: [list(y) for y in brokers.records(x)] for x in sorted(topics)}
    facts.update(provider=provider_books, told=told)
    return facts
