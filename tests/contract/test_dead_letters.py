"""Dead letters (G18): told to organisers, replayed or given up, on record, and never twice."""
import uuid

import pytest

import tiketi_harness as harness
from conftest import assert_error, until

PATH = "/api/admin/dead-letters"


@pytest.fixture
def admin(node):
    client = node.client()
    client.token = client.post(
        "/api/auth/login", dict(zip(("email", "password"), harness.ADMIN))).json["token"]
    yield client
    client.close()


def bury(db, kind, body, consumer="stats-service-group", key="k", topic="reservation-events"):
    """A dead letter as a consumer leaves it: its id and its event's."""
    event = str(uuid.uuid4())
    row = db.rows("INSERT INTO dead_letters (consumer, event_id, topic, key, type, body, made_at, "
                  f"why, tries) VALUES ('{consumer}', '{event}', '{topic}', '{key}', '{kind}', "
                  f"'{body}', now(), 'it was ill', 4) RETURNING id")
    return row[0][0], event


def marks(db, event):
    return db.number(f"SELECT count(*) FROM processed_events WHERE event_key = '{event}'")


@pytest.fixture
def letter(user, hall, db):
    """A reservation that the statistics could not take, although nothing is wrong with it."""
    held = user.reserve(hall[0], hall[1][:1]).json["reservationId"]
    body = db.value(f"SELECT body FROM outbox WHERE key = '{held}'")
    return bury(db, "RESERVATION_CREATED", body, key=held)


def test_a_letter_is_replayed_once_however_often_it_is_said(admin, letter, db):
    name, event = letter
    found = [x for x in admin.get(PATH).json["deadLetters"] if x["id"] == name]
    assert len(found) == 1 and found[0]["status"] == "waiting"
    assert (found[0]["why"], found[0]["tries"], found[0]["eventId"]) == ("it was ill", 4, event)
    for _ in range(2):
        answer = admin.post(f"{PATH}/{name}/replay", {"reason": "It is well again"})
        assert answer.status == 200, answer
        told = answer.json["deadLetter"]
        assert (told["status"], told["reason"]) == ("replayed", "It is well again")
        assert marks(db, event) == 1
    assert_error(admin.post(f"{PATH}/{name}/discard", {"reason": "no"}), 409,
                 "Dead letter was replayed before", "DEAD_LETTER_ENDED")
    assert name not in [x["id"] for x in admin.get(PATH).json["deadLetters"]]
    assert name in [x["id"] for x in admin.get(f"{PATH}?status=all&limit=100").json["deadLetters"]]
    assert db.rows("SELECT action, request_summary, response_status FROM admin_audit_logs WHERE "
                   f"resource_id = '{name}' ORDER BY created_at") == [
        ["REPLAY_DEAD_LETTER", "It is well again", "200"],
        ["REPLAY_DEAD_LETTER", "It is well again", "200"], ["DISCARD_DEAD_LETTER", "no", "409"]]


def test_what_was_counted_before_is_not_counted_again(admin, user, hall, db):
    """Its consumer took it after all, before anybody looked."""
    held = user.reserve(hall[0], hall[1][1:2]).json["reservationId"]
    where = f"FROM outbox WHERE key = '{held}'"
    event, body = db.rows(f"SELECT id, body {where}")[0]
    until(lambda: marks(db, event) == 1)
    name = db.rows("INSERT INTO dead_letters (consumer, event_id, topic, key, type, body, made_at, "
                   f"why, tries) VALUES ('stats-service-group', '{event}', 'reservation-events', "
                   f"'{held}', 'RESERVATION_CREATED', '{body}', now(), 'x', 4) RETURNING id")[0][0]
    total = f"SELECT total_reservations FROM event_stats WHERE event_id = '{hall[0]}'"
    before = db.number(total)
    assert admin.post(f"{PATH}/{name}/replay", {"reason": "again"}).status == 200
    assert db.number(total) == before


def test_what_cannot_be_taken_stays_until_somebody_gives_it_up(admin, db):
    name, event = bury(db, "PAYMENT_REFUNDED", '{"amount": "much"}', topic="payment-events")
    for tries in (5, 6):
        answer = admin.post(f"{PATH}/{name}/replay", {"reason": "perhaps"})
        assert_error(answer, 409, code="DEAD_LETTER_REFUSED")
        found = [x for x in admin.get(PATH).json["deadLetters"] if x["id"] == name][0]
        assert found["tries"] == tries and found["why"] != "it was ill"
    for _ in range(2):
        answer = admin.post(f"{PATH}/{name}/discard", {"reason": "It was never true"})
        assert (answer.status, answer.json["deadLetter"]["status"]) == (200, "discarded"), answer
    assert_error(admin.post(f"{PATH}/{name}/replay", {"reason": "but"}), 409,
                 "Dead letter was discarded before", "DEAD_LETTER_ENDED")
    assert marks(db, event) == 0
    assert db.rows(f"SELECT why FROM dead_letters WHERE id = '{name}'") == [["it was ill"]]


def test_only_organisers_and_only_with_a_reason(admin, user, http, letter, db):
    name, _ = letter
    for who, status in ((http, 401), (user.http, 403)):
        assert who.get(PATH).status == status
        assert who.post(f"{PATH}/{name}/replay", {"reason": "x"}).status == status
        assert who.post(f"{PATH}/{name}/discard", {"reason": "x"}).status == status
    for wrong in ({}, {"reason": " "}, {"reason": "x" * 201}):
        assert admin.post(f"{PATH}/{name}/discard", wrong).status == 400
    assert admin.get(f"{PATH}?status=none").status == 400
    for verb in ("replay", "discard"):
        assert_error(admin.post(f"{PATH}/{uuid.uuid4()}/{verb}", {"reason": "x"}), 404,
                     "Dead letter not found", "DEAD_LETTER_NOT_FOUND")
    other, _ = bury(db, "RESERVATION_CREATED", "{}", consumer="kafka")
    assert_error(admin.post(f"{PATH}/{other}/replay", {"reason": "x"}), 409,
                 "No consumer kafka at this node", "DEAD_LETTER_CONSUMER")
    assert admin.post(f"{PATH}/{other}/discard", {"reason": "x"}).status == 200
    assert admin.post(f"{PATH}/{name}/discard", {"reason": "x"}).status == 200
