"""Section 2.5 and the two ways to read a reservation."""
import concurrent.futures
import hashlib
import re
import uuid

import pytest

import tiketi_harness as harness
from conftest import assert_error

TS = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(Z|\+00:00)$")


@pytest.fixture
def made(user, hall):
    return user.reserve(hall[0], hall[1][:2]).json["reservation"]


def test_my_reservations_newest_first(user, hall, db):
    event, seats = hall
    assert user.http.get("/api/reservations/my").json == {"reservations": []}
    ids = [user.reserve(event, [s]).json["reservationId"] for s in seats[:3]]
    mine = user.http.get("/api/v1/reservations/my").json["reservations"]
    assert [r["id"] for r in mine] == ids[::-1]
    for row in mine:
        assert set(row) >= {"id", "reservation_number", "total_amount", "status", "payment_status",
                            "created_at", "expires_at", "event_title", "venue", "event_date",
                            "items"}
        assert row["event_title"] == "Hall" and TS.match(row["expires_at"])
        item = row["items"][0]
        assert set(item) >= {"ticketTypeName", "quantity", "unitPrice", "subtotal", "seatLabel"}
        assert item["ticketTypeName"] == item["seatLabel"] is not None


def test_one_reservation(user, made, hall):
    row = user.http.get(f"/api/v1/reservations/{made['id']}").json["reservation"]
    assert set(row) >= {"id", "reservation_number", "total_amount", "status", "payment_status",
                        "payment_method", "expires_at", "created_at", "event_id", "event_title",
                        "venue", "address", "event_date", "items", "seats"}
    assert row["payment_method"] is None and row["event_id"] == hall[0]
    assert row["total_amount"] == 100000 and row["reservation_number"] == made["reservationNumber"]
    assert sorted(i["seatId"] for i in row["items"]) == sorted(hall[1][:2])
    assert {"seatLabel", "price"} <= set(row["seats"][0])
    assert {"section", "rowNumber", "seatNumber"} <= set(row["items"][0])


def test_seats_view(user, made, hall):
    row = user.http.get(f"/api/v1/seats/reservation/{made['id']}").json["reservation"]
    assert sorted(s["seatId"] for s in row["seats"]) == sorted(hall[1][:2])
    assert set(row["seats"][0]) >= {"seatId", "seatLabel", "section", "rowNumber", "seatNumber",
                                    "price", "ticketTypeName", "quantity"}


@pytest.mark.parametrize("path", ["/api/reservations/{}", "/api/seats/reservation/{}"])
def test_of_others_and_unknown_ones_alike(make_user, made, path):
    stranger = make_user()
    for reservation in (made["id"], uuid.uuid4()):
        assert_error(stranger.http.get(path.format(reservation)), 404, "Reservation not found")
    assert_error(stranger.cancel(made["id"]), 404, "Reservation not found")
    assert_error(stranger.cancel(uuid.uuid4()), 404, "Reservation not found")


def test_without_login(http, made):
    for path in (f"/api/reservations/{made['id']}", f"/api/seats/reservation/{made['id']}",
                 "/api/reservations/my"):
        assert_error(http.get(path), 401, "Authentication required")
    assert_error(http.post(f"/api/reservations/{made['id']}/cancel"), 401)


def test_malformed_id_is_400(user):
    assert_error(user.http.get("/api/reservations/xyz"), 400)
    assert_error(user.cancel("xyz"), 400)


def test_cancel(user, made, hall, db):
    answer = user.cancel(made["id"])
    assert answer.status == 200, answer
    assert answer.json["message"] == "Reservation cancelled"
    assert answer.json["reservation"] == {**answer.json["reservation"], "id": made["id"],
                                          "status": "cancelled"}
    row = user.http.get(f"/api/reservations/{made['id']}").json["reservation"]
    assert (row["status"], row["payment_status"]) == ("cancelled", "pending")
    assert db.rows(f"SELECT status, version, coalesce(locked_by::text, '-') FROM seats WHERE "
                   f"event_id = '{hall[0]}' AND version > 0") == [["available", "2", "-"]] * 2
    assert db.rows(f"SELECT from_status, to_status, actor, actor_id FROM reservation_history "
                   f"WHERE reservation_id = '{made['id']}' ORDER BY id") == [
        ["", "pending", "user", user.id], ["pending", "cancelled", "user", user.id]]
    assert_error(user.cancel(made["id"]), 409, "Already cancelled reservation")


def test_cancelled_once_however_often_it_is_asked(node, user, made, hall, db):
    def ask(_):
        return node.client(token=user.token).post(f"/api/reservations/{made['id']}/cancel").status
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(ask, range(16)))
    assert 200 in statuses and set(statuses) <= {200, 409, 503}, statuses
    assert db.number(f"SELECT count(*) FROM reservation_history WHERE reservation_id = "
                     f"'{made['id']}' AND to_status = 'cancelled'") == 1
    assert db.number(f"SELECT max(version) FROM seats WHERE event_id = '{hall[0]}'") == 2


def test_all_adds_up(db):
    assert harness.judge(db) == {}


def test_reads_of_ones_own_refuse_a_revoked_token(user, made):
    paths = ["/api/auth/me", "/api/reservations/my", f"/api/reservations/{made['id']}",
             f"/api/seats/reservation/{made['id']}", f"/api/reservations/{uuid.uuid4()}"]
    before = [user.http.get(path).status for path in paths]
    assert before == [200, 200, 200, 200, 404]
    assert user.http.post("/api/auth/logout").status == 200
    for path in paths:
        assert_error(user.http.get(path), 401, "Authentication required")
    again = user.http.post("/api/auth/login", {"email": user.mail, "password": user.password})
    user.http.token = again.json["token"]
    assert [user.http.get(path).status for path in paths] == before


@pytest.mark.parametrize("said", ["till-7.3_A", str(uuid.uuid4())])
def test_the_history_keeps_the_clients_request_id(user, hall, db, said):
    event, seats = hall
    answer = user.http.request("POST", "/api/seats/reserve",
                               {"eventId": event, "seatIds": seats[:1]}, {"X-Request-Id": said})
    assert answer.status == 200 and answer.headers["x-request-id"] == said
    kept = said if len(said) == 36 else hashlib.sha256(said.encode()).hexdigest()[:32]
    rows = db.rows("SELECT to_status FROM reservation_history WHERE request_id = "
                   f"'{kept}'::uuid AND reservation_id = '{answer.json['reservationId']}'")
    assert rows == [["pending"]]
