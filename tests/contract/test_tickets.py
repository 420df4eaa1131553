"""Tickets: one's own, verified offline, and let in at the door once (G03)."""
import base64
import concurrent.futures
import hashlib
import uuid

import pytest
import requests
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (Ed25519PrivateKey,
                                                               Ed25519PublicKey)
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

import tiketi_harness as harness
from conftest import assert_error, start_node

FIELDS = ["id", "ticket_number", "reservation_id", "event_id", "event_title", "venue", "event_date",
          "seat_label", "ticket_type_name", "price", "status", "qr"]


def decoded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def verify_offline(qr, keys):
    """What a scanner without network does; raises when no key has signed it."""
    assert qr.startswith("TK1.")
    raw = decoded(qr[4:])
    assert len(raw) == 118 and raw[0] == 1
    key = next((k for k in keys if decoded(k["kid"]) == raw[1:5]), None)
    if key is None:
        raise InvalidSignature
    Ed25519PublicKey.from_public_bytes(decoded(key["x"])).verify(raw[54:], b"TK1." + raw[:54])
    return {"id": str(uuid.UUID(bytes=raw[5:21])), "event": str(uuid.UUID(bytes=raw[21:37])),
            "number": raw[37:54].decode().rstrip()}


def sign_as(seed, raw):
    """The code `raw` (without signature) under another key."""
    key = Ed25519PrivateKey.from_private_bytes(seed)
    kid = hashlib.sha256(public_bytes(key)).digest()[:4]
    raw = raw[:1] + kid + raw[5:54]
    return "TK1." + encoded(raw + key.sign(b"TK1." + raw))


def public_bytes(key):
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def sell(db, user, event, seats):
    """Reserves and pays behind the shop's back; one ticket per seat."""
    made = user.reserve(event, seats)
    assert made.status == 200, made
    reservation = made.json["reservationId"]
    db.rows(f"""
      UPDATE reservations SET status = 'confirmed', payment_status = 'completed',
        pin_id = gen_random_uuid() WHERE id = '{reservation}';
      UPDATE seats SET status = 'reserved', version = version + 1
        WHERE reservation_id = '{reservation}';
      INSERT INTO tickets (id, ticket_number, reservation_id, unit, seat_id, event_id, user_id,
                           price)
        SELECT gen_random_uuid(),
               'T20260215-' || upper(substr(replace(i.seat_id::text, '-', ''), 1, 7)),
               r.id, row_number() OVER (ORDER BY i.id), i.seat_id, r.event_id, r.user_id,
               i.unit_price
          FROM reservations r JOIN reservation_items i ON i.reservation_id = r.id
         WHERE r.id = '{reservation}'""")
    return reservation


def tickets_of(user):
    answer = user.http.get("/api/tickets/my")
    assert answer.status == 200, answer
    return answer.json["tickets"]


@pytest.fixture(scope="module")
def door(node):
    """An admin's scanner."""
    client = node.client()
    answer = client.post("/api/auth/login", {"email": harness.ADMIN[0],
                                             "password": harness.ADMIN[1]})
    assert answer.status == 200, answer
    client.token = answer.json["token"]
    yield client
    client.close()


@pytest.fixture
def keys(http):
    return http.get("/api/tickets/keys").json["keys"]


@pytest.fixture
def ticket(db, user, hall):
    event, seats = hall
    sell(db, user, event, seats[:1])
    return tickets_of(user)[0]


def scan(door, qr, **more):
    answer = door.post("/api/admin/tickets/verify", {"qr": qr, **more})
    assert answer.status == 200, answer
    return answer.json


def test_my_tickets(db, user, hall):
    event, seats = hall
    assert tickets_of(user) == []
    reservation = sell(db, user, event, seats[:3])
    rows = tickets_of(user)
    assert len(rows) == 3 and all(list(x) == FIELDS for x in rows)
    one = min(rows, key=lambda x: x["seat_label"])
    assert one["reservation_id"] == reservation and one["event_id"] == event
    assert one["event_title"] == "Hall" and one["venue"] == "Hall"
    assert one["seat_label"] == "A-1-1" and one["ticket_type_name"] is None
    assert one["price"] == 50000 and one["status"] == "valid"
    assert sorted(x["seat_label"] for x in rows) == ["A-1-1", "A-1-2", "A-1-3"]


def test_a_standing_ticket_names_its_type(db, user, hall):
    event, seats = hall
    reservation = sell(db, user, event, seats[:1])
    db.rows(f"""
      WITH t AS (INSERT INTO ticket_types (event_id, name, price, total_quantity)
                 VALUES ('{event}', 'Standing', 30000, 5) RETURNING id)
      INSERT INTO tickets (id, ticket_number, reservation_id, unit, ticket_type_id, event_id,
                           user_id, price)
        SELECT gen_random_uuid(), 'T20260215-' || upper(substr(id::text, 1, 7)), '{reservation}', 2,
               id, '{event}', '{user.id}', 30000 FROM t""")
    standing = next(x for x in tickets_of(user) if x["seat_label"] is None)
    assert standing["ticket_type_name"] == "Standing" and standing["price"] == 30000


def test_pages(db, user, hall):
    event, seats = hall
    sell(db, user, event, seats[:3])
    answer = user.http.get("/api/tickets/my?page=2&limit=2").json
    assert len(answer["tickets"]) == 1
    assert answer["pagination"] == {"page": 2, "limit": 2, "total": 3, "totalPages": 2}
    beyond = user.http.get("/api/tickets/my?page=9&limit=2").json
    assert beyond["tickets"] == [] and beyond["pagination"]["total"] == 3
    assert_error(user.http.get("/api/tickets/my?page=x"), 400)


def test_tickets_are_the_owners(make_user, ticket, http):
    assert tickets_of(make_user()) == []
    assert_error(http.get("/api/tickets/my"), 401)


def test_a_revoked_token_sees_no_tickets(user, ticket):
    assert user.http.post("/api/auth/logout").status == 200
    user.http.token = user.token
    assert_error(user.http.get("/api/tickets/my"), 401)


def test_keys_are_public_jwk(http, keys):
    assert len(keys) == 1
    own = keys[0]
    assert (own["kty"], own["crv"], own["use"], own["alg"]) == ("OKP", "Ed25519", "sig", "EdDSA")
    private = Ed25519PrivateKey.from_private_bytes(harness.TICKET_SEED)
    assert decoded(own["x"]) == public_bytes(private)
    assert decoded(own["kid"]) == hashlib.sha256(public_bytes(private)).digest()[:4]
    assert "d" not in own


def test_a_code_is_verified_offline(ticket, keys):
    says = verify_offline(ticket["qr"], keys)
    assert says == {"id": ticket["id"], "event": ticket["event_id"],
                    "number": ticket["ticket_number"]}


def test_an_altered_or_foreign_code_is_refused_offline_and_at_the_door(ticket, keys, door):
    raw = bytearray(decoded(ticket["qr"][4:]))
    for at in (1, 5, 21, 37, 60, 117):
        changed = bytearray(raw)
        changed[at] ^= 1
        qr = "TK1." + encoded(bytes(changed))
        with pytest.raises(InvalidSignature):
            verify_offline(qr, keys)
        assert scan(door, qr) == {"valid": False, "reason": "invalid_code", "ticket": None}
    forged = sign_as(b"\7" * 32, bytes(raw))
    assert scan(door, forged)["reason"] == "invalid_code"
    assert scan(door, ticket["qr"])["valid"] is True


@pytest.mark.parametrize("qr", ["x", "TK1.", "TK2.AAAA", "TK1." + "A" * 158, "TK1.??", "티켓"])
def test_what_is_no_code(door, qr):
    assert scan(door, qr)["reason"] == "invalid_code"


def test_door_form(door, ticket):
    for body in ({}, {"qr": None}, {"qr": ""}, {"qr": 7}, {"qr": "x" * 513},
                 {"qr": ticket["qr"], "eventId": "no uuid"},
                 {"qr": ticket["qr"], "idempotencyKey": "k" * 65}):
        assert_error(door.post("/api/admin/tickets/verify", body), 400)
    assert scan(door, ticket["qr"])["valid"] is True


def test_the_door_is_the_admins(http, user, ticket):
    body = {"qr": ticket["qr"]}
    assert_error(http.post("/api/admin/tickets/verify", body), 401)
    assert_error(user.http.post("/api/admin/tickets/verify", body), 403)
    assert tickets_of(user)[0]["status"] == "valid"


def test_let_in_once(door, user, ticket):
    first = scan(door, ticket["qr"])
    assert first["valid"] is True and first["reason"] == "admitted"
    shown = first["ticket"]
    assert shown["ticket_number"] == ticket["ticket_number"] and shown["status"] == "used"
    again = scan(door, ticket["qr"])
    assert again["valid"] is False and again["reason"] == "already_used"
    assert again["ticket"]["used_at"] == shown["used_at"] is not None
    mine = tickets_of(user)[0]
    assert mine["status"] == "used" and mine["qr"] == ticket["qr"]


def test_the_same_scan_hears_the_same(door, ticket):
    key = uuid.uuid4().hex
    first = scan(door, ticket["qr"], idempotencyKey=key)
    assert first["valid"] is True
    assert scan(door, ticket["qr"], idempotencyKey=key) == first
    assert scan(door, ticket["qr"], idempotencyKey=uuid.uuid4().hex)["reason"] == "already_used"


def test_another_events_door(door, user, ticket):
    other = scan(door, ticket["qr"], eventId=str(uuid.uuid4()))
    assert other["valid"] is False and other["reason"] == "other_event"
    assert tickets_of(user)[0]["status"] == "valid"
    assert scan(door, ticket["qr"], eventId=ticket["event_id"])["valid"] is True


@pytest.mark.parametrize("status", ["cancelled", "transferred"])
def test_voided_tickets(db, door, user, ticket, status):
    db.rows(f"UPDATE tickets SET status = '{status}', voided_at = now() "
            f"WHERE id = '{ticket['id']}'")
    answer = scan(door, ticket["qr"])
    assert answer["valid"] is False and answer["reason"] == status
    mine = tickets_of(user)[0]
    assert mine["status"] == status and mine["qr"] is None


def test_a_good_signature_of_no_ticket(db, door, ticket):
    db.rows(f"DELETE FROM tickets WHERE id = '{ticket['id']}'")
    assert scan(door, ticket["qr"]) == {"valid": False, "reason": "unknown_ticket", "ticket": None}


def test_fifty_scanners_at_once(node, door, db, user, hall):
    event, seats = hall
    sell(db, user, event, seats[:2])
    for ticket in tickets_of(user):
        def ask(_, qr=ticket["qr"]):
            answer = requests.post(f"http://127.0.0.1:{node.port}/api/admin/tickets/verify",
                                   json={"qr": qr}, timeout=20,
                                   headers={"Authorization": f"Bearer {door.token}"})
            assert answer.status_code == 200, answer.text
            return answer.json()
        with concurrent.futures.ThreadPoolExecutor(50) as scanners:
            answers = list(scanners.map(ask, range(50)))
        assert sum(x["valid"] for x in answers) == 1
        assert {x["reason"] for x in answers if not x["valid"]} == {"already_used"}
        assert len({x["ticket"]["used_at"] for x in answers}) == 1


def test_a_rotated_key_keeps_old_codes_good(ticket, keys):
    with_new_key = start_node(
        TIKETI_TICKET_KEY=base64.b64encode(b"\3" * 32).decode(),
        TIKETI_TICKET_KEYS_PREVIOUS=keys[0]["x"])
    try:
        client = with_new_key.client()
        now = client.get("/api/tickets/keys").json["keys"]
        assert len(now) == 2 and now[1] == keys[0] and now[0]["kid"] != keys[0]["kid"]
        assert verify_offline(ticket["qr"], now)["id"] == ticket["id"]
        client.close()
    finally:
        with_new_key.close()
